//! What a provider's file says of retries, breaker and failover, key by key.

use schemars::{Schema, json_schema};

use super::super::problem::Found;
use super::super::read::{Field, Keys, Mapping, OneOrMany, Read, mapping_schema};
use super::super::tree::{Kind, Node};
use super::super::values::{Attempts, FailureWord, Failures, Folder, Span, Url};
use super::plain;

settings! {
    /// When a call is tried again.
    Retry {
        /// Attempts at one upstream in total, the first included; default 3, at most 10.
        attempts: Attempts,
        /// Which failures: connect, reset, timeout, 429, 5xx; default connect, 429 and 5xx. After a
        /// reset or a timeout the provider may bill the attempt all the same.
        on: OneOrMany<FailureWord>,
        /// The pauses between attempts.
        backoff: Backoff,
        /// No attempt begins later than this after the first; default 60s, at most 1h.
        within: Span,
    }
    later { }
}

settings! {
    /// Pauses between attempts: each is twice the one before, less a random part of up to a half.
    Backoff {
        /// The first; default 200ms.
        first: Span,
        /// The longest, also where the upstream says `retry-after`: if that asks for more, the answer goes
        /// to the client. Default 5s, at most 60s.
        most: Span,
    }
    later { }
}

settings! {
    /// When an upstream is left alone.
    Breaker {
        /// Failures in a row (connect, reset, timeout, 5xx) that open it; default 5, at most 100.
        failures: Failures,
        /// Failures longer ago than this do not count; default 30s.
        within: Span,
        /// How long calls are answered 503 at once, or go to `failover`; then one call probes.
        /// Default 15s, at most 10m.
        open_for: Span,
    }
    later { }
}

settings! {
    /// A second upstream.
    Failover {
        /// Where it is.
        upstream: Url [required],
        /// A PEM file with more roots for it.
        ca: Folder,
    }
    later { api_key }
}

/// `failover`: a URL, or a mapping.
#[derive(Clone, Debug)]
pub(in crate::config) enum Second {
    Url(Url),
    Mapping(Failover),
}

impl Read for Second {
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => Failover::read(node, key, found).map(Second::Mapping),
            _ => Url::read(node, key, found).map(Second::Url),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [<Url as Read>::schema(), Failover::schema()] })
    }
}
