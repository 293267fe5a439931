//! What budgets need of the room `ledger`.

#[path = "../../../src/ledger/labels.rs"]
mod labels;

pub use labels::Labels;
