//! How large a call may become, before it is forwarded: the sizes of its holds.
//!
//! *Expected* is meant to be right on the average, so that the sum of many holds is near the sum of
//! what the calls then cost. *Worst case* is meant never to be exceeded, and takes every doubt as
//! dear.

mod known;
mod learned;
mod pieces;

use std::sync::{Mutex, MutexGuard, PoisonError};

use self::learned::Learned;

pub use self::known::Known;
pub use self::learned::{Caller, KEY_CALLS_MIN, MEANS_MAX, NAME_BYTES_MAX};

use crate::budget::facts::{Size, Sizes};
use crate::pricing::Rates;
use crate::providers::RequestFacts;
use crate::units::PicoUsd;
use crate::usage::Usage;

/// Output that is expected of a model that nothing was heard of, per choice.
pub const OUTPUT_TOKENS_DEFAULT: u64 = 1_000;

/// Body bytes to a token where the text was not counted: JSON with English prose in it.
pub const BYTES_PER_TOKEN: u64 = 4;

/// Expected for one image, audio or document part.
pub const MEDIA_TOKENS_EXPECTED: u64 = 1_500;

/// Text that is expected beside media where it was not counted: most of such a body's bytes are the
/// media.
pub const TEXT_BESIDE_MEDIA: u64 = 2_000;

/// At most for one image, audio or document part besides its bytes in the body. It is a power of
/// two above the dearest image there is (`gpt-4o-mini` at full detail, some 48,000 tokens); a
/// document that is only named by its address can be larger, and its request must say that it
/// refers outside.
pub const MEDIA_TOKENS_MAX: u64 = 65_536;

/// At most for what a provider adds unseen: chat templates, instructions for tools that it defines
/// itself.
pub const FRAME_TOKENS_MAX: u64 = 4_096;

/// At most for input that the body only refers to, where the model's context window is unknown: the
/// largest window that is widely sold, 2 Mi tokens.
pub const OUTSIDE_TOKENS_MAX: u64 = 2_097_152;

/// At most for one choice's output, where neither the call nor the catalogue bounds it: the largest
/// output that is widely sold, 128 Ki tokens.
pub const OUTPUT_TOKENS_MAX: u64 = 131_072;

/// A call whose size is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Its name in `proxy.yaml`.
    pub provider: &'a str,
    /// The hash of the client's credential.
    pub key: Option<&'a str>,
    pub request: &'a RequestFacts,
    /// Whether the model writes an answer; false for embeddings.
    pub answers: bool,
    /// The body's size with its content encoding undone. Where that cannot be told, `request` must
    /// say that it refers outside.
    pub body_bytes: u64,
    /// The input, where its text was counted; without media parts.
    pub input_tokens: Option<u64>,
    /// Whether it is known that the call neither holds nor asks for anything but text.
    pub text_only: bool,
    pub known: &'a Known,
}

/// Learns how long the answers of each model are, by key where that was heard enough, and tells the sizes of
/// holds.
///
/// It keeps a moving mean and no percentile: a budget compares the *sum* of its holds with a limit,
/// and of a sum the mean is the right guess. Answers have a long tail, so a 90th percentile would
/// hold a multiple of what calls cost and refuse with nothing spent; who wants no overshoot has
/// `worst_case`.
#[derive(Debug, Default)]
pub struct Estimator {
    learned: Mutex<Learned>,
}

impl Estimator {
    /// An estimator that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a whole call into account: its output and its cost, where they are known.
    pub fn learn(&self, caller: &Caller<'_>, output: Option<u64>, cost: Option<PicoUsd>) {
        self.lock().learn(caller, output, cost);
    }

    /// The sizes of a call's holds. The worst case is never below what is expected.
    pub fn sizes(&self, ask: &Ask<'_>) -> Sizes {
        let window = ask.known.context_window.unwrap_or(u64::MAX);
        let expected = (expected_input(ask).min(window), self.expected_output(ask));
        let worst = (worst_input(ask), worst_output(ask));
        let expected_cost = ask
            .known
            .rates
            .as_ref()
            .and_then(|rates| cost(rates, ask, expected));
        let worst_cost = ask.known.dearest.as_ref().and_then(|rates| {
            let pieces = rates.bound_units(&pieces::units_at_most(ask, worst.1));
            let bound = bound(rates, ask, worst) + pieces;
            (bound > PicoUsd::ZERO || expected_cost.is_some()).then_some(bound)
        });
        Sizes {
            expected: size(expected_cost, expected),
            worst_case: size(worst_cost, worst),
            unpriced: match expected_cost {
                Some(_) => PicoUsd::ZERO,
                None => self.lock().cost(&ask.caller()).unwrap_or(PicoUsd::ZERO),
            },
        }
    }

