//! A usage taken apart so that each token is charged once, at its most specific price.
//!
//! A class that the model does not price is not split off: its tokens stay with what they belong
//! to. Classes that exceed their total are cut to it, so no token is charged twice.

use super::item::Item;
use super::price::{Price, PriceSet};
use crate::providers::report::GROUNDED_PROMPTS;
use crate::usage::Usage;

/// A count and the price that it is charged at.
pub(super) struct Leaf<'a> {
    /// What was counted.
    pub item: Item,
    pub count: u64,
    /// What it is charged as, and at which price; `None` = the model prices neither it nor its
    /// parents.
    pub price: Option<(Item, &'a Price)>,
}

/// What each item is charged as: itself, else the first of these that has a price.
pub(super) fn chain(item: Item) -> &'static [Item] {
    use Item::{
        AnnotatedPages, AudioSeconds, CacheAudioRead, CacheImageRead, CacheRead, CacheVideoRead,
        CacheWrite, CacheWrite1h, CacheWrite5m, CacheWrite12h, DocumentPages, Input, InputAudio,
        InputAudioSeconds, InputImage, InputVideo, Output, OutputAudio, OutputAudioSeconds,
        OutputCitation, OutputImage, OutputReasoning, OutputVideo,
    };
    match item {
        CacheRead => &[CacheRead, Input],
        CacheAudioRead => &[CacheAudioRead, CacheRead, InputAudio, Input],
        CacheImageRead => &[CacheImageRead, CacheRead, InputImage, Input],
        CacheVideoRead => &[CacheVideoRead, CacheRead, InputVideo, Input],
        CacheWrite => &[CacheWrite, CacheWrite5m, Input],
        CacheWrite5m => &[CacheWrite5m, CacheWrite, Input],
        CacheWrite1h => &[CacheWrite1h, CacheWrite, CacheWrite5m, Input],
        CacheWrite12h => &[CacheWrite12h, CacheWrite, CacheWrite5m, Input],
        InputAudio => &[InputAudio, Input],
        InputImage => &[InputImage, Input],
        InputVideo => &[InputVideo, Input],
        Input => &[Input],
        OutputReasoning => &[OutputReasoning, Output],
        OutputCitation => &[OutputCitation, Output],
        OutputAudio => &[OutputAudio, Output],
        OutputImage => &[OutputImage, Output],
        OutputVideo => &[OutputVideo, Output],
        Output => &[Output],
        AudioSeconds => &[AudioSeconds, InputAudioSeconds],
        InputAudioSeconds => &[InputAudioSeconds, AudioSeconds],
        OutputAudioSeconds => &[OutputAudioSeconds, AudioSeconds],
        DocumentPages => &[DocumentPages],
        AnnotatedPages => &[AnnotatedPages, DocumentPages],
        Item::Characters => &[Item::Characters],
        Item::TextMessages => &[Item::TextMessages],
        Item::RerankSearches => &[Item::RerankSearches],
        Item::Images => &[Item::Images],
        Item::ImagePixels => &[Item::ImagePixels],
        Item::VideoSeconds => &[Item::VideoSeconds],
        Item::Classifications => &[Item::Classifications],
        Item::MapsSearches => &[Item::MapsSearches],
        Item::GuardrailTopic => &[Item::GuardrailTopic],
        Item::GuardrailContent => &[Item::GuardrailContent],
        Item::GuardrailContentImage => &[Item::GuardrailContentImage],
        Item::GuardrailSensitive => &[Item::GuardrailSensitive],
        Item::GuardrailGrounding => &[Item::GuardrailGrounding],
        Item::GuardrailReasoning => &[Item::GuardrailReasoning],
        Item::WebSearches => &[Item::WebSearches],
        Item::SocialSearches => &[Item::SocialSearches],
        Item::StorageSearches => &[Item::StorageSearches],
        Item::CodeExecutions => &[Item::CodeExecutions],
        Item::Requests => &[Item::Requests],
    }
}

