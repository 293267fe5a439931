//! Turns what genai-prices publishes into a catalogue.
//!
//! Facts are taken over and nothing else: ids, names, matching rules, prices with their tiers and
//! conditions, variants, context windows. Descriptions, comments and extraction rules stay behind.
//! The same data always makes the same bytes.

use std::collections::BTreeMap;

use regex::bytes::RegexBuilder;

use super::Error;
use super::clause::{Clause, Pattern};
use super::condition::{Condition, Day};
use super::fields::{
    NEWER, amount, boolean, day, fault, integer, is_none, list, object, present, required, text,
    time,
};
use super::file::{Conditional, File, Model, Provider, Variant};
use super::item::Item;
use super::literal::{Node, Object, Value};
use super::price::{Price, PriceSet, Sources, Tier};

/// The name of the source.
pub(super) const SOURCE: &str = "genai-prices";

/// Most remarks on what was left out.
const SKIPPED_MAX: usize = 100;

/// Units that a provider charges at least, which the data does not tell: Groq bills ten seconds for
/// any recording that is shorter.
const LEAST: [(&str, Item, u64); 1] = [("groq", Item::AudioSeconds, 10)];

/// The catalogue that the data makes, and remarks on what was left out.
pub(super) fn file(value: &Value, version: &str, date: Day) -> Result<(File, Vec<String>), Error> {
    let mut importer = Importer::default();
    let providers = list(value)?
        .iter()
        .map(|value| importer.provider(value))
        .collect::<Result<Vec<_>, _>>()?;
    if providers.iter().all(|provider| provider.models.is_empty()) {
        return Err(fault(
            value,
            "no models",
            "give genai_prices/data.py of the genai-prices package",
        ));
    }
    let file = File {
        source: SOURCE.to_owned(),
        version: version.to_owned(),
        date,
        added: None,
        providers,
    };
    Ok((file, importer.skipped))
}

#[derive(Default)]
struct Importer {
    skipped: Vec<String>,
    /// What the provider at hand charges at least.
    least: Option<&'static (&'static str, Item, u64)>,
}

impl Importer {
    fn provider(&mut self, value: &Value) -> Result<Provider, Error> {
        let object = object(value)?;
        let fallback = match present(object, "fallback_model_providers") {
            Some(ids) => list(ids)?.iter().map(text).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let models = list(required(value, object, "models")?)?;
        let id = text(required(value, object, "id")?)?;
        self.least = LEAST.iter().find(|(provider, ..)| **provider == *id);
        Ok(Provider {
            id,
            name: text(required(value, object, "name")?)?,
            url: Pattern::from(pattern(required(value, object, "api_pattern")?)?),
            fallback,
            fees: PriceSet::default(),
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
            source: None,
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
            times: None,
            prices,
            source: None,
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
                Some(item) => {
                    let mut price = price(value)?;
                    let least = self.least.filter(|(_, of, _)| *of == item);
                    price.least = least.map_or(0, |(.., units)| *units);
                    prices.push((item, price));
                }
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
    let Node::Object(tiered) = &value.node else {
        return Ok(Price::flat(amount(value)?));
    };
    let Some(tiers) = tiered.get("tiers") else {
        return Ok(Price::flat(amount(value)?));
    };
    let tier = |value: &Value| {
        let fields = object(value)?;
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
        base: amount(required(value, tiered, "base")?)?,
        tiers: tiers.into(),
        least: 0,
        source: Sources::NONE,
    })
}

fn condition(entry: &Object) -> Result<Condition, Error> {
    let Some(value) = present(entry, "constraint") else {
        return Ok(Condition::default());
    };
    let fields = object(value)?;
    let from = fields.get("start_date").map(day).transpose()?;
    let daily = match (fields.get("start_time"), fields.get("end_time")) {
        (None, None) => None,
        (Some(start), Some(end)) => Some((time(start)?, time(end)?)),
        _ => return Err(fault(value, "a daily window without both its times", NEWER)),
    };
    if from.is_none() && daily.is_none() {
        return Err(fault(value, "a condition of an unknown kind", NEWER));
    }
    Ok(Condition {
        from,
        daily,
        days: None,
    })
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
