//! What a provider reported is what is recorded: ledger, metrics and bytes agree.

mod clouds;
mod identify;
mod labels;
mod media;
mod once;
mod reported;
mod sniffed;
mod unknown;
