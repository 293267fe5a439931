//! The API: `/api/v1`, JSON. Money is a string of decimal USD, times are RFC 3339, an error is `{"error": …}`.

pub mod alerts;
pub mod audit;
pub mod budgets;
pub mod keys;
pub mod reprice;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Shared;

/// The routes; what they ask for may read the disk and stands off the event loop.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/alerts", get(alerts::list))
        .route("/alerts/test", post(alerts::test))
        .route("/alerts/{id}/resolve", post(alerts::resolve))
        .route("/audit", get(audit::list))
        .route("/budgets", get(budgets::list))
        .route("/budgets/{name}/reset", post(budgets::reset))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{which}/revoke", post(keys::revoke))
        .route("/keys/{which}/rotate", post(keys::rotate))
        .route("/reprice", post(reprice::run))
        .fallback(async || Fault::new(StatusCode::NOT_FOUND, "there is no such thing in the API"))
}

/// What could not be done, and why.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Fault {
    status: StatusCode,
    why: String,
}

impl Fault {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        let why = why.into();
        Fault { status, why }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.why }))).into_response()
    }
}

/// Whatever the ledger says no to is the machine's fault, not the caller's.
impl From<crate::ledger::Error> for Fault {
    fn from(error: crate::ledger::Error) -> Self {
        Fault::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

/// Does what reads or writes the disk on another thread than the one that answers probes.
pub(super) async fn off_the_loop(
    work: impl FnOnce() -> Result<Value, Fault> + Send + 'static,
) -> Result<Json<Value>, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map(Json),
        Err(panic) => Err(Fault::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            panic.to_string(),
        )),
    }
}

/// RFC 3339 as Unix milliseconds.
pub(super) fn instant(text: &str) -> Result<i64, Fault> {
    let parsed = text.parse::<Timestamp>();
    let at = parsed.map(Timestamp::as_millisecond);
    at.map_err(|_| {
        Fault::new(
            StatusCode::BAD_REQUEST,
            "a time is written like 2026-11-01T09:00:00Z",
        )
    })
}

/// Unix milliseconds as RFC 3339; `null` for none.
pub fn time(unix_ms: Option<i64>) -> Value {
    let at = unix_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or(Value::Null, |at| Value::from(at.to_string()))
}
