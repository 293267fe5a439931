//! The truth in SQLite: holds before a call goes upstream, one row per call when it ends.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::providers::ErrorType;
use crate::units::PicoUsd;
use crate::usage::{Usage, UsageSource};

/// Who a call is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    /// A keyed hash of the client's credential, 12 hex digits.
    pub key: Option<String>,
    pub user: Option<String>,
    pub team: Option<String>,
    pub project: Option<String>,
    pub task: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// What is known of a call before it goes upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallHead {
    pub id: Uuid,
    /// Unix milliseconds.
    pub started_at: i64,
    pub provider: String,
    pub operation: String,
    /// `openai.chat`, …; empty where the dialect is not known.
    pub dialect: String,
    pub request_model: Option<String>,
    pub labels: Labels,
    pub streamed: bool,
}

/// The claim that a call in flight has on its budgets; what it is charged if it never ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub head: CallHead,
    /// Input tokens and their cost as estimated from the body: an orphan's charge.
    pub input_tokens: Option<u64>,
    pub input_cost: Option<PicoUsd>,
    pub price_version: Option<String>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Ok,
    Refused,
    ClientClosed,
    UpstreamError,
    UpstreamClosed,
    Orphaned,
}

/// One row of `calls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub head: CallHead,
    /// Unix milliseconds.
    pub ended_at: i64,
    /// What answered, else what was asked.
    pub model: Option<String>,
    pub usage: Option<Usage>,
    pub usage_source: UsageSource,
    /// `None` = no price known.
    pub cost: Option<PicoUsd>,
    pub price_version: Option<String>,
    /// What the client got.
    pub http_status: Option<u16>,
    pub outcome: Outcome,
    pub error_type: Option<ErrorType>,
    pub first_byte_ms: Option<i64>,
    pub duration_ms: Option<i64>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub upstream_request_id: Option<String>,
}
