//! Sessions over a WebSocket: which messages begin and end what is charged.
//!
//! Usage itself is a reader's to find; here a message is only sorted, by a handful of short fields.

mod asked;
mod signals;
mod task;

pub use asked::{Asked, ClientReader};
pub use signals::{Signal, Signals};

use super::reader::{Reader, reader};
use super::{Dialect, RequestFacts};

/// Most bytes kept of a field by which a message is sorted.
const SORT_BYTES_MAX: usize = 320;

/// The reader of what the server of a session states.
pub fn session_reader(dialect: Dialect, asked: &RequestFacts) -> Box<dyn Reader> {
    match dialect {
        // DashScope's tasks state usage elsewhere than its answers over HTTP.
        Dialect::Dashscope => Box::<task::Task>::default(),
        other => reader(other, asked),
    }
}

/// The operation of what a session makes, in the ledger.
pub fn operation(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiResponses => "responses",
        Dialect::Spark => "chat",
        Dialect::Dashscope => "speech",
        _ => "realtime",
    }
}
