//! What the budgets start from: spending since an instant, and how long answers have been.

use rusqlite::Row;

use super::Reader;
use super::grouped::Grouped;
use crate::ledger::{Error, Labels, rows};
use crate::units::PicoUsd;

/// What calls of one kind have used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendRow {
    pub provider: String,
    /// The model as a budget sees it when a call asks: what the provider was asked for.
    pub model: Option<String>,
    pub labels: Labels,
    /// The slot of time in which the calls count.
    pub slot: i64,
    /// When the last of them counts.
    pub latest: i64,
    pub cost: PicoUsd,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub requests: u64,
}

/// What one answer took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    pub provider: String,
    /// What was asked, else what answered.
    pub model: Option<String>,
    pub key: Option<String>,
    pub output_tokens: Option<u64>,
    pub cost: Option<PicoUsd>,
}

const SPEND: &str = r#"
    SELECT provider, coalesce(sent_model, request_model), "key", user, team, project, task, tags,
        cost_picousd, input_tokens, output_tokens, coalesce(counted_at, started_at)
    FROM calls
    WHERE (started_at >= ?1 OR counted_at >= ?1) AND outcome <> 'refused' AND forwarded"#;

/// Columns that are alike in one row of spending.
const ALIKE: usize = 8;

fn first(row: &Row<'_>) -> rusqlite::Result<SpendRow> {
    Ok(SpendRow {
        provider: row.get(0)?,
        model: row.get(1)?,
        labels: rows::labels(row, 2)?,
        slot: 0,
        latest: 0,
        cost: PicoUsd::ZERO,
        input_tokens: 0,
        output_tokens: 0,
        requests: 0,
    })
}

fn add(sum: &mut SpendRow, row: &Row<'_>) -> rusqlite::Result<()> {
    sum.cost += PicoUsd::new(row.get::<_, Option<i64>>(8)?.unwrap_or(0).into());
    for (total, column) in [(&mut sum.input_tokens, 9), (&mut sum.output_tokens, 10)] {
        *total = total.saturating_add(rows::count(row, column)?.unwrap_or(0));
    }
    sum.requests += 1;
    sum.latest = sum.latest.max(row.get(11)?);
    Ok(())
}

impl Reader {
    /// Hands over what the calls that count at `since` or later have used up, refused ones left out, grouped
    /// by all that a budget can match or separate by, and by the slot that `slot_of` tells for the instant
    /// at which a call counts. What is alike may come in several rows.
    pub fn spend_since(
        &self,
        since: i64,
        mut slot_of: impl FnMut(i64) -> i64,
        mut take: impl FnMut(SpendRow),
    ) -> Result<(), Error> {
        let mut read = || {
            let mut grouped = Grouped::by(ALIKE);
            let mut statement = self.db.prepare_cached(SPEND)?;
            let mut found = statement.query([since])?;
            while let Some(row) = found.next()? {
                let counted_at: i64 = row.get(11)?;
                if counted_at < since {
                    continue;
                }
                let slot = slot_of(counted_at);
                grouped.apart = slot;
                let first = |row: &Row<'_>| {
                    Ok(SpendRow {
                        slot,
                        ..first(row)?
                    })
                };
                grouped
                    .add(row, first, add)?
                    .into_iter()
                    .for_each(&mut take);
            }
            grouped.take().into_iter().for_each(&mut take);
            Ok(())
        };
        read().map_err(|source| self.named(source))
    }

    /// What the newest answers took that came to their end, at most `limit`, newest first. Looks
    /// no further back than ten times as many calls.
    pub fn recent_calls(&self, limit: usize) -> Result<Vec<Recent>, Error> {
        let read = || {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = self.db.prepare_cached(
                r#"SELECT provider, asked, "key", output_tokens, cost_picousd FROM (
                    SELECT provider, coalesce(sent_model, request_model, model) AS asked, "key",
                        output_tokens, cost_picousd, usage_source, outcome
                    FROM calls ORDER BY started_at DESC, id DESC LIMIT ?2
                ) WHERE outcome = 'ok' AND usage_source = 'reported'
                LIMIT ?1"#,
            )?;
            let found = statement.query_map([limit, limit.saturating_mul(10)], |row| {
                Ok(Recent {
                    provider: row.get(0)?,
                    model: row.get(1)?,
                    key: row.get(2)?,
                    output_tokens: rows::count(row, 3)?,
                    cost: row
                        .get::<_, Option<i64>>(4)?
                        .map(|pico| PicoUsd::new(pico.into())),
                })
            })?;
            found.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|source| self.named(source))
    }
}
