//! The settings in force, and the one way in which others take their place.
//!
//! A watcher, SIGHUP and `POST /-/reload` all end in [`Reloader::reload`]. A bad edit is refused
//! and the last good settings stay; a good one takes effect at once, except for what needs a
//! restart.

mod watch;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::digest;

use crate::clock::Clock;

pub use watch::{Pace, Watch};

use super::load::{parse_bytes, read, unreadable};
use super::{Config, Env, Problems, defaults, diff};

/// Where variables come from, for all threads that may reload.
pub type SharedEnv = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Told of every change, in order, when it is in force already; the next reload waits for it.
pub type OnApply = Box<dyn Fn(&Arc<Config>) + Send + Sync>;

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    Applied {
        /// What differs from the settings before, one line each.
        changes: Vec<String>,
        /// Keys whose running value stays until a restart.
        needs_restart: Vec<&'static str>,
    },
    /// The file says what it said before.
    Unchanged,
    /// The last good settings stay.
    Refused(Problems),
}

/// Who wanted a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The file was seen to have changed.
    Edit,
    /// SIGHUP.
    Signal,
    /// `POST /-/reload`.
    Request,
}

/// Told what came of every reload, whoever wanted it; it may take its time.
pub type OnDone = Box<dyn Fn(Cause, &Reload) + Send + Sync>;

/// How reloading stands, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether the last attempt was good.
    pub last_ok: bool,
    /// Unix milliseconds of the last good attempt.
    pub last_success_ms: i64,
}

/// What was last seen at the file's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Never,
    Missing,
    Unreadable,
    Content([u8; 32]),
}

#[derive(Debug)]
struct State {
    /// The last good file, before anything of it was held back.
    wanted: Config,
    /// What is in force.
    running: Arc<Config>,
    seen: Seen,
    /// Whether there ever was a file: without one the defaults are in force, and that is no fault.
    had_file: bool,
    status: Status,
}

/// The settings at `path`; the defaults, and a line in the log, where there is no file.
pub fn load_or_default(path: &Path, env: &Env<'_>) -> Result<Config, Problems> {
    match fs::exists(path) {
        Ok(false) => {
            tracing::info!(path = %path.display(), "no settings file: the defaults are in force");
            Ok(defaults())
        }
        _ => super::load(path, env),
    }
}

/// The settings in force and the file they come from.
pub struct Reloader {
    path: PathBuf,
    env: SharedEnv,
    clock: Arc<dyn Clock>,
    on_apply: OnApply,
    on_done: OnDone,
    state: Mutex<State>,
}

impl Reloader {
    /// Settings that were just loaded from `path`.
    pub fn new(
        path: PathBuf,
        env: SharedEnv,
        clock: Arc<dyn Clock>,
        loaded: Config,
        on_apply: OnApply,
        on_done: OnDone,
    ) -> Arc<Self> {
        let status = Status {
            last_ok: true,
            last_success_ms: clock.unix_ms(),
        };
        let state = State {
            wanted: loaded.clone(),
            running: Arc::new(loaded),
            seen: Seen::Never,
            had_file: false,
            status,
        };
        Arc::new(Reloader {
            path,
            env,
            clock,
            on_apply,
            on_done,
            state: Mutex::new(state),
        })
    }

    /// The settings in force. Calls take theirs from where `on_apply` puts them.
    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.state().running)
    }

    /// The file that is read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How reloading stands.
    pub fn status(&self) -> Status {
        self.state().status
    }

    /// Reads the file and puts it in force, whether or not it changed on disk.
    pub fn reload(&self, cause: Cause) -> Reload {
        let done = {
            let mut state = self.state();
            let content = read(&self.path);
            state.seen = seen(&content);
            self.take(&mut state, content)
        };
        (self.on_done)(cause, &done);
        done
    }

    /// The same, but only if the file changed since it was last looked at.
    pub fn look(&self) -> Option<Reload> {
        let done = {
            let mut state = self.state();
            let content = read(&self.path);
            let now = seen(&content);
            if now == state.seen {
                return None;
            }
            state.seen = now;
            self.take(&mut state, content)
        };
        (self.on_done)(Cause::Edit, &done);
        Some(done)
    }

    /// A panic in a callback must not end reloading: the state is whole between any two statements.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, state: &mut State, content: io::Result<Vec<u8>>) -> Reload {
        let origin = self.path.display().to_string();
        let parsed = match content {
            Ok(bytes) => {
                state.had_file = true;
                parse_bytes(&bytes, &origin, &*self.env)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !state.had_file => {
                return Reload::Unchanged;
            }
            Err(error) => Err(unreadable(&origin, &error)),
        };
        let new = match parsed {
            Ok(new) => new,
            Err(problems) => {
                state.status.last_ok = false;
                tracing::warn!(%problems, "settings refused: the last good ones stay in force");
                return Reload::Refused(problems);
            }
        };
        state.status = Status {
            last_ok: true,
            last_success_ms: self.clock.unix_ms(),
        };
        if new == state.wanted {
            return Reload::Unchanged;
        }
        let running = Arc::clone(&state.running);
        let changes = diff::changes(&state.wanted, &new);
        let needs_restart = diff::needs_restart(&running, &new);
        let applied = Arc::new(diff::held_back(&running, &new));
        state.wanted = new;
        if *applied != *running {
            state.running = Arc::clone(&applied);
            (self.on_apply)(&applied);
        }
        tracing::info!(?changes, ?needs_restart, "settings reloaded");
        Reload::Applied {
            changes,
            needs_restart,
        }
    }
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn seen(content: &io::Result<Vec<u8>>) -> Seen {
    match content {
        Ok(bytes) => {
            let digest = digest::digest(&digest::SHA256, bytes);
            Seen::Content(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Seen::Missing,
        Err(_) => Seen::Unreadable,
    }
}

#[cfg(test)]
mod tests;