/// Takes tokens of one total until it is used up.
struct Purse<'a, 'b> {
    left: u64,
    prices: &'a PriceSet,
    leaves: &'b mut Vec<Leaf<'a>>,
}

impl Purse<'_, '_> {
    /// Charges up to `count` tokens as this item, or leaves them with the rest where `rest` has
    /// their price too.
    fn take(&mut self, item: Item, count: Option<u64>, rest: Item) {
        let Some(count) = count.filter(|count| *count > 0) else {
            return;
        };
        let price = self.prices.first(chain(item));
        if price.is_none_or(|(charged, _)| charged == rest) {
            return;
        }
        let count = count.min(self.left);
        self.left -= count;
        self.leaves.push(Leaf { item, count, price });
    }

    /// Charges what is left.
    fn finish(self, item: Item) {
        let price = self.prices.first(chain(item));
        self.leaves.push(Leaf {
            item,
            count: self.left,
            price,
        });
    }
}

/// Every charged count of one request. Quantities that were not reported are absent, not 0.
pub(super) fn leaves<'a>(prices: &'a PriceSet, usage: &Usage) -> Vec<Leaf<'a>> {
    let mut leaves = Vec::with_capacity(8);
    if let Some(total) = total_input(usage) {
        input(prices, usage, total, &mut leaves);
    }
    if let Some(total) = usage.output {
        let other = |item| other_unit(usage, item);
        let mut purse = Purse {
            left: total,
            prices,
            leaves: &mut leaves,
        };
        purse.take(Item::OutputAudio, usage.audio_output, Item::Output);
        purse.take(Item::OutputImage, usage.image_output, Item::Output);
        purse.take(Item::OutputVideo, other(Item::OutputVideo), Item::Output);
        purse.take(
            Item::OutputCitation,
            other(Item::OutputCitation),
            Item::Output,
        );
        purse.take(Item::OutputReasoning, usage.reasoning, Item::Output);
        purse.finish(Item::Output);
    }
    other_units(prices, usage, &mut leaves);
    if let Some(price) = prices.first(chain(Item::Requests)) {
        leaves.push(Leaf {
            item: Item::Requests,
            count: other_unit(usage, Item::Requests).unwrap_or(1),
            price: Some(price),
        });
    }
    leaves
}

fn input<'a>(prices: &'a PriceSet, usage: &Usage, total: u64, leaves: &mut Vec<Leaf<'a>>) {
    let other = |item| other_unit(usage, item);
    let media = [
        usage.audio_input,
        usage.image_input,
        other(Item::InputVideo),
    ]
    .map(Option::unwrap_or_default);
    let cached = cached_media(usage, total, media);
    let text_read = usage
        .cache_read
        .map(|read| read.saturating_sub(cached.iter().sum()));
    let fresh = [0, 1, 2].map(|at| Some(media[at].saturating_sub(cached[at])));

    let mut purse = Purse {
        left: total,
        prices,
        leaves,
    };
    purse.take(Item::CacheWrite1h, usage.cache_write_1h, Item::Input);
    purse.take(Item::CacheWrite5m, usage.cache_write_5m, Item::Input);
    // Twelve hours are one of the other times to live, and counted with them.
    let twelve = other(Item::CacheWrite12h).unwrap_or_default();
    let rest = usage
        .cache_write_other
        .map(|all| all.saturating_sub(twelve));
    purse.take(Item::CacheWrite12h, Some(twelve), Item::Input);
    purse.take(Item::CacheWrite, rest, Item::Input);
    purse.take(Item::CacheAudioRead, Some(cached[0]), Item::Input);
    purse.take(Item::CacheImageRead, Some(cached[1]), Item::Input);
    purse.take(Item::CacheVideoRead, Some(cached[2]), Item::Input);
    purse.take(Item::CacheRead, text_read, Item::Input);
    purse.take(Item::InputAudio, fresh[0], Item::Input);
    purse.take(Item::InputImage, fresh[1], Item::Input);
    purse.take(Item::InputVideo, fresh[2], Item::Input);
    purse.finish(Item::Input);
}

