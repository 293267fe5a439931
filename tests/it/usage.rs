//! What a provider reported is what is recorded: ledger, metrics and bytes agree.

mod labels;
mod reported;
mod unknown;
