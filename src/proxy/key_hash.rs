//! Names for clients' credentials that say nothing about them.
//!
//! The hash is keyed with a secret of this `data_dir`, so that a ledger that leaks cannot be searched for
//! credentials that leaked elsewhere. Another secret gives every credential another name: it is made where
//! there is none, and never in the place of one that cannot be read.

use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::listen::private;

/// Hex digits of a credential's name.
const DIGITS: usize = 12;
/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// Why credentials cannot be named.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] private::Error),
    #[error("{path}: not the {SECRET_BYTES} bytes that weir wrote; restore hash.key from a backup, or remove it: key hashes change then", path = .path.display())]
    Damaged { path: PathBuf },
}

/// Turns a client's credential into a name.
#[derive(Debug)]
pub struct KeyHasher {
    key: hmac::Key,
}

impl KeyHasher {
    /// Reads the secret of `data_dir` (`hash.key`), or makes one where there is no such file.
    pub fn open(data_dir: &Path) -> Result<Self, Error> {
        let path = data_dir.join("hash.key");
        match private::read(&path) {
            Ok(secret) => match <[u8; SECRET_BYTES]>::try_from(secret) {
                Ok(secret) => Ok(Self::with(&secret)),
                Err(_) => Err(Error::Damaged { path }),
            },
            Err(error) if error.is_missing() => {
                let mut secret = [0; SECRET_BYTES];
                SystemRandom::new()
                    .fill(&mut secret)
                    .expect("the system has random numbers");
                private::write(&path, &secret, private::SECRET)?;
                Ok(Self::with(&secret))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A hasher with a secret that is given.
    pub fn with(secret: &[u8; SECRET_BYTES]) -> Self {
        KeyHasher {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }

    /// The name of a credential: 12 hex digits.
    pub fn name(&self, credential: &[u8]) -> String {
        let tag = hmac::sign(&self.key, credential);
        let mut name = String::with_capacity(DIGITS);
        for byte in &tag.as_ref()[..DIGITS / 2] {
            for digit in [byte >> 4, byte & 15] {
                name.extend(char::from_digit(digit.into(), 16));
            }
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn names_stay_the_same_over_starts_and_differ_between_folders() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = |folder: &Path| KeyHasher::open(folder).unwrap().name(b"sk-1");
        let first = name(one.path());
        assert_eq!(first.len(), DIGITS);
        assert_eq!(first, name(one.path()));
        assert_ne!(first, name(other.path()));
        let mode = fs::metadata(one.path().join("hash.key"))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_never_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hash.key");
        fs::create_dir(&path).unwrap();
        let error = KeyHasher::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("hash.key"), "{error}");
        assert!(path.is_dir());
        fs::remove_dir(&path).unwrap();

        fs::write(&path, [7; SECRET_BYTES]).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = KeyHasher::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), [7; SECRET_BYTES]);

        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        KeyHasher::open(folder.path()).unwrap();
        fs::write(&path, b"cut").unwrap();
        let error = KeyHasher::open(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }));
        assert!(error.to_string().contains("key hashes change"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"cut");
    }
}
