//! weir: a transparent reverse-proxy sidecar for LLM traffic.
//!
//! Bytes pass unchanged; usage is read from a copy of them; money is counted; limits are kept at the edge.
//! The rooms stand here in reading order, and a room imports only from those above it.

pub mod admin;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod config;
pub mod ledger;
pub mod listen;
pub mod metrics;
pub mod pricing;
pub mod providers;
pub mod proxy;
pub mod units;
pub mod usage;
pub mod wire;