/// How many tokens of audio, image and video were read from a cache.
///
/// Few providers say. Unsaid, it is as few as the total allows, since the price of a cached token
/// is never the higher one.
fn cached_media(usage: &Usage, total: u64, media: [u64; 3]) -> [u64; 3] {
    let read = usage.cache_read.unwrap_or_default();
    let sum = [
        read,
        media.iter().sum(),
        cache_writes(usage).unwrap_or_default(),
    ];
    let mut overlap = sum
        .iter()
        .fold(0_u64, |sum, part| sum.saturating_add(*part))
        .saturating_sub(total);
    let said = [
        Item::CacheAudioRead,
        Item::CacheImageRead,
        Item::CacheVideoRead,
    ];
    let said = said.map(|item| other_unit(usage, item));
    let mut left = read;
    [0, 1, 2].map(|at| {
        let count = said[at].unwrap_or(overlap).min(media[at]).min(left);
        overlap = overlap.saturating_sub(count);
        left -= count;
        count
    })
}

/// The whole input, cache included: as said, else the sum of its parts that were.
pub(super) fn total_input(usage: &Usage) -> Option<u64> {
    let parts = [usage.cache_read, cache_writes(usage)];
    let sum = || parts.into_iter().flatten().reduce(u64::saturating_add);
    usage.input.or_else(sum)
}

fn cache_writes(usage: &Usage) -> Option<u64> {
    let writes = [
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.cache_write_other,
    ];
    writes.into_iter().flatten().reduce(u64::saturating_add)
}

fn other_unit(usage: &Usage, item: Item) -> Option<u64> {
    let counts = usage
        .other_units
        .iter()
        .filter(|(name, _)| Item::from_other_unit(name) == Some(item));
    counts.map(|(_, count)| *count).reduce(u64::saturating_add)
}

/// Units beside tokens: searches, seconds, pages, characters.
fn other_units<'a>(prices: &'a PriceSet, usage: &Usage, leaves: &mut Vec<Leaf<'a>>) {
    let items = usage
        .other_units
        .keys()
        .filter_map(|name| Item::from_other_unit(name));
    let mut items: Vec<Item> = items
        .filter(|item| !item.is_input() && !item.is_output() && *item != Item::Requests)
        .collect();
    items.sort_unstable();
    items.dedup();
    let part = |item| other_unit(usage, item).unwrap_or_default();
    for item in items {
        // A total that is given beside its parts is charged for what the parts leave.
        let parts = match item {
            Item::AudioSeconds => {
                part(Item::InputAudioSeconds).saturating_add(part(Item::OutputAudioSeconds))
            }
            Item::DocumentPages => part(Item::AnnotatedPages),
            _ => 0,
        };
        let prompts = usage.other_units.get(GROUNDED_PROMPTS);
        let count = match (item, prompts) {
            (Item::WebSearches, Some(prompts)) => *prompts,
            _ => part(item).saturating_sub(parts),
        };
        let price = prices.first(chain(item));
        // A model that prices the tokens of its images has a price by the piece only for answers
        // that state no tokens.
        let price =
            price.filter(|_| item != Item::Images || !is_told_in_tokens(item, prices, usage));
        leaves.push(Leaf { item, count, price });
    }
}

