//! Turns published price data into a catalogue file.
//!
//! Facts are taken over and nothing else: ids, names, matching rules, prices with their tiers and
//! conditions, variants, context windows. Descriptions, comments and extraction rules stay behind. The
//! same data always makes the same bytes.

use std::collections::BTreeMap;

use regex::bytes::RegexBuilder;

use super::Error;
use super::clause::{Clause, Pattern};
use super::file::{Condition, Conditional, Day, File, Model, Provider, TimeOfDay, Variant};
use super::item::Item;
use super::literal::{Node, Object, Value, parse};
use super::price::{Atto, PLACES, Price, PriceSet, Tier};

/// Most remarks on what was left out.
const SKIPPED_MAX: usize = 100;

/// A catalogue file and what became of its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The file, as [`Catalog::parse`](super::Catalog::parse) reads it.
    pub text: String,
    pub providers: usize,
    pub models: usize,
    /// Prices of units that weir does not count, with their lines; at most 100.
    pub skipped: Vec<String>,
}

/// Makes a catalogue file of genai-prices' `data.py`, or of the same data as JSON.
///
/// `package_version` is the package's (`0.2.3`); `date` the day as of which its prices are meant, as
/// `2026-11-20`. Neither stands in the data.
pub fn import(source: &str, package_version: &str, date: &str) -> Result<Imported, Error> {
    let date: Day = date.parse().map_err(|_| Error::Source {
        line: 0,
        problem: format!("\"{date}\" is not a day"),
        remedy: "write it as 2026-11-20",
    })?;
    let mut importer = Importer::default();
    let value = parse(source)?;
    let providers = list(&value)?
        .iter()
        .map(|value| importer.provider(value))
        .collect::<Result<Vec<_>, _>>()?;
    let (count, models) = (
        providers.len(),
        providers.iter().map(|provider| provider.models.len()).sum(),
    );
    if models == 0 {
        return Err(fault(
            &value,
            "no models",
            "give genai_prices/data.py of the genai-prices package",
        ));
    }
    let file = File {
        source: "genai-prices".to_owned(),
        version: package_version.to_owned(),
        date,
        providers,
    };
    Ok(Imported {
        text: file.write()?,
        providers: count,
        models,
        skipped: importer.skipped,
    })
}

fn fault(value: &Value, problem: impl Into<String>, remedy: &'static str) -> Error {
    Error::Source {
        line: value.line,
        problem: problem.into(),
        remedy,
    }
}

/// What to do about data of an unknown shape.
const NEWER: &str = "the data may be newer than this weir; take an older one, or a newer weir";

#[derive(Default)]
struct Importer {
    skipped: Vec<String>,
}

