//! Counts each response once, however often it is fetched.
//!
//! A provider repeats the usage of a stored response with every poll, and that of a batch in its object and in the
//! file of its results. What was counted is remembered by the names under which it can be fetched, for as many
//! responses as a bound allows; the ledger tells a new process what the one before it had counted.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use super::call::Call;
use super::engine::Engine;
use crate::providers::Metering;
use crate::usage::{Extraction, Usage, UsageSource};

/// Names that are remembered, in this process and of the ledger at a start. Past it the oldest is forgotten, and its
/// response would be counted again.
pub const NAMES_MAX: usize = 65_536;

/// Responses of which a part was counted and the rest may come, each with its usage. Past it the oldest is forgotten:
/// what is read of it later counts as a whole.
pub const PARTS_MAX: usize = 4_096;

/// What was counted so far of one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// All of it.
    Whole,
    /// This much, of an answer that was cut off.
    Part(Box<Usage>),
}

/// The responses that were counted.
#[derive(Debug, Default)]
pub struct Once {
    keys: RandomState,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    counted: HashMap<u64, Counted>,
    /// By age, the oldest first.
    order: VecDeque<u64>,
    /// Those of which a part was counted, the oldest first; one that was made whole since may still be among them.
    parts: VecDeque<u64>,
}

impl Window {
    fn put(&mut self, key: u64, counted: Counted) {
        let is_part = matches!(counted, Counted::Part(_));
        let before = self.counted.insert(key, counted);
        if is_part && !matches!(before, Some(Counted::Part(_))) {
            self.bound_parts();
            self.parts.push_back(key);
        }
        if before.is_some() {
            return;
        }
        if self.order.len() >= NAMES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.counted.remove(&oldest);
        }
        self.order.push_back(key);
    }

    /// Makes room for one more part.
    fn bound_parts(&mut self) {
        while self.parts.len() >= PARTS_MAX
            && let Some(oldest) = self.parts.pop_front()
        {
            if let Some(Counted::Part(_)) = self.counted.get(&oldest) {
                self.counted.remove(&oldest);
            }
        }
    }
}

impl Once {
    /// Notes what a call was charged for of a response, besides what other calls were. `names`: apart by spaces.
    pub fn made(&self, provider: &str, names: &str, counted: &Counted) {
        let mut window = self.lock();
        for name in names.split(' ').filter(|name| !name.is_empty()) {
            let key = self.key(provider, name);
            let sum = match (window.counted.get(&key), counted) {
                (Some(Counted::Part(before)), Counted::Part(more)) => {
                    let mut sum = before.clone();
                    sum.add_left(more);
                    Counted::Part(sum)
                }
                _ => counted.clone(),
            };
            window.put(key, sum);
        }
    }

    /// Notes that a response was fetched whose usage amounts to `now`, and tells what of it was counted before.
    pub fn fetched(&self, provider: &str, names: &str, now: &Counted) -> Option<Counted> {
        let keys = names.split(' ').filter(|name| !name.is_empty());
        let keys: Vec<u64> = keys.map(|name| self.key(provider, name)).collect();
        let mut window = self.lock();
        let before = keys.iter().find_map(|key| window.counted.get(key)).cloned();
        let after = match (&before, now) {
            (Some(Counted::Whole), _) => Counted::Whole,
            // Who leaves sooner than others did reads nothing new.
            (Some(Counted::Part(before)), Counted::Part(now)) => {
                let (mut sum, mut left) = (before.clone(), now.clone());
                left.subtract(before);
                sum.add_left(&left);
                Counted::Part(sum)
            }
            _ => now.clone(),
        };
        for key in keys {
            window.put(key, after.clone());
        }
        before
    }

