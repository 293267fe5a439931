//! Keys that weir gives out, for clients to show in the place of a provider's.
//!
//! What is kept of a key is its SHA-256, so that a ledger that leaks opens nothing. The id stays through
//! rotations, and is what calls show as their `key`: history and budgets stay with it.

mod token;

use rusqlite::{Connection, Row, Transaction};
use serde_json::{Value, json};

pub use token::{Digest, Look, PREFIX, Token, look};

use super::operator::{Deed, Operator, Via};
use super::query::Reader;
use super::{Error, Labels};

/// Most keys that are neither revoked nor expired at one time.
pub const STANDING_MAX: usize = 10_000;

/// Most keys that are read: the newest. An older one is revoked or expired, and counts as unknown.
pub const READ_MAX: usize = 100_000;

/// A key without its secrets' texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// 12 hex digits.
    pub id: String,
    /// Told apart among the keys that are not revoked.
    pub name: String,
    /// What calls by it are labelled; `key` is the id.
    pub labels: Labels,
    /// Models that it may ask for, each a name or a prefix that ends in `*`; empty = any.
    pub models: Vec<String>,
    /// Its budgets as they were written: `50 USD per month`.
    pub budgets: Vec<String>,
    /// Unix milliseconds, as all times here.
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub last_used_at: Option<i64>,
    /// The newest first.
    pub secrets: Vec<Secret>,
}

/// What is kept of a text that opens a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub digest: Digest,
    /// Its first nine characters.
    pub hint: String,
    pub created_at: i64,
    /// Until when it opens the key, where a rotation put an end to it.
    pub valid_until: Option<i64>,
}

/// A key to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub name: String,
    pub labels: Labels,
    pub models: Vec<String>,
    pub budgets: Vec<String>,
    pub expires_at: Option<i64>,
}

/// Who does something, when.
#[derive(Clone, Copy, Debug)]
pub struct By {
    /// Unix milliseconds.
    pub at: i64,
    pub via: Via,
}

/// Why a deed with a key cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("there is a key `{0}` already; revoke it, or choose another name")]
    Taken(String),
    #[error("no key that is not revoked is called `{0}`; `weir keys list` shows them")]
    Unknown(String),
    #[error("the key `{0}` has expired; rotate it with a time to come in --expires")]
    Expired(String),
    #[error("{STANDING_MAX} keys are in use; revoke some")]
    TooMany,
    #[error(transparent)]
    Ledger(#[from] Error),
}

impl Key {
    /// Whether it is over: revoked, or expired by `now`.
    pub fn is_over(&self, now: i64) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|at| at <= now)
    }

    /// `revoked`, `expired`, `active`.
    pub fn state(&self, now: i64) -> &'static str {
        match self.revoked_at {
            Some(_) => "revoked",
            None if self.is_over(now) => "expired",
            None => "active",
        }
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let id: String = row.get(0)?;
        let texts = |column| -> rusqlite::Result<Vec<String>> {
            let list = row.get_ref(column)?.as_str_or_null()?;
            Ok(list.map_or_else(Vec::new, |list| {
                serde_json::from_str(list).unwrap_or_default()
            }))
        };
        Ok(Key {
            name: row.get(1)?,
            labels: Labels {
                key: Some(id.clone()),
                user: row.get(2)?,
                team: row.get(3)?,
                project: row.get(4)?,
                task: row.get(5)?,
                tags: serde_json::from_str(row.get_ref(6)?.as_str()?).unwrap_or_default(),
            },
            models: texts(7)?,
            budgets: texts(8)?,
            created_at: row.get(9)?,
            expires_at: row.get(10)?,
            revoked_at: row.get(11)?,
            last_used_at: row.get(12)?,
            secrets: Vec::new(),
            id,
        })
    }
}

