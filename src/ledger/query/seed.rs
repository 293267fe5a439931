//! What the counters of `/metrics` start from, so that a restart is no step back.

use std::cmp::Reverse;

use rusqlite::Row;

use super::Reader;
use super::grouped::Grouped;
use crate::ledger::{Error, Outcome, classes, names, rows};
use crate::units::PicoUsd;
use crate::usage::UsageSource;

/// Totals of calls that are alike in every label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRow {
    pub provider: String,
    pub model: Option<String>,
    pub operation: String,
    pub team: Option<String>,
    pub http_status: Option<u16>,
    pub outcome: Outcome,
    pub usage_source: UsageSource,
    /// The budget that refused the calls.
    pub refused_by: Option<String>,
    /// Whether the calls have a cost.
    pub priced: bool,
    pub calls: u64,
    pub cost: PicoUsd,
    /// In the order of [`classes::NAMES`].
    pub tokens: [u64; classes::COUNT],
}

const SQL: &str = "
    SELECT provider, model, operation, team, http_status, outcome, usage_source, refused_by,
        cost_picousd IS NOT NULL, cost_picousd,
        input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens,
        image_input_tokens, image_output_tokens
    FROM calls";

/// Columns that are alike in one row of the seed.
const ALIKE: usize = 9;

fn first(row: &Row<'_>) -> rusqlite::Result<SeedRow> {
    Ok(SeedRow {
        provider: row.get(0)?,
        model: row.get(1)?,
        operation: row.get(2)?,
        team: row.get(3)?,
        http_status: row.get(4)?,
        outcome: Outcome::parse(row.get_ref(5)?.as_str()?).unwrap_or(Outcome::UpstreamError),
        usage_source: names::usage_source(row.get_ref(6)?.as_str()?).unwrap_or(UsageSource::None),
        refused_by: row.get(7)?,
        priced: row.get(8)?,
        calls: 0,
        cost: PicoUsd::ZERO,
        tokens: [0; classes::COUNT],
    })
}

fn add(sum: &mut SeedRow, row: &Row<'_>) -> rusqlite::Result<()> {
    sum.calls += 1;
    sum.cost += PicoUsd::new(row.get::<_, Option<i64>>(9)?.unwrap_or(0).into());
    let usage = rows::token_columns(row, 10)?;
    for (total, tokens) in sum.tokens.iter_mut().zip(classes::of(&usage)) {
        *total = total.saturating_add(tokens);
    }
    Ok(())
}

impl Reader {
    /// Hands over the totals of all calls there are, those of most calls first. What is alike may come
    /// in several rows. A million calls take one to two seconds.
    pub fn counter_seed(&self, mut take: impl FnMut(SeedRow)) -> Result<(), Error> {
        let mut hand_over = |mut sums: Vec<SeedRow>| {
            sums.sort_unstable_by_key(|sum| Reverse(sum.calls));
            sums.into_iter().for_each(&mut take);
        };
        let mut read = || {
            let mut grouped = Grouped::by(ALIKE);
            let mut statement = self.db.prepare_cached(SQL)?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                hand_over(grouped.add(row, first, add)?);
            }
            hand_over(grouped.take());
            Ok(())
        };
        read().map_err(|source| self.named(source))
    }
}
