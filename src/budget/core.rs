//! The admission core: who may pass, what is held, what was spent.
//!
//! A state machine without a lock, a clock or chance: the same calls in the same order always give
//! the same answers, so it can be simulated over millions of steps and rebuilt from the ledger.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::budget::account::{Account, Part};
use crate::budget::crossing::Crossing;
use crate::budget::facts::{Facts, Pending, Size, Sizes};
use crate::budget::index::Index;
use crate::budget::limits::{Dimension, Limit, Per, Unit};
use crate::budget::matching::{Fit, fit};
use crate::budget::refusal::{Denial, Downgrade, Reason, Refusal};
use crate::budget::reset::Resets;
use crate::budget::window::Window;

/// What the head of a call decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preview {
    /// A budget that surely covers the call leaves no room for it: the body need not be read.
    Refuse(Box<Refusal>),
    /// Nothing depends on the body: `admit` can be asked with [`Sizes::FREE`].
    AdmitNow,
    /// `admit` must wait for model, body user or size.
    NeedBody,
}

/// How one instance of one budget stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetState {
    pub name: String,
    /// `None` for a budget that has no `each`; empty for the calls that say no value, `other` for
    /// the values beyond [`EACH_MAX`](crate::budget::EACH_MAX).
    pub each_value: Option<String>,
    pub each: Option<Dimension>,
    pub unit: Unit,
    pub per: Per,
    /// In the unit, like the three below. What windows before left to this one is in it.
    pub limit: i128,
    /// The part of `limit` that was left by windows before.
    pub carried: i128,
    pub spent: i128,
    pub held: i128,
    /// What calls took beyond their holds in this window, since weir started: the limit is overshot by no more.
    pub beyond: i128,
    /// From where on it counts: the window's start, or a reset inside it. A rolling window ends when the
    /// first of what was spent in it leaves.
    pub window: Window,
}

/// A call in flight.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) facts: Arc<Facts>,
    pub(super) sizes: Sizes,
    /// The instant under which it counts.
    pub(super) at_ms: i64,
    pub(super) parts: Vec<Part>,
    /// Part of a session, which has its place among the calls at once.
    pub(super) in_session: bool,
}

/// Names a call in flight; never given twice.
pub(crate) type HoldId = u64;

/// All budgets and all calls in flight.
#[derive(Debug)]
pub(crate) struct Core {
    pub(super) tz: TimeZone,
    pub(super) accounts: Vec<Account>,
    pub(super) index: Index,
    pub(super) open: HashMap<HoldId, Open>,
    next_id: HoldId,
    /// A call came whose time some budget knows nothing of.
    pub(super) lagged: bool,
    /// Of budgets by name, those that are not in force included.
    pub(super) resets: HashMap<String, Resets>,
    /// Calls that passed though there was no room, by budget, since this was last asked.
    overruns: BTreeMap<String, u64>,
    /// Kept between calls to spare an allocation each.
    pub(super) found: Vec<usize>,
    /// What refusals crossed and nobody was told yet.
    pub(super) crossed: Vec<Crossing>,
}

impl Core {
    pub(crate) fn new(limits: Vec<Limit>, tz: TimeZone, now_ms: i64) -> Self {
        let open = |limit: Limit| Account::new(limit, None, &tz, now_ms);
        let accounts: Vec<Account> = limits.into_iter().map(open).collect();
        Core {
            index: Index::new(accounts.iter().map(|account| &account.limit)),
            accounts,
            tz,
            open: HashMap::new(),
            next_id: 0,
            lagged: false,
            resets: HashMap::new(),
            overruns: BTreeMap::new(),
            found: Vec::new(),
            crossed: Vec::new(),
        }
    }

    pub(crate) fn preview(
        &mut self,
        facts: &Facts,
        pending: Pending,
        costs_for_sure: bool,
        now_ms: i64,
    ) -> Preview {
        let found = self.candidates(facts, pending);
        let mut needs_body = false;
        let mut worst = None;
        let mut downgrades = Vec::new();
        for &place in &found {
            let account = &mut self.accounts[place];
            match fit(&account.limit, facts, pending) {
                Fit::No => continue,
                Fit::Maybe => needs_body = true,
                Fit::Yes => {
                    account.turn(&self.tz, now_ms.max(account.floor_ms));
                    match account.glance(facts, pending, costs_for_sure) {
                        Ok(size_decides) => needs_body |= size_decides,
                        Err(denial) => {
                            downgrades.extend(account.downgrade(facts).map(|to| (place, to)));
                            self.told(place, denial, facts);
                            self.worse(&mut worst, place, denial);
                        }
                    }
                }
            }
        }
        self.found = found;
        match worst.map(|(place, denial)| self.refusal(place, denial, facts, now_ms)) {
            Some(mut refusal) if !refusal.may_pass_later() => {
                refusal.downgrade = first(downgrades);
                Preview::Refuse(refusal)
            }
            _ if needs_body => Preview::NeedBody,
            _ => Preview::AdmitNow,
        }
    }

