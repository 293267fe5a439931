//! Budgets that count anew from an instant inside their window, because an operator said so.
//!
//! A reset is first on record and then in force: what begins meanwhile is kept apart from what came before,
//! so that nothing is lost where the record fails, and nothing is counted twice where it does not.

use std::collections::HashMap;

use crate::budget::account::Account;
use crate::budget::core::Core;
use crate::budget::instances::EACH_MAX;
use crate::ledger::Reset;

/// From when on a budget counts, where it was reset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resets {
    all_ms: i64,
    /// Of single instances, since all of them were reset; at most [`EACH_MAX`].
    of: HashMap<String, i64>,
    latest_ms: i64,
}

impl Resets {
    /// From when on the instance counts; 0 where it was never reset.
    pub(crate) fn since(&self, value: Option<&str>) -> i64 {
        if self.of.is_empty() {
            return self.all_ms;
        }
        let own = value.and_then(|value| self.of.get(value));
        own.copied().unwrap_or(self.all_ms)
    }

    /// What comes from here on is kept apart from what came before.
    pub(crate) fn latest_ms(&self) -> i64 {
        self.latest_ms
    }

    /// The latest instant from which on some instance counts.
    pub(crate) fn last(&self) -> i64 {
        self.of
            .values()
            .copied()
            .max()
            .unwrap_or(0)
            .max(self.all_ms)
    }

    /// Adds every instant from which on some instance counts.
    pub(crate) fn splits(&self, splits: &mut Vec<i64>) {
        splits.extend(
            self.of
                .values()
                .copied()
                .chain([self.all_ms, self.latest_ms]),
        );
    }

    /// Keeps apart what comes from `at_ms` on.
    pub(crate) fn split(&mut self, at_ms: i64) {
        self.latest_ms = at_ms;
    }

    fn add(&mut self, each_value: Option<&str>, at_ms: i64) {
        self.latest_ms = at_ms;
        let Some(value) = each_value else {
            (self.all_ms, self.of) = (at_ms, HashMap::new());
            return;
        };
        if self.of.len() >= EACH_MAX && !self.of.contains_key(value) {
            // The oldest is of the earliest window, and mostly of one that is over.
            let oldest = self.of.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(value, _)| value.clone()) {
                self.of.remove(&oldest);
            }
        }
        self.of.insert(value.to_owned(), at_ms);
    }
}

impl Core {
    fn account(&mut self, name: &str) -> Option<&mut Account> {
        let mut accounts = self.accounts.iter_mut();
        accounts.find(|account| account.limit.name == name && !account.limit.is_rule())
    }

    /// Keeps what begins apart from what came before, and tells from when on.
    pub(super) fn begin_reset(
        &mut self,
        name: &str,
        each_value: Option<&str>,
        now_ms: i64,
    ) -> Option<i64> {
        let tz = self.tz.clone();
        let account = self.account(name)?;
        Some(account.reset_from(&tz, each_value, now_ms))
    }

    pub(super) fn finish_reset(&mut self, reset: &Reset) {
        let value = reset.each_value.as_deref();
        let resets = self.resets.entry(reset.budget.clone()).or_default();
        resets.add(value, reset.at);
        let resets = resets.clone();
        let Some(account) = self.account(&reset.budget) else {
            return;
        };
        account.resets = resets;
        account.resets.split(reset.at);
        for place in 0..account.instances.count() {
            let meter = account.instances.get_mut(place);
            if value.is_none_or(|value| value == meter.value) {
                meter.slots.forget_before(reset.at);
                meter.since_ms = reset.at;
                meter.told_in = None;
                account.instances.vacate(place);
            }
        }
    }

    pub(super) fn recall_resets(&mut self, resets: &[Reset]) {
        for reset in resets {
            let known = self.resets.entry(reset.budget.clone()).or_default();
            known.add(reset.each_value.as_deref(), reset.at);
        }
        for account in &mut self.accounts {
            if let Some(resets) = self.resets.get(&account.limit.name) {
                account.recall(resets.clone());
            }
        }
    }
}
