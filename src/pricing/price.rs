//! Prices as exact integers: one with its tiers, and the set that a model has.
//!
//! Published prices have up to 18 places (a third of a cent, written out), so they are kept in
//! atto-dollars, and nothing is rounded before a cost is complete.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use super::item::Item;
use crate::units::decimal;

/// Decimal places of a dollar that a price may have.
pub(super) const PLACES: usize = 18;

/// Atto-dollars in a pico-dollar.
pub(super) const ATTO_PER_PICO: i128 = 1_000_000;

/// Most tiers of one price; published prices have one or two.
const TIERS_MAX: usize = 8;

/// An amount in atto-dollars (10⁻¹⁸ USD), never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Atto(pub i128);

impl Atto {
    /// Reads a plain decimal of USD; `None` where it is none, is negative or has more than 18
    /// places.
    pub(super) fn parse(text: &str) -> Option<Atto> {
        decimal(text, PLACES).filter(|atto| *atto >= 0).map(Atto)
    }
}

impl std::fmt::Display for Atto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let per_usd = 10_i128.pow(18);
        let (whole, fraction) = (self.0 / per_usd, self.0 % per_usd);
        let digits = format!("{fraction:018}");
        match digits.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            places => write!(f, "{whole}.{places}"),
        }
    }
}

/// Which of a catalogue's two sources prices are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources(u8);

impl Sources {
    /// Neither: a price from `proxy.yaml`.
    pub(super) const NONE: Sources = Sources(0);
    /// The one that the catalogue is based on.
    pub(super) const BASE: Sources = Sources(1);
    /// The one that completes it.
    pub(super) const ADDED: Sources = Sources(2);

    /// Those of both.
    pub(super) fn and(self, other: Sources) -> Sources {
        Sources(self.0 | other.0)
    }

    /// Whether there are some of this one.
    pub(super) fn has(self, one: Sources) -> bool {
        self.0 & one.0 != 0
    }
}

/// A price for requests whose whole input is above `above` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tier {
    pub above: u64,
    pub price: Atto,
}

/// What [`Item::per`] units cost, by the size of the request's whole input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub base: Atto,
    /// By rising `above`.
    pub tiers: Box<[Tier]>,
    /// So many units are charged at least, where there is one at all.
    pub least: u64,
    /// Where it is from. The file tells it of models and variants, not of each price.
    pub source: Sources,
}

impl Price {
    /// A price that is the same at any size.
    pub(super) fn flat(base: Atto) -> Price {
        Price {
            base,
            tiers: Box::default(),
            least: 0,
            source: Sources::NONE,
        }
    }

    /// The units that are charged for so many used ones.
    pub(super) fn charged(&self, count: u64) -> u64 {
        if count == 0 { 0 } else { count.max(self.least) }
    }

    /// The price so many times as high.
    pub(super) fn times(&self, times: Times) -> Price {
        let tier = |tier: &Tier| Tier {
            above: tier.above,
            price: times.of(tier.price),
        };
        Price {
            base: times.of(self.base),
            tiers: self.tiers.iter().map(tier).collect(),
            least: self.least,
            source: self.source,
        }
    }

    /// The price at a total input: the highest tier that it is above, for every unit of the
    /// request.
    pub(super) fn at(&self, total_input: u64) -> Atto {
        self.tier(total_input).map_or(self.base, |tier| tier.price)
    }

    /// The tier that a total input reaches, if any.
    pub(super) fn tier(&self, total_input: u64) -> Option<&Tier> {
        self.tiers
            .iter()
            .rev()
            .find(|tier| total_input > tier.above)
    }

    /// The dearest price that any total input up to this can meet.
    pub(super) fn dearest(&self, total_input: u64) -> Atto {
        let reached = self.tiers.iter().filter(|tier| total_input > tier.above);
        reached.map(|tier| tier.price).fold(self.base, Atto::max)
    }

    /// At every input whichever of the two is higher there.
    pub(super) fn or_dearer(&self, other: &Price) -> Price {
        let mut bounds: Vec<u64> = self.tiers.iter().map(|tier| tier.above).collect();
        bounds.extend(other.tiers.iter().map(|tier| tier.above));
        bounds.sort_unstable();
        bounds.dedup();
        let dearer = |input| self.at(input).max(other.at(input));
        let tier = |above: u64| Tier {
            above,
            price: dearer(above.saturating_add(1)),
        };
        Price {
            base: self.base.max(other.base),
            tiers: bounds.into_iter().map(tier).collect(),
            least: self.least.max(other.least),
            source: self.source.and(other.source),
        }
    }

    /// The price so many times as high, where that is more.
    pub(super) fn at_least_times(&self, times: Times) -> Price {
        self.or_dearer(&self.times(times))
    }

    pub(super) fn is_zero(&self) -> bool {
        self.base.0 == 0 && self.tiers.iter().all(|tier| tier.price.0 == 0)
    }
}

/// A factor of prices, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times(i128);

/// Decimal places of a factor.
const TIMES_PLACES: usize = 6;

impl Times {
    /// A factor above nothing; `None` where the text is none or has more than six places.
    pub(super) fn parse(text: &str) -> Option<Times> {
        decimal(text, TIMES_PLACES)
            .filter(|millionths| *millionths > 0)
            .map(Times)
    }

    /// The factor of one changes nothing.
    pub(super) fn is_one(self) -> bool {
        self.0 == 1_000_000
    }

    /// A price in atto-dollars times the factor, rounded half up where it has no room: that is a
    /// millionth of a millionth of a pico-dollar for a token.
    fn of(self, price: Atto) -> Atto {
        Atto((price.0.saturating_mul(self.0).saturating_add(500_000)) / 1_000_000)
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        Times::parse(text)
            .ok_or_else(|| de::Error::custom(format_args!("\"{text}\" is no factor of a price")))
    }
}