impl Importer {
    fn provider(&mut self, value: &Value) -> Result<Provider, Error> {
        let object = object(value)?;
        let fallback = match present(object, "fallback_model_providers") {
            Some(ids) => list(ids)?.iter().map(text).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let models = list(required(value, object, "models")?)?;
        Ok(Provider {
            id: text(required(value, object, "id")?)?,
            name: text(required(value, object, "name")?)?,
            url: Pattern::from(pattern(required(value, object, "api_pattern")?)?),
            fallback,
            models: models
                .iter()
                .map(|value| self.model(value))
                .collect::<Result<_, _>>()?,
        })
    }

    fn model(&mut self, value: &Value) -> Result<Model, Error> {
        let object = object(value)?;
        let prices = required(value, object, "prices")?;
        let prices = match &prices.node {
            Node::List(entries) => entries
                .iter()
                .map(|entry| self.conditional(entry))
                .collect::<Result<_, _>>()?,
            _ => vec![Conditional {
                when: Condition::default(),
                prices: self.prices(prices)?,
            }],
        };
        let variants = present(object, "price_variants")
            .map(list)
            .transpose()?
            .unwrap_or_default();
        let variants = variants.iter().map(|value| self.variant(value));
        Ok(Model {
            id: text(required(value, object, "id")?)?,
            name: present(object, "name").map(text).transpose()?,
            clause: clause(required(value, object, "match")?)?,
            context: present(object, "context_window").map(integer).transpose()?,
            deprecated: present(object, "deprecated")
                .map(boolean)
                .transpose()?
                .unwrap_or_default(),
            prices,
            variants: variants
                .filter_map(Result::transpose)
                .collect::<Result<_, _>>()?,
        })
    }

    fn conditional(&mut self, value: &Value) -> Result<Conditional, Error> {
        let object = object(value)?;
        let prices = self.prices(required(value, object, "prices")?)?;
        Ok(Conditional {
            when: condition(object)?,
            prices,
        })
    }

    /// `None` for a variant that changes no price.
    fn variant(&mut self, value: &Value) -> Result<Option<Variant>, Error> {
        let fields = object(value)?;
        let prices = self.prices(required(value, fields, "prices")?)?;
        let entry = |(key, value): &(String, Value)| Ok((key.clone(), text(value)?.into_string()));
        let context = &object(required(value, fields, "when")?)?.fields;
        let context = context
            .iter()
            .map(entry)
            .collect::<Result<BTreeMap<_, _>, Error>>()?;
        if context.is_empty() {
            return Err(fault(value, "a price variant for no request at all", NEWER));
        }
        let variant = Variant {
            context,
            when: condition(fields)?,
            prices,
        };
        Ok((!variant.prices.is_empty()).then_some(variant))
    }

    fn prices(&mut self, value: &Value) -> Result<PriceSet, Error> {
        let mut prices = Vec::new();
        for (key, value) in &object(value)?.fields {
            if is_none(value) {
                continue;
            }
            match Item::from_key(key) {
                Some(item) => prices.push((item, price(value)?)),
                None if self.skipped.len() < SKIPPED_MAX => {
                    self.skipped
                        .push(format!("line {}: {key} is not counted by weir", value.line));
                }
                None => {}
            }
        }
        Ok(PriceSet::new(prices))
    }
}

fn price(value: &Value) -> Result<Price, Error> {
    let Node::Object(object) = &value.node else {
        return Ok(Price::flat(amount(value)?));
    };
    let Some(tiers) = object.get("tiers") else {
        return Ok(Price::flat(amount(value)?));
    };
    let tier = |value: &Value| {
        let fields = self::object(value)?;
        let above = integer(required(value, fields, "start")?)?;
        Ok(Tier {
            above,
            price: amount(required(value, fields, "price")?)?,
        })
    };
    let mut tiers = list(tiers)?
        .iter()
        .map(tier)
        .collect::<Result<Vec<_>, Error>>()?;
    tiers.sort_by_key(|tier| tier.above);
    Ok(Price {
        base: amount(required(value, object, "base")?)?,
        tiers: tiers.into(),
    })
}

/// `Decimal('0.1')`, `0.1`, `"0.1"` or `1e-1`.
fn amount(value: &Value) -> Result<Atto, Error> {
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

fn condition(object: &Object) -> Result<Condition, Error> {
    let Some(value) = present(object, "constraint") else {
        return Ok(Condition::default());
    };
    let fields = self::object(value)?;
    let from = fields.get("start_date").map(day).transpose()?;
    let daily = match (fields.get("start_time"), fields.get("end_time")) {
        (None, None) => None,
        (Some(start), Some(end)) => Some((time(start)?, time(end)?)),
        _ => return Err(fault(value, "a daily window without both its times", NEWER)),
    };
    if from.is_none() && daily.is_none() {
        return Err(fault(value, "a condition of an unknown kind", NEWER));
    }
    Ok(Condition { from, daily })
}

/// `datetime.date(2026, 1, 2)` or `"2026-01-02"`.
fn day(value: &Value) -> Result<Day, Error> {
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
fn time(value: &Value) -> Result<TimeOfDay, Error> {
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

fn clause(value: &Value) -> Result<Clause, Error> {
    let fields = &object(value)?.fields;
    let [(kind, inner)] = fields.as_slice() else {
        return Err(fault(
            value,
            "a matching rule without exactly one condition",
            NEWER,
        ));
    };
    let lower = || Ok(text(inner)?.to_lowercase().into_boxed_str());
    let all = || list(inner)?.iter().map(clause).collect::<Result<_, _>>();
    match kind.trim_end_matches('_') {
        "equals" => Ok(Clause::Equals(lower()?)),
        "starts_with" => Ok(Clause::StartsWith(lower()?)),
        "ends_with" => Ok(Clause::EndsWith(lower()?)),
        "contains" => Ok(Clause::Contains(lower()?)),
        "regex" => regex(inner),
        "or" => Ok(Clause::Or(all()?)),
        "and" => Ok(Clause::And(all()?)),
        kind => Err(fault(
            value,
            format!("a matching rule of the unknown kind {kind}"),
            NEWER,
        )),
    }
}

/// A pattern; one that only looks ahead for what must not follow becomes its opposite, denied.
fn regex(value: &Value) -> Result<Clause, Error> {
    let written = text(value)?;
    let denied = written
        .strip_prefix("^(?!.*")
        .and_then(|rest| rest.strip_suffix(')'));
    let Some(denied) = denied else {
        return Ok(Clause::Regex(Pattern::from(pattern(value)?)));
    };
    let denied = Value {
        line: value.line,
        node: Node::Text(denied.to_owned()),
    };
    Ok(Clause::Not(Box::new(Clause::Regex(Pattern::from(
        pattern(&denied)?,
    )))))
}

fn pattern(value: &Value) -> Result<Box<str>, Error> {
    let written = text(value)?;
    match RegexBuilder::new(&written).unicode(false).build() {
        Ok(_) => Ok(written),
        Err(_) => Err(fault(
            value,
            format!("the pattern \"{written}\" is not one that weir can use"),
            NEWER,
        )),
    }
}

fn present<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !is_none(value))
}

fn required<'a>(at: &Value, object: &'a Object, name: &str) -> Result<&'a Value, Error> {
    present(object, name).ok_or_else(|| fault(at, format!("{name} is missing"), NEWER))
}

fn is_none(value: &Value) -> bool {
    matches!(&value.node, Node::Name(name) if name == "None" || name == "null")
}

fn object(value: &Value) -> Result<&Object, Error> {
    match &value.node {
        Node::Object(object) => Ok(object),
        _ => Err(fault(value, "expected an object", NEWER)),
    }
}

fn list(value: &Value) -> Result<&[Value], Error> {
    match &value.node {
        Node::List(values) => Ok(values),
        _ => Err(fault(value, "expected a list", NEWER)),
    }
}

fn text(value: &Value) -> Result<Box<str>, Error> {
    match &value.node {
        Node::Text(text) => Ok(text.as_str().into()),
        _ => Err(fault(value, "expected a text", NEWER)),
    }
}

fn integer(value: &Value) -> Result<u64, Error> {
    let number = match &value.node {
        Node::Number(text) => text.replace('_', "").parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| fault(value, "expected a whole number", NEWER))
}

fn boolean(value: &Value) -> Result<bool, Error> {
    match &value.node {
        Node::Name(name) => match name.as_str() {
            "True" | "true" => Ok(true),
            "False" | "false" => Ok(false),
            _ => Err(fault(value, "expected true or false", NEWER)),
        },
        _ => Err(fault(value, "expected true or false", NEWER)),
    }
}
