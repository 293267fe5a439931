//! What calls wait with: a model of concurrency puts its own in their place.

pub(super) use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) use tokio::sync::Notify;
pub(super) use tokio::time::timeout;
