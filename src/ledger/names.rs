//! The closed vocabularies as the table writes them.

use super::Outcome;
use crate::usage::UsageSource;

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 6] = [
        Outcome::Ok,
        Outcome::Refused,
        Outcome::ClientClosed,
        Outcome::UpstreamError,
        Outcome::UpstreamClosed,
        Outcome::Orphaned,
    ];

    /// The name in the ledger and the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Refused => "refused",
            Outcome::ClientClosed => "client_closed",
            Outcome::UpstreamError => "upstream_error",
            Outcome::UpstreamClosed => "upstream_closed",
            Outcome::Orphaned => "orphaned",
        }
    }

    /// The outcome of that name.
    pub fn parse(name: &str) -> Option<Outcome> {
        Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.name() == name)
    }
}

/// The source of that name.
pub(super) fn usage_source(name: &str) -> Option<UsageSource> {
    UsageSource::ALL
        .into_iter()
        .find(|source| source.name() == name)
}
