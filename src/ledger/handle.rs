//! The handle that calls write through, and the guard that opens and closes the ledger.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::futures::OwnedNotified;
use tokio::sync::oneshot;

use super::lock::{self, DirLock};
use super::patience::Patience;
use super::query::Reader;
use super::queue::{Entry, HOLD_QUEUE_MAX, QUEUE_MAX};
use super::shared::Shared;
use super::writer::Writer;
use super::{Call, Error, Fault, Hold, Watch, fold, orphans, schema};
use crate::clock::Clock;

/// How long a hold is waited for. When the writer has been at one commit for longer than that, because
/// the disk is full or hangs, holds are answered with the fault at once, so that not every call is slow.
pub const HOLD_WAIT: Duration = Duration::from_secs(2);

/// The way to write; cheap to clone. Nothing here blocks.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    dir: Arc<Path>,
    patience: Arc<Patience>,
}

/// The ledger's owner: while it lives, the thread writes and the directory is locked. Dropping it
/// closes the ledger.
#[derive(Debug)]
pub struct LedgerGuard {
    ledger: Ledger,
    threads: Vec<JoinHandle<()>>,
    lock: Option<DirLock>,
    orphans: usize,
}

impl Ledger {
    /// Opens or makes `weir.db` in `dir`, settles what a crash left in flight, starts the writer.
    ///
    /// # Errors
    ///
    /// Where another weir uses the directory, or the file cannot be used.
    pub fn open(
        dir: &Path,
        clock: Arc<dyn Clock>,
        watch: Arc<dyn Watch>,
    ) -> Result<(Ledger, LedgerGuard), Error> {
        let lock = lock::take(dir)?;
        let mut db = schema::open_to_write(dir)?;
        let orphans = orphans::settle(&mut db, clock.unix_ms())
            .map_err(|source| Error::at(&schema::path(dir), source))?;
        if orphans > 0 {
            tracing::warn!(
                orphans,
                "calls were in flight when weir last ended; each is charged as `orphans` said"
            );
        }
        let shared = Arc::new(Shared::new(clock, watch));
        let fold = fold::start(dir, Arc::clone(&shared))?;
        let writer = Writer::new(db, Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("weir-ledger".to_owned())
            .spawn(move || writer.run())
            .inspect_err(|_| shared.folding.close())
            .map_err(|source| Error::Io {
                path: dir.to_owned(),
                source,
            })?;
        let ledger = Ledger::over(shared, dir, HOLD_WAIT);
        let guard = LedgerGuard {
            ledger: ledger.clone(),
            threads: vec![fold, thread],
            lock: Some(lock),
            orphans,
        };
        Ok((ledger, guard))
    }

    /// A handle on the queue that some writer empties.
    pub(super) fn over(shared: Arc<Shared>, dir: &Path, hold_wait: Duration) -> Self {
        Ledger {
            shared,
            dir: dir.into(),
            patience: Patience::new(hold_wait),
        }
    }

    /// Puts a hold on record; the future resolves when it is. The call's [`settle`](Ledger::settle) is
    /// due in any case, after a fault as well.
    pub fn hold(&self, hold: Hold) -> Committed {
        if self.shared.uncommitted_for() >= HOLD_WAIT {
            // It is kept for the record, and not waited for.
            let _ = self.push(Entry::Hold(Box::new(hold), None), HOLD_QUEUE_MAX);
            return Committed::failed(Fault::Unavailable);
        }
        let (waiting, answer) = oneshot::channel();
        match self.push(Entry::Hold(Box::new(hold), Some(waiting)), HOLD_QUEUE_MAX) {
            Ok(()) => Committed::waiting(answer, Arc::clone(&self.patience)),
            Err(fault) => Committed::failed(fault),
        }
    }

    /// Replaces a hold's facts, where the model and the input's cost became known with the body.
    pub fn amend(&self, hold: Hold) {
        let _ = self.push(Entry::Hold(Box::new(hold), None), HOLD_QUEUE_MAX);
    }

    /// Puts the call's row on record; its hold, where there is one, ends in the same transaction. A row
    /// of the same id that is there already stays as it is.
    pub fn settle(&self, call: Call) {
        let _ = self.push(Entry::Settle(Box::new(call)), QUEUE_MAX);
    }

    /// Resolves when everything that was given before is on record.
    pub fn flush(&self) -> Committed {
        let (waiting, answer) = oneshot::channel();
        match self.shared.queue.push(Entry::Mark(waiting), QUEUE_MAX) {
            Ok(()) => Committed::waiting(answer, self.patience.alone()),
            Err(fault) => Committed::failed(fault),
        }
    }

    fn push(&self, entry: Entry, max: usize) -> Result<(), Fault> {
        self.shared
            .queue
            .push(entry, max)
            .inspect_err(|_| self.shared.lose())
    }

    /// Entries that are not on record yet; never above [`QUEUE_MAX`].
    pub fn queue_depth(&self) -> usize {
        self.shared.queue.depth()
    }

    /// Commits and folds that failed since the start; what they held was kept.
    pub fn faults(&self) -> u64 {
        self.shared.faults()
    }

    /// Entries that were given up since the start: the queue was full, SQLite refused the entry itself, or the ledger was
    /// closed.
    pub fn lost(&self) -> u64 {
        self.shared.lost()
    }

    /// Whether the last commit succeeded, and none hangs.
    pub fn is_healthy(&self) -> bool {
        !self.shared.is_failing() && self.shared.uncommitted_for() < HOLD_WAIT
    }

    /// A connection for reading what is on record.
    ///
    /// # Errors
    ///
    /// Where the file cannot be opened a second time.
    pub fn reader(&self) -> Result<Reader, Error> {
        Reader::open(&self.dir)
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl LedgerGuard {
    /// Calls that the last process left in flight.
    pub fn orphans(&self) -> usize {
        self.orphans
    }

    /// Writes all that waits, folds the log into the database and ends the thread. A disk that takes
    /// nothing is given up after five seconds, and what is lost is counted.
    pub fn close(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        self.ledger.shared.queue.close();
        for thread in self.threads.drain(..) {
            // The thread's own panic was reported when it happened.
            let _ = thread.join();
        }
        self.lock = None;
    }
}

impl Drop for LedgerGuard {
    fn drop(&mut self) {
        self.shut();
    }
}

/// A promise that what was given is on record; waits [`HOLD_WAIT`] at most. Must be polled where tokio's
/// timers run.
#[derive(Debug)]
#[must_use = "the call goes upstream only after its hold is on record"]
pub struct Committed {
    state: Result<(oneshot::Receiver<()>, Arc<Patience>), Fault>,
    end: Option<Pin<Box<OwnedNotified>>>,
}

impl Committed {
    fn waiting(answer: oneshot::Receiver<()>, patience: Arc<Patience>) -> Self {
        Committed {
            state: Ok((answer, patience)),
            end: None,
        }
    }

    fn failed(fault: Fault) -> Self {
        Committed {
            state: Err(fault),
            end: None,
        }
    }
}

impl Future for Committed {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Self::Output> {
        let Committed { state, end } = &mut *self;
        let (answer, patience) = match state {
            Err(fault) => return Poll::Ready(Err(*fault)),
            Ok(waiting) => waiting,
        };
        if let Poll::Ready(answered) = Pin::new(answer).poll(ctx) {
            return Poll::Ready(answered.map_err(|_| Fault::Closed));
        }
        end.get_or_insert_with(|| patience.end())
            .as_mut()
            .poll(ctx)
            .map(|()| Err(Fault::Unavailable))
    }
}
