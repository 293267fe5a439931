//! Budgets whose past is elsewhere: limits that are replaced, counts that are rebuilt from the
//! ledger.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::budget::account::{Account, Part};
use crate::budget::amount::needed;
use crate::budget::core::Core;
use crate::budget::facts::{Facts, Pending, Spent};
use crate::budget::index::Index;
use crate::budget::limits::{Limit, Per, Unit};
use crate::budget::matching::{Fit, fit};
use crate::budget::pace::{slot_end, slot_start};
use crate::budget::window::Window;

impl Core {
    /// Puts other limits in force. A budget that counts the same calls in the same unit and window
    /// keeps what it counted, whatever its amount becomes; any other is opened anew, takes the
    /// holds of the calls in flight that it covers, and owes its past.
    pub(crate) fn replace(&mut self, limits: Vec<Limit>, tz: TimeZone, now_ms: i64) {
        for account in &mut self.accounts {
            account.turn(&self.tz, now_ms.max(account.floor_ms));
        }
        let olds = std::mem::take(&mut self.accounts);
        let mut moved: Vec<Option<usize>> = vec![None; olds.len()];
        let mut names: HashMap<String, usize> = HashMap::new();
        for (place, old) in olds.iter().enumerate() {
            names.entry(old.limit.name.clone()).or_insert(place);
        }
        let same_zone = tz == self.tz;
        let mut olds: Vec<Option<Account>> = olds.into_iter().map(Some).collect();
        let mut fresh = Vec::new();
        for limit in limits {
            let place = self.accounts.len();
            let old = names.get(&limit.name).copied();
            let kept = old.and_then(|old| {
                olds[old].take_if(|account| {
                    let fits = account.same_count(&limit) && !account.owes_past;
                    fits && (same_zone || account.fits_zone(&tz, now_ms))
                })
            });
            let resets = self.resets.get(&limit.name);
            self.accounts.push(match (kept, old) {
                (Some(mut account), Some(old)) => {
                    moved[old] = Some(place);
                    account.limit = limit;
                    if !same_zone {
                        account.enter_zone();
                    }
                    account
                }
                _ => {
                    fresh.push(place);
                    Account::new(limit, resets, &tz, now_ms)
                }
            });
        }
        self.tz = tz;
        self.index = Index::new(self.accounts.iter().map(|account| &account.limit));
        self.move_holds(&moved, &fresh);
    }

    /// Opens the budgets anew that know nothing of the time that the clock shows: they were opened, or have
    /// forgotten, while it was ahead. They owe their past; whether there are such.
    pub(crate) fn reopen(&mut self, now_ms: i64) -> bool {
        let mut moved: Vec<Option<usize>> = (0..self.accounts.len()).map(Some).collect();
        let mut fresh = Vec::new();
        for (place, account) in self.accounts.iter_mut().enumerate() {
            if account.lags(now_ms) {
                let resets = self.resets.get(&account.limit.name);
                *account = Account::new(account.limit.clone(), resets, &self.tz, now_ms);
                moved[place] = None;
                fresh.push(place);
            }
        }
        self.move_holds(&moved, &fresh);
        !fresh.is_empty()
    }

    /// Points the calls in flight at the accounts' new places, and puts holds on the fresh ones.
    fn move_holds(&mut self, moved: &[Option<usize>], fresh: &[usize]) {
        for open in self.open.values_mut() {
            open.parts.retain_mut(|part| match moved[part.account] {
                Some(place) => {
                    part.account = place;
                    true
                }
                None => false,
            });
            for &place in fresh {
                let account = &mut self.accounts[place];
                let covers = fit(&account.limit, &open.facts, Pending::NOTHING) == Fit::Yes
                    && !(open.in_session && account.limit.unit == Unit::Concurrent);
                if covers && account.counts(&open.facts, open.at_ms) {
                    let amount = needed(&account.limit, &open.facts, &open.sizes).unwrap_or(0);
                    let held = account.hold(&self.tz, &open.facts, open.at_ms, amount);
                    open.parts.push(Part {
                        account: place,
                        ..held
                    });
                }
            }
        }
    }

    /// What is still to be recorded: one question for every kind of window, in order.
    pub(crate) fn owed(&self) -> Vec<Past> {
        let mut since: BTreeMap<Per, i64> = BTreeMap::new();
        let mut splits = Vec::new();
        for account in self.accounts.iter().filter(|account| account.owes_past) {
            let known_ms = account.known_ms;
            let first = since.entry(account.limit.per).or_insert(known_ms);
            *first = (*first).min(known_ms);
            account.resets.splits(&mut splits);
        }
        splits.sort_unstable();
        splits.dedup();
        let splits: Arc<[i64]> = splits.into();
        let past = |(per, since_ms)| Past {
            per,
            since_ms,
            tz: self.tz.clone(),
            splits: Arc::clone(&splits),
        };
        since.into_iter().map(past).collect()
    }

    /// Counts past calls of one kind, summed over a slot, in the budgets that still owe them.
    pub(crate) fn record(&mut self, past: &Past, slot_ms: i64, facts: &Facts, spent: &Spent) {
        let found = self.candidates(facts, Pending::NOTHING);
        for &place in &found {
            let account = &mut self.accounts[place];
            let owes = account.owes_past && account.limit.per == past.per;
            if owes && fit(&account.limit, facts, Pending::NOTHING) == Fit::Yes {
                account.record(&self.tz, facts, slot_ms, spent);
            }
        }
        self.found = found;
    }

    /// Ends recording: no budget owes its past any longer.
    pub(crate) fn replayed(&mut self) {
        for account in &mut self.accounts {
            account.owes_past = false;
        }
    }
}

/// What budgets with one kind of window have yet to be told of.
#[derive(Clone, Debug)]
pub struct Past {
    per: Per,
    /// Unix milliseconds: what counts from here on is asked for.
    pub since_ms: i64,
    tz: TimeZone,
    /// Resets: what came before one is told apart from what came after.
    splits: Arc<[i64]>,
}

impl Past {
    /// Tells the slot of time, by its start, under which a call that counts at an instant is to be summed
    /// up. Quick where calls come in the order of time.
    pub fn slots(&self) -> impl FnMut(i64) -> i64 + use<> {
        let Past {
            per, tz, splits, ..
        } = self.clone();
        let mut last: Option<(Window, i64)> = None;
        move |at_ms| {
            let start_ms = match last {
                Some((window, start_ms)) if window.contains(at_ms) => start_ms,
                _ => {
                    let start_ms = slot_start(per, &tz, at_ms);
                    let end_ms = slot_end(per, &tz, start_ms);
                    last = Some((Window { start_ms, end_ms }, start_ms));
                    start_ms
                }
            };
            let split = splits.partition_point(|split| *split <= at_ms);
            split
                .checked_sub(1)
                .map_or(start_ms, |split| start_ms.max(splits[split]))
        }
    }
}
