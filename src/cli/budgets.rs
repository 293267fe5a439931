//! `weir budgets`: how each stands.

mod simulate;

use reqwest::Method;
use serde_json::Value;

use super::assemble;
use super::out::{self, Format};
use super::remote::Remote;
use super::settings::File;
use crate::admin::api::budgets::standing;
use crate::clock::SystemClock;
use crate::ledger::query::Reader;

/// Arguments of `weir budgets`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Replay recorded calls against the budgets of a file (--config FILE): what would have been refused.
    Simulate(simulate::Args),
}

/// Prints the budgets: as the running weir has them, else as the ledger tells.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    match &args.action {
        Some(Action::Simulate(args)) => simulate::run(args, file),
        None => standing_of(args, file),
    }
}

fn standing_of(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let said = match Remote::running(&config)? {
        Some(weir) => weir.ask(Method::GET, "budgets", None)?,
        None => {
            let now = SystemClock::shared().unix_ms();
            let reader = Reader::open(&config.data_dir)?;
            standing(&assemble::budgets_of(&config, &reader, now)?.snapshot(now))
        }
    };
    let rows: Vec<Vec<Value>> = said["budgets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|budget| COLUMNS.map(|(name, _)| budget[name].clone()).to_vec())
        .collect();
    let columns = COLUMNS.map(|(name, is_number)| match is_number {
        true => out::number(name),
        false => out::text(name),
    });
    out::rows(args.format, &columns, &rows)
}

/// What is printed, and whether it is a number.
const COLUMNS: [(&str, bool); 8] = [
    ("budget", false),
    ("each_value", false),
    ("unit", false),
    ("per", false),
    ("limit", true),
    ("spent", true),
    ("held", true),
    ("resets_at", false),
];
