//! A call that waits for room: until calls in flight give back what they held too much, or the
//! window turns over.
//!
//! It knows neither budgets nor clocks, so that every order in which calls ask, wait and end can be tried.

use std::time::Duration;

use crate::budget::sync::{AtomicUsize, Notify, Ordering, timeout};

/// Most calls that wait at a time; what comes after is refused at once. Every hold that ends wakes
/// all of them, so this also bounds the work of one settlement.
pub const WAITING_MAX: usize = 1_024;

/// Where calls wait.
#[derive(Debug, Default)]
pub(super) struct Lobby {
    /// Told whenever room may have come about.
    changed: Notify,
    /// Calls that wait.
    pub(super) waiting: AtomicUsize,
}

impl Lobby {
    /// Wakes all who wait: there may be room, now that what they are to find is in place.
    pub(super) fn came_about(&self) {
        self.changed.notify_waiters();
    }

    /// Asks until there is room; after a refusal it waits as long as `patience` says, of which some may be over,
    /// and `None` ends it. `elapsed` counts from anywhere.
    pub(super) async fn ask<T, E>(
        &self,
        mut ask: impl FnMut() -> Result<T, E>,
        patience: impl Fn(&E, Duration) -> Option<Duration>,
        elapsed: impl Fn() -> Duration,
    ) -> Result<T, E> {
        let mut waited = Duration::ZERO;
        let mut seat = None;
        loop {
            // Before asking: a hold that ends from here on wakes it.
            let change = self.changed.notified();
            let refusal = match ask() {
                Ok(permit) => return Ok(permit),
                Err(refusal) => refusal,
            };
            let Some(patience) = patience(&refusal, waited) else {
                return Err(refusal);
            };
            if seat.is_none() {
                seat = Seat::take(&self.waiting);
            }
            if seat.is_none() {
                return Err(refusal);
            }
            let from = elapsed();
            waited += match timeout(patience, change).await {
                Ok(()) => elapsed().saturating_sub(from),
                Err(_) => patience,
            };
        }
    }
}

/// One place among the calls that wait.
struct Seat<'a>(&'a AtomicUsize);

impl<'a> Seat<'a> {
    fn take(taken: &'a AtomicUsize) -> Option<Self> {
        let free = |taken| (taken < WAITING_MAX).then_some(taken + 1);
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, free)
            .ok()
            .map(|_| Seat(taken))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