    /// Holds on all budgets that cover the call, or on none.
    pub(crate) fn admit(
        &mut self,
        facts: &Arc<Facts>,
        sizes: &Sizes,
        now_ms: i64,
    ) -> Result<HoldId, Box<Refusal>> {
        let (mut parts, at_ms) = self.covering(facts, now_ms, |_| true);
        let mut worst = None;
        let mut downgrades = Vec::new();
        for part in &mut parts {
            let place = part.account;
            let account = &mut self.accounts[place];
            account.turn(&self.tz, at_ms);
            match account.check(facts, sizes) {
                Ok(amount) => part.amount = amount,
                Err(denial) => {
                    downgrades.extend(account.downgrade(facts).map(|to| (place, to)));
                    self.told(place, denial, facts);
                    self.worse(&mut worst, place, denial);
                }
            }
        }
        if let Some((place, denial)) = worst {
            let mut refusal = self.refusal(place, denial, facts, now_ms);
            refusal.downgrade = first(downgrades);
            return Err(refusal);
        }
        Ok(self.take(Open {
            facts: Arc::clone(facts),
            sizes: *sizes,
            at_ms,
            parts,
            in_session: false,
        }))
    }

    /// A part for every budget that covers the call and that `counts` says yes to, and the instant under
    /// which the call counts in all of them: none that one of them no longer knows.
    pub(super) fn covering(
        &mut self,
        facts: &Facts,
        now_ms: i64,
        counts: impl Fn(&Limit) -> bool,
    ) -> (Vec<Part>, i64) {
        let found = self.candidates(facts, Pending::NOTHING);
        let mut parts = Vec::with_capacity(found.len());
        let mut at_ms = now_ms;
        for &place in &found {
            let account = &self.accounts[place];
            let limit = &account.limit;
            if counts(limit) && fit(limit, facts, Pending::NOTHING) == Fit::Yes {
                at_ms = at_ms.max(account.floor_ms);
                self.lagged |= account.lags(now_ms);
                parts.push(Part {
                    account: place,
                    meter: 0,
                    slot_ms: 0,
                    at_ms: 0,
                    amount: 0,
                });
            }
        }
        self.found = found;
        (parts, at_ms)
    }

    /// Takes the holds of a call that may pass.
    pub(super) fn take(&mut self, mut open: Open) -> HoldId {
        for part in &mut open.parts {
            let account = &mut self.accounts[part.account];
            if account.is_overrun(&open.facts, &open.sizes) {
                let overruns = self.overruns.entry(account.limit.name.clone());
                *overruns.or_default() += 1;
            }
            let held = account.hold(&self.tz, &open.facts, open.at_ms, part.amount);
            *part = Part {
                account: part.account,
                ..held
            };
        }
        let id = self.next_id;
        self.next_id += 1;
        self.open.insert(id, open);
        id
    }

    /// Ends a call in flight: charged with `actual`, or as if it had never been.
    pub(crate) fn end(&mut self, id: HoldId, actual: Option<&Size>) -> Vec<Crossing> {
        let Some(open) = self.open.remove(&id) else {
            debug_assert!(false, "a hold ends once");
            return Vec::new();
        };
        let accounts = &mut self.accounts;
        open.parts
            .iter()
            .filter_map(|part| accounts[part.account].end(part, actual))
            .collect()
    }

    /// Notes a limit that leaves no room for a call.
    fn told(&mut self, place: usize, denial: Denial, facts: &Facts) {
        if denial.reason == Reason::Spent {
            self.crossed.extend(self.accounts[place].refused(facts));
        }
    }

    /// The highest percentage that each instance of each budget has reached, said or not.
    pub(crate) fn crossings(&mut self, now_ms: i64) -> Vec<Crossing> {
        for account in &mut self.accounts {
            account.turn(&self.tz, now_ms.max(account.floor_ms));
        }
        let all = self.accounts.iter().flat_map(Account::crossings);
        all.collect()
    }

