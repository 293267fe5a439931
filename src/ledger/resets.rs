//! Resets of budgets: from when on one counts, put on record by an operator.

use rusqlite::Transaction;

use super::query::Reader;
use super::{Deed, Error, Operator};

/// A budget, or one of its instances, counts from an instant on, where that is later than its window's
/// start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    pub budget: String,
    /// `None` = all of its instances.
    pub each_value: Option<String>,
    /// Unix milliseconds.
    pub at: i64,
}

impl Operator {
    /// Puts a reset on record, with the deed.
    pub fn reset(&mut self, deed: &Deed, reset: &Reset) -> Result<(), Error> {
        self.act(deed, |db: &Transaction<'_>| {
            db.execute(
                "INSERT INTO budget_resets (budget, each_value, at) VALUES (?1, ?2, ?3)",
                (&reset.budget, &reset.each_value, reset.at),
            )
            .map(drop)
        })
    }
}

impl Reader {
    /// The last reset of each budget and instance, in the order in which they were made.
    pub fn resets(&self) -> Result<Vec<Reset>, Error> {
        self.ask(|db| {
            let mut statement = db.prepare_cached(
                "SELECT budget, each_value, at FROM budget_resets
                WHERE id IN (SELECT max(id) FROM budget_resets GROUP BY budget, each_value)
                ORDER BY id",
            )?;
            let found = statement.query_map([], |row| {
                Ok(Reset {
                    budget: row.get(0)?,
                    each_value: row.get(1)?,
                    at: row.get(2)?,
                })
            })?;
            found.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::{Via, schema};

    #[test]
    fn the_last_reset_of_each_instance_is_told_in_order() {
        let dir = tempfile::tempdir().unwrap();
        drop(schema::open_to_write(dir.path()).unwrap());
        let mut operator = Operator::open(dir.path()).unwrap();
        let reset = |budget: &str, each_value: Option<&str>, at| Reset {
            budget: budget.to_owned(),
            each_value: each_value.map(str::to_owned),
            at,
        };
        let made = [
            reset("team", None, 5),
            reset("user", Some("ann"), 9),
            reset("user", None, 4),
            reset("user", Some("bob"), 6),
            reset("team", None, 3),
        ];
        for reset in &made {
            let deed = Deed {
                at: reset.at,
                action: "budget.reset",
                subject: reset.budget.clone(),
                via: Via::Cli,
                detail: json!({}),
            };
            operator.reset(&deed, reset).unwrap();
        }
        let told = Reader::open(dir.path()).unwrap().resets().unwrap();
        assert_eq!(told, made[1..]);
    }
}
