//! How many pieces, seconds and characters a call may be charged for, and what they cost.

use std::collections::BTreeMap;

use crate::pricing::Rates;
use crate::units::PicoUsd;
use crate::usage::Usage;

use super::Ask;

/// Bytes to a second of a recording, as speech is mostly sent: 128 kbit/s.
const RECORDING_BYTES_PER_SECOND: u64 = 16_000;

/// Fewest bytes to a second of a recording: the narrowest codec in wide use sends 4.75 kbit/s.
const RECORDING_BYTES_PER_SECOND_MIN: u64 = 500;

/// Longest recording that the body only refers to: no host takes one of a whole day.
const RECORDING_SECONDS_MAX: u64 = 86_400;

/// At most for a second of a recording; the models in wide use take 10 to 32 tokens.
const TOKENS_PER_SECOND_MAX: u64 = 50;

/// At most for one image that a model makes by tokens: a power of two above the dearest size there is.
const IMAGE_TOKENS_MAX: u64 = 16_384;

/// Expected for one image of good quality.
const IMAGE_TOKENS_EXPECTED: u64 = 1_500;

/// Expected for one image of high quality.
const IMAGE_TOKENS_EXPECTED_HIGH: u64 = 6_000;

/// Texts that are ranked for the price of one search.
const DOCUMENTS_PER_SEARCH: u64 = 100;

/// Fewest bytes of what is ranked as one text: longer ones are cut.
const RANKED_BYTES_MIN: u64 = 250;

/// Bytes to a page of a document in a body, as they mostly are.
const PAGE_BYTES: u64 = 50_000;

/// Most pages of a document that a provider reads in one call.
const PAGES_MAX: u64 = 1_000;

/// At most so many runs of a tool of the provider's, where the body does not allow more.
const TOOL_RUNS_MAX: u64 = 64;

/// Fewest bytes of the body that a guardrail charges as one text: up to 1,000 characters, and what begins.
const GUARDED_BYTES_MIN: u64 = 100;

/// Fewest tokens of the answer that it charges as one text.
const GUARDED_TOKENS_MIN: u64 = 50;

/// What a guardrail may be charged for, by policy.
const GUARDRAIL_UNITS: &[&str] = &[
    "guardrail_topic_units",
    "guardrail_content_units",
    "guardrail_content_image_units",
    "guardrail_sensitive_information_units",
    "guardrail_contextual_grounding_units",
    "guardrail_automated_reasoning_units",
];

/// Seconds of the recording that the body holds or refers to.
fn seconds(ask: &Ask<'_>, worst: bool) -> u64 {
    match worst {
        true if ask.request.refers_outside => RECORDING_SECONDS_MAX,
        true => ask.body_bytes.div_ceil(RECORDING_BYTES_PER_SECOND_MIN),
        false => ask.body_bytes.div_ceil(RECORDING_BYTES_PER_SECOND),
    }
}

/// At most so many tokens in the recording, where there is one.
pub(super) fn recording_tokens(ask: &Ask<'_>) -> Option<u64> {
    let most = || seconds(ask, true).saturating_mul(TOKENS_PER_SECOND_MAX);
    ask.request.has_recording.then(most)
}

/// Tokens of the images that were asked for, expected and at most; `None` where none were.
pub(super) fn image_tokens(ask: &Ask<'_>) -> Option<[u64; 2]> {
    let images = *ask.request.units.get("images")?;
    let expected = match ask.request.selectors.quality.as_deref() {
        Some("high" | "hd") => IMAGE_TOKENS_EXPECTED_HIGH,
        _ => IMAGE_TOKENS_EXPECTED,
    };
    Some([expected, IMAGE_TOKENS_MAX].map(|each| images.saturating_mul(each)))
}

/// What is expected to be charged besides tokens.
pub(super) fn units(rates: &Rates, ask: &Ask<'_>) -> BTreeMap<&'static str, u64> {
    let mut units = ask.request.units.clone();
    if ask.request.has_recording {
        units.insert("audio_seconds", seconds(ask, false));
    }
    // A unit without a price would make the cost unknown.
    if rates.prices_unit("rerank_searches") {
        let searches = ask.request.documents.div_ceil(DOCUMENTS_PER_SEARCH).max(1);
        units.insert("rerank_searches", searches);
    }
    if rates.prices_unit("pages") && ask.request.media_parts > 0 {
        units.insert("pages", ask.body_bytes.div_ceil(PAGE_BYTES));
    }
    units
}

/// What may be charged besides tokens at most, of a call that puts out so many of them.
pub(super) fn units_at_most(ask: &Ask<'_>, output_tokens: u64) -> BTreeMap<&'static str, u64> {
    let request = ask.request;
    let mut units = request.units.clone();
    if request.has_recording {
        units.insert("audio_seconds", seconds(ask, true));
    }
    if let Some(characters) = units.get_mut("characters") {
        // A body that was not read to its end may hold more.
        *characters = ask.body_bytes.max(*characters);
    }
    let runs = match request.tool_runs {
        // Where there are several, not each of them may be bounded.
        Some(stated) if request.tool_units.len() > 1 => stated.max(TOOL_RUNS_MAX),
        stated => stated.unwrap_or(TOOL_RUNS_MAX),
    };
    units.extend(request.tool_units.iter().map(|unit| (*unit, runs)));
    // A long text is ranked in pieces, each as if it were another one.
    let ranked = request.documents + ask.body_bytes.div_ceil(RANKED_BYTES_MIN);
    units.insert("rerank_searches", ranked.div_ceil(DOCUMENTS_PER_SEARCH));
    let pages = match request.refers_outside {
        true if request.media_parts == 0 => 0,
        true => PAGES_MAX,
        false => request.media_parts,
    };
    units.insert("pages", pages);
    if request.is_guarded {
        let texts =
            ask.body_bytes.div_ceil(GUARDED_BYTES_MIN) + output_tokens.div_ceil(GUARDED_TOKENS_MIN);
        units.extend(GUARDRAIL_UNITS.iter().map(|unit| (*unit, texts)));
    }
    units
}

/// What the units cost by themselves; `None` where the model is not priced by them.
pub(super) fn cost(rates: &Rates, units: BTreeMap<&'static str, u64>) -> Option<PicoUsd> {
    if units.is_empty() {
        return None;
    }
    rates.cost(&Usage {
        other_units: units,
        ..Usage::default()
    })
}
