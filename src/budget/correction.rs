//! Costs that are worked out anew, after the budgets have counted them.

use crate::budget::Budgets;
use crate::budget::core::Core;
use crate::budget::facts::{Facts, Pending};
use crate::budget::limits::Unit;
use crate::budget::matching::{Fit, fit};
use crate::units::PicoUsd;

impl Budgets {
    /// A call that began at `started_at` and has ended costs `more` than what was counted, or less: the
    /// money budgets that cover it count that too, where it lies in their present window.
    pub fn correct(&self, facts: &Facts, started_at: i64, more: PicoUsd, now_ms: i64) {
        self.lock().correct(facts, started_at, more, now_ms);
        // Room may have come about.
        self.room.came_about();
    }
}

impl Core {
    fn correct(&mut self, facts: &Facts, started_at: i64, more: PicoUsd, now_ms: i64) {
        let found = self.candidates(facts, Pending::NOTHING);
        for &place in &found {
            let account = &mut self.accounts[place];
            account.turn(&self.tz, now_ms);
            let counts = account.limit.unit == Unit::Cost && !account.limit.is_rule();
            if counts
                && account.window.start_ms <= started_at
                && fit(&account.limit, facts, Pending::NOTHING) == Fit::Yes
            {
                account.correct(facts, more.get());
            }
        }
        self.found = found;
    }
}
