//! A call that waits for room: until calls in flight give back what they held too much, or the
//! window turns over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::budget::Budgets;
use crate::budget::facts::{Facts, Sizes};
use crate::budget::permit::Permit;
use crate::budget::refusal::Refusal;
use crate::clock::Clock;

/// Most calls that wait at a time; what comes after is refused at once. Every hold that ends wakes
/// all of them, so this also bounds the work of one settlement.
pub const WAITING_MAX: usize = 1_024;

impl Budgets {
    /// Admits a call, or lets it wait as long as the refusing budget's `wait` says and tries again. It counts
    /// under `started_at` where no window has turned since, else under the instant at which it is let in.
    pub async fn admit_waiting(
        self: &Arc<Self>,
        clock: &dyn Clock,
        facts: &Arc<Facts>,
        sizes: &Sizes,
        started_at: i64,
    ) -> Result<Permit, Box<Refusal>> {
        let mut waited = Duration::ZERO;
        let mut seat = None;
        loop {
            // Before asking: a hold that ends from here on wakes it.
            let change = self.changed.notified();
            let now_ms = clock.unix_ms();
            let is_fresh = waited.is_zero() && is_same_minute(started_at, now_ms);
            let at_ms = if is_fresh { started_at } else { now_ms };
            let mut refusal = match self.admit_shared(facts, sizes, at_ms) {
                Ok(permit) => return Ok(permit),
                Err(refusal) => refusal,
            };
            refusal.now_ms = now_ms;
            let Some(patience) = refusal.patience(waited) else {
                return Err(refusal);
            };
            if seat.is_none() {
                seat = Seat::take(&self.waiting);
            }
            if seat.is_none() {
                return Err(refusal);
            }
            let from = clock.monotonic();
            waited += match timeout(patience, change).await {
                Ok(()) => clock.monotonic().saturating_sub(from),
                Err(_) => patience,
            };
        }
    }
}

/// Whether no window of the calendar begins between two instants, the later one included: all of them begin
/// at full minutes.
fn is_same_minute(one_ms: i64, other_ms: i64) -> bool {
    one_ms.div_euclid(60_000) == other_ms.div_euclid(60_000)
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
