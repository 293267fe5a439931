//! Which of a model's prices are in force: by date, by time of day, by what the call says of itself.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Lookup;
use super::condition::Condition;
use super::file::{Conditional, Model, Variant};
use super::item::Item;
use super::price::{Atto, Price, PriceSet, Sources, Times};
use super::selectors::{Open, Said};

/// The prices in force, and what made them so.
pub(super) struct Selected<'a> {
    pub prices: PriceSet,
    pub condition: Option<&'a Condition>,
    /// `service_tier=flex`: the variants that changed a price.
    pub variants: Vec<String>,
}

/// The prices of a model for a call; `None` where the catalogue knows the model but no price of it.
///
/// A model that another provider sells has no variants there: they are its maker's. `fees` are what
/// the provider that was asked charges beside any model.
pub(super) fn in_force<'a>(
    model: &'a Model,
    fees: &PriceSet,
    lookup: &Lookup<'_>,
    own: bool,
) -> Option<Selected<'a>> {
    if is_provisioned(lookup) {
        return None;
    }
    let entry = entry_of(model, lookup);
    let source = match model.source {
        Some(_) => Sources::ADDED,
        None => Sources::BASE,
    };
    let mut laid = Laid::default();
    if own && !model.variants.is_empty() {
        let said = Said::of(lookup);
        for variant in &model.variants {
            if variant.when.holds(lookup.at) && said.fits(&variant.context) {
                laid.lay(variant, source);
            }
        }
    }
    let known = entry.is_some_and(|entry| !entry.prices.is_empty()) || !laid.over.is_empty();
    let fees = fees.iter().filter(|_| known);
    laid.under
        .extend(fees.map(|(item, price)| (item, from(price, Sources::ADDED))));
    let base = entry.into_iter().flat_map(|entry| entry.prices.iter());
    let base = base.map(|(item, price)| (item, from(price, source)));
    let prices = laid.over.into_iter().chain(base).chain(laid.under);
    let mut prices = PriceSet::new(prices.collect());
    for (times, source) in laid.times {
        prices = prices.times(times, source);
    }
    if prices.is_empty() {
        prices = free_by_name(&model.id)?;
    }
    let when = entry.map(|entry| &entry.when);
    Some(Selected {
        prices,
        condition: when.filter(|when| !when.is_none()),
        variants: laid.names,
    })
}

/// The model's own prices at the time of a call.
fn entry_of<'a>(model: &'a Model, lookup: &Lookup<'_>) -> Option<&'a Conditional> {
    let mut latest = model.prices.iter().rev();
    latest
        .find(|entry| entry.when.holds(lookup.at))
        .or(model.prices.first())
}

/// The dearest prices that a call may turn out to have: of every item the highest over all variants that it may
/// be, so that no answer costs more. `None` as for [`in_force`].
pub(super) fn dearest(
    model: &Model,
    fees: &PriceSet,
    lookup: &Lookup<'_>,
    own: bool,
    open: &Open<'_>,
) -> Option<PriceSet> {
    let plain = in_force(model, fees, lookup, own)?.prices;
    let mut dearest: BTreeMap<Item, Price> = BTreeMap::new();
    let mut raise = |(item, price): (Item, &Price)| {
        let dearer = dearest.get(&item).map(|known| known.or_dearer(price));
        dearest.insert(item, dearer.unwrap_or_else(|| price.clone()));
    };
    // The model's own prices too: the answer may have nothing of what was asked for.
    let base = entry_of(model, lookup).into_iter();
    base.flat_map(|entry| entry.prices.iter())
        .for_each(&mut raise);
    fees.iter().for_each(&mut raise);
    let said = Said::of(lookup);
    let may_be = |variant: &&Variant| {
        own && variant.when.holds(lookup.at) && said.may_fit(&variant.context, open)
    };
    let variants: Vec<&Variant> = model.variants.iter().filter(may_be).collect();
    let prices = variants.iter().flat_map(|variant| variant.prices.iter());
    prices.for_each(&mut raise);
    if dearest.is_empty() {
        return Some(plain);
    }
    for times in variants.iter().filter_map(|variant| variant.times) {
        for (item, price) in &mut dearest {
            if item.is_input() || item.is_output() {
                *price = price.at_least_times(times);
            }
        }
    }
    Some(PriceSet::new(dearest.into_iter().collect()))
}

/// Whether the call was served from capacity that is paid for by the hour. It has no price of its own then,
/// and nothing would be as wrong as the price of its tokens: the cost is not known.
fn is_provisioned(lookup: &Lookup<'_>) -> bool {
    let tier = lookup.selectors.service_tier.as_deref();
    tier.is_some_and(|tier| tier.eq_ignore_ascii_case("PROVISIONED_THROUGHPUT"))
}

/// What the variants that fit a call make of its prices.
#[derive(Default)]
struct Laid {
    /// Instead of the model's own.
    over: Vec<(Item, Price)>,
    /// Where the model has none.
    under: Vec<(Item, Price)>,
    times: Vec<(Times, Sources)>,
    names: Vec<String>,
}

impl Laid {
    fn lay(&mut self, variant: &Variant, models: Sources) {
        let source = variant.source.as_ref().map_or(models, |_| Sources::ADDED);
        let prices = variant.prices.iter();
        let prices = prices.map(|(item, price)| (item, from(price, source)));
        if variant.context.is_empty() {
            return self.under.extend(prices);
        }
        self.over.extend(prices);
        self.times
            .extend(variant.times.map(|times| (times, source)));
        let pairs = variant.context.iter();
        let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
        self.names.push(pairs.join(","));
    }
}

fn from(price: &Price, source: Sources) -> Price {
    Price {
        source,
        ..price.clone()
    }
}

/// An entry without prices is a model whose price is unknown, unless its very name says that it is
/// free.
pub(super) fn free_by_name(id: &str) -> Option<PriceSet> {
    static FREE: OnceLock<PriceSet> = OnceLock::new();
    let nothing = || {
        let flat = |item| {
            let price = Price::flat(Atto(0));
            (item, from(&price, Sources::BASE))
        };
        PriceSet::new(vec![flat(Item::Input), flat(Item::Output)])
    };
    id.ends_with(":free")
        .then(|| FREE.get_or_init(nothing).clone())
}
