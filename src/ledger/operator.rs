//! What operators do to the ledger, each deed with its row of the audit, in one transaction.
//!
//! It writes beside the calls' one writer, over a connection of its own: deeds are rare and small.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction};
use serde_json::Value;

use super::{DirLock, Error, lock, schema};

/// Which way a deed came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The admin API of a running weir.
    Api,
    /// A command, where no weir was running.
    Cli,
    /// weir itself: an edit of `proxy.yaml` that it saw.
    File,
    /// A signal to a running weir.
    Signal,
}

impl Via {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Via::Api => "api",
            Via::Cli => "cli",
            Via::File => "file",
            Via::Signal => "signal",
        }
    }
}

/// A deed as the audit keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// Unix milliseconds.
    pub at: i64,
    /// What was done: `budget.reset`, `key.create`, …
    pub action: &'static str,
    /// To what: a budget's name, a key's id.
    pub subject: String,
    pub via: Via,
    /// What else tells the deed; an object without secrets.
    pub detail: Value,
}

/// A connection for deeds.
#[derive(Debug)]
pub struct Operator {
    db: Connection,
    path: PathBuf,
}

impl Operator {
    /// Opens the ledger of a data directory, whether or not a weir is writing to it.
    ///
    /// # Errors
    ///
    /// Where there is no ledger, or one of another schema.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Ok(Operator {
            db: schema::open_to_change(dir)?,
            path: schema::path(dir),
        })
    }

    /// The same where no weir runs: the directory is locked while the lock lives, and the ledger is made, or
    /// brought to this weir's schema, where it must be.
    pub fn alone(dir: &Path) -> Result<(Self, DirLock), Error> {
        let lock = lock::take(dir)?;
        drop(schema::open_to_write(dir)?);
        Ok((Operator::open(dir)?, lock))
    }

    /// Reads over the same connection.
    pub(super) fn ask<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        read(&self.db).map_err(|source| Error::at(&self.path, source))
    }

    /// Writes what is no deed of an operator's.
    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        schema::change(&mut self.db, work).map_err(|source| Error::at(&self.path, source))
    }

    /// Writes the deed, where nothing else is to be written.
    pub fn note(&mut self, deed: &Deed) -> Result<(), Error> {
        self.act(deed, |_| Ok(()))
    }

    /// Does `work` and writes the deed: both, or neither.
    pub(super) fn act<T>(
        &mut self,
        deed: &Deed,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.change(|transaction| {
            let done = work(transaction)?;
            put(transaction, deed)?;
            Ok(done)
        })
    }
}

/// Writes a deed's row in the transaction of what was done.
pub(super) fn put(transaction: &Transaction<'_>, deed: &Deed) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO audit (at, action, subject, via, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            deed.at,
            deed.action,
            &deed.subject,
            deed.via.name(),
            deed.detail.to_string(),
        ),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deed_and_its_row_are_both_there_or_neither() {
        let dir = tempfile::tempdir().unwrap();
        drop(schema::open_to_write(dir.path()).unwrap());
        let mut operator = Operator::open(dir.path()).unwrap();
        let deed = Deed {
            at: 7,
            action: "budget.reset",
            subject: "team".to_owned(),
            via: Via::Cli,
            detail: json!({}),
        };
        let reset = "INSERT INTO budget_resets (budget, at) VALUES ('team', 7)";
        operator.act(&deed, |db| db.execute(reset, [])).unwrap();
        let fails = |db: &Transaction<'_>| {
            db.execute(reset, [])?;
            db.execute("no such statement", [])
        };
        operator.act(&deed, fails).unwrap_err();
        operator.note(&deed).unwrap();
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            operator.db.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("budget_resets"), count("audit")), (1, 2));
    }
}
