//! What was said of usage, restated in one convention; counted by a tokenizer where nothing was said.

mod body;
pub mod estimate;
pub mod extract;
mod held;
pub mod restate;
pub mod session;
mod vocabulary;

#[cfg(test)]
pub(crate) mod corpus_tests;

pub use body::take;

use std::collections::BTreeMap;

use crate::providers::{ErrorType, Selectors};
use crate::units::PicoUsd;

/// Usage in weir's one convention: `input` includes cache reads and writes, `output` includes reasoning; the
/// other token fields are subsets of those two. "Not reported" is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write_5m: Option<u64>,
    pub cache_write_1h: Option<u64>,
    /// Cache writes with a time to live that is priced by the base write rate.
    pub cache_write_other: Option<u64>,
    pub reasoning: Option<u64>,
    pub audio_input: Option<u64>,
    pub audio_output: Option<u64>,
    pub image_input: Option<u64>,
    pub image_output: Option<u64>,
    /// `web_searches`, …: counts that are priced apart from tokens.
    pub other_units: BTreeMap<&'static str, u64>,
    /// Usage billed at another model's price (Anthropic's advisor), not contained in the fields above.
    pub sub_usages: Vec<(String, Usage)>,
    /// The tokens above, divided by the requests that they were used by (the rounds of a server's loop, the
    /// answers of a batch), where a price may depend on the size of each: the input by which its context
    /// tier is chosen, and its tokens. Empty where one request was all.
    pub rounds: Vec<(u64, Usage)>,
}

impl Usage {
    /// Adds another usage, field by field; a field that neither states stays unstated.
    pub fn add(&mut self, other: &Usage) {
        self.add_counts(other);
        self.sub_usages.extend(other.sub_usages.iter().cloned());
        self.rounds.extend(other.rounds.iter().cloned());
    }

    /// Takes away what was counted before of the same answer, field by field and part by part; nothing falls
    /// below 0. Whoever reads an answer again finds its parts in the same order.
    pub fn subtract(&mut self, counted: &Usage) {
        for (left, gone) in self.counts(counted) {
            *left = left.map(|left| left.saturating_sub(gone.unwrap_or(0)));
        }
        for (unit, count) in &mut self.other_units {
            let gone = counted.other_units.get(unit).copied().unwrap_or(0);
            *count = count.saturating_sub(gone);
        }
        for ((_, left), (_, gone)) in self.rounds.iter_mut().zip(&counted.rounds) {
            left.subtract(gone);
        }
        for (model, gone) in &counted.sub_usages {
            let same = |part: &&mut (String, Usage)| part.0 == *model;
            if let Some((_, left)) = self.sub_usages.iter_mut().find(same) {
                left.subtract(gone);
            }
        }
    }

    /// Adds what [`subtract`](Usage::subtract) left of the same answer.
    pub fn add_left(&mut self, left: &Usage) {
        self.add_counts(left);
        for (at, (context, round)) in left.rounds.iter().enumerate() {
            match self.rounds.get_mut(at) {
                Some((known, sum)) => {
                    *known = (*known).max(*context);
                    sum.add_left(round);
                }
                None => self.rounds.push((*context, round.clone())),
            }
        }
        for (model, part) in &left.sub_usages {
            match self.sub_usages.iter_mut().find(|(known, _)| known == model) {
                Some((_, sum)) => sum.add_left(part),
                None => self.sub_usages.push((model.clone(), part.clone())),
            }
        }
    }

    fn add_counts(&mut self, other: &Usage) {
        for (sum, part) in self.counts(other) {
            if let Some(part) = part {
                *sum = Some(sum.unwrap_or(0).saturating_add(part));
            }
        }
        for (unit, count) in &other.other_units {
            let sum = self.other_units.entry(unit).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Each count of tokens with the other's.
    fn counts(&mut self, other: &Usage) -> [(&mut Option<u64>, Option<u64>); 11] {
        [
            (&mut self.input, other.input),
            (&mut self.output, other.output),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write_5m, other.cache_write_5m),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.cache_write_other, other.cache_write_other),
            (&mut self.reasoning, other.reasoning),
            (&mut self.audio_input, other.audio_input),
            (&mut self.audio_output, other.audio_output),
            (&mut self.image_input, other.image_input),
            (&mut self.image_output, other.image_output),
        ]
    }