    /// How every budget stands, in the order of `proxy.yaml`, instances by value.
    pub(crate) fn states(&mut self, now_ms: i64) -> Vec<BudgetState> {
        let mut states = Vec::with_capacity(self.accounts.len());
        for account in &mut self.accounts {
            account.turn(&self.tz, now_ms.max(account.floor_ms));
            let limit = &account.limit;
            if limit.is_rule() {
                continue;
            }
            let from = states.len();
            states.extend(account.states().map(|state| BudgetState {
                name: limit.name.clone(),
                each_value: state.value.map(str::to_owned),
                each: limit.each,
                unit: limit.unit,
                per: limit.per,
                limit: state.standing.limit,
                carried: state.standing.carried,
                spent: state.standing.spent,
                held: state.standing.held,
                beyond: state.standing.beyond,
                window: state.window,
            }));
            states[from..].sort_by(|one, two| one.each_value.cmp(&two.each_value));
        }
        states
    }

    /// The instant under which a call in flight counts.
    pub(crate) fn counted_at(&self, id: HoldId) -> i64 {
        self.open[&id].at_ms
    }

    /// The first budget that may cover the call and is such a one.
    pub(crate) fn find(
        &mut self,
        facts: &Facts,
        pending: Pending,
        is_such: impl Fn(&Limit) -> bool,
    ) -> Option<&Limit> {
        let found = self.candidates(facts, pending);
        let such = |place: &usize| {
            let limit = &self.accounts[*place].limit;
            is_such(limit) && fit(limit, facts, pending) != Fit::No
        };
        let first = found.iter().copied().filter(such).min();
        self.found = found;
        first.map(|place| &self.accounts[place].limit)
    }

    /// Takes the count of calls that passed though there was no room.
    pub(crate) fn take_overruns(&mut self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.overruns)
    }

    /// Calls in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.open.len()
    }

    /// Budgets that may cover the call; to be given back to `found`.
    pub(super) fn candidates(&mut self, facts: &Facts, pending: Pending) -> Vec<usize> {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        self.index.collect(facts, pending, &mut found);
        found
    }

    /// Keeps the refusal that stands longest, of equals the first in `proxy.yaml`: what the caller
    /// is told about waiting must be true of all.
    fn worse(&self, worst: &mut Option<(usize, Denial)>, place: usize, denial: Denial) {
        let stands_until = |place: usize, denial: &Denial| {
            let account = &self.accounts[place];
            match denial.reason {
                Reason::Model => (2, i64::MAX),
                Reason::TooLarge | Reason::Unpriced | Reason::Unmetered => (1, i64::MAX),
                // Calls in flight end before any window; a request stays one when it ends.
                Reason::Held if account.limit.unit != Unit::Requests => (0, i64::MIN),
                Reason::Held | Reason::Spent => (0, denial.resets_at.unwrap_or(i64::MAX)),
            }
        };
        let rank = (stands_until(place, &denial), std::cmp::Reverse(place));
        let longest = worst.as_ref().is_none_or(|(place, held)| {
            (stands_until(*place, held), std::cmp::Reverse(*place)) < rank
        });
        if longest {
            *worst = Some((place, denial));
        }
    }

    fn refusal(&self, place: usize, denial: Denial, facts: &Facts, now_ms: i64) -> Box<Refusal> {
        let account = &self.accounts[place];
        let limit = &account.limit;
        let value = account.value(facts).unwrap_or_default();
        Box::new(Refusal {
            budget: limit.name.clone(),
            each: limit.each.map(|dimension| (dimension, value.to_owned())),
            unit: limit.unit,
            currency: limit.currency,
            per: limit.per,
            reason: denial.reason,
            limit: denial.limit,
            spent: denial.spent,
            held: denial.held,
            needed: denial.needed,
            resets_at: denial.resets_at,
            now_ms,
            wait: limit.wait,
            model: facts.model.clone(),
            downgrade: None,
            obstacle: None,
        })
    }
}

/// The one that the budget says that stands first in `proxy.yaml`.
fn first(downgrades: Vec<(usize, Downgrade)>) -> Option<Downgrade> {
    let first = downgrades.into_iter().min_by_key(|(place, _)| *place);
    first.map(|(_, downgrade)| downgrade)
}

#[cfg(test)]
mod tests;
