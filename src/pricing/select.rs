//! Which of a model's prices are in force: by date, by time of day, by tier of service.

use std::sync::OnceLock;

use super::Lookup;
use super::file::{Condition, Model};
use super::item::Item;
use super::price::{Atto, Price, PriceSet};

/// The prices in force, and what made them so.
pub(super) struct Selected<'a> {
    pub prices: PriceSet,
    pub condition: Option<&'a Condition>,
    /// `service_tier=flex`: the variants that changed a price.
    pub variants: Vec<String>,
}

/// The prices of a model for a call; `None` where the catalogue knows the model but no price of it.
///
/// A model that another provider sells (`own` is false) has no variants there: they are its
/// maker's.
pub(super) fn in_force<'a>(
    model: &'a Model,
    lookup: &Lookup<'_>,
    own: bool,
) -> Option<Selected<'a>> {
    if is_provisioned(lookup) {
        return None;
    }
    let active = model
        .prices
        .iter()
        .rev()
        .find(|entry| entry.when.holds(lookup.at));
    let entry = active.or(model.prices.first())?;
    let condition = (!entry.when.is_none()).then_some(&entry.when);
    if entry.prices.is_empty() {
        let prices = free_by_name(&model.id)?;
        return Some(Selected {
            prices,
            condition,
            variants: Vec::new(),
        });
    }
    let (overlay, variants) = if own {
        overlay(model, lookup)
    } else {
        Default::default()
    };
    let prices = if overlay.is_empty() {
        entry.prices.clone()
    } else {
        let rest = entry
            .prices
            .iter()
            .map(|(item, price)| (item, price.clone()));
        PriceSet::new(overlay.into_iter().chain(rest).collect())
    };
    Some(Selected {
        prices,
        condition,
        variants,
    })
}

/// Whether the call was served from capacity that is paid for by the hour. It has no price of its own then,
/// and nothing would be as wrong as the price of its tokens: the cost is not known.
fn is_provisioned(lookup: &Lookup<'_>) -> bool {
    let tier = lookup.selectors.service_tier.as_deref();
    tier.is_some_and(|tier| tier.eq_ignore_ascii_case("PROVISIONED_THROUGHPUT"))
}

/// The prices that the call's tier replaces, in the order of the variants.
fn overlay(model: &Model, lookup: &Lookup<'_>) -> (Vec<(Item, Price)>, Vec<String>) {
    let (mut prices, mut names) = (Vec::new(), Vec::new());
    if model.variants.is_empty() {
        return (prices, names);
    }
    let context = context(lookup);
    for variant in &model.variants {
        let asked = |(key, value): (&String, &String)| {
            context
                .iter()
                .flatten()
                .any(|(k, v)| k == key && v == value)
        };
        if variant.when.holds(lookup.at)
            && !variant.context.is_empty()
            && variant.context.iter().all(asked)
        {
            prices.extend(
                variant
                    .prices
                    .iter()
                    .map(|(item, price)| (item, price.clone())),
            );
            let pairs: Vec<_> = variant
                .context
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            names.push(pairs.join(","));
        }
    }
    (prices, names)
}

/// What the call says of its tier, in the catalogue's words.
fn context(lookup: &Lookup<'_>) -> [Option<(&'static str, &'static str)>; 2] {
    let tier = lookup.selectors.service_tier.as_deref().and_then(tier);
    let speed = lookup
        .selectors
        .speed
        .as_deref()
        .filter(|speed| speed.eq_ignore_ascii_case("fast"));
    [tier, speed.map(|_| ("speed", "fast"))]
}

/// A provider's word for a tier in the catalogue's words; `None` for the standard price.
///
/// OpenAI and Anthropic say `flex`, `priority`, `batch`; Google `ON_DEMAND_PRIORITY` and the like.
/// `default`, `standard`, `auto`, `on_demand` and whatever is not known are charged at the standard
/// price.
fn tier(said: &str) -> Option<(&'static str, &'static str)> {
    let ends = |word: &str| {
        let start = said.len().checked_sub(word.len());
        let (rest, end) = start
            .and_then(|start| said.split_at_checked(start))
            .unwrap_or(("x", ""));
        end.eq_ignore_ascii_case(word) && (rest.is_empty() || rest.ends_with('_'))
    };
    if ends("flex") {
        Some(("service_tier", "flex"))
    } else if ends("priority") {
        Some(("service_tier", "priority"))
    } else if ends("fast") {
        Some(("service_tier", "fast"))
    } else if ends("batch") {
        Some(("processing", "batch"))
    } else {
        None
    }
}

/// An entry without prices is a model whose price is unknown, unless its very name says that it is
/// free.
pub(super) fn free_by_name(id: &str) -> Option<PriceSet> {
    static FREE: OnceLock<PriceSet> = OnceLock::new();
    let nothing = || {
        let flat = |item| (item, Price::flat(Atto(0)));
        PriceSet::new(vec![flat(Item::Input), flat(Item::Output)])
    };
    id.ends_with(":free")
        .then(|| FREE.get_or_init(nothing).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_providers_word_for_a_tier_is_known() {
        let cases = [
            ("flex", Some(("service_tier", "flex"))),
            ("FLEX", Some(("service_tier", "flex"))),
            ("ON_DEMAND_FLEX", Some(("service_tier", "flex"))),
            ("ON_DEMAND_PRIORITY", Some(("service_tier", "priority"))),
            ("priority", Some(("service_tier", "priority"))),
            ("batch", Some(("processing", "batch"))),
            ("default", None),
            ("standard", None),
            ("auto", None),
            ("on_demand", None),
            ("ON_DEMAND", None),
            ("reflex", None),
            ("ü", None),
            ("", None),
        ];
        for (said, expected) in cases {
            assert_eq!(tier(said), expected, "{said}");
        }
    }
}
