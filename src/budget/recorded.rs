//! A call of the ledger as budgets match it.

use crate::budget::facts::Facts;
use crate::ledger::Call;

impl Facts {
    /// What a call on record was, as it was asked for.
    pub fn of(call: &Call) -> Facts {
        Facts {
            provider: call.head.provider.clone(),
            model: call.head.asked_model().map(str::to_owned),
            labels: call.head.labels.clone(),
            metered: true,
        }
    }
}
