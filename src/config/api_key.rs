//! A provider's own key: written in the file, or held by a file of its own that may change.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Secret;
use super::read::Scalar as _;
use super::values::Token;

/// Most bytes of a file that holds a key: more is another kind of file.
const FILE_BYTES_MAX: u64 = 8 * 1024;

/// What stands for "the provider asks for no key".
const NONE: &str = "none";

/// A provider's own key and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub held: Held,
    /// The file that holds it, which is read again when it changes.
    pub file: Option<PathBuf>,
}

/// What takes the place of a weir key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing: the provider asks for no key.
    Nothing,
    /// Visible ASCII.
    Key(Secret),
}

impl ApiKey {
    /// No key is needed.
    pub(super) const NOTHING: ApiKey = ApiKey {
        held: Held::Nothing,
        file: None,
    };

    /// A key as it is written.
    pub(super) fn written(key: Secret) -> Self {
        match key.expose() {
            NONE => ApiKey::NOTHING,
            _ => ApiKey {
                held: Held::Key(key),
                file: None,
            },
        }
    }

    /// The key that a file holds; else why it holds none.
    pub(super) fn in_file(path: PathBuf) -> Result<Self, String> {
        let key = ApiKey::read(&path)?;
        Ok(ApiKey {
            held: Held::Key(key),
            file: Some(path),
        })
    }

    /// Reads the key in a file: one word, whatever space is around it. What else the file holds is in no
    /// message.
    pub fn read(path: &Path) -> Result<Secret, String> {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| {
            let mut limited = file.take(FILE_BYTES_MAX + 1);
            limited.read_to_string(&mut text)
        });
        if let Err(error) = read {
            return Err(format!("cannot read the file: {}", error.kind()));
        }
        let fits = u64::try_from(text.len()).is_ok_and(|length| length <= FILE_BYTES_MAX);
        match Token::parse(text.trim()) {
            Ok(Token(key)) if fits => Ok(key),
            _ => Err("expected a file with a key of visible ASCII, and nothing else".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_holds_one_word_and_no_message_shows_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, " sk-canary\n").unwrap();
        let key = ApiKey::in_file(path.clone()).unwrap();
        assert_eq!(key.held, Held::Key(Secret::new("sk-canary".to_owned())));
        assert!(!format!("{key:?}").contains("canary"));
        for bad in ["", "  \n", "canary one\n", "canary\nother", "canary\u{e9}"] {
            fs::write(&path, bad).unwrap();
            let why = ApiKey::read(&path).unwrap_err();
            assert!(!why.contains("canary"), "{why}");
        }
        fs::write(&path, "x".repeat(9_000)).unwrap();
        assert!(ApiKey::read(&path).is_err());
        fs::remove_file(&path).unwrap();
        assert!(ApiKey::read(&path).unwrap_err().contains("cannot read"));
    }

    #[test]
    fn none_is_a_word_and_no_key() {
        let written = |text: &str| ApiKey::written(Secret::new(text.to_owned()));
        assert_eq!(written("none"), ApiKey::NOTHING);
        assert!(matches!(written("None").held, Held::Key(_)));
    }
}
