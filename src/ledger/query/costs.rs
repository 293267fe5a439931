//! The cost of each call within a span, row by row.

use rusqlite::Row;

use super::Reader;
use crate::ledger::Error;

/// What one call cost, and whose it was.
#[derive(Clone, Copy, Debug)]
pub struct CostRow<'r> {
    pub provider: Option<&'r str>,
    /// What the provider was asked for, else what answered.
    pub model: Option<&'r str>,
    pub key: Option<&'r str>,
    pub user: Option<&'r str>,
    pub team: Option<&'r str>,
    pub project: Option<&'r str>,
    pub task: Option<&'r str>,
    /// Pico-dollars.
    pub cost: i64,
}

const COSTS: &str = r#"
    SELECT provider, coalesce(sent_model, request_model, model), "key", user, team, project, task, cost_picousd
    FROM calls WHERE started_at >= ?1 AND started_at < ?2 AND cost_picousd > 0"#;

fn cost<'r>(row: &'r Row<'_>) -> rusqlite::Result<CostRow<'r>> {
    let text = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)?.as_str_or_null()?);
    Ok(CostRow {
        provider: text(0)?,
        model: text(1)?,
        key: text(2)?,
        user: text(3)?,
        team: text(4)?,
        project: text(5)?,
        task: text(6)?,
        cost: row.get(7)?,
    })
}

impl Reader {
    /// Hands over what the calls cost that began from `since` to before `until`; those without a known
    /// cost, and free ones, are left out.
    pub fn costs(
        &self,
        since: i64,
        until: i64,
        mut take: impl FnMut(CostRow<'_>),
    ) -> Result<(), Error> {
        let mut read = || {
            let mut statement = self.db.prepare_cached(COSTS)?;
            let mut found = statement.query([since, until])?;
            while let Some(row) = found.next()? {
                take(cost(row)?);
            }
            Ok(())
        };
        read().map_err(|source| self.named(source))
    }

    /// When the oldest call began; `None` where there is none.
    pub fn oldest_call(&self) -> Result<Option<i64>, Error> {
        let sql = "SELECT min(started_at) FROM calls";
        let read = || self.db.query_row(sql, [], |row| row.get(0));
        read().map_err(|source| self.named(source))
    }
}
