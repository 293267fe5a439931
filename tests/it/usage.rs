//! What a provider reported is what is recorded: ledger, metrics and bytes agree.

mod labels;
mod media;
mod reported;
mod unknown;
