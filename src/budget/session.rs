//! Calls within an open session: a WebSocket's bytes cannot be kept back, so what is made there is held
//! after the fact, and a session without room is closed instead.

use std::sync::Arc;

use crate::budget::Budgets;
use crate::budget::amount::needed;
use crate::budget::core::{Core, Open};
use crate::budget::facts::{Facts, Pending, Sizes};
use crate::budget::limits::{Action, Limit, Unit};
use crate::budget::matching::{Fit, fit, may_ask};
use crate::budget::permit::Permit;
use crate::budget::refusal::Reason;

/// A budget that has no room for another response of an open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    pub budget: String,
    pub reason: Reason,
}

impl Full {
    /// What a client is told, in a few words.
    pub fn text(&self) -> String {
        let why = match self.reason {
            Reason::Spent => "spent",
            Reason::Held | Reason::TooLarge => "has no room for a response",
            Reason::Unpriced => "blocks models without a known price",
            Reason::Unmetered => "blocks calls that cannot be metered",
            Reason::Model => "does not allow this model",
        };
        format!("budget {} {why}", self.budget)
    }
}

impl Budgets {
    /// Holds for a response that is being made, whatever is left, on all budgets that cover it but those of
    /// calls at once: there its session has a place.
    pub fn hold_anyway(self: &Arc<Self>, facts: &Arc<Facts>, sizes: &Sizes, now_ms: i64) -> Permit {
        let (id, counted_at) = {
            let mut core = self.lock();
            let id = core.hold_anyway(facts, sizes, now_ms);
            (id, core.counted_at(id))
        };
        Permit::new(Arc::clone(self), id, *sizes, counted_at)
    }

    /// Holds for what an ended call left to be made, whatever is left, on the budgets of money and tokens: the
    /// call itself was counted as one.
    pub fn hold_on(self: &Arc<Self>, facts: &Arc<Facts>, sizes: &Sizes, now_ms: i64) -> Permit {
        let counted = |unit| matches!(unit, Unit::Concurrent | Unit::Requests);
        let (id, counted_at) = {
            let mut core = self.lock();
            let id = core.hold_but(facts, sizes, now_ms, counted);
            (id, core.counted_at(id))
        };
        Permit::new(Arc::clone(self), id, *sizes, counted_at)
    }

    /// The first budget that does not let an open session go on to the model of `facts`.
    pub fn forbids(&self, facts: &Facts) -> Option<Full> {
        let model = facts.model.as_deref();
        let denies = |limit: &Limit| !may_ask(limit, model) && limit.action != Action::Warn;
        let mut core = self.lock();
        let limit = core.find(facts, Pending::NOTHING, denies)?;
        Some(Full {
            budget: limit.name.clone(),
            reason: Reason::Model,
        })
    }

    /// The first budget, in the order of `proxy.yaml`, that ends an open session before it makes another
    /// response of these sizes.
    pub fn full_for(&self, facts: &Facts, sizes: &Sizes, now_ms: i64) -> Option<Full> {
        self.lock().full_for(facts, sizes, now_ms)
    }
}

impl Core {
    pub(super) fn hold_anyway(&mut self, facts: &Arc<Facts>, sizes: &Sizes, now_ms: i64) -> u64 {
        self.hold_but(facts, sizes, now_ms, |unit| unit == Unit::Concurrent)
    }

    /// Holds on all budgets that cover the call but those of some units, whatever is left.
    fn hold_but(
        &mut self,
        facts: &Arc<Facts>,
        sizes: &Sizes,
        now_ms: i64,
        counted: fn(Unit) -> bool,
    ) -> u64 {
        let takes_part = |limit: &Limit| !counted(limit.unit);
        let (mut parts, at_ms) = self.covering(facts, now_ms, takes_part);
        for part in &mut parts {
            let account = &mut self.accounts[part.account];
            account.turn(&self.tz, at_ms);
            part.amount = needed(&account.limit, facts, sizes).unwrap_or(0);
        }
        self.take(Open {
            facts: Arc::clone(facts),
            sizes: *sizes,
            at_ms,
            parts,
            in_session: true,
        })
    }

