//! What pricing anew came to, by model and in all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ledger::{Call, Unpriceable, Verdict};
use crate::providers::Selectors;
use crate::units::PicoUsd;

/// Most models that are told apart; names are the clients' text. Calls of further ones are counted
/// together, under [`OTHER`].
const MODELS_MAX: usize = 1_000;

/// What stands for the models beyond [`MODELS_MAX`].
const OTHER: &str = "other";

/// Counts of calls and sums of their costs; an unknown cost adds nothing to a sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub calls: u64,
    /// Cost something else.
    pub changed: u64,
    /// Had no cost, and have one.
    pub priced: u64,
    /// Had a cost that was taken off.
    pub cleared: u64,
    pub unchanged: u64,
    pub still_unknown: u64,
    /// Keep a cost although no price is known any more.
    pub kept: u64,
    /// Priced without a tier, a region or the like: none was known to have a say.
    pub plain: u64,
    /// Cost what prices have no say in.
    pub left: BTreeMap<Unpriceable, u64>,
    pub before: PicoUsd,
    pub after: PicoUsd,
}

impl Tally {
    /// Calls whose rows are others than before.
    pub fn written(&self) -> u64 {
        self.changed + self.priced + self.cleared
    }

    /// Calls that prices have no say in.
    pub fn left_in_all(&self) -> u64 {
        self.left.values().sum()
    }

    fn add(&mut self, call: &Call, verdict: &Verdict, clear: bool) {
        let before = call.cost;
        self.calls += 1;
        let is_judged = !matches!(verdict, Verdict::Left(_));
        self.plain += u64::from(is_judged && call.selectors == Selectors::default());
        let (count, after) = match verdict {
            Verdict::Left(why) => (self.left.entry(*why).or_default(), before),
            Verdict::Same => (&mut self.unchanged, before),
            Verdict::StillUnknown => (&mut self.still_unknown, None),
            Verdict::Gone(_) if clear => (&mut self.cleared, None),
            Verdict::Gone(_) => (&mut self.kept, before),
            Verdict::Priced(cost) => (&mut self.priced, cost.amount),
            Verdict::Changed(cost) => (&mut self.changed, cost.amount),
        };
        *count += 1;
        self.before += before.unwrap_or_default();
        self.after += after.unwrap_or_default();
    }
}

impl Tally {
    /// As JSON: counts by name, money as decimal USD.
    fn json(&self) -> Value {
        let left = self.left.iter();
        let left: BTreeMap<&str, u64> = left.map(|(why, count)| (why.name(), *count)).collect();
        let mut object = json!({
            "left": left,
            "before_usd": self.before.to_string(),
            "after_usd": self.after.to_string(),
        });
        for (name, count) in self.clone().counts() {
            object[name] = json!(count);
        }
        object
    }

    /// The same, read back.
    fn of_json(said: &Value) -> Option<Tally> {
        let money = |name: &str| said[name].as_str()?.parse().ok();
        let mut tally = Tally {
            before: money("before_usd")?,
            after: money("after_usd")?,
            ..Tally::default()
        };
        for (name, count) in tally.counts() {
            *count = said[name].as_u64()?;
        }
        for why in Unpriceable::ALL {
            if let Some(count) = said["left"][why.name()].as_u64() {
                tally.left.insert(why, count);
            }
        }
        Some(tally)
    }

    fn counts(&mut self) -> [(&'static str, &mut u64); 8] {
        [
            ("calls", &mut self.calls),
            ("changed", &mut self.changed),
            ("priced", &mut self.priced),
            ("cleared", &mut self.cleared),
            ("unchanged", &mut self.unchanged),
            ("unknown", &mut self.still_unknown),
            ("kept", &mut self.kept),
            ("plain", &mut self.plain),
        ]
    }
}

/// Tallies by provider and model.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    total: Tally,
    models: BTreeMap<(String, String), Tally>,
}

