//! Files that only their owner may read; each is there whole or not at all.
//!
//! A key that others could read for a moment is a key that others have, so a file has its mode from its first
//! byte on; and a start that meets half a key would not know what it lost.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The mode of a file for its owner alone.
pub const SECRET: u32 = 0o600;
/// The mode of a file that everyone may read; the folder around it still says who reaches it.
pub const PUBLIC: u32 = 0o644;
/// The mode of a folder that its owner alone may enter.
const FOLDER: u32 = 0o700;
/// Bits that let anyone but the owner in.
const OTHERS: u32 = 0o077;

/// Why a file or a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} cannot be {done}", path = .path.display())]
    File {
        path: PathBuf,
        /// What was to be done with it: `read`, `written`, `made`.
        done: &'static str,
        source: io::Error,
    },
    #[error("{path} can be read by others (mode {mode:03o}); run `chmod 600 {path}`", path = .path.display())]
    Exposed { path: PathBuf, mode: u32 },
}

impl Error {
    /// Whether there is no such file, which is another matter than a file that cannot be read.
    pub fn is_missing(&self) -> bool {
        matches!(self, Error::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Names the place in an error of the system's.
    pub(super) fn at<'p>(path: &'p Path, done: &'static str) -> impl Fn(io::Error) -> Error + 'p {
        move |source| Error::File {
            path: path.to_owned(),
            done,
            source,
        }
    }
}

/// Makes `folder` if it is missing, and takes others' access away.
pub fn folder(folder: &Path) -> Result<(), Error> {
    let error = Error::at(folder, "made");
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER)
        .create(folder)
        .map_err(&error)?;
    let mode = fs::metadata(folder).map_err(&error)?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(folder, Permissions::from_mode(FOLDER))
        .map_err(Error::at(folder, "closed to others"))
}

/// Reads a secret; an error where others could read it too.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let error = Error::at(path, "read");
    let mut file = File::open(path).map_err(&error)?;
    // The open file is asked, not the path: that is the file whose bytes follow.
    let mode = file.metadata().map_err(&error)?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(Error::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(&error)?;
    Ok(content)
}

/// Writes `path` whole or not at all, with `mode` from its first byte on.
pub fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let error = Error::at(path, "written");
    let fresh = beside(path).map_err(&error)?;
    // Left by a process of the same number that was killed meanwhile; usually there is none.
    let _ = fs::remove_file(&fresh);
    let placed = place(&fresh, path, content, mode);
    if placed.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    placed.map_err(&error)
}

/// A name in the same folder that no other file and no other process writes to.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path
        .file_name()
        .ok_or(io::ErrorKind::InvalidInput)?
        .to_owned();
    name.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(name))
}

fn place(fresh: &Path, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(fresh, path)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    // The name too must outlive a power cut.
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_closed_to_others_whether_it_was_there_or_not() {
        let around = tempfile::tempdir().unwrap();
        let made = around.path().join("a").join("b");
        folder(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
        fs::set_permissions(&made, Permissions::from_mode(0o755)).unwrap();
        folder(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
    }

    #[test]
    fn a_file_has_its_mode_and_leaves_nothing_beside_it() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("secret.key");
        fs::write(&path, "open to all").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        write(&path, b"closed", SECRET).unwrap();
        assert_eq!(
            (mode(&path), read(&path).unwrap()),
            (0o600, b"closed".to_vec())
        );
        assert_eq!(names(around.path()), ["secret.key"]);
    }

    #[test]
    fn files_that_differ_in_their_ending_alone_do_not_meet() {
        let (key, certificate) = (Path::new("d/ca.key"), Path::new("d/ca.pem"));
        assert_ne!(beside(key).unwrap(), beside(certificate).unwrap());
        let own = format!("d/ca.key.{}.new", std::process::id());
        assert_eq!(beside(key).unwrap(), Path::new(&own));
        assert!(beside(Path::new("/")).is_err());
    }

    #[test]
    fn what_is_left_of_a_killed_write_is_no_hindrance() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("secret.key");
        fs::write(beside(&path).unwrap(), "half").unwrap();
        write(&path, b"whole", SECRET).unwrap();
        assert_eq!(read(&path).unwrap(), b"whole");
        assert_eq!(names(around.path()), ["secret.key"]);
    }

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("taken");
        fs::create_dir_all(path.join("by a folder")).unwrap();
        let error = write(&path, b"x", SECRET).unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
        assert_eq!(names(around.path()), ["taken"]);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused_with_the_remedy() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("secret.key");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert!(!error.is_missing());
        assert!(
            read(&around.path().join("nowhere"))
                .unwrap_err()
                .is_missing()
        );
    }
}
