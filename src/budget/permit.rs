//! Proof that a call was admitted, and its holds on the budgets that cover it.

use std::sync::Arc;

use crate::budget::Budgets;
use crate::budget::core::HoldId;
use crate::budget::facts::{Size, Sizes};

/// The holds of one call.
///
/// A permit ends once: [`settle`](Permit::settle) charges what the call took and frees the rest,
/// [`release`](Permit::release) frees all of it. One that is dropped open is released and counted,
/// since a bug of ours must not spend a caller's budget.
#[derive(Debug)]
pub struct Permit {
    budgets: Arc<Budgets>,
    /// `None` once ended.
    id: Option<HoldId>,
    sizes: Sizes,
    counted_at: i64,
}

impl Permit {
    pub(crate) fn new(budgets: Arc<Budgets>, id: HoldId, sizes: Sizes, counted_at: i64) -> Self {
        Permit {
            budgets,
            id: Some(id),
            sizes,
            counted_at,
        }
    }

    /// The instant under which budgets count the call, for its row of the ledger; `None` where that is
    /// `started_at`, under which the row is filed.
    pub fn counted_apart_from(&self, started_at: i64) -> Option<i64> {
        Some(self.counted_at).filter(|at| *at != started_at)
    }

    /// The sizes that were held: what the actual size is compared with to tell the overshoot.
    pub fn worth(&self) -> &Sizes {
        &self.sizes
    }

    /// Charges a call that went upstream, to the windows in which it was admitted. An unknown cost
    /// charges no money; its tokens count, and so does the call. An answer that is an error is
    /// settled too, with [`Size::FREE`] where it used nothing.
    pub fn settle(mut self, actual: &Size) {
        self.end(Some(actual));
    }

    /// Ends a call that never went upstream: it counts as if it had not been.
    pub fn release(mut self) {
        self.end(None);
    }

    fn end(&mut self, actual: Option<&Size>) {
        if let Some(id) = self.id.take() {
            self.budgets.end(id, actual);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.id.is_some() {
            self.budgets.count_dropped();
            self.end(None);
        }
    }
}
