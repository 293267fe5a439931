//! What a budget is told of a call: what it is, how large it may be, what it was.

use crate::budget::limits::Dimension;
use crate::ledger::Labels;
use crate::units::PicoUsd;

/// What budgets match on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Its name in `proxy.yaml`.
    pub provider: String,
    /// The model that the provider is asked for: of a ledger row its `sent_model`, else its `request_model`.
    pub model: Option<String>,
    pub labels: Labels,
    /// Whether weir can tell what the call costs; false for a route that it cannot read.
    pub metered: bool,
}

impl Facts {
    /// The call's value in one dimension.
    pub fn value(&self, dimension: Dimension) -> Option<&str> {
        match dimension {
            Dimension::Provider => Some(&self.provider),
            Dimension::Model => self.model.as_deref(),
            Dimension::Key => self.labels.key.as_deref(),
            Dimension::User => self.labels.user.as_deref(),
            Dimension::Team => self.labels.team.as_deref(),
            Dimension::Project => self.labels.project.as_deref(),
            Dimension::Task => self.labels.task.as_deref(),
        }
    }
}

/// What the head alone does not tell, because the body may still say it: what is pending is taken as
/// unknown, whatever value [`Facts`] has for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    pub model: bool,
    pub user: bool,
}

impl Pending {
    /// Everything is known.
    pub const NOTHING: Pending = Pending {
        model: false,
        user: false,
    };

    /// Whether the dimension's value may still come.
    pub fn has(self, dimension: Dimension) -> bool {
        match dimension {
            Dimension::Model => self.model,
            Dimension::User => self.user,
            _ => false,
        }
    }
}

/// How much one call takes from budgets, besides being one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// `None` = no price is known; never 0 for unknown.
    pub cost: Option<PicoUsd>,
    /// Cache reads and writes included.
    pub input_tokens: u64,
    /// Reasoning included.
    pub output_tokens: u64,
}

impl Size {
    /// A call that takes nothing but its place.
    pub const FREE: Size = Size {
        cost: Some(PicoUsd::ZERO),
        input_tokens: 0,
        output_tokens: 0,
    };
}

/// How large a call may become, by either way to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// As calls to this model mostly are.
    pub expected: Size,
    /// What it cannot exceed.
    pub worst_case: Size,
    /// What is held of money where no price is known of what was asked for: what such calls cost of late, or
    /// the least there is where what answers may have a price. Such a call is not refused for its size as long as
    /// a budget says `unpriced: allow`, but one of which nothing is left does not let it pass.
    pub unpriced: PicoUsd,
}

impl Sizes {
    /// A call that takes nothing but its place.
    pub const FREE: Sizes = Sizes {
        expected: Size::FREE,
        worst_case: Size::FREE,
        unpriced: PicoUsd::ZERO,
    };

    /// The same size by either way to hold.
    pub fn alike(size: Size) -> Sizes {
        Sizes {
            expected: size,
            worst_case: size,
            unpriced: PicoUsd::ZERO,
        }
    }
}

/// What calls took together: a row of sums over the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The sum of the costs that are known.
    pub cost: PicoUsd,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Calls that were let through, whatever became of them; refused ones do not count.
    pub requests: u64,
    /// Unix milliseconds: when the last of them was admitted.
    pub latest_ms: i64,
}
