//! One model on its way from litellm's rows to the catalogue's.

use std::collections::BTreeMap;

use super::keys::meaning;
use super::names::{Named, pixels};
use crate::pricing::Error;
use crate::pricing::condition::Condition;
use crate::pricing::fields::{NEWER, fault, integer, list, object, plain_decimal, required, text};
use crate::pricing::item::Item;
use crate::pricing::literal::{Node, Object, Value};
use crate::pricing::price::{Atto, PLACES, Price, Tier, Times};
use crate::units::decimal;

use super::off_peak::off_peak;

/// Decimal places that a price of one unit is read with.
const UNIT_PLACES: usize = 27;

/// Which requests prices are for, as a variant says it.
pub(super) type Context = BTreeMap<String, String>;

/// Prices of one context by item.
pub(super) type Prices = BTreeMap<Item, Price>;

/// What a model's rows say so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// Input tokens at most.
    pub context: Option<u64>,
    pub prices: BTreeMap<Context, Prices>,
    pub times: BTreeMap<Context, Times>,
    /// Prices at times of the day and the week, over those of no context.
    pub timed: Vec<(Condition, Prices)>,
}

/// One price under way: tiers can come before what they are above.
#[derive(Default)]
struct Cell {
    base: Option<Atto>,
    tiers: Vec<Tier>,
}

pub(super) fn context(key: &str, value: &str) -> Context {
    [(key.to_owned(), value.to_owned())].into()
}

/// The price of [`Item::per`] units by the price of one, as written; `None` for nothing.
pub(super) fn price(value: &Value, item: Item) -> Result<Option<Atto>, Error> {
    let Node::Number(written) = &value.node else {
        return Err(fault(value, "expected a price", NEWER));
    };
    let one = plain_decimal(written).and_then(|plain| decimal(&plain, UNIT_PLACES));
    let scale = 10_i128.pow(u32::try_from(UNIT_PLACES - PLACES).unwrap_or(0));
    let many = one
        .filter(|one| *one >= 0)
        .and_then(|one| one.checked_mul(i128::from(item.per())))
        .map(|many| (many + scale / 2) / scale);
    match many {
        None => Err(fault(
            value,
            format!("\"{written}\" is no price"),
            "correct the price",
        )),
        Some(many) => Ok(Some(Atto(many)).filter(|price| price.0 > 0)),
    }
}

impl Draft {
    /// Reads one row.
    pub(super) fn read(row: &Object, named: &Named) -> Result<Draft, Error> {
        let mode = match row.get("mode") {
            Some(mode) => text(mode)?,
            None => Box::default(),
        };
        let mut draft = Draft {
            context: row
                .get("max_input_tokens")
                .and_then(|value| integer(value).ok()),
            ..Draft::default()
        };
        let mut cells: BTreeMap<(Context, Item), Cell> = BTreeMap::new();
        for (key, value) in &row.fields {
            let Some(meaning) = meaning(key, &mode) else {
                draft.special(key, value, named)?;
                continue;
            };
            let of = meaning.of.map(|(key, value)| context(key, value));
            let cell = cells
                .entry((of.unwrap_or_default(), meaning.item))
                .or_default();
            match (price(value, meaning.item)?, meaning.above) {
                (None, _) => {}
                (price, None) => cell.base = cell.base.or(price),
                // xAI's tiers begin at their bound, all others above it.
                (Some(price), Some(bound)) => cell.tiers.push(Tier {
                    above: bound - u64::from(named.provider == "x-ai"),
                    price,
                }),
            }
        }
        draft.fill(cells);
        if let Some(tiers) = row.get("tiered_pricing") {
            draft.tiered(tiers, &mode)?;
        }
        if let Some(off) = row.get("off_peak_pricing") {
            let peak = draft
                .prices
                .get(&Context::new())
                .cloned()
                .unwrap_or_default();
            draft.timed = off_peak(off, &peak)?;
        }
        draft.one_measure();
        draft.pictures(named);
        Ok(draft)
    }