    fn expected_output(&self, ask: &Ask<'_>) -> u64 {
        if !ask.answers {
            return 0;
        }
        let mean = self.lock().output(&ask.caller());
        let choices = ask.request.choices.max(1);
        let images = pieces::image_tokens(ask).map(|[expected, _]| expected);
        let unheard = images.unwrap_or_else(|| OUTPUT_TOKENS_DEFAULT.saturating_mul(choices));
        let tokens = mean.unwrap_or(unheard);
        tokens.min(worst_output(ask))
    }

    fn lock(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ask<'_> {
    fn caller(&self) -> Caller<'_> {
        Caller {
            provider: self.provider,
            model: self.request.model.as_deref().unwrap_or_default(),
            key: self.key,
        }
    }
}

fn size(cost: Option<PicoUsd>, (input_tokens, output_tokens): (u64, u64)) -> Size {
    Size {
        cost,
        input_tokens,
        output_tokens,
    }
}

fn expected_input(ask: &Ask<'_>) -> u64 {
    let media = ask
        .request
        .media_parts
        .saturating_mul(MEDIA_TOKENS_EXPECTED);
    let text = ask.input_tokens.unwrap_or_else(|| {
        let guess = ask.body_bytes.div_ceil(BYTES_PER_TOKEN);
        if media > 0 {
            guess.min(TEXT_BESIDE_MEDIA)
        } else {
            guess
        }
    });
    text.saturating_add(media)
}

/// A token has at least one byte, and JSON only makes text longer.
fn worst_input(ask: &Ask<'_>) -> u64 {
    if ask.request.refers_outside {
        return ask
            .known
            .context_window
            .unwrap_or(OUTSIDE_TOKENS_MAX.max(expected_input(ask)));
    }
    let parts = ask.request.media_parts.saturating_mul(MEDIA_TOKENS_MAX);
    let media = pieces::recording_tokens(ask).unwrap_or(parts);
    // A form's files are no text.
    let text = ask.body_bytes.saturating_sub(ask.request.file_bytes);
    let text = text.max(ask.input_tokens.unwrap_or(0));
    let said = text.saturating_add(media).saturating_add(FRAME_TOKENS_MAX);
    said.min(ask.known.context_window.unwrap_or(u64::MAX))
}

fn worst_output(ask: &Ask<'_>) -> u64 {
    if !ask.answers {
        return 0;
    }
    if let Some([_, most]) = pieces::image_tokens(ask) {
        return most;
    }
    let most = ask
        .request
        .max_output_tokens
        .or(ask.known.context_window)
        .unwrap_or(OUTPUT_TOKENS_MAX);
    // What was predicted wrongly comes on top of what the call allows.
    let predicted = if ask.request.predicts {
        ask.body_bytes
    } else {
        0
    };
    most.saturating_add(predicted)
        .saturating_mul(ask.request.choices.max(1))
}

/// What the expected tokens and units cost; where they cannot all be priced alone, what they cost at
/// most. `None` where nothing of it has a price.
fn cost(rates: &Rates, ask: &Ask<'_>, (input, output): (u64, u64)) -> Option<PicoUsd> {
    let usage = Usage {
        input: Some(input),
        output: Some(output),
        other_units: pieces::units(rates, ask),
        ..Usage::default()
    };
    let pieces = || pieces::cost(rates, pieces::units(rates, ask));
    let most = || Some(bound(rates, ask, (input, output))).filter(|most| *most > PicoUsd::ZERO);
    rates.cost(&usage).or_else(pieces).or_else(most)
}

fn bound(rates: &Rates, ask: &Ask<'_>, (input, output): (u64, u64)) -> PicoUsd {
    if ask.text_only {
        rates.bound_text(input, output)
    } else {
        rates.bound(input, output)
    }
}

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;
