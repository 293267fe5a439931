//! `weir alerts`: what was said, what is open; resolve one, try the webhooks.

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

use super::out::{self, Format};
use super::remote::Remote;
use super::settings::File;
use crate::admin::api::alerts;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ledger::alerts::Resolution;
use crate::ledger::query::Reader;
use crate::ledger::{self, Via};

/// Arguments of `weir alerts`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Only those that are open.
    #[arg(long)]
    open: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(subcommand)]
    deed: Option<Deed>,
}

#[derive(Debug, clap::Subcommand)]
enum Deed {
    /// Resolve an open alert, where its window's end is not to be awaited.
    Resolve {
        /// Its id; the beginning will do.
        id: String,
    },
    /// Send a test alert to every webhook and say what each answered.
    Test {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Lists alerts, resolves one, or tries the webhooks: through the running weir, else by itself.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    match &args.deed {
        None => list(args, &config),
        Some(Deed::Resolve { id }) => resolve(id, &config),
        Some(Deed::Test { format }) => test(*format, &config),
    }
}

fn list(args: &Args, config: &Config) -> anyhow::Result<()> {
    let said = match Remote::running(config)? {
        Some(weir) => {
            let path = if args.open {
                "alerts?open=true"
            } else {
                "alerts"
            };
            weir.ask(Method::GET, path, None)?
        }
        None => {
            let reader = Reader::open(&config.data_dir)?;
            alerts::of_ledger(&reader, args.open, SystemClock::shared().unix_ms())?
        }
    };
    print(args.format, &said["alerts"], &ALERTS)
}

fn resolve(id: &str, config: &Config) -> anyhow::Result<()> {
    let said = match Remote::running(config)? {
        Some(weir) => {
            anyhow::ensure!(is_an_id(id), alerts::unknown(id));
            weir.ask(Method::POST, &format!("alerts/{id}/resolve"), None)?
        }
        None => {
            let _alone = ledger::lock(&config.data_dir)?;
            let now = SystemClock::shared().unix_ms();
            let resolution = alerts::resolved(&config.data_dir, id, now, Via::Cli)?;
            anyhow::ensure!(resolution != Resolution::Unknown, alerts::unknown(id));
            alerts::answer(&resolution)
        }
    };
    let id = said["id"].as_str().unwrap_or(id);
    match said["resolved_at"].as_str() {
        Some(at) => out::line(&format!("{id} was resolved before, at {at}")),
        None => out::line(&format!("{id} is resolved")),
    }
}

/// Whether it can stand in a path as it is.
fn is_an_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn test(format: Format, config: &Config) -> anyhow::Result<()> {
    let said = match Remote::running(config)? {
        Some(weir) => weir.ask(Method::POST, "alerts/test", None)?,
        None => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let now = SystemClock::shared().unix_ms();
            runtime.block_on(alerts::tried(&config.alerting(), now))?
        }
    };
    let tried = said["webhooks"]
        .as_array()
        .context("an answer without webhooks")?;
    anyhow::ensure!(
        !tried.is_empty(),
        "proxy.yaml names no webhook: add one to `alerts`"
    );
    print(
        format,
        &said["webhooks"],
        &["webhook", "delivered", "answer"],
    )?;
    let failed = tried.iter().filter(|one| one["delivered"] != true).count();
    anyhow::ensure!(
        failed == 0,
        "{failed} of {} webhooks did not take it",
        tried.len()
    );
    Ok(())
}

fn print(format: Format, list: &Value, columns: &[&str]) -> anyhow::Result<()> {
    let rows: Vec<Vec<Value>> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| columns.iter().map(|name| cell(one, name)).collect())
        .collect();
    let columns: Vec<_> = columns.iter().map(|name| out::text(*name)).collect();
    out::rows(format, &columns, &rows)
}

/// A value, or of `deliveries` how many are in which state.
fn cell(one: &Value, name: &str) -> Value {
    one.get("deliveries")
        .and_then(|deliveries| deliveries.get(name))
        .or_else(|| one.get(name))
        .cloned()
        .unwrap_or(Value::Null)
}

/// What is printed of alerts.
const ALERTS: [&str; 8] = [
    "id",
    "at",
    "kind",
    "text",
    "resolved_at",
    "delivered",
    "waiting",
    "failed",
];