    fn fill(&mut self, cells: BTreeMap<(Context, Item), Cell>) {
        for ((of, item), mut cell) in cells {
            let Some(base) = cell.base else { continue };
            // Where a kind of request has no tier of its own, litellm charges the plain one, which
            // is the dearer.
            let plain = self
                .prices
                .get(&Context::new())
                .and_then(|plain| plain.get(&item));
            for tier in plain.into_iter().flat_map(|plain| plain.tiers.iter()) {
                if !cell.tiers.iter().any(|own| own.above == tier.above) {
                    cell.tiers.push(*tier);
                }
            }
            cell.tiers.sort_by_key(|tier| tier.above);
            let price = Price {
                tiers: cell.tiers.into(),
                ..Price::flat(base)
            };
            self.prices.entry(of).or_default().insert(item, price);
        }
    }

    /// Keys that hold more than a price of one item.
    fn special(&mut self, key: &str, value: &Value, named: &Named) -> Result<(), Error> {
        let times = |value: &Value| match &value.node {
            Node::Number(written) => Times::parse(written).filter(|times| !times.is_one()),
            _ => None,
        };
        let mut add = |of: Context, value: &Value| {
            self.times.extend(times(value).map(|times| (of, times)));
        };
        match key {
            "regional_processing_uplift_multiplier_us" => add(context("geo", "us"), value),
            "regional_processing_uplift_multiplier_eu" => add(context("geo", "eu"), value),
            "regional_endpoint_uplift_multiplier" => add(context("geo", "!global"), value),
            "provider_specific_entry" => {
                for (key, value) in &object(value)?.fields {
                    match key.as_str() {
                        "us" => add(context("geo", "us"), value),
                        "fast" => add(context("speed", "fast"), value),
                        _ => {}
                    }
                }
            }
            "guardrail_cost_per_unit" => self.guardrails(object(value)?)?,
            "search_context_cost_per_query" => self.searches(object(value)?, named)?,
            _ => {}
        }
        Ok(())
    }

    /// What Bedrock asks for each unit that a guardrail looks at, by what it looks for.
    fn guardrails(&mut self, kinds: &Object) -> Result<(), Error> {
        for (kind, value) in &kinds.fields {
            let item = match kind.as_str() {
                "topicPolicyUnits" => Item::GuardrailTopic,
                "contentPolicyUnits" => Item::GuardrailContent,
                "contentPolicyImageUnits" => Item::GuardrailContentImage,
                "sensitiveInformationPolicyUnits" => Item::GuardrailSensitive,
                "contextualGroundingPolicyUnits" => Item::GuardrailGrounding,
                "automatedReasoningPolicyUnits" => Item::GuardrailReasoning,
                _ => continue,
            };
            if let Some(price) = price(value, item)? {
                let prices = self.prices.entry(Context::new()).or_default();
                prices.insert(item, Price::flat(price));
            }
        }
        Ok(())
    }

    /// A search's price by how much it brings in. Perplexity asks it for the request, which is a
    /// search; its default is to bring in little, others' is medium.
    fn searches(&mut self, sizes: &Object, named: &Named) -> Result<(), Error> {
        let (item, default) = match named.provider {
            "perplexity" => (Item::Requests, "low"),
            _ => (Item::WebSearches, "medium"),
        };
        let mut prices = Vec::with_capacity(3);
        for size in ["low", "medium", "high"] {
            if let Some(value) = sizes.get(&format!("search_context_size_{size}")) {
                prices.extend(price(value, item)?.map(|price| (size, price)));
            }
        }
        let plain = prices.iter().find(|(size, _)| *size == default);
        let Some(plain) = plain.or(prices.first()).map(|(_, price)| *price) else {
            return Ok(());
        };
        let mut set = |of: Context, price: Atto| {
            let prices = self.prices.entry(of).or_default();
            prices.insert(item, Price::flat(price));
        };
        set(Context::new(), plain);
        for (size, price) in &prices {
            if prices.iter().any(|(_, other)| other != price) {
                set(context("search_context", size), *price);
            }
        }
        Ok(())
    }

