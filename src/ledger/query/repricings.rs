//! What calls had cost before they were priced anew.

use uuid::Uuid;

use super::Reader;
use crate::ledger::Error;
use crate::units::PicoUsd;

/// A cost that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repricing {
    /// Unix milliseconds at which it was.
    pub repriced_at: i64,
    /// `None` = no price was known.
    pub cost: Option<PicoUsd>,
    pub price_version: Option<String>,
}

impl Reader {
    /// What a call had cost before, the latest last.
    pub fn repricings(&self, call: Uuid) -> Result<Vec<Repricing>, Error> {
        let read = || {
            let mut statement = self.db.prepare_cached(
                "SELECT repriced_at, cost_picousd, price_version FROM repricings
                 WHERE call_id = ?1 ORDER BY repriced_at",
            )?;
            let found = statement.query_map([call.to_string()], |row| {
                let cost: Option<i64> = row.get(1)?;
                Ok(Repricing {
                    repriced_at: row.get(0)?,
                    cost: cost.map(|pico| PicoUsd::new(pico.into())),
                    price_version: row.get(2)?,
                })
            })?;
            found.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|source| self.named(source))
    }
}
