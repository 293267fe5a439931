//! What budgets need of the room `ledger`.

#[path = "../../../src/ledger/labels.rs"]
mod labels;

pub use labels::Labels;

/// A budget counts from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    pub budget: String,
    pub each_value: Option<String>,
    pub at: i64,
}
