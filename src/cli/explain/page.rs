//! An account of a call's cost for people, and its lines as rows.

use serde_json::{Value, json};

use super::super::out::{self, Format, number, text};
use super::super::prices::reason;
use super::account::{Account, Present, tier};
use crate::ledger::{Call, Unpriceable};
use crate::pricing::Part;
use crate::units::PicoUsd;

/// Prints the whole account.
pub(super) fn print(account: &Account<'_>) -> anyhow::Result<()> {
    out::write(&head(account.call))?;
    if let Some(present) = &account.present {
        out::write(&format!("\n{}\n", prices(account, present)))?;
        lines(account, Format::Table)?;
        out::write(&sum(present))?;
    }
    out::write(&format!("\n{}", verdict(account)))
}

/// Prints the lines of the cost alone.
pub(super) fn lines(account: &Account<'_>, format: Format) -> anyhow::Result<()> {
    let columns = [
        text("model"),
        text("what"),
        number("count"),
        text("charged_as"),
        number("usd"),
        number("per"),
        number("above_tokens"),
        number("amount_usd"),
    ];
    let rows: Vec<Vec<Value>> = account
        .present
        .iter()
        .flat_map(Present::lines)
        .map(row)
        .collect();
    if rows.is_empty() && format == Format::Table {
        return out::line("no price is known for it, so there is nothing to multiply");
    }
    out::rows(format, &columns, &rows)
}

fn row((part, line): (&Part, &crate::pricing::Line)) -> Vec<Value> {
    vec![
        json!(part.model),
        json!(line.item.label()),
        json!(line.count),
        json!(line.charged_as.map(|item| item.label())),
        json!(line.rate.map(|rate| rate.to_string())),
        json!(line.rate.map(|rate| rate.per)),
        json!(tier(part, line)),
        json!(line.amount.map(|amount| amount.to_string())),
    ]
}

fn head(call: &Call) -> String {
    let head = &call.head;
    let started = jiff::Timestamp::from_millisecond(head.started_at);
    let started = started.map_or_else(|_| head.started_at.to_string(), |at| at.to_string());
    let took = call.duration_ms.map(|ms| format!(", {ms} ms"));
    let asked = head
        .request_model
        .as_deref()
        .filter(|asked| call.model.as_deref() != Some(*asked));
    let asked = asked.map(|asked| match &head.sent_model {
        Some(sent) => format!(" (asked: {asked}, sent: {sent})"),
        None => format!(" (asked: {asked})"),
    });
    let status = call.http_status.map(|status| format!(", status {status}"));
    let of = |said: Option<String>| said.unwrap_or_default();
    let mut pairs = vec![
        ("call", head.id.to_string()),
        ("time", format!("{started}{}", of(took))),
        (
            "provider",
            format!("{}, {} {}", head.provider, head.operation, head.dialect)
                .trim_end()
                .to_owned(),
        ),
        (
            "model",
            format!(
                "{}{}",
                call.model.as_deref().unwrap_or("unknown"),
                of(asked)
            ),
        ),
        ("who", who(call)),
        ("outcome", format!("{}{}", call.outcome.name(), of(status))),
        ("usage", call.usage_source.name().to_owned()),
    ];
    if let Some(call) = head.attempt_of {
        pairs.push(("of call", format!("{call}, of which this attempt failed")));
    }
    let selectors = selectors(call);
    if !selectors.is_empty() {
        pairs.push(("price by", selectors));
    }
    pairs
        .into_iter()
        .filter(|(_, said)| !said.is_empty())
        .map(|(name, said)| format!("{name:<9} {said}\n"))
        .collect()
}

fn who(call: &Call) -> String {
    let labels = &call.head.labels;
    let named = [
        ("user", &labels.user),
        ("team", &labels.team),
        ("project", &labels.project),
        ("task", &labels.task),
        ("key", &labels.key),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, label)| Some(format!("{name}={}", label.as_deref()?)));
    let tags = labels
        .tags
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    named.chain(tags).collect::<Vec<_>>().join(" ")
}

fn selectors(call: &Call) -> String {
    let mut selectors = call.selectors.clone();
    let said = selectors.each().into_iter();
    said.filter_map(|(name, slot)| Some(format!("{name}={}", slot.take()?)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Which price applies to each model.
fn prices(account: &Account<'_>, present: &Present) -> String {
    let mut said = format!("prices    {}\n", present.cost.version);
    if !account.is_of_present_prices() {
        said = format!(
            "prices    {} are in force; the cost on record is from {}\n",
            present.cost.version,
            account.call.price_version.as_deref().unwrap_or("no prices"),
        );
    }
    for part in &present.parts {
        let why = match &part.explanation {
            Some(why) if why.rates.is_some() => reason(why),
            Some(why) => format!("{}, which has no price", reason(why)),
            None => "not known".to_owned(),
        };
        said += &format!("          {}: {why}\n", part.model);
    }
    said
}

fn sum(present: &Present) -> String {
    let rounding = present
        .rounding()
        .filter(|amount| *amount != PicoUsd::ZERO)
        .map(|amount| format!("rounding  {amount} USD\n"))
        .unwrap_or_default();
    let total = match present.cost.amount {
        Some(amount) => format!("{amount} USD"),
        None => "unknown: something was used that has no price".to_owned(),
    };
    format!("\n{rounding}total     {total}\n")
}

/// What is on record, and how it relates to the prices in force.
fn verdict(account: &Account<'_>) -> String {
    let show = |cost: Option<PicoUsd>| match cost {
        Some(cost) => format!("{cost} USD"),
        None => "unknown".to_owned(),
    };
    let why = match account.unpriceable {
        Some(Unpriceable::Stated) => ", stated by the provider",
        Some(Unpriceable::Refused) => ", refused by a budget before it went upstream",
        Some(Unpriceable::Free) => ", free or failed before the provider charged for it",
        Some(Unpriceable::Repeated) => ", its usage is charged to another call",
        Some(Unpriceable::NoUsage) => ", nothing is known of what was used",
        None => "",
    };
    let mut said = format!("on record {}{why}\n", show(account.call.cost));
    let present = account.present.as_ref().map(|present| present.cost.amount);
    if let Some(present) = present.filter(|present| *present != account.call.cost) {
        let by = match account.difference() {
            Some(difference) => format!(", a difference of {difference} USD"),
            None => String::new(),
        };
        said += &format!(
            "          the prices in force give {}{by}; `weir reprice` puts them on record\n",
            show(present)
        );
    }
    for was in account.earlier.iter().rev() {
        let until = jiff::Timestamp::from_millisecond(was.repriced_at);
        let until = until.map_or_else(|_| was.repriced_at.to_string(), |at| at.to_string());
        let version = was.price_version.as_deref();
        let from = version.map(|version| format!(", from {version}"));
        said += &format!(
            "until {until}: {}{}\n",
            show(was.cost),
            from.unwrap_or_default()
        );
    }
    said
}
