//! What the handles, the writer and the folding thread share: the queue, and how the ledger fares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::Watch;
use super::fold::Folding;
use super::queue::Queue;
use crate::clock::Clock;

pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) folding: Folding,
    pub(super) clock: Arc<dyn Clock>,
    watch: Arc<dyn Watch>,
    faults: AtomicU64,
    lost: AtomicU64,
    /// The last commit failed.
    failing: AtomicBool,
    /// Monotonic milliseconds, plus one, at which a commit was begun that has not succeeded yet, with
    /// its further attempts; 0 = there is none. It tells a disk that hangs as well as one that fails.
    uncommitted_since: AtomicU64,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>, watch: Arc<dyn Watch>) -> Self {
        Shared {
            queue: Queue::default(),
            folding: Folding::default(),
            clock,
            watch,
            faults: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            uncommitted_since: AtomicU64::new(0),
        }
    }

    /// How long the writer has been at one commit.
    pub(super) fn uncommitted_for(&self) -> Duration {
        match self.uncommitted_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => {
                let since = Duration::from_millis(since - 1);
                self.clock.monotonic().saturating_sub(since)
            }
        }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// An entry is given up.
    pub(super) fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.watch.lost();
    }

    /// A commit or a fold failed.
    pub(super) fn fault(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        self.watch.fault();
    }

    /// An attempt to commit begins.
    pub(super) fn attempted(&self, now: Duration) {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX - 1);
        let (old, new) = (0, now + 1);
        // Where it is set, this is a further attempt.
        let _ =
            self.uncommitted_since
                .compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed);
        self.watch.queue_depth(self.queue.depth());
    }

    /// The attempt failed; true for the first of a series.
    pub(super) fn failed(&self) -> bool {
        self.fault();
        !self.failing.swap(true, Ordering::Relaxed)
    }

    /// The attempt succeeded: `entries` are on record. True for the first after a failure.
    pub(super) fn committed(&self, took: Duration, entries: usize) -> bool {
        self.uncommitted_since.store(0, Ordering::Relaxed);
        self.watch.committed(took, entries);
        self.folding.committed();
        self.watch.queue_depth(self.queue.done(entries));
        self.failing.swap(false, Ordering::Relaxed)
    }
}
