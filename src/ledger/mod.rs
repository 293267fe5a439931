//! The truth in SQLite: holds before a call goes upstream, one row per call when it ends.
//!
//! One thread writes, in groups; a hold is answered when its group is committed, and the row that ends
//! a call replaces its hold in one transaction. Whatever moment the process is killed at, a call that
//! was forwarded is there exactly once: as its row, or as a hold that the next start turns into one.

pub mod alerts;
mod charge;
pub mod classes;
mod fault;
mod fold;
mod handle;
pub mod keys;
mod labels;
mod lock;
mod names;
mod operator;
mod orphans;
mod patience;
pub mod query;
mod queue;
pub mod reprice;
mod resets;
mod rows;
mod schema;
mod selectors_json;
mod shared;
mod units_json;
mod writer;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use charge::{Unpriceable, Verdict};
pub use fault::{Error, Fault, Quiet, Watch};
pub use handle::{Committed, HOLD_WAIT, Ledger, LedgerGuard};
pub use labels::Labels;
pub use lock::{DirLock, is_in_use, take as lock};
pub use operator::{Deed, Operator, Via};
pub use queue::{HOLD_QUEUE_MAX, QUEUE_MAX};
pub use resets::Reset;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use uuid::Uuid;

use crate::providers::{ErrorType, Selectors};
use crate::units::PicoUsd;
use crate::usage::{Usage, UsageSource};

/// A call's id: a UUIDv7 that carries `started_at`, so that rows stand in the order of time.
///
/// Within a millisecond they stand in the order of a count of 26 bits. What tells an id from those of other
/// processes is a hash of the count that is keyed anew in each: as good as chance, and no call into the system.
pub fn new_id(started_at: i64) -> Uuid {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut rest = [0; 10];
    // The version takes the upper half of the first byte, the variant two bits of the third.
    let ordered = ((count >> 14) & 0xfff) << 16 | ((count >> 8) & 0x3f) << 8 | (count & 0xff);
    rest[..4].copy_from_slice(&ordered.to_be_bytes()[4..]);
    rest[4..].copy_from_slice(&KEY.hash_one(count).to_ne_bytes()[..6]);
    let ms = u64::try_from(started_at).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &rest).into_uuid()
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
    /// The model that a downgrade put in the place of the one that was asked for.
    pub sent_model: Option<String>,
    /// The call of which this is a failed attempt that may have been billed.
    pub attempt_of: Option<Uuid>,
    /// Unix milliseconds: the instant under which budgets count the call, where that is not its start,
    /// because it waited for room or the clock stepped.
    pub counted_at: Option<i64>,
}

impl CallHead {
    /// The model that the provider was asked for.
    pub fn asked_model(&self) -> Option<&str> {
        self.sent_model.as_deref().or(self.request_model.as_deref())
    }
}

/// The claim that a call in flight has on its budgets; what it is charged if it never ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub head: Arc<CallHead>,
    /// An orphan's charge: the input as estimated from the body, and what the policy adds to it.
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cost: Option<PicoUsd>,
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
    pub head: Arc<CallHead>,
    /// Unix milliseconds.
    pub ended_at: i64,
    /// What answered, else what was asked.
    pub model: Option<String>,
    pub usage: Option<Usage>,
    pub usage_source: UsageSource,
    /// What the price depends on besides provider and model.
    pub selectors: Selectors,
    /// The provider's name for what was made, by which it can be fetched again.
    pub response_id: Option<String>,
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
    /// Whether it went upstream: budgets count no other.
    pub forwarded: bool,
}
