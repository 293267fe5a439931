//! The truth in SQLite: holds before a call goes upstream, one row per call when it ends.
//!
//! One thread writes, in groups; a hold is answered when its group is committed, and the row that ends
//! a call replaces its hold in one transaction. Whatever moment the process is killed at, a call that
//! was forwarded is there exactly once: as its row, or as a hold that the next start turns into one.

pub mod classes;
mod fault;
mod fold;
mod handle;
mod lock;
mod names;
mod orphans;
pub mod query;
mod queue;
mod rows;
mod schema;
mod shared;
mod units_json;
mod writer;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use fault::{Error, Fault, Quiet, Watch};
pub use handle::{Committed, HOLD_WAIT, Ledger, LedgerGuard};
pub use queue::{HOLD_QUEUE_MAX, QUEUE_MAX};

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

/// A call's id: a UUIDv7 that carries `started_at`, so that rows stand in the order of time.
pub fn new_id(started_at: i64) -> Uuid {
    let ms = u64::try_from(started_at).unwrap_or(0);
    let nanos = u32::try_from(ms % 1000 * 1_000_000).expect("a thousand milliseconds are a second");
    Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        ms / 1000,
        nanos,
    ))
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
    /// Body bytes on the wire. An orphan's are not known: NULL in the table, 0 when read back.
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub upstream_request_id: Option<String>,
    /// The budget that refused the call; only where `outcome` is `Refused`.
    pub refused_by: Option<String>,
}
