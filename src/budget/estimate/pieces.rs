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

/// What may be charged besides tokens.
pub(super) fn units(ask: &Ask<'_>, worst: bool) -> BTreeMap<&'static str, u64> {
    let mut units = ask.request.units.clone();
    if ask.request.has_recording {
        units.insert("audio_seconds", seconds(ask, worst));
    }
    if let (true, Some(characters)) = (worst, units.get_mut("characters")) {
        // A body that was not read to its end may hold more.
        *characters = ask.body_bytes.max(*characters);
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
