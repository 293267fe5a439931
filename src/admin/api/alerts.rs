//! `alerts`: what was said, what is open, what came of it.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path as InPath, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Fault;
use crate::admin::Shared;
use crate::alert::{self, Settings, Tried};
use crate::ledger::alerts::{Alert, Resolution};
use crate::ledger::query::Reader;
use crate::ledger::{Deed, Error, Operator, Via};

/// Most alerts in one answer.
pub const SHOWN_MAX: usize = 1_000;

/// What `GET alerts` is asked for.
#[derive(Debug, Default, Deserialize)]
pub(in crate::admin) struct Asked {
    #[serde(default)]
    open: bool,
}

/// `GET alerts`, `GET alerts?open=true`: the newest first.
pub(in crate::admin) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Fault> {
    off_the_loop(move || {
        let engine = &shared.subject.engine;
        let now = engine.clock.unix_ms();
        let reader = engine.ledger.reader()?;
        Ok(Ok(listed(&reader.alerts(asked.open, now, SHOWN_MAX)?)))
    })
    .await
}

/// `POST alerts/{id}/resolve`: the beginning of an id will do.
pub(in crate::admin) async fn resolve(
    State(shared): State<Arc<Shared>>,
    InPath(id): InPath<String>,
) -> Result<Json<Value>, Fault> {
    off_the_loop(move || {
        let engine = &shared.subject.engine;
        let resolution = resolved(engine.ledger.dir(), &id, engine.clock.unix_ms(), Via::Api)?;
        Ok(match resolution {
            Resolution::Unknown => Err(Fault::new(StatusCode::NOT_FOUND, unknown(&id))),
            known => Ok(answer(&known)),
        })
    })
    .await
}

/// `POST alerts/test`: a test alert to every webhook, and what each said.
pub(in crate::admin) async fn test(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Value>, Fault> {
    let engine = &shared.subject.engine;
    let settings = engine.live.load().config.alerting();
    tried(&settings, engine.clock.unix_ms())
        .await
        .map(Json)
        .map_err(|error| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// Reads and writes the disk where that delays no probe.
async fn off_the_loop(
    work: impl FnOnce() -> Result<Result<Value, Fault>, Error> + Send + 'static,
) -> Result<Json<Value>, Fault> {
    let failed = |error: &dyn std::fmt::Display| {
        Fault::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => done.map(Json),
        Ok(Err(error)) => Err(failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}

/// Alerts, as the API says them.
pub fn listed(alerts: &[Alert]) -> Value {
    json!({ "alerts": alerts.iter().map(alert::full).collect::<Vec<_>>() })
}

/// Alerts of a ledger over which no weir runs.
pub fn of_ledger(reader: &Reader, open: bool, now: i64) -> Result<Value, Error> {
    Ok(listed(&reader.alerts(open, now, SHOWN_MAX)?))
}

/// Resolves an alert, with its row of the audit.
pub fn resolved(dir: &Path, id: &str, now: i64, via: Via) -> Result<Resolution, Error> {
    let deed = Deed {
        at: now,
        action: "alert.resolve",
        subject: id.to_owned(),
        via,
        detail: json!({}),
    };
    Operator::open(dir)?.resolve_alert(id, &deed)
}

/// What is said of an alert that was found.
pub fn answer(resolution: &Resolution) -> Value {
    match resolution {
        Resolution::Done(id) => json!({ "id": id, "resolved": true }),
        Resolution::Before(id, at) => {
            json!({ "id": id, "resolved": false, "resolved_at": super::time(Some(*at)) })
        }
        Resolution::Unknown => Value::Null,
    }
}

/// What is said of one that was not.
pub fn unknown(id: &str) -> String {
    format!("no alert's id begins with {id:?}, or several do; `weir alerts` lists them")
}

/// Tries every webhook, as the API says it.
pub async fn tried(settings: &Settings, now: i64) -> Result<Value, reqwest::Error> {
    let shown = |tried: &Tried| json!({ "webhook": tried.webhook, "delivered": tried.taken, "answer": tried.answer });
    let tried = alert::try_all(settings, now).await?;
    Ok(json!({ "webhooks": tried.iter().map(shown).collect::<Vec<_>>() }))
}
