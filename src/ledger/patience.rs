//! How long holds are waited for: one timer for all that begin to wait within a moment.
//!
//! A timer for each hold would be the dearest part of it. It is set for seconds and always called off within a
//! millisecond, and setting the nearest one wakes the runtime by a call into the system.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Who begins to wait within this part of the patience shares an end: so much earlier it may come.
const SHARE: u32 = 8;

/// Ends that are shared.
#[derive(Debug)]
pub(super) struct Patience {
    whole: Duration,
    /// The end of those who begin to wait at present.
    open: Mutex<Option<Arc<Notify>>>,
}

impl Patience {
    pub(super) fn new(whole: Duration) -> Arc<Self> {
        Arc::new(Patience {
            whole,
            open: Mutex::default(),
        })
    }

    /// The same patience for one who shares no end, and may wait on a runtime that seldom runs.
    pub(super) fn alone(&self) -> Arc<Self> {
        Patience::new(self.whole)
    }

    /// Resolves when the patience of someone who begins to wait is over, at most an eighth too early. Called
    /// where tokio's timers run.
    pub(super) fn end(self: &Arc<Self>) -> Pin<Box<OwnedNotified>> {
        let mut open = self.open();
        let end = open.get_or_insert_with(|| {
            let end = Arc::new(Notify::new());
            let due = Due {
                patience: Arc::clone(self),
                end: Arc::clone(&end),
            };
            tokio::spawn(due.run());
            end
        });
        Box::pin(Arc::clone(end).notified_owned())
    }

    fn open(&self) -> MutexGuard<'_, Option<Arc<Notify>>> {
        // Nothing that holds the lock can leave the slot half changed.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end to come. A runtime that is taken down drops it, and the end comes then.
struct Due {
    patience: Arc<Patience>,
    end: Arc<Notify>,
}

impl Due {
    async fn run(self) {
        let whole = self.patience.whole;
        let shared = whole / SHARE;
        tokio::time::sleep(shared).await;
        self.close();
        tokio::time::sleep(whole - shared).await;
    }

    /// Lets nobody else share this end.
    fn close(&self) {
        let mut open = self.patience.open();
        open.take_if(|open| Arc::ptr_eq(open, &self.end));
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        self.close();
        self.end.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_begins_together_shares_an_end_and_who_comes_later_has_another() {
        let patience = Patience::new(Duration::from_millis(80));
        let (one, other) = (patience.end(), patience.end());
        let shared = patience.open().clone().expect("an end is open");
        assert_eq!(
            Arc::strong_count(&shared),
            5,
            "slot, task, two waiters and this"
        );
        one.await;
        other.await;
        assert!(patience.open().is_none(), "it was closed before it came");
        patience.end().await;
    }

    #[test]
    fn the_end_comes_with_the_runtimes() {
        let patience = Patience::new(Duration::from_secs(3_600));
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap()
        };
        let first = runtime();
        let end = {
            let _entered = first.enter();
            patience.end()
        };
        drop(first);
        runtime().block_on(end);
        assert!(patience.open().is_none());
    }
}
