//! Notices that the file changed.
//!
//! The folder is watched and not the file: editors rename a new file over the old one, and
//! Kubernetes swaps a symlink beside it. Events say only that something happened; whether the file's
//! content differs is told by its digest. A slow look besides catches what events miss: network
//! folders, a symlink's target in another folder, a folder that was made anew.
//!
//! Events are awaited here and not by notify-debouncer-full: it keeps every event in a queue without
//! a bound, and a file that is renamed over a hundred times a second never leaves that queue.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Reloader;

/// How soon a change is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Silence after which an edit counts as done: long enough for truncate-then-write.
    pub quiet: Duration,
    /// Edits that never fall silent are looked at this often.
    pub storm: Duration,
    /// The file is looked at this often without any event.
    pub poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            quiet: Duration::from_millis(200),
            storm: Duration::from_secs(1),
            poll: Duration::from_secs(10),
        }
    }
}

/// Looks after a [`Reloader`]'s file on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts watching. Where the folder cannot be watched, the slow look remains, and a log line
    /// says so.
    pub fn start(reloader: Arc<Reloader>, pace: Pace) -> std::io::Result<Watch> {
        // One place: an event that finds it taken is looked at with the one before.
        let (wake, woken) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let events = events(reloader.path(), pace, wake.clone());
        let watcher = Watcher {
            reloader,
            pace,
            woken,
            wake: wake.clone(),
            stop: Arc::clone(&stop),
            events,
        };
        let thread = thread::Builder::new().name("weir-config".to_owned());
        let thread = thread.spawn(move || watcher.run())?;
        Ok(Watch {
            stop,
            wake,
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A full channel wakes the thread as well.
        let _ = self.wake.try_send(());
        if let Some(thread) = self.thread.take() {
            // A panic there was a callback's, and said so when it happened.
            let _ = thread.join();
        }
    }
}

struct Watcher {
    reloader: Arc<Reloader>,
    pace: Pace,
    woken: Receiver<()>,
    wake: SyncSender<()>,
    stop: Arc<AtomicBool>,
    events: Option<RecommendedWatcher>,
}

impl Watcher {
    fn run(mut self) {
        loop {
            // First of all: the file may have changed between its loading and the watch.
            self.reloader.look();
            match self.woken.recv_timeout(self.pace.poll) {
                Ok(()) => self.await_quiet(),
                Err(RecvTimeoutError::Timeout) if self.events.is_none() => {
                    self.events = events(self.reloader.path(), self.pace, self.wake.clone());
                }
                Err(_) => {}
            }
            if self.is_stopped() {
                return;
            }
        }
    }

    /// Waits until events pause, but not for ever.
    fn await_quiet(&self) {
        let clock = &self.reloader.clock;
        let until = clock.monotonic() + self.pace.storm;
        while !self.is_stopped() {
            let left = until.saturating_sub(clock.monotonic());
            let paused = self
                .woken
                .recv_timeout((self.pace.quiet / 2).min(left))
                .is_err();
            if paused || left.is_zero() {
                return;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Starts the events of the file's folder; `None` where the system gives none.
fn events(path: &Path, pace: Pace, wake: SyncSender<()>) -> Option<RecommendedWatcher> {
    let folder = folder(path);
    let on_event = move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| is_change(event.kind)) {
            let _ = wake.try_send(());
        }
    };
    let watching = notify::recommended_watcher(on_event).and_then(|mut watcher| {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watching
        .inspect_err(|error| {
            let (folder, every) = (folder.display(), pace.poll);
            tracing::warn!(%folder, %error, ?every, "no events: settings are only polled");
        })
        .ok()
}

/// Reading a file is an event too; to look at those would be to look at oneself.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
