//! litellm's windows of the day and the week in which prices are lower.

use super::draft::{Prices, price};
use super::keys::meaning;
use crate::pricing::Error;
use crate::pricing::condition::{Condition, TimeOfDay, Weekdays};
use crate::pricing::fields::{NEWER, fault, integer, list, object, required};
use crate::pricing::literal::{Node, Value};
use crate::pricing::price::Price;

/// The prices in each window: the plain ones with those of the window over them.
pub(super) fn off_peak(value: &Value, plain: &Prices) -> Result<Vec<(Condition, Prices)>, Error> {
    let fields = object(value)?;
    let mut lower = plain.clone();
    for (key, value) in &fields.fields {
        if let Some(item) = meaning(key, "chat").map(|meaning| meaning.item)
            && let Some(price) = price(value, item)?
        {
            lower.insert(item, Price::flat(price));
        }
    }
    let mut conditions = Vec::new();
    for window in list(required(value, fields, "windows")?)? {
        let fields = object(window)?;
        let days = match fields.get("weekdays") {
            Some(days) => Some(weekdays(days)?),
            None => None,
        };
        let hours = required(window, fields, "hours_utc")?;
        let spans = match &hours.node {
            Node::List(spans) => spans.as_slice(),
            _ => std::slice::from_ref(hours),
        };
        for span in spans {
            let daily = daily(span)?;
            conditions.push(Condition {
                from: None,
                daily,
                days,
            });
        }
    }
    Ok(conditions
        .into_iter()
        .map(|when| (when, lower.clone()))
        .collect())
}

fn weekdays(value: &Value) -> Result<Weekdays, Error> {
    let days = list(value)?.iter().map(|day| {
        let day = integer(day)?;
        u8::try_from(day).map_err(|_| fault(value, "expected days of the week", NEWER))
    });
    let days = days.collect::<Result<Vec<u8>, Error>>()?;
    Weekdays::try_from(days).map_err(|problem| fault(value, problem, NEWER))
}

/// `10:00-00:00`; `None` for the whole day, which ends where it begins.
fn daily(value: &Value) -> Result<Option<(TimeOfDay, TimeOfDay)>, Error> {
    let span = match &value.node {
        Node::Text(span) => span.split_once('-'),
        _ => None,
    };
    let time = |text: &str| text.trim().parse::<TimeOfDay>().ok();
    let span = span.and_then(|(start, end)| Some((time(start)?, time(end)?)));
    let (start, end) = span.ok_or_else(|| fault(value, "expected 10:00-12:00", NEWER))?;
    Ok((start != end).then_some((start, end)))
}