impl Tallies {
    /// As JSON: the sum, and a tally for each model.
    pub fn json(&self) -> Value {
        let models = self.models().map(|(provider, model, tally)| {
            let mut tally = tally.json();
            tally["provider"] = json!(provider);
            tally["model"] = json!(model);
            tally
        });
        json!({ "total": self.total.json(), "models": models.collect::<Vec<_>>() })
    }

    /// The same, read back; `None` where it is something else.
    pub fn of_json(said: &Value) -> Option<Tallies> {
        let mut tallies = Tallies {
            total: Tally::of_json(&said["total"])?,
            ..Tallies::default()
        };
        for model in said["models"].as_array()? {
            let name = |key: &str| model[key].as_str().map(str::to_owned);
            let key = (name("provider")?, name("model")?);
            tallies.models.insert(key, Tally::of_json(model)?);
        }
        Some(tallies)
    }

    /// Counts a call; with `clear`, a cost without a price was taken off.
    pub fn add(&mut self, call: &Call, verdict: &Verdict, clear: bool) {
        self.total.add(call, verdict, clear);
        let model = call.model.clone().unwrap_or_default();
        let mut key = (call.head.provider.clone(), model);
        if self.models.len() >= MODELS_MAX && !self.models.contains_key(&key) {
            key = (OTHER.to_owned(), OTHER.to_owned());
        }
        let tally = self.models.entry(key).or_default();
        tally.add(call, verdict, clear);
    }

    pub fn total(&self) -> &Tally {
        &self.total
    }

    /// Provider, model and their tally, by name.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str, &Tally)> {
        let each = self.models.iter();
        each.map(|((provider, model), tally)| (&**provider, &**model, tally))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::samples::{NOON, call, hold};
    use crate::pricing::Cost;

    fn cost(pico: i128) -> Cost {
        Cost {
            amount: Some(PicoUsd::new(pico)),
            version: String::new(),
        }
    }

    #[test]
    fn every_call_is_counted_once_and_sums_follow_its_cost() {
        let mut tallies = Tallies::default();
        let mut sample = call(&hold(NOON));
        sample.cost = Some(PicoUsd::new(10));
        let gone = Cost {
            amount: None,
            ..cost(0)
        };
        for verdict in [
            Verdict::Same,
            Verdict::Changed(cost(7)),
            Verdict::Gone(gone),
            Verdict::Left(Unpriceable::Stated),
        ] {
            tallies.add(&sample, &verdict, false);
            tallies.add(&sample, &verdict, true);
        }
        sample.cost = None;
        tallies.add(&sample, &Verdict::Priced(cost(5)), false);
        tallies.add(&sample, &Verdict::StillUnknown, false);
        let total = tallies.total();
        let counts = [
            total.changed,
            total.priced,
            total.cleared,
            total.unchanged,
            total.still_unknown,
            total.kept,
            total.left_in_all(),
        ];
        assert_eq!(counts, [2, 1, 1, 2, 1, 1, 2]);
        assert_eq!((total.calls, total.written()), (10, 4));
        let read = Tallies::of_json(&tallies.json()).unwrap();
        assert_eq!((read.total(), &read.models), (total, &tallies.models));
        // 2 unchanged, 2 at 7, one kept and one cleared, 2 left, one priced.
        assert_eq!(
            (total.before.get(), total.after.get()),
            (80, 20 + 14 + 10 + 20 + 5)
        );
    }

    #[test]
    fn strange_models_do_not_fill_the_memory() {
        let mut tallies = Tallies::default();
        let mut sample = call(&hold(NOON));
        for strange in 0..MODELS_MAX + 20 {
            sample.model = Some(strange.to_string());
            tallies.add(&sample, &Verdict::Same, false);
        }
        assert_eq!(tallies.models().count(), MODELS_MAX + 1);
        let counted: u64 = tallies.models().map(|(.., tally)| tally.calls).sum();
        assert_eq!(counted, tallies.total().calls);
    }
}
