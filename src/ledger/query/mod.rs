//! The read side: its own connection, which cannot write, while weir runs and when it does not.
//!
//! Sums are exact beyond what a column can hold: SQLite adds quotient and remainder apart, and they are
//! put together as `i128` here.

mod alerts;
mod audit;
mod calls;
mod costs;
mod days;
mod filter;
mod grouped;
mod made;
mod report;
mod repricings;
mod seed;
mod spend;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};

pub use audit::AuditRow;
pub use costs::CostRow;
pub use filter::{Column, Filter, UnknownColumn, Where};
pub use made::Made;
pub use report::{Group, ReportRow, TokenSums};
pub use repricings::Repricing;
pub use seed::SeedRow;
pub use spend::{Recent, SpendRow};

use super::{Error, schema};

/// One connection to a ledger for reading. A query sees the ledger as it was when the query began.
pub struct Reader {
    db: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens the ledger in a data directory.
    ///
    /// # Errors
    ///
    /// Where there is none, or another version of weir wrote it.
    pub fn open(dir: &Path) -> Result<Reader, Error> {
        Ok(Reader {
            db: schema::open_to_read(dir)?,
            path: schema::path(dir),
        })
    }

    /// Asks what another part of the ledger knows how to ask.
    pub(super) fn ask<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        read(&self.db).map_err(|source| self.named(source))
    }

    fn named(&self, source: rusqlite::Error) -> Error {
        Error::at(&self.path, source)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What a sum is split by; the table's integers are below 9.3 × 10¹⁸, so 9 × 10⁹ rows add up exactly.
const SPLIT: i128 = 1_000_000_000;

/// The two columns that add `expression` up; [`sum`] reads them.
fn sum_sql(expression: &str) -> String {
    format!("sum(({expression}) / {SPLIT}), sum(({expression}) % {SPLIT})")
}

/// The sum in the two columns from `column` on; `None` where no row had a value.
fn sum(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<i128>> {
    let quotient: Option<i64> = row.get(column)?;
    let remainder: Option<i64> = row.get(column + 1)?;
    Ok(quotient
        .zip(remainder)
        .map(|(quotient, remainder)| i128::from(quotient) * SPLIT + i128::from(remainder)))
}

/// A number of rows.
fn tally(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A sum of counts.
fn count_sum(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(sum(row, column)?.map(clamped))
}

fn clamped(sum: i128) -> u64 {
    u64::try_from(sum.max(0)).unwrap_or(u64::MAX)
}
