//! Alerts: a threshold of a budget that was crossed, or spending out of the ordinary, said once.
//!
//! One thread of its own raises and delivers. What is raised is in the ledger before it is sent, and
//! leaves the queue there when a webhook took it: a process that is killed in between says it after all,
//! perhaps twice, never not at all. Calls only drop a note into a bounded queue; one that is full costs
//! nothing but time, for what budgets have reached is compared with what was said every minute.

pub mod anomaly;
mod backoff;
mod body;
mod clerk;
mod client;
mod desk;
mod notice;
mod post;
mod signature;
mod trial;
mod webhook;

pub use backoff::ATTEMPTS_MAX;
pub use body::{full, json};
pub use client::http;
pub use desk::{CROSSINGS_MAX, Count, Desk, LOOK_EVERY};
pub use signature::{HEADER as SIGNATURE_HEADER, sign};
pub use trial::{Tried, try_all};
pub use webhook::{Format, Webhook};

use jiff::tz::TimeZone;

/// What an alert is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A percentage of a limit was reached.
    Threshold,
    /// A limit was reached, or left no room for a call.
    Exceeded,
    /// More was spent than is usual.
    Anomaly,
    /// An operator tries the webhooks; it is never on record.
    Test,
}

impl Kind {
    /// Its name in settings, bodies, metrics and the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Threshold => "threshold",
            Kind::Exceeded => "exceeded",
            Kind::Anomaly => "anomaly",
            Kind::Test => "test",
        }
    }
}

/// What is raised, and who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub webhooks: Vec<Webhook>,
    /// `None` = nothing is out of the ordinary.
    pub anomaly: Option<anomaly::Anomaly>,
    /// The zone of hours and days.
    pub timezone: TimeZone,
}

impl Settings {
    /// Nothing is looked at, and nobody is told.
    pub fn nobody() -> Self {
        Settings {
            webhooks: Vec::new(),
            anomaly: None,
            timezone: TimeZone::UTC,
        }
    }
}
