//! `audit`: what operators did.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fault, instant, off_the_loop, time};
use crate::admin::Shared;
use crate::ledger::query::AuditRow;

/// Most deeds of one answer.
const DEEDS_MAX: usize = 10_000;
/// As many where nothing is asked for.
const DEEDS: usize = 1_000;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Asked {
    /// RFC 3339.
    since: Option<String>,
    limit: Option<usize>,
}

/// `GET audit?since=…&limit=…`: the newest deeds, the oldest of them first.
pub(in crate::admin) async fn list(
    State(shared): State<Arc<Shared>>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Fault> {
    let Query(asked) =
        asked.map_err(|error| Fault::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let since = asked.since.as_deref().map(instant).transpose()?;
    let limit = asked.limit.unwrap_or(DEEDS).min(DEEDS_MAX);
    off_the_loop(move || {
        let reader = shared.subject.engine.ledger.reader()?;
        let deeds = reader.audit(since, limit)?;
        Ok(json!({ "audit": deeds.iter().map(shown).collect::<Vec<_>>() }))
    })
    .await
}

/// A deed, as the API says it.
pub fn shown(deed: &AuditRow) -> Value {
    json!({
        "at": time(Some(deed.at)),
        "action": deed.action,
        "subject": deed.subject,
        "via": deed.via,
        "detail": deed.detail,
    })
}
