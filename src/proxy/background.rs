//! Holds of what is made after its call has ended: a response in the background, a video.
//!
//! The call's answer tells no usage, and the charge comes when somebody fetches what was made. Until then its size
//! stays held, or the money could be spent twice. It is kept in memory: a restart forgets it.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::call::Call;
use super::engine::Engine;
use crate::budget::Permit;
use crate::providers::{Dialect, Metering};
use crate::units::PicoUsd;
use crate::usage::{Extraction, UsageSource};

/// Most holds that wait for a fetch; past this the oldest is freed.
pub const HELD_MAX: usize = 1_024;

/// Milliseconds after which nobody is expected to fetch what was made: a day.
const HELD_MS: i64 = 86_400_000;

/// Holds by the names of what is made.
#[derive(Debug, Default)]
pub struct Background {
    keys: RandomState,
    /// The oldest first.
    held: Mutex<VecDeque<Held>>,
}

#[derive(Debug)]
struct Held {
    keys: Vec<u64>,
    until_ms: i64,
    permit: Permit,
}

impl Background {
    /// Keeps a hold until one of the names, which spaces part, is fetched. `false` where an older one had to go.
    pub fn keep(&self, provider: &str, names: &str, permit: Permit, now_ms: i64) -> bool {
        let held = Held {
            keys: self.keys(provider, names),
            until_ms: now_ms.saturating_add(HELD_MS),
            permit,
        };
        self.expire(now_ms);
        let mut gone = Vec::new();
        let mut all = self.lock();
        let room = all.len() < HELD_MAX;
        if !room {
            gone.extend(all.pop_front());
        }
        all.push_back(held);
        drop(all);
        gone.into_iter().for_each(|old| old.permit.release());
        room
    }

    /// Frees what nobody fetched within its time.
    pub fn expire(&self, now_ms: i64) {
        let mut gone = Vec::new();
        let mut all = self.lock();
        while let Some(old) = all.pop_front_if(|old| old.until_ms <= now_ms) {
            gone.push(old);
        }
        drop(all);
        gone.into_iter().for_each(|old| old.permit.release());
    }

    /// Frees what is held for something that was fetched and charged.
    pub fn fetched(&self, provider: &str, names: &str) {
        let keys = self.keys(provider, names);
        let mut all = self.lock();
        let named = |held: &Held| held.keys.iter().any(|key| keys.contains(key));
        let found = all.iter().position(named).and_then(|at| all.remove(at));
        drop(all);
        if let Some(held) = found {
            held.permit.release();
        }
    }

    fn keys(&self, provider: &str, names: &str) -> Vec<u64> {
        let names = names.split(' ').filter(|name| !name.is_empty());
        names
            .map(|name| self.keys.hash_one((provider, name)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let held = std::mem::take(&mut *self.lock());
        held.into_iter().for_each(|held| held.permit.release());
    }
}

impl Call {
    /// Keeps the size held of what the call left to be made, until it is fetched.
    pub(super) fn hold_on(
        &self,
        engine: &Engine,
        permit: &Permit,
        extraction: &Extraction,
        cost: Option<PicoUsd>,
    ) {
        let is_video = self.target.endpoint.dialect == Some(Dialect::OpenaiVideos);
        let is_to_come = is_video || self.request.facts().in_background;
        let is_unknown = extraction.usage.is_none() && cost.is_none();
        if !is_to_come || !is_unknown || self.target.endpoint.metering != Metering::Metered {
            return;
        }
        let Some(names) = &extraction.response_id else {
            return;
        };
        let now = engine.clock.unix_ms();
        let hold = engine.budgets.hold_on(&self.facts, permit.worth(), now);
        if !engine
            .background
            .keep(&self.head.provider, names, hold, now)
        {
            engine.metrics.bound_hit("background");
        }
    }

    /// Frees what was held for a response that was fetched and is charged.
    pub(super) fn free_fetched(&self, engine: &Engine, extraction: &Extraction) {
        // Charged now or by another look, or come to nothing.
        let is_charged = extraction.usage.is_some()
            || extraction.error.is_some()
            || extraction.source == UsageSource::Repeated;
        if let (Metering::Fetched, true, Some(names)) = (
            self.target.endpoint.metering,
            is_charged,
            &extraction.response_id,
        ) {
            engine.background.fetched(&self.head.provider, names);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::budget::{Budgets, Facts, Sizes};

    fn hold(budgets: &Arc<Budgets>) -> Permit {
        budgets.hold_on(&Arc::new(Facts::default()), &Sizes::FREE, 0)
    }

    #[test]
    fn a_hold_stays_until_what_was_made_is_fetched_by_any_of_its_names() {
        let (budgets, background) = (
            Budgets::new(Vec::new(), TimeZone::UTC, 0),
            Background::default(),
        );
        assert!(background.keep("openai", "resp_1 other", hold(&budgets), 0));
        background.fetched("azure", "resp_1");
        background.fetched("openai", "resp_2");
        assert_eq!(budgets.in_flight(), 1);
        background.fetched("openai", "seen other");
        assert_eq!(budgets.in_flight(), 0);
        background.fetched("openai", "resp_1");
        assert_eq!(budgets.dropped_permits(), 0);
    }

    #[test]
    fn holds_are_bounded_and_go_after_a_day() {
        let (budgets, background) = (
            Budgets::new(Vec::new(), TimeZone::UTC, 0),
            Background::default(),
        );
        for name in 0..HELD_MAX {
            assert!(background.keep("openai", &name.to_string(), hold(&budgets), 0));
        }
        assert!(!background.keep("openai", "one too many", hold(&budgets), 1));
        assert_eq!(budgets.in_flight(), HELD_MAX);
        assert!(background.keep("openai", "tomorrow", hold(&budgets), HELD_MS));
        assert_eq!(budgets.in_flight(), 2);
        drop(background);
        assert_eq!((budgets.in_flight(), budgets.dropped_permits()), (0, 0));
    }
}
