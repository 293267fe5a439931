//! Drives the real binary against scripted upstreams, over loopback only.
//!
//! One test binary: the support is compiled once, and every test starts its own weir on free ports.

mod support;
