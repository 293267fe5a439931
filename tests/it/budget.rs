//! Limits are kept at the edge: never exceeded, told in the client's own shape, remembered.

mod background;
mod downgrade;
mod models;
mod named_twice;
mod pieces;
mod race;
mod refusal;
mod routes;
mod spent;
mod units;
mod unpriced;
mod waiting;

use crate::support::settings::Settings;
use crate::support::upstream::Upstream;
use crate::support::weir::Weir;

/// weir before `upstream`, with one budget.
async fn weir_with(upstream: &Upstream, budget: &str) -> Weir {
    Weir::start(&Settings::to(upstream).and(&format!("budgets:\n  - {budget}"))).await
}
