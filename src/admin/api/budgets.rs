//! `budgets`: how each stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::time;
use crate::admin::Shared;
use crate::budget::BudgetState;
use crate::budget::limits::Unit;
use crate::units::PicoUsd;

/// `GET budgets`: every instance of every budget, in the order of `proxy.yaml`.
pub(in crate::admin) async fn list(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let engine = &shared.subject.engine;
    Json(standing(&engine.budgets.snapshot(engine.clock.unix_ms())))
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
        "per": has_window.then(|| state.per.as_str()),
        "limit": amount(state.limit),
        "spent": amount(state.spent),
        "held": amount(state.held),
        "window_started_at": time(has_window.then_some(state.window.start_ms)),
        "resets_at": time(state.window.end_ms),
    })
}
