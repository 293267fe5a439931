//! Counts what no provider reported, away from the threads that serve.
//!
//! Counting one call takes up to 30 ms, and a thousand clients may leave at once: on the serving threads that
//! would stand in the way of everybody else's bytes.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::call::Call;
use super::engine::Engine;
use super::settle::Ending;

/// Calls that may wait to be counted, each with up to 128 KiB of text; what comes after goes by its length.
const WAITING_MAX: usize = 256;

/// A call that ended and is not settled yet.
type Ended = (Arc<Engine>, Box<Call>, Ending);

/// The thread that counts.
#[derive(Debug)]
pub struct Counting {
    queue: Mutex<Option<SyncSender<Ended>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Counting {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("weir-count".to_owned())
            .spawn(move || work(&waiting))?;
        Ok(Counting {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Takes a call to count and settle; gives it back where too many wait, or the thread has ended.
    pub fn take(
        &self,
        engine: &Arc<Engine>,
        call: Box<Call>,
        ending: Ending,
    ) -> Result<(), Box<Call>> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else {
            return Err(call);
        };
        match queue.try_send((Arc::clone(engine), call, ending)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full((_, call, _)) | TrySendError::Disconnected((_, call, _))) => {
                Err(call)
            }
        }
    }

    /// Settles what waits and ends the thread.
    pub fn close(&self) {
        drop(
            self.queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic there has been printed; its call's row is the hold's, at the next start.
            let _ = thread.join();
        }
    }
}

fn work(waiting: &Receiver<Ended>) {
    while let Ok((engine, call, ending)) = waiting.recv() {
        call.settle_counted(&engine, ending);
    }
}
