//! The keys that weir gave out, in memory: who shows one, whether it opens the door, and what it brings along.
//!
//! They are swapped whole when an operator changes one, so that a look is one map's. The map is by SHA-256: how
//! long a look takes says nothing of the keys that are in it.

mod door;
mod keeper;
mod own;
pub mod shown;

pub use door::{Passage, passes, take_off};
pub use keeper::Keeper;
pub use own::Own;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;

use crate::budget::limits::Limit;
use crate::config;
use crate::ledger::Labels;
use crate::ledger::keys::{Digest, Key, Look};
use crate::units::Currencies;

/// A key was never used.
const NEVER: i64 = i64::MIN;

/// The keys in force.
#[derive(Debug, Default)]
pub struct Keys(ArcSwap<Registry>);

#[derive(Debug, Default)]
struct Registry {
    /// As they are on record.
    keys: Arc<[Key]>,
    by_digest: HashMap<Digest, Opener>,
    by_id: HashMap<String, Arc<Known>>,
    limits: Vec<Limit>,
}

/// A text that opens a key.
#[derive(Debug)]
struct Opener {
    key: Arc<Known>,
    valid_until: Option<i64>,
}

/// A key as calls use it.
#[derive(Debug)]
pub struct Known {
    /// Its id is their `key`.
    pub labels: Labels,
    expires_at: Option<i64>,
    is_revoked: bool,
    /// It had expired, or was revoked, when the keys were put in force.
    was_over: bool,
    /// Its budgets cannot be read by the settings in force.
    is_broken: bool,
    used: Arc<Used>,
}

/// When a key was last used.
#[derive(Debug)]
struct Used {
    at: AtomicI64,
    /// What of it is on record.
    written: AtomicI64,
}

/// Why a call is not let in by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// `require_key` is set and there is none.
    Missing,
    Misspelt,
    Unknown,
    Revoked,
    Expired,
    /// A rotation put an end to this text of it.
    Rotated,
    Broken,
}

impl Why {
    /// What the caller is told; it holds nothing of the key.
    pub fn message(self) -> &'static str {
        match self {
            Why::Missing => {
                "weir: a weir key is required; send it as the API key, or as the password of the proxy"
            }
            Why::Misspelt => "weir: this weir key is misspelt; copy it once more",
            Why::Unknown => "weir: this weir key is not known here",
            Why::Revoked => "weir: this key was revoked",
            Why::Expired => "weir: this key has expired",
            Why::Rotated => "weir: this key was rotated and its deadline is over; use the new one",
            Why::Broken => {
                "weir: this key's budget is in a currency that proxy.yaml has no more; see `weir keys list`"
            }
        }
    }
}

impl Keys {
    /// Puts other keys in force, budgets as `currencies` understands them. What is known of their use stays.
    pub fn replace(&self, keys: Vec<Key>, currencies: &Currencies, now: i64) {
        self.take(keys.into(), currencies, now);
    }

    /// Reads the budgets of the same keys by other currencies.
    pub fn reread(&self, currencies: &Currencies, now: i64) {
        let keys = Arc::clone(&self.0.load().keys);
        self.take(keys, currencies, now);
    }

    fn take(&self, keys: Arc<[Key]>, currencies: &Currencies, now: i64) {
        let registry = Registry::new(keys, currencies, now, &self.0.load().by_id);
        self.0.store(Arc::new(registry));
    }

    /// The budgets of the keys that are not over.
    pub fn limits(&self) -> Vec<Limit> {
        self.0.load().limits.clone()
    }

    /// The teams that keys name.
    pub fn teams(&self) -> Vec<String> {
        let registry = self.0.load();
        let teams = registry.by_id.values();
        teams.filter_map(|key| key.labels.team.clone()).collect()
    }

