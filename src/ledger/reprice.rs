//! Changes the cost of calls on record, and keeps what it was before.
//!
//! It works beside a running weir: the writer only ever adds rows, the transactions here are small,
//! and between them the lock is free. A group is changed as a whole or not at all, so wherever the
//! process is killed, every changed row has its history.

mod run;
mod tally;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{Call, Deed, Error, operator, schema};
use crate::units::PicoUsd;

pub use run::{Around, Done, Order, Stopped, price_anew, would_change};
pub use tally::{Tallies, Tally};

/// Most calls that [`Repricer::apply`] should be given at once, so that a hold waits for milliseconds.
pub const GROUP_MAX: usize = 500;

/// A connection that may change costs, and nothing else.
#[derive(Debug)]
pub struct Repricer {
    db: Connection,
    path: PathBuf,
}

/// A call as it was read, and its cost to be.
#[derive(Clone, Debug)]
pub struct Change {
    pub call: Call,
    pub cost: Option<PicoUsd>,
    pub price_version: Option<String>,
}

const UPDATE: &str = "
    UPDATE calls SET cost_picousd = ?2, price_version = ?3
    WHERE id = ?1 AND cost_picousd IS ?4 AND price_version IS ?5";

/// Two changes of one call within a millisecond keep their order.
const KEEP: &str = "
    INSERT INTO repricings (call_id, repriced_at, cost_picousd, price_version)
    VALUES (?1, max(?2, (SELECT ifnull(max(repriced_at), -1) + 1 FROM repricings WHERE call_id = ?1)), ?3, ?4)";

impl Repricer {
    /// Opens the ledger in a data directory, whether or not a weir serves there.
    ///
    /// # Errors
    ///
    /// Where there is none, another version of weir wrote it, or it may not be written to.
    pub fn open(dir: &Path) -> Result<Repricer, Error> {
        Ok(Repricer {
            db: schema::open_to_change(dir)?,
            path: schema::path(dir),
        })
    }

    /// Gives calls other costs, all of them or none, and with them `deed` its row of the audit.
    ///
    /// # Errors
    ///
    /// Where the database cannot be written, or one of the calls is not as it was read.
    pub fn apply(&mut self, changes: &[Change], at: i64, deed: Option<&Deed>) -> Result<(), Error> {
        let named = |source| Error::at(&self.path, source);
        let work = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(named)?;
        for change in changes {
            if !apply(&work, change, at).map_err(named)? {
                return Err(Error::ChangedMeanwhile {
                    path: self.path.clone(),
                });
            }
        }
        if let Some(deed) = deed {
            operator::put(&work, deed).map_err(named)?;
        }
        work.commit().map_err(named)
    }
}

/// False where the row is not as it was read.
fn apply(work: &Transaction<'_>, change: &Change, at: i64) -> rusqlite::Result<bool> {
    let Change { call, .. } = change;
    let id = call.head.id.to_string();
    let changed = work.prepare_cached(UPDATE)?.execute(params![
        id,
        change.cost.map(PicoUsd::to_i64),
        change.price_version,
        call.cost.map(PicoUsd::to_i64),
        call.price_version,
    ])?;
    if changed == 0 {
        return Ok(false);
    }
    let before = params![id, at, call.cost.map(PicoUsd::to_i64), call.price_version];
    work.prepare_cached(KEEP)?.execute(before)?;
    Ok(true)
}

#[cfg(test)]
mod tests;
