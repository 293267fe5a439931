//! What a provider states of usage, in its own convention.
//!
//! Counts stay as they were written, beside a statement of what contains what. The room `usage` restates
//! them; nothing here adds or subtracts.

use std::collections::BTreeMap;

use crate::units::PicoUsd;

/// Where a part is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// The whole contains it.
    #[default]
    Within,
    /// It comes on top of the whole.
    Beside,
    /// It is a part of something that is not billed, and may be more than the whole.
    Apart,
    /// The stated total tells: providers of one shape disagree.
    ByTotal,
}

/// What contains what in a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Convention {
    /// Cache reads and writes against the input.
    pub cache: Placement,
    /// Reasoning against the output; `ByTotal` also finds output and audio that only the total holds.
    pub reasoning: Placement,
}

/// One provider's statement. "Not stated" is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub convention: Convention,
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub total: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write_5m: Option<u64>,
    pub cache_write_1h: Option<u64>,
    pub cache_write_other: Option<u64>,
    pub reasoning: Option<u64>,
    /// Results of the provider's own tools, fed back; always beside the input.
    pub tool_input: Option<u64>,
    pub audio_input: Option<u64>,
    pub audio_output: Option<u64>,
    pub image_input: Option<u64>,
    pub image_output: Option<u64>,
    /// The prompt held audio whose tokens may be counted nowhere but in the total (Mistral).
    pub has_audio: bool,
    /// `web_searches`, …
    pub units: BTreeMap<&'static str, u64>,
    /// The provider's own price for this call.
    pub cost: Option<PicoUsd>,
    /// Usage beyond the fields above: `None` is billed at this call's model, else at that model.
    pub extra: Vec<(Option<String>, Report)>,
    /// The fields above, and what of `extra` is at this call's model, divided by the requests that they
    /// were used by: each with the input by which its context tier is chosen. Empty where one request
    /// was all.
    pub rounds: Vec<(u64, Report)>,
}

/// The key of web searches in `other_units`.
pub const WEB_SEARCHES: &str = "web_searches";

/// The key of prompts that were grounded by searches, where those are charged by the prompt: then they are
/// what is charged, and the searches are only told.
pub const GROUNDED_PROMPTS: &str = "grounded_prompts";
/// The key of images made, where they are charged by the piece.
pub const IMAGES: &str = "images";

/// The key of a recording's length in whole seconds, begun ones included: so providers bill.
pub const AUDIO_SECONDS: &str = "audio_seconds";

/// The key of a video's length in whole seconds.
pub const VIDEO_SECONDS: &str = "video_seconds";

/// The key of a text's length in characters (Unicode scalar values), where it is spoken.
pub const CHARACTERS: &str = "characters";

impl Report {
    /// Whether any tokens are stated; an empty object, or one that only names a tier, states none.
    pub fn states_tokens(&self) -> bool {
        self.input.is_some() || self.output.is_some() || self.total.is_some()
    }

    /// Whether anything is stated: tokens, units, parts or a cost.
    pub fn states_usage(&self) -> bool {
        let more = !self.units.is_empty() || !self.extra.is_empty() || self.cost.is_some();
        self.states_tokens() || more
    }

    /// Adds a report of the same convention, field by field; a field that neither states stays unstated.
    pub fn add(&mut self, other: &Report) {
        self.convention = other.convention;
        for (sum, part) in [
            (&mut self.input, other.input),
            (&mut self.output, other.output),
            (&mut self.total, other.total),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write_5m, other.cache_write_5m),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.cache_write_other, other.cache_write_other),
            (&mut self.reasoning, other.reasoning),
            (&mut self.tool_input, other.tool_input),
            (&mut self.audio_input, other.audio_input),
            (&mut self.audio_output, other.audio_output),
            (&mut self.image_input, other.image_input),
            (&mut self.image_output, other.image_output),
        ] {
            if let Some(part) = part {
                *sum = Some(sum.unwrap_or(0).saturating_add(part));
            }
        }
        self.has_audio |= other.has_audio;
        for (unit, count) in &other.units {
            let sum = self.units.entry(unit).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.extra.extend(other.extra.iter().cloned());
    }

    /// The input that a context tier is chosen by: with the cache where it is counted beside, and with
    /// what tools fed back.
    pub fn context(&self) -> u64 {
        let cached = [
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.cache_write_other,
        ];
        let cached = cached.into_iter().flatten();
        let beside = cached.filter(|_| self.convention.cache == Placement::Beside);
        let parts = [self.input, self.tool_input].into_iter().flatten();
        parts.chain(beside).fold(0, u64::saturating_add)
    }

    /// Notes web searches, where some are stated.
    pub fn set_web_searches(&mut self, count: Option<u64>) {
        self.set_unit(WEB_SEARCHES, count);
    }

    /// Notes how many of a unit were used, where that is stated.
    pub fn set_unit(&mut self, unit: &'static str, count: Option<u64>) {
        if let Some(count) = count {
            self.units.insert(unit, count);
        }
    }
}
