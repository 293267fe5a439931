//! A threshold of a budget that was reached, and who is told of it.

use super::limits::{Dimension, Per, Unit};
use super::window::Window;
use crate::units::Currency;

/// The percentage that stands for a limit that is reached, or that left no room for a call.
pub const EXCEEDED: u8 = 100;

/// A percentage of a limit that was reached: told once per window and instance while weir runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    pub budget: String,
    /// Which instance, of a budget that has one for each value.
    pub each: Option<(Dimension, String)>,
    pub unit: Unit,
    /// What money is shown in.
    pub currency: Currency,
    pub per: Per,
    /// One of the budget's `warn_at`, or [`EXCEEDED`]: then `spent` may be below the limit.
    pub percent: u8,
    /// In the unit, like the limit.
    pub spent: i128,
    pub limit: i128,
    pub window: Window,
}

/// Is told of crossings, between two steps of a call: it must neither block nor fail.
pub trait Heed: Send + Sync + std::fmt::Debug {
    /// A threshold was crossed.
    fn crossed(&self, crossing: Crossing);
}

impl Crossing {
    /// What is spent, for a person.
    pub fn spent(&self) -> String {
        self.unit.show(self.spent, self.currency)
    }

    /// The limit, for a person.
    pub fn limit(&self) -> String {
        self.unit.show(self.limit, self.currency)
    }

    pub(super) fn log(&self) {
        tracing::warn!(
            budget = self.budget,
            each = self.each.as_ref().map(|(_, value)| value),
            percent = self.percent,
            spent = self.spent(),
            limit = self.limit(),
            "budget reached {} %",
            self.percent,
        );
    }
}
