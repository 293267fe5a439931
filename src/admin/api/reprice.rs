//! `reprice`: the cost of recorded calls worked out anew, at the prices in force.

use std::sync::{Arc, TryLockError};

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Fault, instant, off_the_loop, time};
use crate::admin::Shared;
use crate::ledger::query::{Filter, Where};
use crate::ledger::reprice::{Order, Stopped, price_anew};
use crate::ledger::{Call, Via};

/// What is to be priced anew.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// RFC 3339.
    pub since: String,
    /// RFC 3339.
    pub until: String,
    /// `COLUMN=VALUE`.
    #[serde(default, rename = "where")]
    pub wheres: Vec<String>,
    /// Take the cost off calls for which no price is known any more.
    #[serde(default)]
    pub clear: bool,
    /// The prices that are meant: others are not used in their place.
    pub price_version: Option<String>,
}

/// `POST reprice`: done when it is answered; budgets count the new amounts by then.
pub(in crate::admin) async fn run(
    State(shared): State<Arc<Shared>>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Value>, Fault> {
    let Json(wanted) =
        wanted.map_err(|error| Fault::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let filter = filter(&wanted)?;
    off_the_loop(move || reprice(&shared, &wanted, filter)).await
}

fn filter(wanted: &Wanted) -> Result<Filter, Fault> {
    let wheres = wanted.wheres.iter().map(|text| text.parse::<Where>());
    let wheres = wheres.collect::<Result<_, _>>();
    Ok(Filter {
        since: Some(instant(&wanted.since)?),
        until: Some(instant(&wanted.until)?),
        wheres: wheres.map_err(|why| Fault::new(StatusCode::BAD_REQUEST, why))?,
    })
}

fn reprice(shared: &Shared, wanted: &Wanted, filter: Filter) -> Result<Value, Fault> {
    let conflict = |why: String| Fault::new(StatusCode::CONFLICT, why);
    let _alone = match shared.repricing.try_lock() {
        Err(TryLockError::WouldBlock) => {
            return Err(conflict("calls are being priced anew already".to_owned()));
        }
        // One that panicked is over too.
        Err(TryLockError::Poisoned(lock)) => lock.into_inner(),
        Ok(lock) => lock,
    };
    let subject = &shared.subject;
    // Prices that were just written are meant to apply.
    subject.reloader.look();
    if !subject.reloader.status().last_ok {
        let file = subject.reloader.path().display();
        let why =
            format!("{file} is refused, and its prices are not in force: `weir check` says why");
        return Err(conflict(why));
    }
    let engine = &subject.engine;
    let live = engine.live.load_full();
    let own = live.catalog.version();
    if let Some(meant) = wanted
        .price_version
        .as_deref()
        .filter(|meant| *meant != own)
    {
        let why = format!(
            "the running weir prices by {own}, these settings by {meant}: \
             use its own proxy.yaml, and restart it where prices were imported"
        );
        return Err(conflict(why));
    }
    let order = Order {
        filter,
        clear: wanted.clear,
        at: engine.clock.unix_ms(),
        via: Via::Api,
        price_version: own.to_owned(),
    };
    let ids = live.config.catalog_ids();
    let judge = |call: &Call| {
        let id = ids.get(&*call.head.provider).copied();
        call.verdict(id, &live.catalog)
    };
    let mut around = |changes: &[_], commit: &mut dyn FnMut() -> _| engine.correct(changes, commit);
    let done = price_anew(engine.ledger.dir(), &order, &judge, &mut around)?;
    let mut said = done.tallies.json();
    said["since"] = time(order.filter.since);
    said["until"] = time(order.filter.until);
    said["price_version"] = json!(own);
    Ok(said)
}

impl From<Stopped> for Fault {
    fn from(stopped: Stopped) -> Self {
        let why = format!("{stopped}: {}", stopped.source);
        Fault::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }
}
