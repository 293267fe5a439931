//! Whether a budget has room for a call, and when it will.

use jiff::tz::TimeZone;

use crate::budget::account::Account;
use crate::budget::amount::needed;
use crate::budget::facts::{Facts, Pending, Sizes};
use crate::budget::instances::Meter;
use crate::budget::limits::{Action, HoldMode, OnSpent, Per, Unit, Unknown};
use crate::budget::matching::may_ask;
use crate::budget::pace::leaves_at;
use crate::budget::refusal::{Denial, Downgrade, Reason};
use crate::budget::standing::Standing;

impl Account {
    /// What the call would hold here, or why it may not pass.
    pub(crate) fn check(&self, facts: &Facts, sizes: &Sizes) -> Result<i128, Denial> {
        let action = &self.limit.action;
        match self.room(facts, sizes) {
            Err(denial) if denial.reason == Reason::Model && *action != Action::Warn => Err(denial),
            Err(_) if action.lets_pass(facts.model.as_deref()) => {
                Ok(needed(&self.limit, facts, sizes).unwrap_or(0))
            }
            room => room,
        }
    }

    /// Whether the call passes here though it was to be refused.
    pub(crate) fn is_overrun(&self, facts: &Facts, sizes: &Sizes) -> bool {
        self.limit.action != Action::Block && self.room(facts, sizes).is_err()
    }

    fn room(&self, facts: &Facts, sizes: &Sizes) -> Result<i128, Denial> {
        let deny = |reason, needed| self.denial(facts, reason, needed);
        if !may_ask(&self.limit, facts.model.as_deref()) {
            return Err(deny(Reason::Model, 0));
        }
        let need = match needed(&self.limit, facts, sizes) {
            Ok(need) => need,
            Err(reason) => return Err(deny(reason, 0)),
        };
        if need == 0 {
            return Ok(need);
        }
        let standing = self.standing(facts);
        if standing.has_room(need) {
            return Ok(need);
        }
        Err(deny(self.shortage(&standing, need), need))
    }

    /// Whether the call finds room, whatever becomes of one that does not.
    pub(crate) fn has_room(&self, facts: &Facts, sizes: &Sizes) -> bool {
        self.room(facts, sizes).is_ok()
    }

    /// What is sure before the body is known: `Ok(true)` where the body decides.
    pub(crate) fn glance(
        &self,
        facts: &Facts,
        pending: Pending,
        costs_for_sure: bool,
    ) -> Result<bool, Denial> {
        let limit = &self.limit;
        if pending.model && !(limit.models.is_empty() && limit.action == Action::Block) {
            return Ok(true);
        }
        match self.sure(facts, costs_for_sure) {
            // It passes all the same.
            Err(_) if limit.action.lets_pass(facts.model.as_deref()) => Ok(true),
            sure => sure,
        }
    }

    /// The model to which a call goes that is refused here.
    pub(crate) fn downgrade(&self, facts: &Facts) -> Option<Downgrade> {
        let to = self.limit.action.downgrade(facts.model.as_deref()?)?;
        Some(Downgrade {
            budget: self.limit.name.clone(),
            to: to.to_owned(),
        })
    }

    fn sure(&self, facts: &Facts, costs_for_sure: bool) -> Result<bool, Denial> {
        if matches!(self.limit.unit, Unit::Requests | Unit::Concurrent) {
            return self.check(facts, &Sizes::FREE).map(|_| false);
        }
        let deny = |reason| Err(self.denial(facts, reason, 0));
        if !may_ask(&self.limit, facts.model.as_deref()) {
            return deny(Reason::Model);
        }
        if !facts.metered {
            return match self.limit.unmetered {
                Unknown::Block => deny(Reason::Unmetered),
                Unknown::Allow => Ok(false),
            };
        }
        let takes_some = self.limit.unit != Unit::Cost || costs_for_sure;
        let standing = self.standing(facts);
        if takes_some && standing.spent >= standing.limit {
            return deny(Reason::Spent);
        }
        Ok(true)
    }

    /// Why an open session may not make another response that holds `sizes`. Where a budget may be
    /// overshot, it takes one until it is spent.
    pub(crate) fn ends_session(&self, facts: &Facts, sizes: &Sizes) -> Option<Reason> {
        let limit = &self.limit;
        let leaves = limit.on_spent == OnSpent::Leave || limit.unit == Unit::Concurrent;
        match self.check(facts, sizes) {
            Ok(_) => None,
            // A rule that says which models may be asked for is about no amount.
            Err(denial) if denial.reason == Reason::Model => Some(denial.reason),
            Err(_) if leaves => None,
            // A request that is held is one that is spent, its own session's as well.
            Err(_) if limit.unit == Unit::Requests => Some(Reason::Spent),
            Err(denial) if limit.hold == HoldMode::WorstCase || denial.needed == 0 => {
                Some(denial.reason)
            }
            Err(denial) => (denial.spent >= denial.limit).then_some(Reason::Spent),
        }
    }

    fn denial(&self, facts: &Facts, reason: Reason, needed: i128) -> Denial {
        let standing = self.standing(facts);
        Denial {
            reason,
            limit: standing.limit,
            spent: standing.spent,
            held: standing.held,
            needed,
            resets_at: self.resets_at(facts, &standing, needed),
        }
    }

    /// When there is room again: a window of the calendar's turn, else when enough will have left.
    fn resets_at(&self, facts: &Facts, standing: &Standing, needed: i128) -> Option<i64> {
        if !matches!(self.limit.per, Per::Rolling { .. }) {
            return self.window.end_ms;
        }
        let place = self.instances.find(self.value(facts))?;
        let room = self.limit.amount.saturating_sub(needed.max(1));
        let must_leave = standing
            .spent
            .saturating_add(standing.held)
            .saturating_sub(room);
        self.leaving(self.instances.get(place), must_leave)
    }

    /// When so much will have left a rolling window, or, of less, all of it.
    pub(crate) fn leaving(&self, meter: &Meter, must_leave: i128) -> Option<i64> {
        let mut left: i128 = 0;
        let mut leaves = None;
        for slot in meter
            .slots
            .iter()
            .filter(|slot| self.frame.holds(slot.start_ms))
        {
            if slot.took() == 0 {
                continue;
            }
            leaves = leaves_at(self.limit.per, &TimeZone::UTC, slot.start_ms);
            left = left.saturating_add(slot.took());
            if left >= must_leave {
                break;
            }
        }
        leaves
    }

    /// Why a hold that does not fit does not fit.
    fn shortage(&self, standing: &Standing, need: i128) -> Reason {
        let most = self
            .limit
            .amount
            .saturating_add(self.limit.rollover.unwrap_or(0));
        if need > most {
            Reason::TooLarge
        } else if standing.spent.saturating_add(need) > standing.limit {
            Reason::Spent
        } else {
            Reason::Held
        }
    }
}
