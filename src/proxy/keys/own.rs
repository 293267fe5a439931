//! A provider's own key as it stands at this moment, where a file that may change holds it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tracing::{info, warn};

use crate::config::{ApiKey, Held};

/// A provider's own key.
#[derive(Debug)]
pub struct Own {
    provider: String,
    from: ApiKey,
    present: ArcSwap<Held>,
    /// What the file was when it was last looked at.
    seen: Mutex<Option<Seen>>,
}

/// What changes with a file's content: an edit sets the time, a rename over it the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    changed: Option<SystemTime>,
    length: u64,
    number: u64,
}

impl Own {
    /// A key that was just read.
    pub fn new(provider: &str, from: &ApiKey) -> Self {
        Own {
            provider: provider.to_owned(),
            from: from.clone(),
            present: ArcSwap::from_pointee(from.held.clone()),
            // What the file was when it was read is not known: it is read once more.
            seen: Mutex::new(None),
        }
    }

    /// The key at this moment.
    pub fn present(&self) -> Arc<Held> {
        self.present.load_full()
    }

    /// Reads the file again if it changed. One that holds no key changes nothing, and is complained of once.
    pub fn look(&self) {
        let Some(file) = &self.from.file else { return };
        let now = seen(file);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == Some(now) {
                return;
            }
            *seen = Some(now);
        }
        let provider = &self.provider;
        match ApiKey::read(file) {
            Ok(key) => {
                let key = Held::Key(key);
                if **self.present.load() != key {
                    self.present.store(Arc::new(key));
                    info!(provider, "the provider's own key changed");
                }
            }
            Err(why) => warn!(
                provider,
                file = %file.display(),
                why,
                "api_key_file: the last good key stays in use"
            ),
        }
    }
}

/// A file that is not there is one that can be seen, too.
fn seen(file: &Path) -> Seen {
    use std::os::unix::fs::MetadataExt as _;
    let data = fs::metadata(file).ok();
    Seen {
        changed: data.as_ref().and_then(|data| data.modified().ok()),
        length: data.as_ref().map_or(0, fs::Metadata::len),
        number: data.as_ref().map_or(0, fs::Metadata::ino),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn in_file(path: &Path) -> Own {
        let text = format!(
            "providers: {{ openai: {{ api_key_file: '{}' }} }}",
            path.display()
        );
        let config = config::parse(&text, "f", &|_| None).unwrap();
        let openai = config.providers.iter().find(|one| one.name == "openai");
        let from = openai.and_then(|openai| openai.api_key.clone()).unwrap();
        Own::new("openai", &from)
    }

    fn key(own: &Own) -> String {
        match &*own.present() {
            Held::Key(key) => key.expose().to_owned(),
            Held::Nothing => panic!("a key"),
        }
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "sk-one\n").unwrap();
        let own = in_file(&path);
        own.look();
        assert_eq!(key(&own), "sk-one");

        // As an editor and Kubernetes do: another file of that name.
        let fresh = folder.path().join("fresh");
        fs::write(&fresh, "sk-two\n").unwrap();
        fs::rename(&fresh, &path).unwrap();
        own.look();
        assert_eq!(key(&own), "sk-two");

        fs::write(&path, "two words").unwrap();
        own.look();
        fs::remove_file(&path).unwrap();
        own.look();
        assert_eq!(key(&own), "sk-two");

        fs::write(&path, "sk-three").unwrap();
        own.look();
        assert_eq!(key(&own), "sk-three");
    }
}
