//! weir: a transparent reverse-proxy sidecar for LLM traffic.
//!
//! Bytes pass unchanged; usage is read from a copy of them; money is counted; limits are kept at the edge.
//! The rooms stand here in reading order, and a room imports only from those above it.

pub mod units;

pub mod clock;

pub mod wire;

pub mod providers;

pub mod usage;

pub mod pricing;

pub mod ledger;

pub mod budget;

pub mod alert;

pub mod config;

pub mod metrics;

pub mod listen;

pub mod proxy;

pub mod admin;

pub mod cli;
