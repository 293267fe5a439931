//! An account of a call's cost for programs.

use serde_json::{Value, json};

use super::super::prices::reason;
use super::account::{Account, Present, tier};
use crate::ledger::Unpriceable;
use crate::pricing::{Line, Part};

/// The whole account; what is not known is null.
pub(super) fn of(account: &Account<'_>) -> Value {
    let call = account.call;
    let head = &call.head;
    let labels = &head.labels;
    let mut selectors = call.selectors.clone();
    let selectors = selectors
        .each()
        .into_iter()
        .filter_map(|(name, slot)| Some((name.to_owned(), slot.take()?.into())));
    let selectors: serde_json::Map<String, Value> = selectors.collect();
    json!({
        "id": head.id.to_string(),
        "attempt_of": head.attempt_of.map(|id| id.to_string()),
        "started_at": instant(head.started_at),
        "duration_ms": call.duration_ms,
        "provider": head.provider,
        "operation": head.operation,
        "dialect": head.dialect,
        "model": call.model,
        "request_model": head.request_model,
        "sent_model": head.sent_model,
        "key": labels.key,
        "user": labels.user,
        "team": labels.team,
        "project": labels.project,
        "task": labels.task,
        "tags": labels.tags,
        "outcome": call.outcome.name(),
        "http_status": call.http_status,
        "usage_source": call.usage_source.name(),
        "selectors": selectors,
        "cost_usd": call.cost.map(|cost| cost.to_string()),
        "price_version": call.price_version,
        "not_by_prices": account.unpriceable.map(Unpriceable::name),
        "present": account.present.as_ref().map(present),
        "is_of_present_prices": account.is_of_present_prices(),
        "difference_usd": account.difference().map(|amount| amount.to_string()),
        "earlier": account.earlier.iter().map(|was| json!({
            "until": instant(was.repriced_at),
            "cost_usd": was.cost.map(|cost| cost.to_string()),
            "price_version": was.price_version,
        })).collect::<Vec<_>>(),
    })
}

fn present(present: &Present) -> Value {
    let why = |part: &Part| {
        json!({
            "model": part.model,
            "price": part.explanation.as_ref().map(reason),
        })
    };
    json!({
        "price_version": present.cost.version,
        "prices": present.parts.iter().map(why).collect::<Vec<_>>(),
        "lines": present.lines().map(line).collect::<Vec<_>>(),
        "rounding_usd": present.rounding().map(|amount| amount.to_string()),
        "cost_usd": present.cost.amount.map(|amount| amount.to_string()),
    })
}

fn line((part, line): (&Part, &Line)) -> Value {
    json!({
        "model": part.model,
        "what": line.item.label(),
        "count": line.count,
        "charged_as": line.charged_as.map(|item| item.label()),
        "usd": line.rate.map(|rate| rate.to_string()),
        "per": line.rate.map(|rate| rate.per),
        "above_tokens": tier(part, line),
        "amount_usd": line.amount.map(|amount| amount.to_string()),
    })
}

fn instant(unix_ms: i64) -> Option<String> {
    let instant = jiff::Timestamp::from_millisecond(unix_ms).ok()?;
    Some(instant.to_string())
}
