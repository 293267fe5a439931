//! `weir budgets`: how each stands, and the reset of one.

mod simulate;

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::assemble;
use super::out::{self, Format};
use super::remote::{Remote, segment};
use super::settings::File;
use crate::admin::api::budgets::{deed, resettable, said, standing};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ledger::query::Reader;
use crate::ledger::{Operator, Reset, Via};

/// Arguments of `weir budgets`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Replay recorded calls against the budgets of a file (--config FILE): what would have been refused.
    Simulate(simulate::Args),
    /// Let a budget count anew from here on, inside its window; it is kept in the audit.
    Reset(ResetArgs),
}

/// Arguments of `weir budgets reset`.
#[derive(Debug, clap::Args)]
struct ResetArgs {
    /// The budget's name.
    name: String,
    /// Only the instance of this value, of a budget with `each`.
    #[arg(long, value_name = "VALUE")]
    each: Option<String>,
}

/// Does what is asked for.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    match &args.action {
        None => list(args, file),
        Some(Action::Simulate(args)) => simulate::run(args, file),
        Some(Action::Reset(args)) => reset(args, &*file.load()?),
    }
}

/// Resets through the running weir, else in the ledger.
fn reset(args: &ResetArgs, config: &Config) -> anyhow::Result<()> {
    let each_value = args.each.as_deref();
    let said = match Remote::running(config)? {
        Some(weir) => {
            let path = format!("budgets/{}/reset", segment(&args.name));
            weir.ask(
                Method::POST,
                &path,
                Some(&json!({ "each_value": each_value })),
            )?
        }
        None => said(&reset_on_record(args, config)?),
    };
    let whom = each_value.map_or(String::new(), |value| format!(" ({value})"));
    let from = said["counts_from"].as_str().unwrap_or_default();
    out::line(&format!("budget {}{whom} counts from {from} on", args.name))
}

fn reset_on_record(args: &ResetArgs, config: &Config) -> anyhow::Result<Reset> {
    let now = SystemClock::shared().unix_ms();
    // Where there is no ledger, none is made.
    let limits = assemble::limits(config, &Reader::open(&config.data_dir)?, now)?;
    resettable(&limits, &args.name, args.each.as_deref()).map_err(anyhow::Error::msg)?;
    let (mut operator, _lock) = Operator::alone(&config.data_dir)?;
    let reset = Reset {
        budget: args.name.clone(),
        each_value: args.each.clone(),
        // Later than the last call that the weir which was here admitted.
        at: now + 1,
    };
    operator.reset(&deed(&reset, now, Via::Cli), &reset)?;
    Ok(reset)
}

/// Prints the budgets: as the running weir has them, else as the ledger tells.
fn list(args: &Args, file: &File) -> anyhow::Result<()> {
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
const COLUMNS: [(&str, bool); 9] = [
    ("budget", false),
    ("each_value", false),
    ("unit", false),
    ("per", false),
    ("limit", true),
    ("carried", true),
    ("spent", true),
    ("held", true),
    ("resets_at", false),
];
