//! What weir may do besides forwarding where an upstream fails: nothing, unless a provider asks for it.

use std::time::Duration;

use super::{Roots, Upstream};

/// How a provider's calls are kept up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resilience {
    pub retry: Option<Retry>,
    pub breaker: Option<Breaker>,
    pub failover: Option<Failover>,
}

/// When a call is tried again, before a byte of an answer went to its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts at one upstream in total, the first included: 2 to 10. Default 3.
    pub attempts: u32,
    /// Default `connect`, `429` and `5xx`: what was not billed.
    pub on: Vec<Failure>,
    /// The pause before the second attempt; it doubles with each. Default 200 ms.
    pub first: Duration,
    /// The longest pause; an upstream that asks for a longer one is not tried again. Default 5 s.
    pub most: Duration,
    /// No attempt begins later than this after the first. Default 60 s.
    pub within: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempts: 3,
            on: vec![Failure::Connect, Failure::RateLimit, Failure::Server],
            first: Duration::from_millis(200),
            most: Duration::from_secs(5),
            within: Duration::from_secs(60),
        }
    }
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No connection came about, so nothing was sent.
    Connect,
    /// The connection broke before the head of an answer; the call may be billed.
    Reset,
    /// No head of an answer came within `timeouts`; the call may be billed.
    Timeout,
    /// Answered 429.
    RateLimit,
    /// Answered 5xx, but for what no repetition can mend (501, 505).
    Server,
}

impl Failure {
    /// The word in `proxy.yaml` and in the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Failure::Connect => "connect",
            Failure::Reset => "reset",
            Failure::Timeout => "timeout",
            Failure::RateLimit => "429",
            Failure::Server => "5xx",
        }
    }

    /// The class of an answer's status, where it is one of failures.
    pub fn of_status(status: u16) -> Option<Failure> {
        match status {
            429 => Some(Failure::RateLimit),
            501 | 505 => None,
            500..=599 => Some(Failure::Server),
            _ => None,
        }
    }

    /// Whether it tells of an upstream that does not work: one that limits its callers does.
    pub fn is_outage(self) -> bool {
        self != Failure::RateLimit
    }
}

/// When an upstream is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row that open it: 1 to 100. Default 5.
    pub failures: u32,
    /// Failures longer ago than this do not count. Default 30 s.
    pub within: Duration,
    /// How long no call is sent; then one call probes. At most 10 min. Default 15 s.
    pub open_for: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker {
            failures: 5,
            within: Duration::from_secs(30),
            open_for: Duration::from_secs(15),
        }
    }
}

/// A second upstream of the same dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    pub upstream: Upstream,
    /// A PEM file with more roots for it; the provider's own do not count here.
    pub ca: Option<Roots>,
}
