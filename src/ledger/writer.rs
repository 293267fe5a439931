//! The one thread that writes: it takes what waits, commits it as a group, and answers the holds.
//!
//! A group that cannot be committed is kept and tried again, for as long as the ledger is open: the
//! queue is the backlog, and its bound the backlog's.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::queue::Entry;
use super::rows;
use super::shared::Shared;

/// Most entries in one transaction, so that the first hold of many is answered within milliseconds.
const GROUP_MAX: usize = 512;

/// The first wait after a failed commit; each further one is twice as long.
const BACKOFF_FIRST: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// How long a closing ledger tries to write what it has before that is given up.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// How one attempt ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Committed,
    /// Nothing was taken off; wait this long before the next attempt.
    Failed(Duration),
}

/// The thread's own: the connection, and what was taken and is not on record.
pub(super) struct Writer {
    pub(super) db: Connection,
    shared: Arc<Shared>,
    taken: Vec<Entry>,
    in_hand: VecDeque<Entry>,
    backoff: Duration,
}

impl Writer {
    pub(super) fn new(db: Connection, shared: Arc<Shared>) -> Self {
        let backoff = BACKOFF_FIRST;
        Writer {
            db,
            shared,
            taken: Vec::new(),
            in_hand: VecDeque::new(),
            backoff,
        }
    }

    /// Writes until the ledger is closed and everything is on record or given up.
    pub(super) fn run(mut self) {
        let _closing = CloseOnExit(Arc::clone(&self.shared));
        let mut closing_since = None;
        while self.take() {
            let Turn::Failed(wait) = self.turn() else {
                continue;
            };
            if self.shared.queue.closed_within(wait) {
                let now = self.shared.clock.monotonic();
                let since = *closing_since.get_or_insert(now);
                if now.saturating_sub(since) >= CLOSE_PATIENCE {
                    break;
                }
                std::thread::park_timeout(wait);
            }
        }
        self.give_up();
        if let Err(fault) = self.db.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
            tracing::debug!(%fault, "the ledger's log was not folded in at the close");
        }
    }

    /// Waits for something to write; false when there is nothing more to come.
    pub(super) fn take(&mut self) -> bool {
        if self.in_hand.is_empty() {
            if !self.shared.queue.take(&mut self.taken) {
                return false;
            }
            self.in_hand.extend(self.taken.drain(..));
        }
        true
    }

    /// Tries to commit one group of what is in hand.
    pub(super) fn turn(&mut self) -> Turn {
        let size = self.in_hand.len().min(GROUP_MAX);
        let began = self.shared.clock.monotonic();
        self.shared.attempted(began);
        if let Err(fault) = commit(&self.db, self.in_hand.iter().take(size), &self.shared) {
            return self.failed(&fault);
        }
        let took = self.shared.clock.monotonic().saturating_sub(began);
        if self.shared.committed(took, size) {
            tracing::info!("the ledger commits again");
        }
        self.backoff = BACKOFF_FIRST;
        for entry in self.in_hand.drain(..size) {
            if let Entry::Hold(_, Some(waiting)) | Entry::Mark(waiting) = entry {
                // Who no longer waits has decided without us.
                let _ = waiting.send(());
            }
        }
        Turn::Committed
    }

    fn failed(&mut self, fault: &rusqlite::Error) -> Turn {
        if !self.db.is_autocommit() {
            // Where this fails too, so does the next BEGIN, and it is tried again.
            let _ = self.db.execute_batch("ROLLBACK");
        }
        if self.shared.failed() {
            let waiting = self.shared.queue.depth();
            tracing::error!(%fault, waiting, "the ledger cannot commit; what waits is kept");
        }
        let wait = self.backoff;
        self.backoff = (wait * 2).min(BACKOFF_MAX);
        Turn::Failed(wait)
    }

    /// Counts what a closing ledger could not write.
    fn give_up(&mut self) {
        self.shared.queue.close();
        loop {
            let rows = self
                .in_hand
                .drain(..)
                .filter(|entry| !matches!(entry, Entry::Mark(_)));
            let lost = rows.inspect(|_| self.shared.lose()).count();
            if lost > 0 {
                tracing::error!(lost, "the ledger closed before it could commit");
            }
            if !self.take() {
                return;
            }
        }
    }
}

/// Whatever ends the thread, nobody may wait for it after.
struct CloseOnExit(Arc<Shared>);

impl Drop for CloseOnExit {
    fn drop(&mut self) {
        self.0.queue.close();
        self.0.folding.close();
    }
}

fn commit<'e>(
    db: &Connection,
    entries: impl Iterator<Item = &'e Entry>,
    shared: &Shared,
) -> rusqlite::Result<()> {
    db.prepare_cached("BEGIN IMMEDIATE")?.raw_execute()?;
    let mut put_hold = db.prepare_cached(rows::PUT_HOLD)?;
    let mut end_hold = db.prepare_cached(rows::END_HOLD)?;
    let mut insert_call = db.prepare_cached(rows::INSERT_CALL)?;
    for entry in entries {
        let written = match entry {
            Entry::Hold(hold, _) => rows::put_hold(&mut put_hold, hold),
            Entry::Settle(call) => rows::insert_call(&mut insert_call, call)
                .and_then(|()| rows::end_hold(&mut end_hold, call.head.id)),
            Entry::Mark(_) => Ok(()),
        };
        match written {
            Err(fault) if is_the_entrys(&fault) => {
                tracing::error!(%fault, "the ledger refused an entry");
                shared.lose();
            }
            other => other?,
        }
    }
    db.prepare_cached("COMMIT")?.raw_execute().map(drop)
}

/// Whether the entry itself is at fault: it would fail again and hold up all others.
fn is_the_entrys(fault: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, ParameterOutOfRange, TooBig, TypeMismatch};
    match fault.sqlite_error_code() {
        Some(code) => {
            matches!(
                code,
                ConstraintViolation | ParameterOutOfRange | TooBig | TypeMismatch
            )
        }
        None => true,
    }
}
