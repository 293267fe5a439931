//! What the budgets start from: spending since an instant, and how long answers have been.

use super::{Reader, clamped, sum, sum_sql, tally};
use crate::ledger::{Error, Labels, rows};
use crate::units::PicoUsd;

/// What calls of one kind have used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendRow {
    pub provider: String,
    /// The model as a budget sees it when a call asks: what was asked, else what answered.
    pub model: Option<String>,
    pub labels: Labels,
    pub cost: PicoUsd,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub requests: u64,
}

/// The length of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentOutput {
    pub provider: String,
    /// What was asked, else what answered.
    pub model: Option<String>,
    pub output_tokens: u64,
}

impl Reader {
    /// Hands over what the calls that began at `since` or later have used up, refused ones left out,
    /// grouped by all that a budget can match or separate by. One such question for every distinct
    /// start of a window rebuilds all budgets.
    pub fn spend_since(&self, since: i64, mut take: impl FnMut(SpendRow)) -> Result<(), Error> {
        let mut read = || {
            let sql = format!(
                r#"SELECT provider, coalesce(request_model, model), "key", user, team, project, task,
                    tags, count(*), {}, {}, {}
                FROM calls WHERE started_at >= ?1 AND outcome <> 'refused'
                GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"#,
                sum_sql("cost_picousd"),
                sum_sql("input_tokens"),
                sum_sql("output_tokens"),
            );
            let mut statement = self.db.prepare_cached(&sql)?;
            let mut found = statement.query([since])?;
            while let Some(row) = found.next()? {
                take(SpendRow {
                    provider: row.get(0)?,
                    model: row.get(1)?,
                    labels: rows::labels(row, 2)?,
                    requests: tally(row, 8)?,
                    cost: PicoUsd::new(sum(row, 9)?.unwrap_or(0)),
                    input_tokens: clamped(sum(row, 11)?.unwrap_or(0)),
                    output_tokens: clamped(sum(row, 13)?.unwrap_or(0)),
                });
            }
            Ok(())
        };
        read().map_err(|source| self.named(source))
    }

    /// The lengths of the newest answers that came to their end, at most `limit`, newest first. Looks
    /// no further back than ten times as many calls.
    pub fn recent_output_tokens(&self, limit: usize) -> Result<Vec<RecentOutput>, Error> {
        let read = || {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = self.db.prepare_cached(
                "SELECT provider, asked, output_tokens FROM (
                    SELECT provider, coalesce(request_model, model) AS asked, output_tokens,
                        usage_source, outcome
                    FROM calls ORDER BY started_at DESC, id DESC LIMIT ?2
                ) WHERE outcome = 'ok' AND usage_source = 'reported' AND output_tokens IS NOT NULL
                LIMIT ?1",
            )?;
            let found = statement.query_map([limit, limit.saturating_mul(10)], |row| {
                Ok(RecentOutput {
                    provider: row.get(0)?,
                    model: row.get(1)?,
                    output_tokens: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
                })
            })?;
            found.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|source| self.named(source))
    }
}
