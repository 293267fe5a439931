//! Webhooks and what is out of the ordinary.

use std::collections::HashMap;

use ring::digest::{SHA256, digest};

use crate::alert::Webhook;
use crate::alert::anomaly::Anomaly;
use crate::budget::limits::{self, Limit, Unit};
use crate::units::{Currencies, PicoUsd};

use super::super::file::{self, Unusual};
use super::super::problem::{Found, Place, quoted, suggestion};
use super::super::read::{At, Field, OneOrMany};
use super::super::values::{Amount, Pattern, WebhookUrl};
use super::currencies::known;

/// Most webhooks: each alert waits once for every one.
const WEBHOOKS_MAX: usize = 16;

/// Hex digits that tell webhooks of one host apart: a part of a digest, which says nothing of the address.
const TOLD_APART_BY: usize = 8;

/// The webhooks; one whose address is left blank is not written.
pub(super) fn webhooks(
    written: &Field<Vec<At<file::Alert>>>,
    budgets: &[Limit],
    found: &mut Found,
) -> Vec<Webhook> {
    let list = written.value().map(Vec::as_slice).unwrap_or_default();
    if let (Some(at), true) = (written.here(), list.len() > WEBHOOKS_MAX) {
        let message = format!(
            "expected at most {WEBHOOKS_MAX} webhooks, got {}",
            list.len()
        );
        found.add(at.place.problem(message, "let one of them tell the others"));
    }
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut webhooks = Vec::new();
    for at in list {
        let Some(webhook) = webhook(at, budgets, found) else {
            continue;
        };
        if let Some(line) = lines.insert(webhook.name.clone(), at.place.line) {
            let message = format!(
                "{} is the webhook on line {line} already",
                quoted(&webhook.name)
            );
            let remedy = "give each a `name` of its own";
            found.add(at.place.problem(message, remedy));
        }
        webhooks.push(webhook);
    }
    webhooks
}

fn webhook(
    At { value, place }: &At<file::Alert>,
    known: &[Limit],
    found: &mut Found,
) -> Option<Webhook> {
    if matches!(value.webhook, Field::Absent) {
        let place = Place {
            key: format!("{}.webhook", place.key),
            ..place.clone()
        };
        let remedy = "add `webhook: ${SLACK_WEBHOOK:-}`";
        found.add(place.problem("required, but not written", remedy));
    }
    let address = value.webhook.value()?;
    let kinds = value.kinds.value().map(|OneOrMany(list)| list.as_slice());
    let budgets = value.budgets.value().map(|OneOrMany(list)| list.as_slice());
    for at in budgets.unwrap_or_default() {
        must_fit_a_budget(at, known, found);
    }
    Some(Webhook {
        name: match value.name.value() {
            Some(name) => name.0.clone(),
            None => name(address),
        },
        url: address.url.clone(),
        format: value.format.value().map(|f| f.0).unwrap_or_default(),
        secret: value.secret.value().map(|secret| secret.0.clone()),
        kinds: kinds
            .unwrap_or_default()
            .iter()
            .map(|at| at.value.0)
            .collect(),
        budgets: budgets
            .unwrap_or_default()
            .iter()
            .map(|at| at.value.0.clone())
            .collect(),
    })
}

/// A pattern that fits no budget hears nothing, which is never what was meant.
fn must_fit_a_budget(at: &At<Pattern>, known: &[Limit], found: &mut Found) {
    let pattern = &at.value.0;
    let names: Vec<&str> = known.iter().map(|limit| limit.name.as_str()).collect();
    if !names.iter().any(|name| limits::fits(pattern, name)) {
        let message = format!("expected a budget, but none is called {}", quoted(pattern));
        let remedy = suggestion(pattern, names);
        found.add(at.place.problem(message, remedy));
    }
}

/// What a webhook is called where nobody says: by its host.
fn name(address: &WebhookUrl) -> String {
    let sum = digest(&SHA256, address.url.expose().as_bytes());
    let mut hex: String = sum.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    hex.truncate(TOLD_APART_BY);
    format!("{}-{hex}", address.host)
}

/// What is out of the ordinary; `None` where nothing is.
pub(super) fn anomaly(
    written: &Field<Unusual>,
    currencies: &Currencies,
    found: &mut Found,
) -> Option<Anomaly> {
    let usual = Anomaly::default();
    let written = match written.value() {
        None => return Some(usual),
        Some(Unusual::Off) => return None,
        Some(Unusual::Mapping(mapping)) => mapping,
    };
    let mut least = |field: &Field<Amount>| money(field.here()?, currencies, found);
    let (hour, day) = (least(&written.hour), least(&written.day));
    let by = written.by.value().map(|list| {
        let mut by: Vec<_> = list.iter().map(|at| at.value.0).collect();
        by.sort_unstable();
        by.dedup();
        by
    });
    Some(Anomaly {
        hour: hour.unwrap_or(usual.hour),
        day: day.unwrap_or(usual.day),
        factor: written.factor.value().map_or(usual.factor, |f| f.0),
        by: by.unwrap_or(usual.by),
    })
}

fn money(at: &At<Amount>, currencies: &Currencies, found: &mut Found) -> Option<PicoUsd> {
    if at.value.unit != Unit::Cost {
        found.add(
            at.place
                .problem("expected an amount of money", "write it like `5 USD`"),
        );
        return None;
    }
    let currency = known(at.value.currency, &at.place, currencies, found)?;
    Some(currency.to_usd(at.value.amount))
}
