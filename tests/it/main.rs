//! Drives the real binary against scripted upstreams, over loopback only.
//!
//! One test binary: the support is compiled once, and every test starts its own weir on free ports.
#![expect(clippy::print_stderr, reason = "a failed test prints weir's log")]

mod admin;
mod alerts;
mod budget;
mod cli;
mod crash;
mod keys;
mod reload;
mod resilience;
mod sdk;
mod sessions;
mod shutdown;
mod support;
mod tidy;
mod transparency;
mod traps;
mod usage;