/// The newest keys first, so that those that are left out are the oldest.
const KEYS: &str = "
    SELECT id, name, user, team, project, task, tags, models, budgets, created_at, expires_at,
        revoked_at, last_used_at
    FROM keys ORDER BY revoked_at IS NOT NULL, coalesce(expires_at, 9223372036854775807) DESC, created_at DESC
    LIMIT ?1";

const SECRETS: &str = "
    SELECT sha256, hint, created_at, valid_until FROM key_secrets WHERE key_id = ?1
    ORDER BY created_at DESC, valid_until IS NOT NULL";

fn read(db: &Connection) -> rusqlite::Result<Vec<Key>> {
    // Else a key could be read before a rotation and its secrets after it.
    let db = db.unchecked_transaction()?;
    let most = i64::try_from(READ_MAX).unwrap_or(i64::MAX);
    let mut keys = db
        .prepare(KEYS)?
        .query_map([most], Key::of)?
        .collect::<Result<Vec<_>, _>>()?;
    let mut secrets = db.prepare(SECRETS)?;
    for key in &mut keys {
        let found = secrets.query_map([&key.id], |row| {
            let Some(digest) = token::digest_of(row.get_ref(0)?.as_str()?) else {
                return Ok(None);
            };
            Ok(Some(Secret {
                digest,
                hint: row.get(1)?,
                created_at: row.get(2)?,
                valid_until: row.get(3)?,
            }))
        })?;
        key.secrets = found
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?;
    }
    // Those that may be in use were read first; the newest are told first.
    keys.sort_by(|one, other| {
        other
            .created_at
            .cmp(&one.created_at)
            .then(one.id.cmp(&other.id))
    });
    Ok(keys)
}

impl Reader {
    /// Every key, the newest first.
    pub fn keys(&self) -> Result<Vec<Key>, Error> {
        self.ask(read)
    }
}

impl Operator {
    /// Every key, the newest first.
    pub fn keys(&self) -> Result<Vec<Key>, Error> {
        self.ask(read)
    }

    /// Makes a key; its text is in the answer and nowhere else.
    pub fn create_key(&mut self, draft: Draft, by: By) -> Result<(Key, Token), KeyError> {
        let keys = self.keys()?;
        if keys
            .iter()
            .any(|key| key.revoked_at.is_none() && key.name == draft.name)
        {
            return Err(KeyError::Taken(draft.name));
        }
        if keys.iter().filter(|key| !key.is_over(by.at)).count() >= STANDING_MAX {
            return Err(KeyError::TooMany);
        }
        let token = Token::draw();
        let id = token::draw_id();
        let key = Key {
            labels: Labels {
                key: Some(id.clone()),
                ..draft.labels
            },
            id,
            name: draft.name,
            models: draft.models,
            budgets: draft.budgets,
            created_at: by.at,
            expires_at: draft.expires_at,
            revoked_at: None,
            last_used_at: None,
            secrets: vec![secret(&token, by.at)],
        };
        let deed = deed("key.create", &key, by, described(&key));
        self.act(&deed, |db| {
            insert(db, &key)?;
            insert_secret(db, &key)
        })?;
        Ok((key, token))
    }

    /// Ends a key, given by its id or its name.
    pub fn revoke_key(&mut self, which: &str, by: By) -> Result<Key, KeyError> {
        let mut key = self.standing(which)?;
        key.revoked_at = Some(by.at);
        let deed = deed("key.revoke", &key, by, json!({ "name": key.name }));
        self.act(&deed, |db| {
            db.execute(
                "UPDATE keys SET revoked_at = ?2 WHERE id = ?1",
                (&key.id, by.at),
            )
        })?;
        Ok(key)
    }

