//! `weir audit`: what operators did.

use anyhow::Context as _;
use serde_json::Value;

use super::out::{self, Format, text};
use super::settings::File;
use super::since::When;
use crate::admin::api::audit::shown;
use crate::clock::SystemClock;
use crate::ledger::query::Reader;

/// Arguments of `weir audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From when on: 7d, 12h, 2026-11-01, 2026-11-01T09:00:00Z.
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// At most that many, the newest.
    #[arg(long, short = 'n', default_value_t = 1_000)]
    limit: usize,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints the deeds, the newest last.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let now = SystemClock::shared().unix_ms();
    let since = args.since.map(|when| when.unix_ms(now, &config.timezone));
    let since = since.transpose().context("--since")?;
    let deeds = Reader::open(&config.data_dir)?.audit(since, args.limit)?;
    let columns = ["at", "action", "subject", "via", "detail"];
    let rows: Vec<Vec<Value>> = deeds
        .iter()
        .map(shown)
        .map(|deed| columns.map(|name| deed[name].clone()).to_vec())
        .collect();
    out::rows(args.format, &columns.map(text), &rows)
}
