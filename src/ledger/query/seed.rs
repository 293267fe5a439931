//! What the counters of `/metrics` start from, so that a restart is no step back.

use super::{Reader, clamped, sum, sum_sql, tally};
use crate::ledger::{Error, Outcome, classes, names};
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

impl Reader {
    /// Hands over the totals of all calls there are.
    pub fn counter_seed(&self, mut take: impl FnMut(SeedRow)) -> Result<(), Error> {
        let mut read = || {
            let sums: Vec<String> = classes::SQL.iter().map(|class| sum_sql(class)).collect();
            let sql = format!(
                "SELECT provider, model, operation, team, http_status, outcome, usage_source,
                    refused_by, cost_picousd IS NOT NULL, count(*), {}, {}
                FROM calls GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9",
                sum_sql("cost_picousd"),
                sums.join(", "),
            );
            let mut statement = self.db.prepare_cached(&sql)?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let mut tokens = [0; classes::COUNT];
                for (class, total) in tokens.iter_mut().enumerate() {
                    *total = clamped(sum(row, 12 + 2 * class)?.unwrap_or(0));
                }
                take(SeedRow {
                    provider: row.get(0)?,
                    model: row.get(1)?,
                    operation: row.get(2)?,
                    team: row.get(3)?,
                    http_status: row.get(4)?,
                    outcome: Outcome::parse(row.get_ref(5)?.as_str()?)
                        .unwrap_or(Outcome::UpstreamError),
                    usage_source: names::usage_source(row.get_ref(6)?.as_str()?)
                        .unwrap_or(UsageSource::None),
                    refused_by: row.get(7)?,
                    priced: row.get(8)?,
                    calls: tally(row, 9)?,
                    cost: PicoUsd::new(sum(row, 10)?.unwrap_or(0)),
                    tokens,
                });
            }
            Ok(())
        };
        read().map_err(|source| self.named(source))
    }
}