    /// Gives a key another text; the ones before open it for `grace_ms` more. `expires_at` moves its end.
    pub fn rotate_key(
        &mut self,
        which: &str,
        grace_ms: i64,
        expires_at: Option<i64>,
        by: By,
    ) -> Result<(Key, Token), KeyError> {
        let mut key = self.standing(which)?;
        key.expires_at = expires_at.or(key.expires_at);
        if key.is_over(by.at) {
            return Err(KeyError::Expired(key.name));
        }
        let deadline = by.at.saturating_add(grace_ms);
        for old in &mut key.secrets {
            old.valid_until = Some(old.valid_until.map_or(deadline, |was| was.min(deadline)));
        }
        let token = Token::draw();
        key.secrets.insert(0, secret(&token, by.at));
        let detail = json!({
            "name": key.name, "old_until": deadline, "expires_at": key.expires_at,
        });
        self.act(&deed("key.rotate", &key, by, detail), |db| {
            db.execute(
                "UPDATE key_secrets SET valid_until = min(ifnull(valid_until, ?2), ?2) WHERE key_id = ?1",
                (&key.id, deadline),
            )?;
            db.execute(
                "UPDATE keys SET expires_at = ?2 WHERE id = ?1",
                (&key.id, key.expires_at),
            )?;
            insert_secret(db, &key)
        })?;
        Ok((key, token))
    }

    /// Notes when keys were last used, each by its id; an earlier time changes nothing.
    pub fn note_uses(&mut self, uses: &[(String, i64)]) -> Result<(), Error> {
        self.change(|db| {
            let mut update = db.prepare(
                "UPDATE keys SET last_used_at = max(ifnull(last_used_at, ?2), ?2) WHERE id = ?1",
            )?;
            uses.iter()
                .try_for_each(|(id, at)| update.execute((id, at)).map(drop))
        })
    }

    /// The key of that id, else the one of that name, if it is not revoked.
    fn standing(&self, which: &str) -> Result<Key, KeyError> {
        let keys = self.keys()?;
        let mut standing = keys.into_iter().filter(|key| key.revoked_at.is_none());
        // A name may look like another key's id: the id is the one that is meant.
        let mut named = None;
        let by_id = standing.find_map(|key| {
            if key.id == which {
                return Some(key);
            }
            if key.name == which {
                named = Some(key);
            }
            None
        });
        by_id
            .or(named)
            .ok_or_else(|| KeyError::Unknown(which.to_owned()))
    }
}

fn secret(token: &Token, now: i64) -> Secret {
    Secret {
        digest: token.digest(),
        hint: token.hint(),
        created_at: now,
        valid_until: None,
    }
}

fn deed(action: &'static str, key: &Key, by: By, detail: Value) -> Deed {
    Deed {
        at: by.at,
        action,
        subject: key.id.clone(),
        via: by.via,
        detail,
    }
}

fn described(key: &Key) -> Value {
    let Labels {
        user,
        team,
        project,
        task,
        tags,
        ..
    } = &key.labels;
    json!({
        "name": key.name, "user": user, "team": team, "project": project, "task": task,
        "tags": tags, "models": key.models, "budgets": key.budgets, "expires_at": key.expires_at,
    })
}

fn insert(db: &Transaction<'_>, key: &Key) -> rusqlite::Result<()> {
    let list = |texts: &[String]| (!texts.is_empty()).then(|| json!(texts).to_string());
    let Labels {
        user,
        team,
        project,
        task,
        tags,
        ..
    } = &key.labels;
    db.execute(
        "INSERT INTO keys (id, name, user, team, project, task, tags, models, budgets, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            &key.id,
            &key.name,
            user,
            team,
            project,
            task,
            json!(tags).to_string(),
            list(&key.models),
            list(&key.budgets),
            key.created_at,
            key.expires_at,
        ),
    )
    .map(drop)
}

/// Writes the newest of a key's secrets.
fn insert_secret(db: &Transaction<'_>, key: &Key) -> rusqlite::Result<()> {
    let newest = key.secrets.first().expect("a key that is made has a text");
    db.execute(
        "INSERT INTO key_secrets (sha256, key_id, hint, created_at) VALUES (?1, ?2, ?3, ?4)",
        (
            token::hex(&newest.digest),
            &key.id,
            &newest.hint,
            newest.created_at,
        ),
    )
    .map(drop)
}

#[cfg(test)]
mod tests;
