//! The fields of published price data: what each must be, and what a fault in it says.

use super::Error;
use super::condition::{Day, TimeOfDay};
use super::literal::{Node, Object, Value};
use super::price::{Atto, PLACES};

pub(super) fn fault(value: &Value, problem: impl Into<String>, remedy: &'static str) -> Error {
    Error::Source {
        line: value.line,
        problem: problem.into(),
        remedy,
    }
}

/// What to do about data of an unknown shape.
pub(super) const NEWER: &str =
    "the data may be newer than this weir; take an older one, or a newer weir";

/// `Decimal('0.1')`, `0.1`, `"0.1"` or `1e-1`.
pub(super) fn amount(value: &Value) -> Result<Atto, Error> {
    let written = match &value.node {
        Node::Number(text) | Node::Text(text) => Some(text),
        Node::Object(object) if object.name == "Decimal" => match object.args.as_slice() {
            [
                Value {
                    node: Node::Text(text) | Node::Number(text),
                    ..
                },
            ] => Some(text),
            _ => None,
        },
        _ => None,
    };
    let written = written.ok_or_else(|| fault(value, "expected a price", NEWER))?;
    let plain = plain_decimal(written);
    plain.and_then(|text| Atto::parse(&text)).ok_or_else(|| {
        let problem =
            format!("\"{written}\" is not a price of 0 or more with at most {PLACES} places");
        fault(value, problem, "correct the price")
    })
}

/// A decimal without an exponent; `None` where the exponent is absurd.
pub(super) fn plain_decimal(text: &str) -> Option<String> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return Some(text.to_owned());
    };
    let exponent: i32 = exponent
        .parse()
        .ok()
        .filter(|exponent| (-30..=30).contains(exponent))?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let all = format!("{whole}{fraction}");
    let (before, after) = (
        usize::try_from(point).unwrap_or(0),
        usize::try_from(-point).unwrap_or(0),
    );
    let all = format!(
        "{}{all}{}",
        "0".repeat(after),
        "0".repeat(before.saturating_sub(all.len()))
    );
    let (whole, fraction) = all.split_at(before);
    Some(format!("{whole}.{fraction}"))
}

/// `datetime.date(2026, 1, 2)` or `"2026-01-02"`.
pub(super) fn day(value: &Value) -> Result<Day, Error> {
    let written = match &value.node {
        Node::Text(text) => text.clone(),
        Node::Object(object) => match object.args.as_slice() {
            [year, month, day] => format!(
                "{:04}-{:02}-{:02}",
                integer(year)?,
                integer(month)?,
                integer(day)?
            ),
            _ => String::new(),
        },
        _ => String::new(),
    };
    written
        .parse()
        .map_err(|_| fault(value, "expected a day", NEWER))
}

/// `datetime.time(1, 30, tzinfo=datetime.UTC)` or `"01:30:00Z"`.
pub(super) fn time(value: &Value) -> Result<TimeOfDay, Error> {
    let written = match &value.node {
        Node::Text(text) => text
            .strip_suffix('Z')
            .or(text.strip_suffix("+00:00"))
            .unwrap_or(text)
            .to_owned(),
        Node::Object(object) => {
            let utc = present(object, "tzinfo").is_none_or(|zone| match &zone.node {
                Node::Name(name) => name == "datetime.UTC" || name == "datetime.timezone.utc",
                _ => false,
            });
            let parts = object
                .args
                .iter()
                .map(integer)
                .collect::<Result<Vec<_>, _>>()?;
            let parts: Vec<_> = parts
                .iter()
                .chain([&0, &0])
                .take(3)
                .map(|part| format!("{part:02}"))
                .collect();
            if utc { parts.join(":") } else { String::new() }
        }
        _ => String::new(),
    };
    written
        .parse()
        .map_err(|_| fault(value, "expected a time of day in UTC", NEWER))
}

pub(super) fn present<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !is_none(value))
}

pub(super) fn required<'a>(at: &Value, object: &'a Object, name: &str) -> Result<&'a Value, Error> {
    present(object, name).ok_or_else(|| fault(at, format!("{name} is missing"), NEWER))
}

pub(super) fn is_none(value: &Value) -> bool {
    matches!(&value.node, Node::Name(name) if name == "None" || name == "null")
}

pub(super) fn object(value: &Value) -> Result<&Object, Error> {
    match &value.node {
        Node::Object(object) => Ok(object),
        _ => Err(fault(value, "expected an object", NEWER)),
    }
}

pub(super) fn list(value: &Value) -> Result<&[Value], Error> {
    match &value.node {
        Node::List(values) => Ok(values),
        _ => Err(fault(value, "expected a list", NEWER)),
    }
}

pub(super) fn text(value: &Value) -> Result<Box<str>, Error> {
    match &value.node {
        Node::Text(text) => Ok(text.as_str().into()),
        _ => Err(fault(value, "expected a text", NEWER)),
    }
}

pub(super) fn integer(value: &Value) -> Result<u64, Error> {
    let number = match &value.node {
        Node::Number(text) => text.replace('_', "").parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| fault(value, "expected a whole number", NEWER))
}

pub(super) fn boolean(value: &Value) -> Result<bool, Error> {
    match &value.node {
        Node::Name(name) => match name.as_str() {
            "True" | "true" => Ok(true),
            "False" | "false" => Ok(false),
            _ => Err(fault(value, "expected true or false", NEWER)),
        },
        _ => Err(fault(value, "expected true or false", NEWER)),
    }
}
