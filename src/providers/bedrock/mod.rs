//! AWS Bedrock: what its endpoints have in common.
//!
//! Input, cache reads and cache writes are counted apart, and reasoning lies within the output. The same
//! count is often written under two names.

mod converse;
mod errors;
mod invoke;
mod native;

pub(super) use converse::Converse;
pub(super) use invoke::Invoke;

use std::collections::BTreeMap;

use serde_json::Value;

use super::node::{Node, largest};
use super::reader::Said;
use super::report::{Convention, Placement, Report};

/// How deep a guardrail's assessment is searched for what it used.
const TRACE_DEPTH: usize = 6;

/// What guardrails count, and the names of the same in `other_units`. Words and `…FreeUnits` cost nothing.
const GUARDRAIL_UNITS: [(&str, &str); 6] = [
    ("topicPolicyUnits", "guardrail_topic_units"),
    ("contentPolicyUnits", "guardrail_content_units"),
    ("contentPolicyImageUnits", "guardrail_content_image_units"),
    (
        "sensitiveInformationPolicyUnits",
        "guardrail_sensitive_information_units",
    ),
    (
        "contextualGroundingPolicyUnits",
        "guardrail_contextual_grounding_units",
    ),
    (
        "automatedReasoningPolicyUnits",
        "guardrail_automated_reasoning_units",
    ),
];

/// Units by their name in `other_units`.
type Units = BTreeMap<&'static str, u64>;

/// A usage object in Bedrock's own words, and `amazon-bedrock-invocationMetrics`.
fn report(usage: Node<'_>) -> Report {
    let either = |names: [&str; 2]| largest(names.map(|name| usage.at(name).count()));
    let written = either(["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    let mut report = Report {
        total: usage.at("totalTokens").count(),
        ..apart(
            either(["inputTokens", "inputTokenCount"]),
            either(["outputTokens", "outputTokenCount"]),
            either(["cacheReadInputTokens", "cacheReadInputTokenCount"]),
        )
    };
    split_writes(&mut report, written, usage.at("cacheDetails"));
    let tools = usage.at("serverToolUsage");
    report.set_web_searches(largest([
        tools.at("webSearchRequests").count(),
        tools.at("web_search_requests").count(),
    ]));
    report
}

/// Counts that lie beside each other.
fn apart(input: Option<u64>, output: Option<u64>, cache_read: Option<u64>) -> Report {
    Report {
        convention: Convention {
            cache: Placement::Beside,
            reasoning: Placement::Within,
        },
        input,
        output,
        cache_read,
        ..Report::default()
    }
}

/// Splits cache writes by their time to live; what the details leave out was written for five minutes.
fn split_writes(report: &mut Report, written: Option<u64>, details: Node<'_>) {
    let mut other = None;
    for detail in details.items() {
        let slot = match detail.at("ttl").text() {
            Some("5m") | None => &mut report.cache_write_5m,
            Some("1h") => &mut report.cache_write_1h,
            Some(_) => &mut other,
        };
        if let Some(count) = detail.at("inputTokens").count() {
            *slot = Some(slot.unwrap_or(0) + count);
        }
    }
    report.cache_write_other = other;
    let parts = [
        report.cache_write_5m,
        report.cache_write_1h,
        report.cache_write_other,
    ];
    let listed: u64 = parts.into_iter().flatten().sum();
    if let Some(rest) = written.and_then(|written| written.checked_sub(listed)) {
        report.cache_write_5m = Some(report.cache_write_5m.unwrap_or(0) + rest);
    }
}

/// Adds what a guardrail's trace says that it used, wherever it says so.
fn add_guardrail_units(units: &mut Units, trace: &Value) {
    add_units(units, trace, TRACE_DEPTH);
}

fn add_units(units: &mut Units, value: &Value, depth: usize) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| add_units(units, item, depth - 1)),
        Value::Object(members) => {
            for (name, member) in members {
                if name != "invocationMetrics" {
                    add_units(units, member, depth - 1);
                    continue;
                }
                let usage = Node::new(member).at("usage");
                for (stated, unit) in GUARDRAIL_UNITS {
                    if let Some(count) = usage.at(stated).count().filter(|count| *count > 0) {
                        *units.entry(unit).or_default() += count;
                    }
                }
            }
        }
        _ => {}
    }
}

/// Lays units beside what was reported.
fn lay_units(said: &mut Said, units: &Units) {
    if let Some(report) = &mut said.report {
        for (unit, count) in units {
            report.units.insert(unit, *count);
        }
    }
}

/// Notes the tier that served and whether it was the one made for speed.
fn note_tier(said: &mut Said, tier: Option<&str>, latency: Option<&str>) {
    if let Some(tier) = tier.filter(|tier| !tier.is_empty()) {
        said.selectors.service_tier = Some(tier.to_owned());
    }
    if latency == Some("optimized") {
        said.selectors.speed = Some("optimized".to_owned());
    }
}

/// A model's id out of the ARN of a model or of an inference profile that AWS made; any other name as it is.
fn model_of_arn(name: &str) -> &str {
    match name.rsplit_once('/') {
        Some((start, id))
            if start.starts_with("arn:")
                && (start.ends_with(":foundation-model")
                    || start.ends_with(":inference-profile")) =>
        {
            id
        }
        _ => name,
    }
}
