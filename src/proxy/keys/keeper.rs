//! What is done for keys beside the calls: files of providers' keys are looked at, uses put on record.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::warn;

use crate::ledger::{Error, Operator};
use crate::proxy::engine::Engine;

/// How often files that hold providers' keys are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often uses are put on record.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// The thread that does it; dropping it puts the last uses on record and ends it.
#[derive(Debug)]
pub struct Keeper {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts it.
    pub fn start(engine: Arc<Engine>) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let thread = thread::Builder::new().name("weir-keys".to_owned());
        let thread = thread.spawn(move || {
            let mut noted = engine.clock.monotonic();
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                engine.live.load().look_at_keys();
                let now = engine.clock.monotonic();
                if now.saturating_sub(noted) >= NOTE_EVERY {
                    noted = now;
                    engine.note_uses();
                }
            }
            engine.note_uses();
        })?;
        Ok(Keeper {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl Engine {
    /// Puts on record when keys were last used.
    fn note_uses(&self) {
        let uses = self.keys.unwritten();
        if uses.is_empty() {
            return;
        }
        let note = || -> Result<(), Error> { Operator::open(self.ledger.dir())?.note_uses(&uses) };
        match note() {
            Ok(()) => self.keys.written(&uses),
            Err(error) => warn!(%error, "the last uses of keys could not be put on record"),
        }
    }
}