    /// The key that a client shows, if it opens the door at `now`; who shows one that is over is known all the same.
    pub fn open(&self, look: Look, now: i64) -> Result<Arc<Known>, (Why, Option<Arc<Known>>)> {
        let digest = match look {
            Look::Key(digest) => digest,
            Look::Misspelt => return Err((Why::Misspelt, None)),
            Look::Other => return Err((Why::Missing, None)),
        };
        let registry = self.0.load();
        let opener = registry
            .by_digest
            .get(&digest)
            .ok_or((Why::Unknown, None))?;
        let key = Arc::clone(&opener.key);
        let why = match () {
            () if key.is_revoked => Why::Revoked,
            // Its budgets were left out when it was over: a clock that steps back does not open the door.
            () if key.was_over || key.expires_at.is_some_and(|at| at <= now) => Why::Expired,
            () if opener.valid_until.is_some_and(|at| at <= now) => Why::Rotated,
            () if key.is_broken => Why::Broken,
            () => {
                key.used.at.fetch_max(now, Ordering::Relaxed);
                return Ok(key);
            }
        };
        Err((why, Some(key)))
    }

    /// Whether one who shows this may reach what no provider claims; else why not.
    pub fn admits(
        &self,
        shown: Option<Look>,
        needs_key: bool,
        now: i64,
    ) -> Result<(), &'static str> {
        match shown {
            None if needs_key => Err(Why::Missing.message()),
            None => Ok(()),
            Some(look) => self
                .open(look, now)
                .map(drop)
                .map_err(|(why, _)| why.message()),
        }
    }

    /// The keys, each with its last use as it is known here.
    pub fn list(&self) -> Vec<Key> {
        let registry = self.0.load();
        let mut keys = registry.keys.to_vec();
        for key in &mut keys {
            let known = registry.by_id.get(&key.id);
            let used = known.map_or(NEVER, |known| known.used.at.load(Ordering::Relaxed));
            key.last_used_at = key.last_used_at.max(Some(used).filter(|at| *at != NEVER));
        }
        keys
    }

    /// Uses that are not on record yet.
    fn unwritten(&self) -> Vec<(String, i64)> {
        let registry = self.0.load();
        let uses = registry.by_id.iter().filter_map(|(id, key)| {
            let at = key.used.at.load(Ordering::Relaxed);
            (at > key.used.written.load(Ordering::Relaxed)).then(|| (id.clone(), at))
        });
        uses.collect()
    }

    /// Marks uses as being on record.
    fn written(&self, uses: &[(String, i64)]) {
        let registry = self.0.load();
        for (id, at) in uses {
            if let Some(key) = registry.by_id.get(id) {
                key.used.written.fetch_max(*at, Ordering::Relaxed);
            }
        }
    }
}

impl Registry {
    fn new(
        keys: Arc<[Key]>,
        currencies: &Currencies,
        now: i64,
        old: &HashMap<String, Arc<Known>>,
    ) -> Self {
        let mut registry = Registry {
            keys: Arc::clone(&keys),
            ..Registry::default()
        };
        for key in keys.iter() {
            let limits = match key.is_over(now) {
                true => Ok(Vec::new()),
                false => config::keys::limits(key, currencies),
            };
            if let Err(why) = &limits {
                tracing::warn!(key = key.id, name = key.name, why, "a key cannot be used");
            }
            let used = old.get(&key.id).map(|known| Arc::clone(&known.used));
            let never = || Used {
                at: AtomicI64::new(NEVER),
                written: AtomicI64::new(NEVER),
            };
            let known = Arc::new(Known {
                labels: key.labels.clone(),
                expires_at: key.expires_at,
                is_revoked: key.revoked_at.is_some(),
                was_over: key.is_over(now),
                is_broken: limits.is_err(),
                used: used.unwrap_or_else(|| Arc::new(never())),
            });
            registry.limits.extend(limits.unwrap_or_default());
            for secret in &key.secrets {
                let opener = Opener {
                    key: Arc::clone(&known),
                    valid_until: secret.valid_until,
                };
                registry.by_digest.insert(secret.digest, opener);
            }
            registry.by_id.insert(key.id.clone(), known);
        }
        registry
    }
}

#[cfg(test)]
mod tests;
