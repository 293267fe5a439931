//! What a usage costs at given rates.
//!
//! Every part of a cost is a whole number of atto-dollars over one common denominator. The parts
//! are summed in full and the sum is rounded once, half up, to a pico-dollar.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::base::Versions;
use super::item::Item;
use super::leaves::{Leaf, chain, is_told_in_tokens, leaves, total_input};
use super::price::{ATTO_PER_PICO, Atto, Price, PriceSet, Sources};
use crate::units::PicoUsd;
use crate::usage::Usage;

/// A multiple of every [`Item::per`], so that parts of different units add up exactly.
const COMMON: i128 = 9_000_000_000;

/// The rates in force for one model at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    prices: PriceSet,
    version: Arc<str>,
}

/// A cost in atto-dollars times [`COMMON`], and where its prices are from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exact {
    pub parts: i128,
    pub sources: Sources,
}

impl Exact {
    /// Both together.
    pub(super) fn and(self, other: Exact) -> Exact {
        Exact {
            parts: self.parts.saturating_add(other.parts),
            sources: self.sources.and(other.sources),
        }
    }

    /// The one rounding.
    pub(super) fn rounded(self) -> PicoUsd {
        rounded(self.parts)
    }
}

/// A published price: so much for so many units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    usd: Atto,
    /// How many units this buys.
    pub per: u64,
}

impl Rate {
    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.usd.0 == 0
    }
}

/// Decimal USD for [`Rate::per`] units, in full: `0.0125`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.usd.to_string())
    }
}

/// One part of a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What was counted.
    pub item: Item,
    /// How many units of it.
    pub count: u64,
    /// What it was charged as: `item`, or what it falls back to. `None` = no rate, so not charged.
    pub charged_as: Option<Item>,
    /// At which rate.
    pub rate: Option<Rate>,
    /// Rounded for display by itself: the lines may differ from the cost by their roundings.
    pub amount: Option<PicoUsd>,
}

impl Rates {
    pub(super) fn new(prices: PriceSet, versions: &Versions) -> Rates {
        // Fees are no reason to name a source: most calls use nothing that has one.
        let prices_of_use = prices.iter().filter(|(item, _)| !item.is_fee());
        let sources = prices_of_use.fold(Sources::NONE, |sum, (_, price)| sum.and(price.source));
        let version = versions.name(sources).clone();
        Rates { prices, version }
    }

    /// Which catalogue and overrides these are from, fees aside.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether everything that is priced costs nothing.
    pub fn is_free(&self) -> bool {
        self.prices.is_free()
    }

    /// The rate of an item for requests with this many input tokens; `None` where it has none of
    /// its own.
    pub fn rate(&self, item: Item, total_input: u64) -> Option<Rate> {
        self.prices.get(item).map(|price| Rate {
            usd: price.at(total_input),
            per: item.per(),
        })
    }

    /// Every rate of its own that the model has, with the input above which a tier of it begins.
    pub fn all(&self) -> impl Iterator<Item = (Item, Option<u64>, Rate)> {
        self.prices.iter().flat_map(|(item, price)| {
            let rate = move |usd| Rate {
                usd,
                per: item.per(),
            };
            let tiers = price
                .tiers
                .iter()
                .map(move |tier| (item, Some(tier.above), rate(tier.price)));
            std::iter::once((item, None, rate(price.base))).chain(tiers)
        })
    }

    /// What a usage costs, without its sub-usages; `None` where tokens were used that have no rate,
    /// or where nothing was reported of what the model is priced by.
    ///
    /// A fee that the catalogue does not know (a search of a model without a search rate) is not
    /// charged and stands in [`Rates::lines`] without an amount.
    pub fn cost(&self, usage: &Usage) -> Option<PicoUsd> {
        self.exact(usage).map(Exact::rounded)
    }

