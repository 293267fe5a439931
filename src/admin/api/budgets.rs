//! `budgets`: how each stands, and its reset.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Fault, off_the_loop, time};
use crate::admin::Shared;
use crate::budget::limits::{Limit, Unit};
use crate::budget::{BudgetState, EACH_VALUE_BYTES_MAX};
use crate::config;
use crate::ledger::{Deed, Operator, Reset, Via};
use crate::proxy::engine::Engine;
use crate::units::PicoUsd;

/// `GET budgets`: every instance of every budget, in the order of `proxy.yaml`.
pub(in crate::admin) async fn list(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let engine = &shared.subject.engine;
    Json(standing(&engine.budgets.snapshot(engine.clock.unix_ms())))
}

/// `POST budgets/{name}/reset`, with an optional `{"each_value": …}`: the budget, or that instance, counts
/// anew from here on.
pub(in crate::admin) async fn reset(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Fault> {
    let each_value = each_value(&body).map_err(|why| Fault::new(StatusCode::BAD_REQUEST, why))?;
    let engine = Arc::clone(&shared.subject.engine);
    off_the_loop(move || reset_in(&engine, &name, each_value)).await
}

fn each_value(body: &[u8]) -> Result<Option<String>, String> {
    if body.is_empty() {
        return Ok(None);
    }
    let said: Value = serde_json::from_slice(body).map_err(|_| "the body is no JSON".to_owned())?;
    match (&said, said.get("each_value")) {
        (Value::Object(_), None | Some(Value::Null)) => Ok(None),
        (Value::Object(_), Some(Value::String(value))) => Ok(Some(value.clone())),
        _ => Err("expected {\"each_value\": \"…\"} or nothing".to_owned()),
    }
}

fn reset_in(engine: &Engine, name: &str, each_value: Option<String>) -> Result<Value, Fault> {
    let live = engine.live.load();
    let each_value = each_value.as_deref();
    let limits = [live.config.budgets.clone(), engine.keys.limits()].concat();
    let is_known = limits.iter().any(|limit| limit.name == name);
    let status = if is_known {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::NOT_FOUND
    };
    resettable(&limits, name, each_value).map_err(|why| Fault::new(status, why))?;
    // Not while a reload tells new budgets of their past.
    let _alone = engine.recount();
    let now = engine.clock.unix_ms();
    let record = |reset: &Reset| {
        Operator::open(engine.ledger.dir())?.reset(&deed(reset, now, Via::Api), reset)
    };
    let done = engine.budgets.reset(name, each_value, now, record);
    match done {
        Ok(Some(reset)) => Ok(said(&reset)),
        Ok(None) => Err(Fault::new(
            StatusCode::CONFLICT,
            format!("budget {name} was changed meanwhile; try again"),
        )),
        Err(error) => Err(Fault::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("nothing was reset, for it cannot be put on record: {error}"),
        )),
    }
}

/// Whether there is something to reset.
///
/// # Errors
///
/// Where there is not, and why.
pub fn resettable(limits: &[Limit], name: &str, each_value: Option<&str>) -> Result<(), String> {
    let Some(limit) = limits.iter().find(|limit| limit.name == name) else {
        let names = limits.iter().map(|limit| limit.name.as_str());
        return Err(match limits {
            [] => format!("there is no budget {name:?}, nor any other"),
            _ => format!(
                "there is no budget {name:?}; {}",
                config::suggestion(name, names)
            ),
        });
    };
    if limit.is_rule() {
        return Err(format!(
            "budget {name} only rules models: there is nothing to reset"
        ));
    }
    if limit.unit == Unit::Concurrent {
        return Err(format!(
            "budget {name} counts calls in flight: there is nothing to reset"
        ));
    }
    match each_value {
        Some(_) if limit.each.is_none() => {
            Err(format!("budget {name} has no `each`: reset it as a whole"))
        }
        Some(value) if value.len() > EACH_VALUE_BYTES_MAX => Err(format!(
            "a value is at most {EACH_VALUE_BYTES_MAX} bytes long; longer ones share `other`"
        )),
        _ => Ok(()),
    }
}

/// A reset as the audit keeps it.
pub fn deed(reset: &Reset, now_ms: i64, via: Via) -> Deed {
    Deed {
        at: now_ms,
        action: "budget.reset",
        subject: reset.budget.clone(),
        via,
        detail: json!({ "each_value": reset.each_value }),
    }
}

/// A reset as the API says it.
pub fn said(reset: &Reset) -> Value {
    json!({
        "budget": reset.budget,
        "each_value": reset.each_value,
        "counts_from": time(Some(reset.at)),
    })
}

/// How budgets stand, as the API says it.
pub fn standing(states: &[BudgetState]) -> Value {
    json!({ "budgets": states.iter().map(shown).collect::<Vec<_>>() })
}

fn shown(state: &BudgetState) -> Value {
    let amount = |amount: i128| match state.unit {
        Unit::Cost => Value::from(PicoUsd::new(amount).to_string()),
        _ => Value::from(i64::try_from(amount).unwrap_or(i64::MAX)),
    };
    let has_window = state.unit != Unit::Concurrent;
    json!({
        "budget": state.name,
        "each": state.each.map(|each| each.as_str()),
        "each_value": state.each_value,
        "unit": state.unit.as_str(),
        "per": has_window.then(|| state.per.to_string()),
        "limit": amount(state.limit),
        "carried": amount(state.carried),
        "spent": amount(state.spent),
        "held": amount(state.held),
        "window_started_at": time(has_window.then_some(state.window.start_ms)),
        "resets_at": time(state.window.end_ms),
    })
}
