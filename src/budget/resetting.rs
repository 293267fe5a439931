//! A reset, put on record between its beginning and its end.

use std::sync::PoisonError;

use crate::budget::Budgets;
use crate::ledger::Reset;

impl Budgets {
    /// Resets the budget of a name, or one of its instances: from an instant on, later than all that was
    /// admitted, it counts anew inside its window. `record` puts that on record first; where it fails,
    /// nothing is changed. Calls in flight that were admitted before change nothing when they end. `None`
    /// where no budget of that name counts anything.
    pub fn reset<E>(
        &self,
        name: &str,
        each_value: Option<&str>,
        now_ms: i64,
        record: impl FnOnce(&Reset) -> Result<(), E>,
    ) -> Result<Option<Reset>, E> {
        // One at a time: the ledger and the memory must agree which is the last.
        let _turn = self
            .resetting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(at) = self.lock().begin_reset(name, each_value, now_ms) else {
            return Ok(None);
        };
        let reset = Reset {
            budget: name.to_owned(),
            each_value: each_value.map(str::to_owned),
            at,
        };
        record(&reset)?;
        self.lock().finish_reset(&reset);
        self.lobby.came_about();
        Ok(Some(reset))
    }

    /// Tells from when on budgets count: all resets on record, in the order in which they were made. To be
    /// called at the start, before anything counts.
    pub fn recall_resets(&self, resets: &[Reset]) {
        self.lock().recall_resets(resets);
    }
}