    /// The cost before it is rounded.
    pub(super) fn exact(&self, usage: &Usage) -> Option<Exact> {
        let leaves = self.leaves(usage);
        let lacks = |(leaf, _): &(Leaf<'_>, u64)| self.lacks(leaf, &leaves, usage);
        if leaves.iter().any(lacks) || !self.covers(&leaves) {
            return None;
        }
        let mut exact = Exact::default();
        for (leaf, context) in &leaves {
            if let (Some(part), Some((_, price))) = (amount(leaf, *context), leaf.price) {
                exact.parts = exact.parts.saturating_add(part);
                if leaf.count > 0 {
                    exact.sources = exact.sources.and(price.source);
                }
            }
        }
        Some(exact)
    }

    /// Whether something was used of which the price is not known, so that the cost is not either.
    fn lacks(&self, leaf: &Leaf<'_>, leaves: &[(Leaf<'_>, u64)], usage: &Usage) -> bool {
        if leaf.count == 0 || leaf.price.is_some() || leaf.item.is_fee() {
            return false;
        }
        if leaf.item.is_media() {
            return !is_told_in_tokens(leaf.item, &self.prices, usage);
        }
        // What is priced by the second, the image or the page alone is not priced by its tokens.
        let by_tokens = |(item, _): (Item, &Price)| item.is_input() || item.is_output();
        let charged = |(leaf, _): &(Leaf<'_>, u64)| {
            leaf.item.is_media() && leaf.count > 0 && leaf.price.is_some()
        };
        self.prices.iter().any(by_tokens) || !leaves.iter().any(charged)
    }

    /// Every charged count with the input by which its tier is chosen: where the rounds of a usage reach
    /// other tiers than their sum, the tokens of each round by its own.
    fn leaves(&self, usage: &Usage) -> Vec<(Leaf<'_>, u64)> {
        let whole = total_input(usage).unwrap_or_default();
        let mut charged: Vec<_> = leaves(&self.prices, usage)
            .into_iter()
            .map(|leaf| (leaf, whole))
            .collect();
        let apart = |(context, _): &(u64, Usage)| {
            let mut prices = self.prices.iter();
            prices.any(|(_, price)| price.tier(*context) != price.tier(whole))
        };
        if usage.rounds.iter().any(apart) {
            let tokens = |leaf: &Leaf<'_>| leaf.item.is_input() || leaf.item.is_output();
            charged.retain(|(leaf, _)| !tokens(leaf));
            for (context, round) in &usage.rounds {
                let parts = leaves(&self.prices, round).into_iter().filter(tokens);
                charged.extend(parts.map(|leaf| (leaf, *context)));
            }
        }
        charged
    }

    /// Whether something was counted that the model is priced by, fees aside.
    fn covers(&self, leaves: &[(Leaf<'_>, u64)]) -> bool {
        let only_fees = self.prices.iter().all(|(item, _)| item.is_fee());
        let charged = |leaf: &Leaf<'_>| leaf.price.is_some() && (only_fees || !leaf.item.is_fee());
        !self.prices.is_empty() && leaves.iter().any(|(leaf, _)| charged(leaf))
    }

    /// The parts of a cost, for people.
    pub fn lines(&self, usage: &Usage) -> Vec<Line> {
        let line = |(leaf, context): (Leaf<'_>, u64)| Line {
            item: leaf.item,
            count: leaf.count,
            charged_as: leaf.price.map(|(charged, _)| charged),
            rate: leaf.price.map(|(charged, price)| Rate {
                usd: price.at(context),
                per: charged.per(),
            }),
            amount: amount(&leaf, context).map(rounded),
        };
        let mut lines: Vec<Line> = self.leaves(usage).into_iter().map(line).collect();
        lines.retain(|line| line.count > 0);
        lines
    }

    /// What so many uncached input tokens cost; `None` where input has no rate.
    pub fn input_cost(&self, tokens: u64) -> Option<PicoUsd> {
        self.cost(&Usage {
            input: Some(tokens),
            ..Usage::default()
        })
    }

    /// An upper bound on what a request with at most these tokens can cost: every token at the
    /// dearest rate of its side, in the dearest tier that such an input reaches, with the fee per
    /// request.
    ///
    /// Searches and other fees are not bounded by tokens and not in it.
    pub fn bound(&self, input_tokens: u64, output_tokens: u64) -> PicoUsd {
        self.bound_where(input_tokens, output_tokens, |_| true)
    }

    /// Whether tokens alone bound the cost: not so for what is priced by the second, page or
    /// character, whose [`Rates::bound`] is the fee per request at most.
    pub fn is_bounded_by_tokens(&self) -> bool {
        let by_tokens = |item: Item| item.is_input() || item.is_output();
        self.prices
            .iter()
            .all(|(item, _)| by_tokens(item) || item.is_fee())
    }

    /// As [`Rates::bound`], for a request known to hold and ask for nothing but text.
    pub fn bound_text(&self, input_tokens: u64, output_tokens: u64) -> PicoUsd {
        let media = [
            Item::InputAudio,
            Item::InputImage,
            Item::InputVideo,
            Item::CacheAudioRead,
            Item::CacheImageRead,
            Item::CacheVideoRead,
            Item::OutputAudio,
            Item::OutputImage,
            Item::OutputVideo,
        ];
        self.bound_where(input_tokens, output_tokens, |item| !media.contains(&item))
    }

    /// At most so much for units besides tokens: those that have a price, each in its dearest tier. What is
    /// priced in no such unit is not in it, nor is the fee per request, which [`Rates::bound`] has.
    pub fn bound_units(&self, units: &BTreeMap<&'static str, u64>) -> PicoUsd {
        let priced = units.iter().filter_map(|(name, count)| {
            let item = Item::from_other_unit(name).filter(|item| *item != Item::Requests)?;
            let (charged, price) = self.prices.first(chain(item))?;
            let count = price.charged(*count);
            Some(part(count, price.dearest(u64::MAX), charged.per()))
        });
        rounded_up(priced.fold(0, i128::saturating_add))
    }

    /// Whether a unit besides tokens has a price.
    pub fn prices_unit(&self, name: &str) -> bool {
        Item::from_other_unit(name).is_some_and(|item| self.prices.first(chain(item)).is_some())
    }

    fn bound_where(&self, input: u64, output: u64, counts: impl Fn(Item) -> bool) -> PicoUsd {
        let dearest = |side: fn(Item) -> bool, tokens: u64| {
            let prices = self
                .prices
                .iter()
                .filter(|(item, _)| side(*item) && counts(*item));
            let amounts =
                prices.map(|(item, price)| part(tokens, price.dearest(input), item.per()));
            amounts.max().unwrap_or_default()
        };
        let fee = self.prices.get(Item::Requests);
        let fee = fee.map_or(0, |price| {
            part(1, price.dearest(input), Item::Requests.per())
        });
        let sides = [
            dearest(Item::is_input, input),
            dearest(Item::is_output, output),
            fee,
        ];
        rounded_up(sides.into_iter().fold(0, i128::saturating_add))
    }
}

/// A part of a cost in atto-dollars times [`COMMON`].
fn amount(leaf: &Leaf<'_>, total_input: u64) -> Option<i128> {
    leaf.price.map(|(charged, price)| {
        let count = price.charged(leaf.count);
        part(count, price.at(total_input), charged.per())
    })
}

fn part(count: u64, price: Atto, per: u64) -> i128 {
    i128::from(count)
        .saturating_mul(price.0)
        .saturating_mul(COMMON / i128::from(per))
}

fn rounded(sum: i128) -> PicoUsd {
    PicoUsd::rounded(sum, COMMON * ATTO_PER_PICO)
}

/// A bound is never rounded down.
fn rounded_up(sum: i128) -> PicoUsd {
    let whole = COMMON * ATTO_PER_PICO;
    PicoUsd::new(sum.div_euclid(whole) + i128::from(sum.rem_euclid(whole) > 0))
}

#[cfg(test)]
mod tests;
