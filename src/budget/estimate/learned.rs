//! What recent calls were like: by model and key where a key was heard enough, else by model.

use std::collections::HashMap;

use crate::units::PicoUsd;

/// Most models, and keys of models, whose calls are remembered; past this the one that was heard of longest ago
/// is forgotten.
pub const MEANS_MAX: usize = 4_096;

/// Longest provider, model and key together, in bytes, that are remembered.
pub const NAME_BYTES_MAX: usize = 512;

/// Calls of one key after which its own mean counts: of fewer, the next may be anything, and the model's other
/// callers tell more.
pub const KEY_CALLS_MIN: i128 = 8;

/// Calls after which an answer's weight in the mean stops shrinking.
const MEMORY: i128 = 16;

/// Fraction bits of a mean.
const SCALE: i128 = 256;

/// Whose calls are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller<'a> {
    /// Its name in `proxy.yaml`.
    pub provider: &'a str,
    /// The model that was asked for.
    pub model: &'a str,
    pub key: Option<&'a str>,
}

/// What was heard, in bounded memory.
#[derive(Debug, Default)]
pub(super) struct Learned {
    heard_of: HashMap<String, Heard>,
    /// Calls heard so far.
    calls: u64,
}

/// What was heard of one model, or of one key's calls of it.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    output: Mean,
    cost: Mean,
    last: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    /// Times `SCALE`.
    scaled: i128,
    /// Calls, up to `MEMORY`.
    weight: i128,
}

impl Caller<'_> {
    /// The names under which a call is remembered: its model's, and its key's of that model.
    fn names(&self) -> [Option<String>; 2] {
        let Caller {
            provider,
            model,
            key,
        } = self;
        let keyed = key.map(|key| format!("{provider}\0{model}\0{key}"));
        [Some(format!("{provider}\0{model}")), keyed]
    }
}

impl Learned {
    /// Takes a whole call into account: its output and its cost, where they are known.
    pub(super) fn learn(
        &mut self,
        caller: &Caller<'_>,
        output: Option<u64>,
        cost: Option<PicoUsd>,
    ) {
        for name in caller.names().into_iter().flatten() {
            if name.len() <= NAME_BYTES_MAX {
                self.hear(name, output, cost);
            }
        }
    }

    fn hear(&mut self, name: String, output: Option<u64>, cost: Option<PicoUsd>) {
        self.calls += 1;
        if self.heard_of.len() >= MEANS_MAX && !self.heard_of.contains_key(&name) {
            let oldest = self.heard_of.iter().min_by_key(|(_, heard)| heard.last);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.heard_of.remove(&oldest);
            }
        }
        let heard = self.heard_of.entry(name).or_default();
        if let Some(output) = output {
            heard.output.add(i128::from(output));
        }
        if let Some(cost) = cost {
            heard.cost.add(cost.get());
        }
        heard.last = self.calls;
    }

    /// The mean output of such calls; `None` where none was heard of.
    pub(super) fn output(&self, caller: &Caller<'_>) -> Option<u64> {
        let mean = self.mean(caller, |heard| heard.output)?;
        Some(u64::try_from(mean).unwrap_or(0))
    }

    /// The mean cost of such calls; `None` where none was heard of.
    pub(super) fn cost(&self, caller: &Caller<'_>) -> Option<PicoUsd> {
        self.mean(caller, |heard| heard.cost).map(PicoUsd::new)
    }

    fn mean(&self, caller: &Caller<'_>, of: fn(&Heard) -> Mean) -> Option<i128> {
        let [model, keyed] = caller.names().map(|name| {
            let heard = self.heard_of.get(&name?)?;
            Some(of(heard)).filter(|mean| mean.weight > 0)
        });
        let keyed = keyed.filter(|mean| mean.weight >= KEY_CALLS_MIN);
        keyed.or(model).map(Mean::rounded_up)
    }
}

impl Mean {
    /// The plain mean of the first calls, then one that forgets: each new call weighs a sixteenth.
    fn add(&mut self, value: i128) {
        let scaled = value.clamp(0, i128::from(u64::MAX)) * SCALE;
        self.weight = (self.weight + 1).min(MEMORY);
        self.scaled += (scaled - self.scaled) / self.weight;
    }

    fn rounded_up(self) -> i128 {
        (self.scaled + SCALE - 1) / SCALE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller<'a>(model: &'a str, key: Option<&'a str>) -> Caller<'a> {
        Caller {
            provider: "openai",
            model,
            key,
        }
    }

    #[test]
    fn a_key_is_expected_to_do_as_it_did_once_it_was_heard_enough() {
        let mut learned = Learned::default();
        let (terse, wordy) = (caller("m", Some("terse")), caller("m", Some("wordy")));
        for _ in 0..KEY_CALLS_MIN - 1 {
            learned.learn(&terse, Some(10), None);
        }
        assert_eq!(learned.output(&wordy), Some(10), "all that is known");
        for _ in 0..200 {
            learned.learn(&wordy, Some(1_000), None);
        }
        assert!(
            learned.output(&terse) > Some(900),
            "too little was heard of it"
        );
        learned.learn(&terse, Some(10), None);
        assert_eq!(learned.output(&terse), Some(10));
        assert_eq!(learned.output(&wordy), Some(1_000));
        let nobody = learned.output(&caller("m", None));
        assert!(nobody > Some(900) && nobody < Some(1_000), "{nobody:?}");
        assert_eq!(learned.output(&caller("another", Some("terse"))), None);
    }

    #[test]
    fn costs_and_outputs_are_learnt_apart() {
        let mut learned = Learned::default();
        let call = caller("m", None);
        learned.learn(&call, None, Some(PicoUsd::new(700)));
        assert_eq!(
            (learned.output(&call), learned.cost(&call)),
            (None, Some(PicoUsd::new(700)))
        );
        learned.learn(&call, Some(5), None);
        assert_eq!(
            (learned.output(&call), learned.cost(&call)),
            (Some(5), Some(PicoUsd::new(700)))
        );
    }

    #[test]
    fn forgets_what_was_heard_of_longest_ago() {
        let mut learned = Learned::default();
        learned.learn(&caller("first", None), Some(7), None);
        for n in 0..MEANS_MAX - 1 {
            learned.learn(&caller(&format!("model-{n}"), None), Some(5), None);
        }
        learned.learn(&caller("first", None), Some(7), None);
        learned.learn(&caller("one too many", None), Some(5), None);
        learned.learn(&caller(&"x".repeat(NAME_BYTES_MAX), None), Some(5), None);
        assert_eq!(learned.heard_of.len(), MEANS_MAX);
        let knows = |model: &str| learned.output(&caller(model, None)).is_some();
        assert_eq!(
            ["first", "model-0", "model-1", "one too many"].map(knows),
            [true, false, true, true]
        );
    }
}
