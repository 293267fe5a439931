//! `weir report`: sums of recorded calls.

use anyhow::Context as _;
use serde_json::Value;

use super::currency;
use super::out::{self, Column, Format, number, text};
use super::settings::File;
use super::since::When;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ledger::query::{Filter, Group, Reader, ReportRow, UnknownColumn, Where};
use crate::units::Currency;

/// Arguments of `weir report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// A row for each of: day, model, provider, user, team, project, task, key, operation, outcome, tag.NAME.
    #[arg(long, value_delimiter = ',', default_value = "model", value_parser = grouping)]
    by: Vec<Grouping>,
    #[command(flatten)]
    money: currency::In,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which calls a question is about.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// From when on: 7d, 12h, 2026-11-01, 2026-11-01T09:00:00Z.
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// Until when.
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    /// Only calls with that value: team=search; may be repeated.
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    wheres: Vec<Where>,
}

impl Which {
    /// The ledger's filter for it.
    pub fn filter(&self, config: &Config) -> anyhow::Result<Filter> {
        let now = SystemClock::shared().unix_ms();
        let instant = |when: Option<When>| {
            when.map(|when| when.unix_ms(now, &config.timezone))
                .transpose()
        };
        Ok(Filter {
            since: instant(self.since).context("--since")?,
            until: instant(self.until).context("--until")?,
            wheres: self.wheres.clone(),
        })
    }
}

/// What `--by` named, and what it means.
#[derive(Clone, Debug)]
struct Grouping {
    name: String,
    group: Group,
}

fn grouping(text: &str) -> Result<Grouping, UnknownColumn> {
    Ok(Grouping {
        name: text.to_owned(),
        group: text.parse()?,
    })
}

/// Prints the sums.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let currency = args.money.of(&config)?;
    let groups: Vec<Group> = args.by.iter().map(|by| by.group.clone()).collect();
    let names: Vec<String> = args.by.iter().map(|by| by.name.clone()).collect();
    let reader = Reader::open(&config.data_dir)?;
    let rows = reader.report(&args.which.filter(&config)?, &groups, &config.timezone)?;
    print(args.format, &names, &rows, currency)
}

/// Prints report rows; shared with the demo.
pub fn print(
    format: Format,
    by: &[String],
    rows: &[ReportRow],
    currency: Currency,
) -> anyhow::Result<()> {
    let mut columns: Vec<Column> = by.iter().map(|name| text(name.clone())).collect();
    columns.extend(SUMS.map(|name| match name {
        COST => number(currency::column(COST, currency)),
        name => number(name),
    }));
    let cells: Vec<Vec<Value>> = rows.iter().map(|row| cells(row, currency)).collect();
    out::rows(format, &columns, &cells)
}

/// The sum that has its currency at its end.
const COST: &str = "cost";

const SUMS: [&str; 12] = [
    "calls",
    "refused",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    COST,
    "unpriced",
    "estimated",
    "partial",
    "no_usage",
];

fn cells(row: &ReportRow, currency: Currency) -> Vec<Value> {
    let tokens = &row.tokens;
    let mut cells: Vec<Value> = row
        .groups
        .iter()
        .map(|group| group.clone().into())
        .collect();
    cells.extend([
        row.calls.into(),
        row.refused.into(),
        tokens.input.into(),
        tokens.cache_read.into(),
        tokens.cache_write.into(),
        tokens.output.into(),
        tokens.reasoning.into(),
        currency.amount(row.cost).into(),
        row.unpriced.into(),
        row.estimated.into(),
        row.partial.into(),
        row.none.into(),
    ]);
    cells
}
