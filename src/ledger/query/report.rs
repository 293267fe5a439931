//! Sums over calls, by any of their properties and by calendar day.

use std::cmp::Reverse;
use std::str::FromStr;

use jiff::tz::TimeZone;
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::days::{Day, day_of};
use super::filter::{Column, Filter, UnknownColumn};
use super::{Reader, count_sum, sum, sum_sql, tally};
use crate::ledger::Error;
use crate::units::PicoUsd;

/// What a report has one row for each of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// The calendar day in which a call began, as `2026-03-29`.
    Day,
    /// A column's value.
    By(Column),
}

impl FromStr for Group {
    type Err = UnknownColumn;

    fn from_str(text: &str) -> Result<Self, UnknownColumn> {
        if text == "day" {
            Ok(Group::Day)
        } else {
            text.parse().map(Group::By)
        }
    }
}

/// Totals of tokens, `None` where no call said any. Input includes cache reads and writes, output
/// includes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenSums {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    /// For every time to live.
    pub cache_write: Option<u64>,
    pub reasoning: Option<u64>,
}

/// One row of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// A value for each group that was asked for, in that order; `None` = the calls have none.
    pub groups: Vec<Option<String>>,
    /// All calls, refused ones as well.
    pub calls: u64,
    pub refused: u64,
    pub tokens: TokenSums,
    /// What the priced calls cost.
    pub cost: PicoUsd,
    /// Calls without a cost: no price was known for them, or no usage.
    pub unpriced: u64,
    /// Calls whose tokens weir counted.
    pub estimated: u64,
    /// Calls that were cut off after some report.
    pub partial: u64,
    /// Calls without any usage, refused ones left out.
    pub none: u64,
}

/// Columns that follow a row's groups.
fn sums_sql() -> String {
    let writes = "CASE WHEN cache_write_5m_tokens IS NULL THEN cache_write_1h_tokens
        ELSE cache_write_5m_tokens + ifnull(cache_write_1h_tokens, 0) END";
    [
        "count(*)".to_owned(),
        "sum(outcome = 'refused')".to_owned(),
        "sum(cost_picousd IS NULL)".to_owned(),
        "sum(usage_source = 'estimated')".to_owned(),
        "sum(usage_source = 'partial')".to_owned(),
        "sum(usage_source = 'none' AND outcome <> 'refused')".to_owned(),
        sum_sql("cost_picousd"),
        sum_sql("input_tokens"),
        sum_sql("output_tokens"),
        sum_sql("cache_read_tokens"),
        sum_sql(writes),
        sum_sql("reasoning_tokens"),
    ]
    .join(", ")
}

fn read_row(row: &Row<'_>, groups: Vec<Option<String>>) -> rusqlite::Result<ReportRow> {
    let first = groups.len();
    Ok(ReportRow {
        calls: tally(row, first)?,
        refused: tally(row, first + 1)?,
        unpriced: tally(row, first + 2)?,
        estimated: tally(row, first + 3)?,
        partial: tally(row, first + 4)?,
        none: tally(row, first + 5)?,
        cost: PicoUsd::new(sum(row, first + 6)?.unwrap_or(0)),
        tokens: TokenSums {
            input: count_sum(row, first + 8)?,
            output: count_sum(row, first + 10)?,
            cache_read: count_sum(row, first + 12)?,
            cache_write: count_sum(row, first + 14)?,
            reasoning: count_sum(row, first + 16)?,
        },
        groups,
    })
}

impl Reader {
    /// Sums of the calls that fit: one row for each combination of `groups` that has calls, days in
    /// their order, within a day the dearest first. Without groups it is one row, if there are calls.
    pub fn report(
        &self,
        filter: &Filter,
        groups: &[Group],
        zone: &TimeZone,
    ) -> Result<Vec<ReportRow>, Error> {
        let mut rows = Vec::new();
        let read = if groups.contains(&Group::Day) {
            self.each_day(filter, zone, |filter, day| {
                self.sums(filter, groups, Some(&day.date.to_string()), &mut rows)
            })
        } else {
            self.sums(filter, groups, None, &mut rows)
        };
        read.map_err(|source| self.named(source))?;
        // The sort is stable, and days came in their order.
        let day = groups.iter().position(|group| *group == Group::Day);
        rows.sort_by(|a, b| {
            let order = |row: &ReportRow| {
                let day = day.and_then(|day| row.groups[day].clone());
                (
                    day,
                    Reverse(row.cost),
                    Reverse(row.calls),
                    row.groups.clone(),
                )
            };
            order(a).cmp(&order(b))
        });
        Ok(rows)
    }

    /// Calls `take` for every day that has calls, with the filter narrowed to it.
    fn each_day(
        &self,
        filter: &Filter,
        zone: &TimeZone,
        mut take: impl FnMut(&Filter, Day) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut next = self
            .db
            .prepare_cached("SELECT min(started_at) FROM calls WHERE started_at >= ?1")?;
        let mut from = filter.since.unwrap_or(i64::MIN);
        let until = filter.until.unwrap_or(i64::MAX);
        // Days without calls are stepped over, so a clock that was wrong once costs one step.
        while let Some(first) = next.query_row([from], |row| row.get::<_, Option<i64>>(0))? {
            let Some(day) = day_of(first, zone).filter(|_| first < until) else {
                break;
            };
            let narrowed = Filter {
                since: Some(day.start.max(filter.since.unwrap_or(i64::MIN))),
                until: Some(day.end.min(until)),
                wheres: filter.wheres.clone(),
            };
            take(&narrowed, day)?;
            from = day.end;
        }
        Ok(())
    }

    fn sums(
        &self,
        filter: &Filter,
        groups: &[Group],
        day: Option<&str>,
        rows: &mut Vec<ReportRow>,
    ) -> rusqlite::Result<()> {
        let mut parameters = Vec::new();
        let columns: Vec<String> = groups
            .iter()
            .map(|group| match group {
                Group::Day => {
                    parameters.push(day.map_or(Value::Null, |day| Value::Text(day.to_owned())));
                    format!("?{}", parameters.len())
                }
                Group::By(column) => format!("CAST({} AS TEXT)", column.sql(&mut parameters)),
            })
            .collect();
        let condition = filter.sql(&mut parameters);
        let names: Vec<String> = (1..=columns.len())
            .map(|column| column.to_string())
            .collect();
        let sql = format!(
            "SELECT {}{} {} FROM calls WHERE {condition} {} {} HAVING count(*) > 0",
            columns.join(", "),
            if columns.is_empty() { "" } else { "," },
            sums_sql(),
            if columns.is_empty() { "" } else { "GROUP BY" },
            names.join(", "),
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut found = statement.query(params_from_iter(parameters))?;
        while let Some(row) = found.next()? {
            let values = (0..groups.len())
                .map(|column| row.get(column))
                .collect::<Result<_, _>>()?;
            rows.push(read_row(row, values)?);
        }
        Ok(())
    }
}
