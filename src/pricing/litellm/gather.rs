//! Several rows for one model become the catalogue's one: regions and sizes are variants of it.

use std::collections::BTreeMap;

use super::draft::{Context, Draft, Prices, context};
use super::names::Named;
use crate::pricing::condition::Condition;
use crate::pricing::file::{Conditional, Variant};
use crate::pricing::item::Item;
use crate::pricing::price::{Price, PriceSet, Sources, Times};

impl Draft {
    pub(super) fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    /// Adds another row for the model; `false` where it says nothing that is not known.
    pub(super) fn take(&mut self, named: &Named, row: Draft) -> bool {
        self.context = self.context.or(row.context);
        if let Some(geo) = &named.geo {
            return self.take_region(geo, row);
        }
        if self.is_empty() && self.timed.is_empty() {
            self.timed.clone_from(&row.timed);
        }
        // A row with other prices for the same name is about another thing that is sold.
        if named.sizes.is_empty() && !self.is_empty() && self.asks() != row.asks() {
            return false;
        }
        let mut new = false;
        for (of, prices) in row.prices {
            new |= !self.prices.contains_key(&of);
            self.prices.entry(of).or_insert(prices);
        }
        for (of, times) in row.times {
            new |= !self.times.contains_key(&of);
            self.times.entry(of).or_insert(times);
        }
        new
    }

    /// The prices by which two rows for one name are told apart.
    fn asks(&self) -> Vec<(Item, Price)> {
        let plain = self.prices.get(&Context::new());
        let all = || {
            plain
                .into_iter()
                .flatten()
                .map(|(item, price)| (*item, price.clone()))
        };
        let main: Vec<_> = all()
            .filter(|(item, _)| matches!(item, Item::Input | Item::Output))
            .collect();
        if main.is_empty() {
            all().collect()
        } else {
            main
        }
    }

    /// What a region's row says differs from the plain one, or is all there is.
    fn take_region(&mut self, geo: &str, row: Draft) -> bool {
        if row.prices == self.prices {
            return false;
        }
        let up = Times::parse("1.1").filter(|up| {
            let tokens = |prices: &Prices| {
                prices
                    .iter()
                    .all(|(item, _)| item.is_input() || item.is_output())
            };
            let same = |(of, prices): (&Context, &Prices)| {
                let ours = self.prices.get(of);
                ours.is_some_and(|ours| {
                    ours.iter()
                        .map(|(item, price)| (*item, raised(*item, price, *up)))
                        .eq(prices.iter().map(|(item, price)| (*item, price.clone())))
                })
            };
            row.prices.len() == self.prices.len()
                && row.prices.iter().all(same)
                && row.prices.values().any(tokens)
        });
        match up {
            Some(up) => self.times.insert(context("geo", geo), up).is_none(),
            None => {
                let news = row.prices.into_iter();
                let news: Vec<_> = news
                    .filter(|(of, prices)| self.prices.get(of) != Some(prices))
                    .collect();
                for (mut of, prices) in news {
                    of.insert("geo".to_owned(), geo.to_owned());
                    self.prices.entry(of).or_insert(prices);
                }
                true
            }
        }
    }

    /// The prices of no context, of these items.
    pub(super) fn only(&self, kept: impl Fn(Item) -> bool) -> PriceSet {
        let plain = self.prices.get(&Context::new()).into_iter().flatten();
        let plain = plain.filter(|(item, _)| kept(**item));
        PriceSet::new(plain.map(|(item, price)| (*item, price.clone())).collect())
    }

    /// The prices and the variants of a catalogue's row. Variants for more are before those for
    /// less, since of two for one item the first counts.
    pub(super) fn finish(mut self) -> (Vec<Conditional>, Vec<Variant>) {
        let set = |prices: Prices| PriceSet::new(prices.into_iter().collect());
        let plain = self.prices.remove(&Context::new());
        let timed = std::mem::take(&mut self.timed).into_iter();
        let plain = plain.map(|prices| (Condition::default(), prices));
        let prices = plain
            .into_iter()
            .chain(timed)
            .map(|(when, prices)| Conditional {
                when,
                prices: set(prices),
            });
        let mut variants: BTreeMap<Context, (Option<Times>, Prices)> = BTreeMap::new();
        for (of, prices) in self.prices {
            variants.entry(of).or_default().1 = prices;
        }
        for (of, times) in self.times {
            variants.entry(of).or_default().0 = Some(times);
        }
        let mut variants: Vec<Variant> = variants
            .into_iter()
            .map(|(context, (times, prices))| Variant {
                context,
                when: Condition::default(),
                times,
                prices: set(prices),
                source: None,
            })
            .collect();
        variants.sort_by_key(|variant| std::cmp::Reverse(variant.context.len()));
        (prices.collect(), variants)
    }
}

/// A price in a region that asks so many times as much for tokens.
fn raised(item: Item, price: &Price, times: Times) -> Price {
    match item.is_input() || item.is_output() {
        true => price.times(times),
        false => Price {
            source: Sources::NONE,
            ..price.clone()
        },
    }
}
