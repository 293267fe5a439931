//! Holds and calls for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Call, CallHead, Hold, Labels, Outcome, new_id};
use crate::units::PicoUsd;
use crate::usage::{Usage, UsageSource};

/// 2026-03-28T12:00:00Z.
pub(crate) const NOON: i64 = 1_774_699_200_000;

pub(crate) fn hold(started_at: i64) -> Hold {
    Hold {
        head: Arc::new(CallHead {
            id: new_id(started_at),
            started_at,
            provider: "openai".to_owned(),
            operation: "chat".to_owned(),
            dialect: "openai.chat".to_owned(),
            request_model: Some("gpt-4o".to_owned()),
            labels: Labels {
                team: Some("search".to_owned()),
                user: Some("ann".to_owned()),
                tags: BTreeMap::from([("run".to_owned(), "17".to_owned())]),
                ..Labels::default()
            },
            streamed: true,
            sent_model: None,
            attempt_of: None,
            counted_at: None,
        }),
        input_tokens: Some(1_000),
        output_tokens: None,
        cost: Some(PicoUsd::new(2_500_000_000)),
        price_version: Some("2026-03".to_owned()),
    }
}

pub(crate) fn call(hold: &Hold) -> Call {
    Call {
        head: hold.head.clone(),
        ended_at: hold.head.started_at + 900,
        model: Some("gpt-4o-2024-08-06".to_owned()),
        usage: Some(Usage {
            input: Some(1_006),
            output: Some(300),
            cache_read: Some(512),
            reasoning: Some(64),
            ..Usage::default()
        }),
        usage_source: UsageSource::Reported,
        cost: Some(PicoUsd::new(4_875_000_000)),
        price_version: Some("2026-03".to_owned()),
        http_status: Some(200),
        outcome: Outcome::Ok,
        error_type: None,
        first_byte_ms: Some(210),
        duration_ms: Some(900),
        request_bytes: 4_096,
        response_bytes: 9_000,
        upstream_request_id: Some("req_1".to_owned()),
        refused_by: None,
        forwarded: true,
        selectors: Default::default(),
        response_id: None,
    }
}
