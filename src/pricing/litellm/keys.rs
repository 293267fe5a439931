//! What litellm's price keys mean: an item, the size of the input from which it holds, and the kind
//! of request that it is for.

use crate::pricing::item::Item;

/// The meaning of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub item: Item,
    /// The price is for requests with more input tokens than this.
    pub above: Option<u64>,
    /// Which requests the price is for, as a variant's key and value.
    pub of: Option<(&'static str, &'static str)>,
}

/// Keys without their suffixes. Prices are for one unit of the item.
const PLAIN: [(&str, Item); 30] = [
    ("input_cost_per_token", Item::Input),
    ("output_cost_per_token", Item::Output),
    ("cache_read_input_token_cost", Item::CacheRead),
    ("cache_read_input_audio_token_cost", Item::CacheAudioRead),
    ("cache_read_input_image_token_cost", Item::CacheImageRead),
    ("cache_creation_input_token_cost", Item::CacheWrite),
    (
        "cache_creation_input_token_cost_above_1hr",
        Item::CacheWrite1h,
    ),
    (
        "cache_creation_input_token_cost_above_12hr",
        Item::CacheWrite12h,
    ),
    ("input_cost_per_audio_token", Item::InputAudio),
    ("input_cost_per_image_token", Item::InputImage),
    ("input_cost_per_video_token", Item::InputVideo),
    ("output_cost_per_audio_token", Item::OutputAudio),
    ("output_cost_per_image_token", Item::OutputImage),
    ("output_cost_per_video_token", Item::OutputVideo),
    ("output_cost_per_reasoning_token", Item::OutputReasoning),
    ("citation_cost_per_token", Item::OutputCitation),
    ("input_cost_per_character", Item::Characters),
    ("input_cost_per_text_message", Item::TextMessages),
    ("input_cost_per_audio_per_second", Item::InputAudioSeconds),
    ("input_cost_per_video_per_second", Item::VideoSeconds),
    ("output_cost_per_video_per_second", Item::VideoSeconds),
    ("input_cost_per_image", Item::Images),
    ("output_cost_per_image", Item::Images),
    ("input_cost_per_pixel", Item::ImagePixels),
    ("output_cost_per_pixel", Item::ImagePixels),
    ("ocr_cost_per_page", Item::DocumentPages),
    ("annotation_cost_per_page", Item::AnnotatedPages),
    ("input_cost_per_request", Item::Requests),
    ("google_maps_grounding_cost_per_query", Item::MapsSearches),
    ("code_interpreter_cost_per_session", Item::CodeExecutions),
];

/// Suffixes for a kind of request. `_balanced` and `_decisions` are of services that weir does not
/// tell apart.
const KINDS: [(&str, (&str, &str)); 4] = [
    ("_batches", ("processing", "batch")),
    ("_flex", ("service_tier", "flex")),
    ("_priority", ("service_tier", "priority")),
    ("_ultrafast", ("service_tier", "ultrafast")),
];

/// Resolutions that a second of video has a price for.
const RESOLUTIONS: [(&str, &str); 7] = [
    ("output_cost_per_second_480p", "480p"),
    ("output_cost_per_second_720p", "720p"),
    ("output_cost_per_second_768p", "768p"),
    ("output_cost_per_second_1080p", "1080p"),
    ("output_cost_per_second_2k", "2k"),
    ("output_cost_per_second_4k", "4k"),
    ("output_cost_per_second", ""),
];

/// What a key means in a row of this mode; `None` for what is no price, or one of a thing that no
/// call tells of.
pub(super) fn meaning(key: &str, mode: &str) -> Option<Meaning> {
    if let Some(meaning) = second(key, mode) {
        return Some(meaning);
    }
    if key == "explicit_cache_read_input_token_cost" {
        return Some(Meaning {
            item: Item::CacheRead,
            above: None,
            of: Some(("cache_type", "explicit")),
        });
    }
    if key == "input_cost_per_query" {
        let item = (mode == "rerank").then_some(Item::RerankSearches)?;
        return Some(Meaning {
            item,
            above: None,
            of: None,
        });
    }
    let kind = KINDS
        .iter()
        .find_map(|(suffix, of)| Some((key.strip_suffix(suffix)?, *of)));
    let (key, of) = match kind {
        Some((rest, of)) => (rest, Some(of)),
        None => (key, None),
    };
    let (key, above) = match tier(key) {
        Some((rest, above)) => (rest, Some(above)),
        None => (key, None),
    };
    let (_, item) = PLAIN.iter().find(|(plain, _)| *plain == key)?;
    // A picture that a chat model draws is counted in tokens; its price by the piece is a wrong one.
    let drawn = mode.starts_with("image") || mode == "video_generation" || mode == "embedding";
    let makes_sound = mode == "audio_speech" && key == "output_cost_per_image";
    let by_piece = matches!(item, Item::Images | Item::ImagePixels);
    (!by_piece || (drawn && !makes_sound)).then_some(Meaning {
        item: *item,
        above,
        of,
    })
}

/// Seconds are of audio or of video, by the mode.
fn second(key: &str, mode: &str) -> Option<Meaning> {
    let of = |item, of| Meaning {
        item,
        above: None,
        of,
    };
    match (key, mode) {
        ("input_cost_per_second", "audio_transcription" | "realtime") => {
            Some(of(Item::AudioSeconds, None))
        }
        ("output_cost_per_second", "audio_speech") => Some(of(Item::OutputAudioSeconds, None)),
        (key, "video_generation") => {
            let (_, lines) = RESOLUTIONS.iter().find(|(plain, _)| *plain == key)?;
            let resolution = (!lines.is_empty()).then_some(("resolution", *lines));
            Some(of(Item::VideoSeconds, resolution))
        }
        _ => None,
    }
}

/// `_above_200k_tokens` at the end of a key.
fn tier(key: &str) -> Option<(&str, u64)> {
    let (rest, above) = key.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
    Some((rest, above.parse::<u64>().ok()?.checked_mul(1000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_item_a_size_and_a_kind_of_request() {
        let cases = [
            (
                "input_cost_per_token",
                "chat",
                Some((Item::Input, None, None)),
            ),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                "chat",
                Some((Item::CacheWrite1h, Some(200_000), None)),
            ),
            (
                "output_cost_per_token_above_272k_tokens_batches",
                "chat",
                Some((Item::Output, Some(272_000), Some(("processing", "batch")))),
            ),
            (
                "output_cost_per_second_1080p",
                "video_generation",
                Some((Item::VideoSeconds, None, Some(("resolution", "1080p")))),
            ),
            (
                "input_cost_per_second",
                "audio_transcription",
                Some((Item::AudioSeconds, None, None)),
            ),
            ("input_cost_per_second", "chat", None),
            ("output_cost_per_image", "chat", None),
            (
                "output_cost_per_image",
                "image_generation",
                Some((Item::Images, None, None)),
            ),
            ("input_cost_per_token_decisions", "chat", None),
            ("max_input_tokens", "chat", None),
        ];
        for (key, mode, expected) in cases {
            let found = meaning(key, mode).map(|found| (found.item, found.above, found.of));
            assert_eq!(found, expected, "{key}");
        }
    }
}