/// Whether what an item counts was counted in tokens too, and those have a price: then the item
/// tells the same thing once more.
pub(super) fn is_told_in_tokens(item: Item, prices: &PriceSet, usage: &Usage) -> bool {
    let (tokens, side) = match item {
        Item::Images | Item::VideoSeconds | Item::OutputAudioSeconds => {
            (usage.output, Item::Output)
        }
        Item::AudioSeconds | Item::InputAudioSeconds | Item::Characters => {
            (usage.input, Item::Input)
        }
        _ => return false,
    };
    let priced = |(at, _): (Item, &Price)| match side {
        Item::Input => at.is_input(),
        _ => at.is_output(),
    };
    tokens.is_some_and(|tokens| tokens > 0) && prices.iter().any(priced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: &str = r#"{"input_mtok":"1","cache_read_mtok":"1","cache_write_mtok":"1",
        "cache_write_1h_mtok":"1","input_audio_mtok":"1","input_image_mtok":"1",
        "cache_audio_read_mtok":"1","output_mtok":"1","output_audio_mtok":"1",
        "output_reasoning_mtok":"1"}"#;

    fn counts(prices: &str, usage: &Usage) -> Vec<(Item, u64)> {
        let prices: PriceSet = serde_json::from_str(prices).expect("prices");
        let leaves = leaves(&prices, usage);
        let counted = leaves.iter().filter(|leaf| leaf.count > 0);
        counted.map(|leaf| (leaf.item, leaf.count)).collect()
    }

    #[test]
    fn a_class_without_a_price_stays_with_its_parent() {
        let usage = Usage {
            input: Some(10),
            cache_read: Some(4),
            audio_input: Some(3),
            output: Some(5),
            reasoning: Some(2),
            ..Usage::default()
        };
        let plain = counts(r#"{"input_mtok":"1","output_mtok":"1"}"#, &usage);
        assert_eq!(plain, [(Item::Input, 10), (Item::Output, 5)]);
        let split = [
            (Item::CacheRead, 4),
            (Item::InputAudio, 3),
            (Item::Input, 3),
        ];
        assert_eq!(counts(ALL, &usage)[..3], split);
    }

    #[test]
    fn what_must_have_been_both_cached_and_audio_is_charged_as_both() {
        let usage = Usage {
            input: Some(10),
            cache_read: Some(8),
            audio_input: Some(5),
            ..Usage::default()
        };
        let unsaid = counts(ALL, &usage);
        let few = [
            (Item::CacheAudioRead, 3),
            (Item::CacheRead, 5),
            (Item::InputAudio, 2),
        ];
        assert_eq!(unsaid, few);
        let said = Usage {
            other_units: [("cache_read_audio_tokens", 5)].into(),
            ..usage
        };
        let all = [
            (Item::CacheAudioRead, 5),
            (Item::CacheRead, 3),
            (Item::Input, 2),
        ];
        assert_eq!(counts(ALL, &said), all);
    }

    #[test]
    fn a_part_of_the_seconds_is_not_charged_twice() {
        let units = [("audio_seconds", 10), ("input_audio_seconds", 4)];
        let usage = Usage {
            other_units: units.into(),
            ..Usage::default()
        };
        let hours = r#"{"audio_hours":"1","input_audio_hours":"2"}"#;
        let parts = [(Item::AudioSeconds, 6), (Item::InputAudioSeconds, 4)];
        assert_eq!(counts(hours, &usage), parts);
    }

    proptest! {
        #[test]
        fn each_token_is_charged_once_whatever_is_reported(
            input in 0_u64..1000, output in 0_u64..1000,
            parts in proptest::array::uniform8(proptest::option::of(0_u64..1500)),
            cached in proptest::option::of(0_u64..1500),
        ) {
            let [read, five, hour, other, audio, image, spoken, reasoning] = parts;
            let said = cached.map(|count| ("cache_read_audio_tokens", count));
            let usage = Usage {
                input: Some(input),
                output: Some(output),
                cache_read: read,
                cache_write_5m: five,
                cache_write_1h: hour,
                cache_write_other: other,
                audio_input: audio,
                image_input: image,
                audio_output: spoken,
                reasoning,
                other_units: said.into_iter().collect(),
                ..Usage::default()
            };
            let counts = counts(ALL, &usage);
            let sum = |side: fn(Item) -> bool| -> u64 {
                counts.iter().filter(|(item, _)| side(*item)).map(|(_, count)| count).sum()
            };
            prop_assert_eq!((sum(Item::is_input), sum(Item::is_output)), (input, output));
        }
    }
}
