//! What operators did, as the audit keeps it.

use serde_json::Value;

use super::Reader;
use crate::ledger::Error;

/// A deed on record.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Grows with every deed.
    pub id: i64,
    /// Unix milliseconds.
    pub at: i64,
    pub action: String,
    pub subject: String,
    /// `api`, `cli`, `file` or `signal`.
    pub via: String,
    pub detail: Value,
}

impl Reader {
    /// The newest `limit` deeds since `since` (Unix milliseconds), the oldest of them first.
    pub fn audit(&self, since: Option<i64>, limit: usize) -> Result<Vec<AuditRow>, Error> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT id, at, action, subject, via, detail FROM audit
                 WHERE at >= ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let since = since.unwrap_or(i64::MIN);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let found = statement.query_map([since, limit], |row| {
                Ok(AuditRow {
                    id: row.get(0)?,
                    at: row.get(1)?,
                    action: row.get(2)?,
                    subject: row.get(3)?,
                    via: row.get(4)?,
                    detail: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
                })
            })?;
            let mut deeds = found.collect::<rusqlite::Result<Vec<_>>>()?;
            deeds.reverse();
            Ok(deeds)
        };
        read().map_err(|source| self.named(source))
    }
}
