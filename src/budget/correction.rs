//! Costs that are worked out anew, after the budgets have counted them.

use crate::budget::Budgets;
use crate::budget::core::Core;
use crate::budget::facts::{Facts, Pending};
use crate::budget::limits::Unit;
use crate::budget::matching::{Fit, fit};
use crate::units::PicoUsd;

impl Budgets {
    /// A call that counts under `at_ms` and has ended costs `more` than what was counted, or less: the
    /// money budgets that cover it count that too, in the window in which it lies.
    pub fn correct(&self, facts: &Facts, at_ms: i64, more: PicoUsd, now_ms: i64) {
        self.lock().correct(facts, at_ms, more, now_ms);
        // Room may have come about.
        self.lobby.came_about();
    }
}

impl Core {
    fn correct(&mut self, facts: &Facts, at_ms: i64, more: PicoUsd, now_ms: i64) {
        let found = self.candidates(facts, Pending::NOTHING);
        for &place in &found {
            let account = &mut self.accounts[place];
            account.turn(&self.tz, now_ms.max(account.floor_ms));
            let counts = account.limit.unit == Unit::Cost && !account.limit.is_rule();
            if counts && fit(&account.limit, facts, Pending::NOTHING) == Fit::Yes {
                account.correct(&self.tz, facts, at_ms, more.get());
            }
        }
        self.found = found;
    }
}
