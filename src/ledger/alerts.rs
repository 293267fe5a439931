//! Alerts on record, and the queue of what has yet to be delivered.
//!
//! It writes beside the calls' one writer, over a connection of its own: alerts are rare. An alert and
//! its deliveries are there together or not at all, and a delivery leaves the queue when it was
//! accepted or given up, so a process that is killed in between delivers it again.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, Transaction};
use serde_json::Value;

use super::{Deed, Error, Operator, schema};

/// Most deliveries that wait; one more drops the oldest.
pub const DELIVERIES_MAX: usize = 1_000;

/// Most resolved alerts that are kept once their windows are over; older ones are removed.
pub const RESOLVED_KEPT_MAX: usize = 10_000;

/// An alert before it is on record.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAlert {
    pub id: String,
    /// Unix milliseconds.
    pub at: i64,
    pub kind: &'static str,
    /// What there is one alert of, ever.
    pub once_key: String,
    pub budget: Option<String>,
    pub each_value: Option<String>,
    /// An object: what else it says, without secrets.
    pub detail: Value,
    /// When it resolves itself, in Unix milliseconds; `None` = never.
    pub open_until: Option<i64>,
}

/// An alert on record.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub id: String,
    /// Unix milliseconds.
    pub at: i64,
    pub kind: String,
    pub budget: Option<String>,
    pub each_value: Option<String>,
    pub detail: Value,
    /// Unix milliseconds; `None` = open.
    pub resolved_at: Option<i64>,
    /// Webhooks that took it, that never did, and that have yet to.
    pub delivered: u64,
    pub failed: u64,
    pub waiting: u64,
}

/// An alert that is due at a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub id: i64,
    pub target: String,
    /// How often it was tried.
    pub attempts: u32,
    pub alert: Alert,
}

/// What became of an attempt that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The target took it; what else waits for it is due at once, at `now`.
    Delivered { now: i64 },
    /// It is due again.
    Again { next_at: i64 },
    /// It is given up.
    GivenUp,
}

/// What [`Alerts::raise`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// It is on record; so many older deliveries were dropped to make room.
    New { dropped: usize },
    /// It was raised before.
    Known,
}

/// The columns of `alerts` as `a` that [`alert`] reads; `?1` is the time it is.
pub(super) const COLUMNS: &str = "a.id, a.raised_at, a.kind, a.budget, a.each_value, a.detail,
    coalesce(a.resolved_at, CASE WHEN a.open_until <= ?1 THEN a.open_until END), a.delivered, a.failed,
    (SELECT count(*) FROM alert_deliveries w WHERE w.alert_id = a.id)";

pub(super) fn alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let detail: String = row.get(5)?;
    let count = |column| -> rusqlite::Result<u64> {
        Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
    };
    Ok(Alert {
        id: row.get(0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        budget: row.get(3)?,
        each_value: row.get(4)?,
        detail: serde_json::from_str(&detail).unwrap_or(Value::Null),
        resolved_at: row.get(6)?,
        delivered: count(7)?,
        failed: count(8)?,
        waiting: count(9)?,
    })
}

/// The one that raises and delivers.
#[derive(Debug)]
pub struct Alerts {
    db: Connection,
    path: PathBuf,
}

