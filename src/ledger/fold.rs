//! Moves the write-ahead log into the database, on a thread of its own.
//!
//! This is where the disk is waited for: a commit is a write that the system keeps when the process is
//! killed, folding makes it outlast a power cut. Done by the writer, as SQLite does by default, the
//! waiting would be the calls'; done beside it, it is nobody's.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::Error;
use super::schema;
use super::shared::Shared;

/// A commit waits no longer than this to be folded: the most that a power cut can take.
const FOLD_EVERY: Duration = Duration::from_secs(1);

/// So many commits are folded at once, whatever the time: about 4 MiB of log.
const FOLD_AFTER: u32 = 512;

#[derive(Debug, Default)]
struct State {
    /// Since the last fold.
    commits: u32,
    closed: bool,
}

/// What the writer and the folding thread share.
#[derive(Debug, Default)]
pub(super) struct Folding {
    state: Mutex<State>,
    changed: Condvar,
}

impl Folding {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer has committed.
    pub(super) fn committed(&self) {
        let mut state = self.lock();
        state.commits += 1;
        if state.commits == 1 || state.commits == FOLD_AFTER {
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Lets the thread end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits until there is enough to fold; false when the ledger is closed.
    fn wait(&self) -> bool {
        let state = self.lock();
        let state = self
            .changed
            .wait_while(state, |state| state.commits == 0 && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, FOLD_EVERY, |state| {
                state.commits < FOLD_AFTER && !state.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.commits = 0;
        !state.closed
    }
}

/// Starts the thread.
pub(super) fn start(dir: &Path, shared: Arc<Shared>) -> Result<JoinHandle<()>, Error> {
    let db = schema::open_to_fold(dir)?;
    std::thread::Builder::new()
        .name("weir-ledger-fold".to_owned())
        .spawn(move || {
            let mut failing = false;
            while shared.folding.wait() {
                let folded = fold(&db);
                if let Err(fault) = &folded {
                    shared.fault();
                    if !failing {
                        tracing::warn!(%fault, "the ledger's log could not be folded in; it grows");
                    }
                }
                failing = folded.is_err();
            }
        })
        .map_err(|source| Error::Io {
            path: dir.to_owned(),
            source,
        })
}

/// Folds what no reader still needs in the log. It never blocks the writer or a reader, and leaves
/// what it did not come to for the next time.
fn fold(db: &Connection) -> rusqlite::Result<()> {
    db.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |_| Ok(()))
}