    /// Everything the call used, at whichever model's price: what a ledger's token columns and a token
    /// budget count. It has neither `sub_usages` nor `rounds`, so it must not be priced.
    pub fn overall(&self) -> Usage {
        let mut whole = Usage {
            sub_usages: Vec::new(),
            rounds: Vec::new(),
            ..self.clone()
        };
        for (_, part) in &self.sub_usages {
            whole.add(&part.overall());
        }
        whole
    }
}

/// Where a call's usage comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UsageSource {
    Reported,
    Estimated,
    Partial,
    /// The provider said again what another call was charged for.
    Repeated,
    None,
}

impl UsageSource {
    /// Every source.
    pub const ALL: [UsageSource; 5] = [
        UsageSource::Reported,
        UsageSource::Estimated,
        UsageSource::Partial,
        UsageSource::Repeated,
        UsageSource::None,
    ];

    /// The name in the ledger and the metrics.
    pub fn name(self) -> &'static str {
        match self {
            UsageSource::Reported => "reported",
            UsageSource::Estimated => "estimated",
            UsageSource::Partial => "partial",
            UsageSource::Repeated => "repeated",
            UsageSource::None => "none",
        }
    }
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamEnd {
    /// To its last byte.
    Complete,
    /// The client went away.
    ClientClosed,
    /// The upstream broke off.
    UpstreamClosed,
}

/// Everything that was read from one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// The model that answered, where the response says so.
    pub model: Option<String>,
    pub usage: Option<Usage>,
    pub source: UsageSource,
    /// What the price depends on besides the model, as the response says it.
    pub selectors: Selectors,
    /// The provider's name for what was made, by which it can be fetched again.
    pub response_id: Option<String>,
    /// A cost that the provider states itself.
    pub provider_cost: Option<PicoUsd>,
    /// An error that the body states (also inside a stream that began with 200).
    pub error: Option<ErrorType>,
}

impl Extraction {
    /// Nothing was read.
    pub fn nothing() -> Self {
        Extraction {
            model: None,
            usage: None,
            source: UsageSource::None,
            selectors: Selectors::default(),
            response_id: None,
            provider_cost: None,
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(input: u64, output: u64) -> Usage {
        Usage {
            input: Some(input),
            output: Some(output),
            ..Usage::default()
        }
    }

    /// Answers of a batch, each in a tier of its own, and what they used of another model.
    fn batch(answers: &[u64], advice: u64) -> Usage {
        let rounds = answers.iter().map(|input| (*input, used(*input, 1)));
        Usage {
            rounds: rounds.collect(),
            sub_usages: vec![("adviser".to_owned(), used(advice, 1))],
            ..used(answers.iter().sum(), answers.len() as u64)
        }
    }

    #[test]
    fn of_an_answer_read_again_only_what_is_new_is_left_in_every_part() {
        let (before, now) = (batch(&[10, 300], 7), batch(&[10, 300, 5_000], 9));
        let mut left = now.clone();
        left.subtract(&before);
        assert_eq!((left.input, left.output), (Some(5_000), Some(1)));
        let rounds = left.rounds.iter().map(|(_, round)| round.input);
        assert_eq!(rounds.sum::<Option<u64>>(), Some(5_000));
        assert_eq!(left.sub_usages[0].1, used(2, 0));
        let mut both = before.clone();
        both.add_left(&left);
        assert_eq!(both, now);
        let mut less = before.clone();
        less.subtract(&now);
        assert_eq!(less.overall(), used(0, 0));
    }
}
