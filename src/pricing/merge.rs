//! Completes one catalogue with what only another has.
//!
//! The base wins: where it knows a model at a provider, the other adds no more than the kinds of
//! requests that the base has no price for, and only if both ask the same of plain ones; a
//! disagreement about those says nothing good of the rest. A model that the base does not know is
//! added whole, under its exact name.

use std::collections::BTreeMap;

use super::condition::{Condition, Weekdays};
use super::file::{Added, File, Model, Provider, Variant};
use super::item::Item;
use super::price::{Price, PriceSet};

/// What became of the other's models.
#[derive(Debug, Default)]
struct Counts {
    added: usize,
    completed: usize,
    known: usize,
}

/// The base with the other's rows and variants, which name their source, and remarks.
pub(super) fn merge(mut base: File, other: File) -> (File, Vec<String>) {
    let source: Box<str> = other.source.as_str().into();
    let mut counts = Counts::default();
    for mut provider in other.providers {
        let before = provider.models.len();
        provider
            .models
            .retain(|model| !sold_otherwise(&base, &provider.id, model));
        counts.known += before - provider.models.len();
        match base
            .providers
            .iter_mut()
            .find(|known| known.id == provider.id)
        {
            Some(known) => complete(known, provider, &source, base.date.0, &mut counts),
            None => {
                counts.added += provider.models.len();
                for model in &mut provider.models {
                    model.source = Some(source.clone());
                }
                base.providers.push(provider);
            }
        }
    }
    let remark = format!(
        "{source}: {} models added, {} of the base completed, {} of the base left as they are",
        counts.added, counts.completed, counts.known
    );
    base.added = Some(Added {
        source: other.source,
        version: other.version,
    });
    (base, vec![remark])
}

/// Whether the base sells the model here at the price of who made it, and the other at another.
fn sold_otherwise(base: &File, id: &str, other: &Model) -> bool {
    let name = other.id.to_lowercase();
    let find = |id: &str| base.providers.iter().find(|provider| *provider.id == *id);
    let Some(seller) = find(id) else { return false };
    if seller.models.iter().any(|model| model.clause.fits(&name)) {
        return false;
    }
    let makers = seller.fallback.iter().filter_map(|id| find(id));
    let mut models = makers.flat_map(|maker| &maker.models);
    let ours = models.find(|model| model.clause.fits(&name));
    let Some(ours) = ours.and_then(|model| plain(model, base.date.0)) else {
        return false;
    };
    let theirs = plain(other, base.date.0);
    let mut charged = ours.iter().filter(|(item, _)| !item.is_fee());
    charged.any(|(item, price)| theirs.and_then(|set| set.get(item)) != Some(price))
}

fn complete(known: &mut Provider, other: Provider, source: &str, at: i64, counts: &mut Counts) {
    let mut news = Vec::new();
    let mut same: BTreeMap<usize, Vec<Model>> = BTreeMap::new();
    for model in other.models {
        let name = model.id.to_lowercase();
        match known
            .models
            .iter()
            .position(|known| known.clause.fits(&name))
        {
            Some(place) => same.entry(place).or_default().push(model),
            None => news.push(Model {
                source: Some(source.into()),
                ..model
            }),
        }
    }
    for (place, mut candidates) in same {
        let model = &mut known.models[place];
        candidates.retain(|other| agree(model, other, at));
        // Snapshots of a model are often one row of the base: the plain name speaks for it.
        candidates.sort_by_key(|other| (!other.id.eq_ignore_ascii_case(&model.id), other.id.len()));
        let added = candidates
            .first()
            .is_some_and(|other| lay(model, other, source));
        let count = if added {
            &mut counts.completed
        } else {
            &mut counts.known
        };
        *count += 1;
    }
    counts.added += news.len();
    known.models.extend(news);
    if known.fees.is_empty() {
        known.fees = other.fees;
    }
}

/// What a plain request costs at a time, in both its directions.
fn plain(model: &Model, at: i64) -> Option<&PriceSet> {
    let active = model.prices.iter().rev().find(|entry| entry.when.holds(at));
    active.or(model.prices.first()).map(|entry| &entry.prices)
}

/// Whether both ask the same for plain tokens; prices of a day's peak hours are compared with each
/// other.
fn agree(model: &Model, other: &Model, at: i64) -> bool {
    let Some(theirs) = other.prices.first().map(|entry| &entry.prices) else {
        return true;
    };
    let same = |ours: &PriceSet| {
        [Item::Input, Item::Output].into_iter().all(|item| {
            theirs
                .get(item)
                .is_none_or(|price| ours.get(item) == Some(price))
        })
    };
    let peak = model
        .prices
        .iter()
        .filter(|entry| entry.when.daily.is_some());
    let mut peak = peak.map(|entry| &entry.prices);
    plain(model, at).is_some_and(same) || peak.any(same)
}

/// Lays what only the other has over the base's model; `false` where that is nothing.
fn lay(model: &mut Model, other: &Model, source: &str) -> bool {
    let mut laid = working_days(model, other);
    let ours = model.prices.iter().flat_map(|entry| entry.prices.iter());
    let ours: Vec<Item> = ours.map(|(item, _)| item).collect();
    let theirs = other.prices.first().map(|entry| &entry.prices);
    let fitting = |(item, price): (Item, &Price)| {
        let new = !ours.contains(&item) && completes(item, &ours);
        new.then(|| (item, price.clone()))
    };
    let under = theirs.into_iter().flat_map(PriceSet::iter);
    let under = PriceSet::new(under.filter_map(fitting).collect());
    let mut variants: Vec<Variant> = Vec::new();
    for variant in &other.variants {
        let known = |ours: &Variant| ours.context == variant.context;
        if !model.variants.iter().any(known) {
            variants.push(variant.clone());
        }
    }
    if !under.is_empty() {
        variants.push(Variant {
            context: BTreeMap::new(),
            when: Condition::default(),
            times: None,
            prices: under,
            source: None,
        });
    }
    laid |= !variants.is_empty();
    for mut variant in variants {
        variant.source = Some(source.into());
        model.variants.push(variant);
    }
    laid
}

/// Whether a price may be added to a model of the base for every request. A token's may not: the
/// base charges those at what it has, and knows why. A longer time in a cache is a thing of its own.
fn completes(item: Item, ours: &[Item]) -> bool {
    match item {
        Item::CacheWrite1h | Item::CacheWrite12h => {
            ours.contains(&Item::CacheWrite) || ours.contains(&Item::CacheWrite5m)
        }
        item => item.is_fee() || matches!(item, Item::Images | Item::VideoSeconds),
    }
}

/// The base knows hours and no days of the week: where the other says that a weekend has no peak
/// hours, those of the base are of working days.
fn working_days(model: &mut Model, other: &Model) -> bool {
    let weekend =
        |when: &Condition| when.daily.is_none() && when.days.is_some_and(Weekdays::has_weekend);
    if !other.prices.iter().any(|entry| weekend(&entry.when)) {
        return false;
    }
    let peak = other
        .prices
        .first()
        .and_then(|entry| entry.prices.get(Item::Input));
    let mut changed = false;
    for entry in &mut model.prices {
        if entry.when.daily.is_some() && entry.prices.get(Item::Input) == peak {
            entry.when.days = Some(Weekdays::WORKING);
            changed = true;
        }
    }
    changed
}