/// The prices of a model under one set of conditions, at most one per item; shared, not copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PriceSet(Arc<[(Item, Price)]>);

impl PriceSet {
    /// A set in the order of [`Item`]; of two prices for one item the first stays.
    pub(super) fn new(mut prices: Vec<(Item, Price)>) -> PriceSet {
        prices.sort_by_key(|(item, _)| *item);
        prices.dedup_by_key(|(item, _)| *item);
        PriceSet(prices.into())
    }

    /// The price of an item.
    pub(super) fn get(&self, item: Item) -> Option<&Price> {
        self.0
            .iter()
            .find(|(at, _)| *at == item)
            .map(|(_, price)| price)
    }

    /// The first of several items that has a price: the most specific first, then what it falls
    /// back to.
    pub(super) fn first(&self, items: &[Item]) -> Option<(Item, &Price)> {
        items
            .iter()
            .find_map(|item| self.get(*item).map(|price| (*item, price)))
    }

    /// The set with every price of a token so many times as high; fees stay, as the factors are
    /// for where and how fast a model runs.
    pub(super) fn times(&self, times: Times, source: Sources) -> PriceSet {
        let price = |(item, price): (Item, &Price)| {
            if !item.is_input() && !item.is_output() {
                return (item, price.clone());
            }
            let mut price = price.times(times);
            price.source = price.source.and(source);
            (item, price)
        };
        PriceSet(self.iter().map(price).collect())
    }

    /// Every price.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Item, &Price)> {
        self.0.iter().map(|(item, price)| (*item, price))
    }

    /// Whether nothing is priced: the cost is not known.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something is priced and all of it at nothing.
    pub(super) fn is_free(&self) -> bool {
        !self.is_empty() && self.0.iter().all(|(_, price)| price.is_zero())
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.tiers.is_empty() && self.least == 0 {
            return serializer.collect_str(&self.base);
        }
        let text = |tier: &Tier| (tier.above, tier.price.to_string());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("base", &self.base.to_string())?;
        if !self.tiers.is_empty() {
            map.serialize_entry("above", &self.tiers.iter().map(text).collect::<Vec<_>>())?;
        }
        if self.least > 0 {
            map.serialize_entry("least", &self.least)?;
        }
        map.end()
    }
}

struct PriceVisitor;

impl PriceVisitor {
    fn amount<E: de::Error>(text: &str) -> Result<Atto, E> {
        Atto::parse(text).ok_or_else(|| E::custom(format_args!("\"{text}\" is no price in USD")))
    }
}

impl<'de> de::Visitor<'de> for PriceVisitor {
    type Value = Price;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a decimal in quotes, or an object with `base`, `above` and `least`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Price, E> {
        Ok(Price::flat(Self::amount(text)?))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Price, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Tiered {
            base: String,
            #[serde(default)]
            above: Vec<(u64, String)>,
            #[serde(default)]
            least: u64,
        }
        let tiered = Tiered::deserialize(de::value::MapAccessDeserializer::new(map))?;
        if tiered.above.len() > TIERS_MAX || !tiered.above.is_sorted_by_key(|(above, _)| *above) {
            return Err(de::Error::custom(format_args!(
                "tiers must rise, and be {TIERS_MAX} at most"
            )));
        }
        let tier = |(above, text): &(u64, String)| {
            Ok(Tier {
                above: *above,
                price: Self::amount(text)?,
            })
        };
        let tiers = tiered
            .above
            .iter()
            .map(tier)
            .collect::<Result<_, A::Error>>()?;
        Ok(Price {
            base: Self::amount(&tiered.base)?,
            tiers,
            least: tiered.least,
            source: Sources::NONE,
        })
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PriceVisitor)
    }
}

impl Serialize for PriceSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for PriceSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Set;
        impl<'de> de::Visitor<'de> for Set {
            type Value = PriceSet;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of prices by key")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<PriceSet, A::Error> {
                let mut prices = Vec::with_capacity(8);
                while let Some(entry) = map.next_entry()? {
                    prices.push(entry);
                }
                Ok(PriceSet::new(prices))
            }
        }
        deserializer.deserialize_map(Set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_begins_above_its_start_and_the_highest_counts() {
        let json = r#"{"base":"1","above":[[100,"2"],[200,"0.5"]]}"#;
        let price: Price = serde_json::from_str(json).expect("a price");
        let at = |input| price.at(input).to_string();
        assert_eq!(
            [at(0), at(100), at(101), at(200), at(201)],
            ["1", "1", "2", "2", "0.5"]
        );
        assert_eq!(price.dearest(1000).to_string(), "2");
        assert_eq!(serde_json::to_string(&price).expect("text"), json);
    }

    #[test]
    fn refuses_what_is_no_price() {
        for json in [
            "1",
            "\"-1\"",
            "\"1e3\"",
            "\"0.1234567890123456789\"",
            r#"{"above":[]}"#,
        ] {
            assert!(serde_json::from_str::<Price>(json).is_err(), "{json}");
        }
        let falling = r#"{"base":"1","above":[[200,"2"],[100,"3"]]}"#;
        assert!(serde_json::from_str::<Price>(falling).is_err());
        assert!(serde_json::from_str::<PriceSet>(r#"{"input_tok":"1"}"#).is_err());
    }

    #[test]
    fn keeps_eighteen_places() {
        assert_eq!(
            Atto::parse("0.041666666666666664")
                .expect("a price")
                .to_string(),
            "0.041666666666666664"
        );
    }
}