    fn full_for(&mut self, facts: &Facts, sizes: &Sizes, now_ms: i64) -> Option<Full> {
        let mut found = self.candidates(facts, Pending::NOTHING);
        found.sort_unstable();
        let mut full = None;
        for &place in &found {
            let account = &mut self.accounts[place];
            if fit(&account.limit, facts, Pending::NOTHING) != Fit::Yes {
                continue;
            }
            account.turn(&self.tz, now_ms.max(account.floor_ms));
            if let Some(reason) = account.ends_session(facts, sizes) {
                full = Some(Full {
                    budget: account.limit.name.clone(),
                    reason,
                });
                break;
            }
        }
        self.found = found;
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Size;
    use crate::budget::limits::{HoldMode, OnSpent};
    use crate::budget::tests::{facts, limit, milli_usd, opened, sizes};

    const NOW: i64 = 1_795_168_830_000;

    #[test]
    fn a_response_is_held_even_where_there_is_no_room_but_takes_no_place_among_calls() {
        let mut at_once = limit("at-once");
        (at_once.unit, at_once.amount) = (Unit::Concurrent, 1);
        let budgets = opened(vec![limit("money"), at_once]);
        let call = Arc::new(facts("openai", "gpt-realtime", "ann"));
        let session = budgets.admit(&call, &Sizes::FREE, NOW).unwrap();
        let one = budgets.hold_anyway(&call, &sizes(milli_usd(800)), NOW);
        let two = budgets.hold_anyway(&call, &sizes(milli_usd(800)), NOW);
        let held = |budgets: &Budgets| {
            budgets
                .snapshot(NOW)
                .iter()
                .map(|state| (state.spent, state.held))
                .collect::<Vec<_>>()
        };
        let milli = crate::units::PICO_PER_USD / 1_000;
        assert_eq!(held(&budgets), [(0, 1_600 * milli), (0, 1)]);
        one.settle(&milli_usd(700));
        two.settle(&milli_usd(700));
        assert_eq!(held(&budgets), [(1_400 * milli, 0), (0, 1)]);
        session.settle(&Size::FREE);
        assert_eq!(held(&budgets), [(1_400 * milli, 0), (0, 0)]);
    }

    #[test]
    fn a_session_ends_at_a_spent_budget_unless_it_is_to_be_left() {
        let mut left = limit("left");
        left.on_spent = OnSpent::Leave;
        let budgets = opened(vec![left, limit("closes")]);
        let call = Arc::new(facts("openai", "gpt-realtime", "ann"));
        let next = sizes(milli_usd(600));
        for _ in 0..2 {
            assert_eq!(budgets.full_for(&call, &next, NOW), None);
            let permit = budgets.hold_anyway(&call, &next, NOW);
            permit.settle(&milli_usd(600));
        }
        let full = budgets.full_for(&call, &next, NOW).unwrap();
        assert_eq!(full.text(), "budget closes spent");
        assert_eq!(budgets.full_for(&call, &Sizes::FREE, NOW), None);
    }

    #[test]
    fn a_worst_case_budget_ends_a_session_before_the_response_that_may_overshoot() {
        let mut strict = limit("strict");
        strict.hold = HoldMode::WorstCase;
        let budgets = opened(vec![strict]);
        let call = Arc::new(facts("openai", "gpt-realtime", "ann"));
        let next = sizes(milli_usd(600));
        assert_eq!(budgets.full_for(&call, &next, NOW), None);
        let permit = budgets.hold_anyway(&call, &next, NOW);
        let full = budgets.full_for(&call, &next, NOW).unwrap();
        assert_eq!(full.text(), "budget strict has no room for a response");
        permit.settle(&milli_usd(10));
        assert_eq!(budgets.full_for(&call, &next, NOW), None);
    }
}
