//! Budgets whose past is elsewhere: limits that are replaced, counts that are rebuilt from the
//! ledger.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::budget::account::{Account, Part};
use crate::budget::amount::needed;
use crate::budget::core::Core;
use crate::budget::facts::{Facts, Pending, Spent};
use crate::budget::index::Index;
use crate::budget::limits::{Limit, Unit};
use crate::budget::matching::{Fit, fit};
use crate::budget::window::window;

impl Core {
    /// Puts other limits in force. A budget that counts the same calls in the same unit and window
    /// keeps what it counted, whatever its amount becomes; any other is opened anew, takes the
    /// holds of the calls in flight that it covers, and owes its past.
    pub(crate) fn replace(&mut self, limits: Vec<Limit>, tz: TimeZone, now_ms: i64) {
        let same_zone = tz == self.tz;
        for account in &mut self.accounts {
            account.turn(&self.tz, now_ms);
        }
        let olds = std::mem::take(&mut self.accounts);
        let mut moved: Vec<Option<usize>> = vec![None; olds.len()];
        let mut names: HashMap<String, usize> = HashMap::new();
        for (place, old) in olds.iter().enumerate() {
            names.entry(old.limit.name.clone()).or_insert(place);
        }
        let mut olds: Vec<Option<Account>> = olds.into_iter().map(Some).collect();
        let mut fresh = Vec::new();
        for limit in limits {
            let place = self.accounts.len();
            let present = window(limit.per, &tz, now_ms);
            let old = names.get(&limit.name).copied();
            let kept = old.and_then(|old| {
                olds[old].take_if(|account| {
                    let same_window = same_zone || account.window.start_ms == present.start_ms;
                    account.same_count(&limit) && same_window && !account.owes_past
                })
            });
            self.accounts.push(match (kept, old) {
                (Some(account), Some(old)) => {
                    moved[old] = Some(place);
                    let window = if same_zone { account.window } else { present };
                    account.under(limit, window)
                }
                _ => {
                    fresh.push(place);
                    Account::new(limit, present)
                }
            });
        }
        self.tz = tz;
        self.index = Index::new(self.accounts.iter().map(|account| &account.limit));
        self.move_holds(&moved, &fresh);
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
                if covers && account.window.start_ms <= open.admitted_ms {
                    let amount = needed(&account.limit, &open.facts, &open.sizes).unwrap_or(0);
                    let (meter, start_ms) = account.hold(&open.facts, amount);
                    open.parts.push(Part {
                        account: place,
                        meter,
                        start_ms,
                        amount,
                    });
                }
            }
        }
    }

    /// The starts of the windows whose past is still to be recorded, each once, in order.
    pub(crate) fn owed(&self) -> Vec<i64> {
        let owing = self.accounts.iter().filter(|account| account.owes_past);
        let mut starts: Vec<i64> = owing.map(|account| account.window.start_ms).collect();
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    /// Counts past calls of one kind, summed since `since_ms`, in the budgets that still owe them.
    pub(crate) fn record(&mut self, facts: &Facts, since_ms: i64, spent: &Spent) {
        let found = self.candidates(facts, Pending::NOTHING);
        for &place in &found {
            let account = &mut self.accounts[place];
            let owes = account.owes_past && account.window.start_ms == since_ms;
            if owes && fit(&account.limit, facts, Pending::NOTHING) == Fit::Yes {
                account.record(facts, spent);
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