    fn key(&self, provider: &str, name: &str) -> u64 {
        self.keys.hash_one((provider, name))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Leaves of what was read what no call was charged for yet. Only what is fetched can repeat: a server that
    /// gives all of its answers one id would else answer for nothing.
    pub(super) fn count_once(&self, engine: &Engine, mut extraction: Extraction) -> Extraction {
        let endpoint = &self.target.endpoint;
        let fetches = endpoint.metering == Metering::Fetched;
        if fetches && extraction.source == UsageSource::Estimated {
            extraction.usage = None;
            extraction.source = UsageSource::None;
        }
        let Some(usage) = extraction.usage.as_mut() else {
            return extraction;
        };
        let provider = &self.head.provider;
        let counted = match extraction.source {
            UsageSource::Reported => Counted::Whole,
            _ => Counted::Part(Box::new(usage.clone())),
        };
        if !fetches {
            if let Some(names) = &extraction.response_id {
                engine.once.made(provider, names, &counted);
            }
            return extraction;
        }
        // A file's content is its owner's text, and must not speak for another's batch.
        let speaks = endpoint.operation != "files";
        let said = extraction.response_id.as_deref().filter(|_| speaks);
        let said = said.unwrap_or_default();
        // What was read of the body may name what the path names.
        let looked = endpoint.fetched.as_deref().unwrap_or_default();
        let looked = said.split(' ').all(|name| name != looked).then_some(looked);
        let names = [looked.unwrap_or_default(), said].join(" ");
        match engine.once.fetched(provider, &names, &counted) {
            None => extraction.response_id = Some(names.trim().to_owned()),
            Some(Counted::Part(before)) => {
                usage.subtract(&before);
                // It is that of all, and what was counted before has its own.
                extraction.provider_cost = None;
                extraction.response_id = Some(names.trim().to_owned());
            }
            Some(Counted::Whole) => {
                return Extraction {
                    model: extraction.model,
                    selectors: extraction.selectors,
                    error: extraction.error,
                    source: UsageSource::Repeated,
                    ..Extraction::nothing()
                };
            }
        }
        extraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(output: u64) -> Counted {
        Counted::Part(Box::new(Usage {
            output: Some(output),
            ..Usage::default()
        }))
    }

    #[test]
    fn a_response_is_counted_by_whoever_sees_it_first() {
        let once = Once::default();
        once.made("openai", "resp_1", &Counted::Whole);
        let fetch = |provider, name| once.fetched(provider, name, &Counted::Whole);
        assert_eq!(fetch("openai", "resp_1"), Some(Counted::Whole));
        assert_eq!(fetch("azure", "resp_1"), None);
        assert_eq!(fetch("openai", "resp_2"), None);
        assert_eq!(fetch("openai", "resp_2"), Some(Counted::Whole));
    }

    #[test]
    fn one_thing_may_have_two_names() {
        let once = Once::default();
        assert_eq!(
            once.fetched("openai", "batch_1 file-1", &Counted::Whole),
            None
        );
        assert_eq!(
            once.fetched("openai", "file-1", &Counted::Whole),
            Some(Counted::Whole)
        );
    }

    #[test]
    fn what_was_counted_in_part_is_told_until_all_of_it_is() {
        let once = Once::default();
        once.made("openai", "resp_1", &part(3));
        assert_eq!(once.fetched("openai", "resp_1", &part(5)), Some(part(3)));
        assert_eq!(
            once.fetched("openai", "resp_1", &Counted::Whole),
            Some(part(5))
        );
        assert_eq!(
            once.fetched("openai", "resp_1", &part(1)),
            Some(Counted::Whole)
        );
    }

    #[test]
    fn whoever_reads_less_than_others_did_takes_nothing_off_what_was_counted() {
        let once = Once::default();
        once.made("openai", "resp_1", &part(3));
        assert_eq!(once.fetched("openai", "resp_1", &part(5)), Some(part(3)));
        assert_eq!(once.fetched("openai", "resp_1", &part(1)), Some(part(5)));
        assert_eq!(
            once.fetched("openai", "resp_1", &Counted::Whole),
            Some(part(5))
        );
    }

    #[test]
    fn what_several_calls_were_charged_for_adds_up() {
        let once = Once::default();
        once.made("openai", "resp_1", &part(3));
        once.made("openai", "resp_1", &part(2));
        assert_eq!(
            once.fetched("openai", "resp_1", &Counted::Whole),
            Some(part(5))
        );
    }

    #[test]
    fn parts_are_bounded_by_themselves_and_what_is_whole_stays() {
        let once = Once::default();
        once.made("openai", "first", &part(3));
        once.made("openai", "whole", &part(3));
        once.made("openai", "whole", &Counted::Whole);
        for name in 0..PARTS_MAX {
            once.made("openai", &name.to_string(), &part(1));
            once.made("openai", &name.to_string(), &part(1));
        }
        assert_eq!(once.lock().parts.len(), PARTS_MAX);
        let fetch = |name: &str| once.fetched("openai", name, &part(5));
        assert_eq!(fetch("first"), None, "the oldest is forgotten");
        assert_eq!(fetch("whole"), Some(Counted::Whole));
        assert_eq!(fetch(&(PARTS_MAX - 1).to_string()), Some(part(2)));
    }

    #[test]
    fn the_window_is_bounded_and_forgets_the_oldest() {
        let once = Once::default();
        for name in 0..=NAMES_MAX {
            once.made("openai", &name.to_string(), &Counted::Whole);
        }
        assert_eq!(once.lock().counted.len(), NAMES_MAX);
        assert_eq!(once.fetched("openai", "0", &Counted::Whole), None);
        let newest = NAMES_MAX.to_string();
        assert_eq!(
            once.fetched("openai", &newest, &Counted::Whole),
            Some(Counted::Whole)
        );
    }
}