impl Alerts {
    /// Opens the ledger of a data directory beside its writer.
    ///
    /// # Errors
    ///
    /// Where there is no ledger, or one of another schema.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Ok(Alerts {
            db: schema::open_to_change(dir)?,
            path: schema::path(dir),
        })
    }

    /// Puts an alert on record and in the queue of each target, unless it was raised before.
    pub fn raise(&mut self, new: &NewAlert, targets: &[&str]) -> Result<Raised, Error> {
        if self.is_known(&new.once_key)? {
            return Ok(Raised::Known);
        }
        self.write(|db| {
            let inserted = db.execute(
                "INSERT INTO alerts (id, raised_at, kind, once_key, budget, each_value, detail, open_until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (once_key) DO NOTHING",
                (
                    &new.id,
                    new.at,
                    new.kind,
                    &new.once_key,
                    &new.budget,
                    &new.each_value,
                    new.detail.to_string(),
                    new.open_until,
                ),
            )?;
            if inserted == 0 {
                return Ok(Raised::Known);
            }
            for target in targets {
                db.execute(
                    "INSERT INTO alert_deliveries (alert_id, target, attempts, next_at) VALUES (?1, ?2, 0, ?3)",
                    (&new.id, target, new.at),
                )?;
            }
            let dropped = drop_deliveries(
                db,
                "id NOT IN (SELECT id FROM alert_deliveries ORDER BY id DESC LIMIT ?1)",
                [i64::try_from(DELIVERIES_MAX).unwrap_or(i64::MAX)],
            )?;
            Ok(Raised::New { dropped })
        })
    }

    fn is_known(&self, once_key: &str) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM alerts WHERE once_key = ?1";
        let found = || self.db.prepare_cached(sql)?.exists([once_key]);
        found().map_err(|source| Error::at(&self.path, source))
    }

    /// The oldest delivery that is due at each target.
    pub fn due(&self, now: i64) -> Result<Vec<Delivery>, Error> {
        let sql = format!(
            "SELECT {COLUMNS}, d.id, d.target, d.attempts
             FROM (SELECT min(id) AS id FROM alert_deliveries WHERE next_at <= ?1 GROUP BY target) AS first
             JOIN alert_deliveries d ON d.id = first.id JOIN alerts a ON a.id = d.alert_id"
        );
        let read = || {
            let mut statement = self.db.prepare_cached(&sql)?;
            let found = statement.query_map([now], |row| {
                Ok(Delivery {
                    id: row.get(10)?,
                    target: row.get(11)?,
                    attempts: row.get(12)?,
                    alert: alert(row)?,
                })
            })?;
            found.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|source| Error::at(&self.path, source))
    }

    /// When the next delivery is due, and how many wait.
    pub fn queue(&self) -> Result<(Option<i64>, u64), Error> {
        let sql = "SELECT min(next_at), count(*) FROM alert_deliveries";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?));
        let (next, waiting) = self
            .db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([], read))
            .map_err(|source| Error::at(&self.path, source))?;
        Ok((next, u64::try_from(waiting).unwrap_or(0)))
    }

    /// Writes what became of an attempt.
    pub fn attempted(&mut self, delivery: &Delivery, attempt: Attempt) -> Result<(), Error> {
        self.write(|db| {
            let counted = match attempt {
                Attempt::Again { next_at } => {
                    let sql =
                        "UPDATE alert_deliveries SET attempts = attempts + 1, next_at = ?2 WHERE id = ?1";
                    return db.execute(sql, (delivery.id, next_at)).map(drop);
                }
                Attempt::Delivered { now } => {
                    let sql = "UPDATE alert_deliveries SET next_at = min(next_at, ?2) WHERE target = ?1";
                    db.execute(sql, (&delivery.target, now))?;
                    "delivered"
                }
                Attempt::GivenUp => "failed",
            };
            let gone = db.execute("DELETE FROM alert_deliveries WHERE id = ?1", [delivery.id])?;
            let sql = format!("UPDATE alerts SET {counted} = {counted} + ?2 WHERE id = ?1");
            let gone = i64::try_from(gone).unwrap_or(0);
            db.execute(&sql, (&delivery.alert.id, gone)).map(drop)
        })
    }

    /// Drops what waits for other targets than these: nobody will ask for it again.
    pub fn keep_targets(&mut self, targets: &[&str]) -> Result<usize, Error> {
        let targets = Value::from(targets.to_vec()).to_string();
        let others = "target NOT IN (SELECT value FROM json_each(?1))";
        self.write(|db| drop_deliveries(db, others, [targets]))
    }

    /// Resolves what is over at `now`, removes the oldest of what is resolved and over, and brings
    /// deliveries near that a clock which stepped back left further off than `wait_max` milliseconds.
    pub fn tidy(&mut self, now: i64, wait_max: i64) -> Result<(), Error> {
        let kept = i64::try_from(RESOLVED_KEPT_MAX).unwrap_or(i64::MAX);
        self.write(|db| {
            db.execute(
                "UPDATE alerts SET resolved_at = open_until WHERE resolved_at IS NULL AND open_until <= ?1",
                [now],
            )?;
            db.execute(
                "UPDATE alert_deliveries SET next_at = ?1 + ?2 WHERE next_at > ?1 + ?2",
                (now, wait_max),
            )?;
            db.execute(
                "DELETE FROM alerts WHERE id IN (
                    SELECT id FROM alerts WHERE resolved_at IS NOT NULL AND open_until <= ?1
                        AND id NOT IN (SELECT alert_id FROM alert_deliveries)
                    ORDER BY id DESC LIMIT -1 OFFSET ?2)",
                (now, kept),
            )
            .map(drop)
        })
    }

    fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        schema::change(&mut self.db, work).map_err(|source| Error::at(&self.path, source))
    }
}

/// Removes the deliveries that fit and counts each as failed.
fn drop_deliveries(
    db: &Transaction<'_>,
    which: &str,
    value: impl rusqlite::Params + Clone,
) -> rusqlite::Result<usize> {
    let counted = format!(
        "UPDATE alerts SET failed = failed + gone.count
         FROM (SELECT alert_id, count(*) AS count FROM alert_deliveries WHERE {which} GROUP BY alert_id) AS gone
         WHERE gone.alert_id = alerts.id"
    );
    db.execute(&counted, value.clone())?;
    db.execute(
        &format!("DELETE FROM alert_deliveries WHERE {which}"),
        value,
    )
}

/// What [`Operator::resolve_alert`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It was open, and is resolved; its id in full.
    Done(String),
    /// It was resolved before, at that time in Unix milliseconds; its id in full.
    Before(String, i64),
    /// No alert's id begins so, or several do.
    Unknown,
}

impl Operator {
    /// Resolves an open alert, told by its id or an unmistakable beginning of it. `deed` says when and
    /// how; its subject becomes the id.
    pub fn resolve_alert(&mut self, beginning: &str, deed: &Deed) -> Result<Resolution, Error> {
        let found = self.ask(|db| {
            let mut statement = db.prepare(
                "SELECT id, resolved_at FROM alerts WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2",
            )?;
            let found = statement.query_map([beginning], |row| Ok((row.get(0)?, row.get(1)?)))?;
            found.collect::<Result<Vec<(String, Option<i64>)>, _>>()
        })?;
        let [(id, resolved_at)] = found.as_slice() else {
            return Ok(Resolution::Unknown);
        };
        if let Some(at) = resolved_at {
            return Ok(Resolution::Before(id.clone(), *at));
        }
        let deed = Deed {
            subject: id.clone(),
            ..deed.clone()
        };
        self.act(&deed, |db| {
            let sql = "UPDATE alerts SET resolved_at = ?2 WHERE id = ?1 AND resolved_at IS NULL";
            db.execute(sql, (id, deed.at))
        })?;
        Ok(Resolution::Done(id.clone()))
    }
}

#[cfg(test)]
mod tests;