    /// Prices by the size of the input, a list of ranges that follow on each other. An item that
    /// not every range prices is left out: its price is not known in the others.
    fn tiered(&mut self, ranges: &Value, mode: &str) -> Result<(), Error> {
        let ranges = list(ranges)?;
        let mut found: Prices = Prices::new();
        for (at, range) in ranges.iter().enumerate() {
            let fields = object(range)?;
            let [from, _] = list(required(range, fields, "range")?)? else {
                return Err(fault(range, "a range without both its ends", NEWER));
            };
            let from = whole(from)?;
            for (key, value) in &fields.fields {
                let Some(item) = meaning(key, mode).map(|meaning| meaning.item) else {
                    continue;
                };
                let Some(price) = price(value, item)? else {
                    continue;
                };
                if at == 0 {
                    found.insert(item, Price::flat(price));
                } else if let Some(known) = found.get_mut(&item) {
                    let tier = Tier { above: from, price };
                    known.tiers = known.tiers.iter().copied().chain([tier]).collect();
                }
            }
        }
        found.retain(|_, price| price.tiers.len() + 1 == ranges.len());
        self.prices.entry(Context::new()).or_default().extend(found);
        Ok(())
    }

    /// Drops the price of a medium by its piece or its second where its tokens have a price: both
    /// tell the same thing.
    fn one_measure(&mut self) {
        let plain = self
            .prices
            .get(&Context::new())
            .cloned()
            .unwrap_or_default();
        let has = |item| plain.contains_key(&item);
        for prices in self.prices.values_mut() {
            prices.retain(|item, _| match item {
                Item::Images => !has(Item::OutputImage) && !has(Item::InputImage),
                Item::VideoSeconds => !has(Item::InputVideo),
                Item::InputAudioSeconds => !has(Item::InputAudio),
                Item::AudioSeconds => !has(Item::Input) && !has(Item::InputAudio),
                Item::OutputAudioSeconds => !has(Item::OutputAudio),
                Item::Characters => !has(Item::Input),
                // Sounds are made of text, not of what was read.
                _ => true,
            });
        }
        self.prices.retain(|_, prices| !prices.is_empty());
    }

    /// What a row for one size and quality says is for those alone.
    fn pictures(&mut self, named: &Named) {
        if named.sizes.is_empty() {
            return;
        }
        let Some(plain) = self.prices.remove(&Context::new()) else {
            return;
        };
        for size in &named.sizes {
            let mut of = context("size", size);
            if let Some(quality) = &named.quality {
                of.insert("quality".to_owned(), quality.clone());
            }
            let mut prices = plain.clone();
            if let (Some(by_pixel), Some(pixels)) =
                (prices.remove(&Item::ImagePixels), pixels(size))
            {
                let per = i128::from(Item::ImagePixels.per());
                let picture = (by_pixel.base.0.saturating_mul(i128::from(pixels)) + per / 2) / per;
                prices
                    .entry(Item::Images)
                    .or_insert_with(|| Price::flat(Atto(picture)));
            }
            self.prices.insert(of, prices);
        }
    }
}

/// A whole number, also as `32000.0`.
fn whole(value: &Value) -> Result<u64, Error> {
    let number = match &value.node {
        Node::Number(written) => written.trim_end_matches('0').strip_suffix('.').map_or_else(
            || written.parse().ok(),
            |_| {
                written
                    .split('.')
                    .next()
                    .and_then(|whole| whole.parse().ok())
            },
        ),
        _ => None,
    };
    number.ok_or_else(|| fault(value, "expected a whole number", NEWER))
}
