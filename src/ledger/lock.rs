//! The data directory's lock: one weir writes to it at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::Error;

const LOCK_FILE: &str = "weir.lock";

/// The lock, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

/// Makes the directory where there is none, and takes its lock.
///
/// The file stays when the lock is given up: removing it would let two processes lock two files of
/// the same name.
pub fn take(dir: &Path) -> Result<DirLock, Error> {
    let failed = |source| Error::Io {
        path: dir.to_owned(),
        source,
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(failed)?;
    let mut file = private_file(&dir.join(LOCK_FILE))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = file
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            return Err(Error::Locked {
                dir: dir.to_owned(),
                pid,
            });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // The number is for the message only; a disk that is full must not keep weir from starting.
    let _ = file.set_len(0).and_then(|()| file.rewind());
    let _ = writeln!(file, "{}", std::process::id());
    Ok(DirLock { _file: file })
}

/// Whether a weir, or a command that writes, holds the directory's lock.
pub fn is_in_use(dir: &Path) -> Result<bool, Error> {
    if !dir.join(LOCK_FILE).exists() {
        return Ok(false);
    }
    match take(dir) {
        Ok(_) => Ok(false),
        Err(Error::Locked { .. }) => Ok(true),
        Err(other) => Err(other),
    }
}

/// Opens a file for writing; one that is made is readable by its owner alone.
pub(super) fn private_file(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}
