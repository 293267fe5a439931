//! The traps of a proxy on Pingora, one test each.

mod connect;
mod corporate;
mod endings;
mod refusals;
pub mod retries;
mod upgrades;
