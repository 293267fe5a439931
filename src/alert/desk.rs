//! The thread that raises and delivers, and the way in for calls.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::clerk::Clerk;
use super::{Kind, Settings};
use crate::budget::{Budgets, Crossing, Heed};
use crate::clock::Clock;
use crate::ledger::Error;

/// Most crossings that wait to be raised. What does not fit is found at the next look.
pub const CROSSINGS_MAX: usize = 1_024;

/// How often what budgets have reached is compared with what was said, what is over is resolved, and
/// spending is looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What is counted of alerts.
pub trait Count: Send + Sync {
    /// An alert was raised.
    fn raised(&self, kind: Kind);
    /// So many deliveries had that outcome: `delivered`, `retried`, `failed`, `dropped`.
    fn delivery(&self, outcome: &'static str, times: usize);
    /// So many deliveries wait.
    fn waiting(&self, deliveries: u64);
    /// [`CROSSINGS_MAX`] was reached.
    fn overflowed(&self);
}

/// The desk's owner: while it lives, its thread raises and delivers.
#[derive(Debug)]
pub struct Desk {
    /// `None` tells the thread to end.
    settings: watch::Sender<Option<Arc<Settings>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Desk {
    /// Opens the desk over the ledger of a data directory. What was crossed before and never said is
    /// said.
    ///
    /// # Errors
    ///
    /// Where the ledger cannot be opened once more, or no thread be had.
    pub fn open(
        dir: &Path,
        settings: Settings,
        budgets: &Arc<Budgets>,
        clock: Arc<dyn Clock>,
        count: Arc<dyn Count>,
    ) -> Result<Desk, Error> {
        let failed = |source| Error::Io {
            path: dir.to_owned(),
            source,
        };
        let (settings, in_force) = watch::channel(Some(Arc::new(settings)));
        let clerk = Clerk::new(dir, budgets, clock, Arc::clone(&count))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let (sender, crossings) = mpsc::channel(CROSSINGS_MAX);
        let missed = Arc::new(AtomicBool::new(false));
        budgets.heeded_by(Arc::new(Notes {
            sender,
            missed: Arc::clone(&missed),
            count,
        }));
        let thread = std::thread::Builder::new()
            .name("weir-alerts".to_owned())
            .spawn(move || {
                runtime.block_on(clerk.work(crossings, in_force, &missed));
                // A look at the ledger that is under way is not waited for.
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Desk {
            settings,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Puts other settings in force.
    pub fn apply(&self, settings: Settings) {
        self.settings.send_if_modified(|in_force| {
            let is_open = in_force.is_some();
            if is_open {
                *in_force = Some(Arc::new(settings));
            }
            is_open
        });
    }

    /// Ends the thread: what was crossed is put on record, and what is not delivered waits until weir
    /// runs again.
    pub fn close(&self) {
        self.settings.send_replace(None);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A panic there has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.close();
    }
}

/// The way in for calls.
struct Notes {
    sender: mpsc::Sender<Crossing>,
    /// Something did not fit: the clerk looks for itself.
    missed: Arc<AtomicBool>,
    count: Arc<dyn Count>,
}

impl std::fmt::Debug for Notes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notes").finish_non_exhaustive()
    }
}

impl Heed for Notes {
    fn crossed(&self, crossing: Crossing) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(crossing) {
            self.missed.store(true, Ordering::Relaxed);
            self.count.overflowed();
        }
    }
}
