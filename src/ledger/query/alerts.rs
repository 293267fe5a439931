//! Alerts as they stand.

use super::Reader;
use crate::ledger::Error;
use crate::ledger::alerts::{Alert, COLUMNS, alert};

impl Reader {
    /// Alerts, the newest first, at most `limit`; with `open` only those that are open at `now`.
    pub fn alerts(&self, open: bool, now: i64, limit: usize) -> Result<Vec<Alert>, Error> {
        let which = match open {
            true => "a.resolved_at IS NULL AND (a.open_until IS NULL OR a.open_until > ?1)",
            false => "true",
        };
        let sql =
            format!("SELECT {COLUMNS} FROM alerts a WHERE {which} ORDER BY a.id DESC LIMIT ?2");
        let read = || {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = self.db.prepare_cached(&sql)?;
            let found = statement.query_map([now, limit], alert)?;
            found.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|source| self.named(source))
    }
}
