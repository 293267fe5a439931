//! What can go wrong: errors that stop a start, faults that traffic outlives, and who is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ErrorCode;

/// Why a ledger cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process writes to the directory.
    #[error(
        "another weir{} already uses {}; stop it, or give this one its own data_dir",
        .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(), .dir.display()
    )]
    Locked { dir: PathBuf, pid: Option<u32> },
    /// A file or directory cannot be used.
    #[error("cannot use {}; check that it exists and that weir may write to it", .path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    /// There is no ledger to read.
    #[error("there is no ledger at {}; weir makes one when it first serves there", .path.display())]
    Missing { path: PathBuf },
    /// The file is no SQLite database, or a damaged one.
    #[error("{} is damaged; move it aside and weir starts a new one", .path.display())]
    Damaged {
        path: PathBuf,
        source: rusqlite::Error,
    },
    /// The file was written by another version of weir.
    #[error("{} has schema {found}, this weir needs {wanted}; {remedy}", .path.display())]
    Schema {
        path: PathBuf,
        found: i64,
        wanted: i64,
        remedy: &'static str,
    },
    /// A call to be priced anew is not as it was read.
    #[error(
        "calls in {} were changed while they were priced anew; run `weir reprice` again", .path.display()
    )]
    ChangedMeanwhile { path: PathBuf },
    /// Anything else that SQLite says.
    #[error("cannot use the ledger {}", .path.display())]
    Sqlite {
        path: PathBuf,
        source: rusqlite::Error,
    },
}

impl Error {
    /// Sorts what SQLite says about the file at `path`.
    pub(super) fn at(path: &Path, source: rusqlite::Error) -> Error {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::Damaged { path, source }
            }
            _ => Error::Sqlite { path, source },
        }
    }
}

/// Why a hold is not on record. The call may still go on: `on_ledger_fault` decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The queue holds as much as it may.
    #[error("the ledger's queue is full")]
    QueueFull,
    /// The disk did not take the hold in time; it is kept and written when the ledger is back.
    #[error("the ledger did not commit in time")]
    Unavailable,
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
}

/// Who is told how the ledger fares. Called on the writer thread, and `lost` on any: it must not block.
pub trait Watch: Send + Sync {
    /// Entries that wait to be written.
    fn queue_depth(&self, depth: usize);

    /// A group of `entries` is on record after `took`.
    fn committed(&self, took: Duration, entries: usize);

    /// A commit or a fold failed; what it held is kept.
    fn fault(&self);

    /// An entry was given up: the queue was full, SQLite refused the entry itself, or the ledger closed.
    fn lost(&self);
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Watch for Quiet {
    fn queue_depth(&self, _depth: usize) {}
    fn committed(&self, _took: Duration, _entries: usize) {}
    fn fault(&self) {}
    fn lost(&self) {}
}
