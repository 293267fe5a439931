//! The bounded queue between calls and the writer thread.
//!
//! A vector behind a mutex rather than a channel: the writer takes everything with one swap, and the
//! memory is as large as the backlog is, not as it may become.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Call, Fault, Hold};

/// Most entries that wait to be written, during a full disk as well; about 60 MB of them. Past this a
/// call's row is lost, and counted.
pub const QUEUE_MAX: usize = 65_536;

/// Holds are refused at half of that, so that every hold on record finds room for its end.
pub const HOLD_QUEUE_MAX: usize = QUEUE_MAX / 2;

/// After a commit, what nobody waits for is left so long to be committed with what somebody does wait
/// for. A call that ends while others begin costs no commit of its own then; and what a crash in this
/// time takes is no call, but how it ended: its hold is on record, and stays there until its row is.
const COMPANY_WAIT: Duration = Duration::from_millis(2);

/// One thing to write.
#[derive(Debug)]
pub(super) enum Entry {
    /// A hold; who waits for it is told when it is on record.
    Hold(Box<Hold>, Option<oneshot::Sender<()>>),
    /// A call's row, which ends its hold.
    Settle(Box<Call>),
    /// Nothing; who waits is told when all that came before is on record.
    Mark(oneshot::Sender<()>),
}

impl Entry {
    /// Whether somebody waits until it is on record.
    fn is_awaited(&self) -> bool {
        matches!(self, Entry::Hold(_, Some(_)) | Entry::Mark(_))
    }
}

/// What the consumer is doing, and so what wakes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Consumer {
    /// It comes back by itself; a wake-up would be a call into the system for nothing.
    #[default]
    Busy,
    /// It lets what nobody waits for lie a moment.
    Lingering,
    /// There is nothing.
    Asleep,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    /// Entries that were taken and are not on record yet; they count against the bound.
    in_hand: usize,
    consumer: Consumer,
    /// Somebody waits for one of the entries.
    awaited: bool,
    closed: bool,
}

/// Many producers that never wait, one consumer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the vector half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an entry where `max` leaves room.
    pub(super) fn push(&self, entry: Entry, max: usize) -> Result<(), Fault> {
        let mut state = self.lock();
        if state.closed {
            return Err(Fault::Closed);
        }
        if state.entries.len() + state.in_hand >= max {
            return Err(Fault::QueueFull);
        }
        let awaited = entry.is_awaited();
        let wake = match state.consumer {
            Consumer::Busy => false,
            Consumer::Lingering => awaited && !state.awaited,
            Consumer::Asleep => state.entries.is_empty(),
        };
        state.awaited |= awaited;
        state.entries.push(entry);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Moves everything into `taken`, which is empty; waits for something to come. False when the queue
    /// is closed and there is nothing left.
    pub(super) fn take(&self, taken: &mut Vec<Entry>) -> bool {
        let mut state = self.lock();
        state.consumer = Consumer::Lingering;
        let (mut state, _) = self
            .filled
            .wait_timeout_while(state, COMPANY_WAIT, |state| !state.awaited && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.consumer = Consumer::Asleep;
        while state.entries.is_empty() {
            if state.closed {
                return false;
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.consumer = Consumer::Busy;
        state.awaited = false;
        std::mem::swap(&mut state.entries, taken);
        state.in_hand = taken.len();
        true
    }

    /// Notes that `count` of the entries taken are dealt with, and says how many still wait.
    pub(super) fn done(&self, count: usize) -> usize {
        let mut state = self.lock();
        state.in_hand = state.in_hand.saturating_sub(count);
        state.entries.len() + state.in_hand
    }

    /// Waits until the queue is closed, at most `patience`; true when it is.
    pub(super) fn closed_within(&self, patience: Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .filled
            .wait_timeout_while(state, patience, |state| !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.closed
    }

    /// Refuses whatever comes from here on.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Entries that are not on record yet.
    pub(super) fn depth(&self) -> usize {
        let state = self.lock();
        state.entries.len() + state.in_hand
    }
}
