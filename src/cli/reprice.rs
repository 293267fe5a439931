//! `weir reprice`: the cost of recorded calls worked out anew, at the prices in force.

mod answer;
mod tally;

use std::collections::HashMap;

use anyhow::Context as _;

use self::tally::Tallies;
use super::out::{self, Format};
use super::report::condition;
use super::settings::File;
use super::since::When;
use super::{currency, prices};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ledger::query::{Filter, Reader, Where};
use crate::ledger::reprice::{Change, GROUP_MAX, Repricer};
use crate::ledger::{Call, Verdict};
use crate::pricing::Catalog;

/// Arguments of `weir reprice`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From when on: 7d, 12h, 2026-11-01, 2026-11-01T09:00:00Z.
    #[arg(long, value_name = "WHEN")]
    since: When,
    /// Until when [default: now].
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    /// Only calls with that value: provider=openai; may be repeated.
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = condition)]
    wheres: Vec<Where>,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take the cost off calls for which no price is known any more [default: they keep it].
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    money: currency::In,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Works the costs out and says what changed.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let currency = args.money.of(&config)?;
    let catalog = config.catalog(&prices::catalog(&config)?);
    let now = SystemClock::shared().unix_ms();
    let instant = |when: When| when.unix_ms(now, &config.timezone);
    let since = instant(args.since).context("--since")?;
    let until = args.until.map_or(Ok(now), instant).context("--until")?;
    let filter = Filter {
        since: Some(since),
        until: Some(until),
        wheres: args.wheres.clone(),
    };
    let mut work = Work {
        reader: Reader::open(&config.data_dir)?,
        repricer: match args.dry_run {
            true => None,
            false => Some(Repricer::open(&config.data_dir)?),
        },
        catalog: &catalog,
        catalog_ids: catalog_ids(&config),
        clear: args.clear,
        now,
        tallies: Tallies::default(),
    };
    let done = work.all(&filter);
    let tallies = work.tallies;
    if let Err(error) = done {
        let changed = tallies.total().written();
        return Err(error.context(format!(
            "{changed} calls were changed before this; run it again for the rest"
        )));
    }
    let answer = answer::Answer {
        since,
        until,
        price_version: catalog.version(),
        dry_run: args.dry_run,
        currency,
        tallies: &tallies,
    };
    answer.print(args.format)?;
    if !args.dry_run && tallies.total().written() > 0 {
        out::complain(
            "weir: budgets and metrics of a running weir count the new amounts from its next start",
        );
    }
    Ok(())
}

/// The catalogue's id of each provider that has one.
fn catalog_ids(config: &Config) -> HashMap<&str, &str> {
    let id = |provider: &'_ std::sync::Arc<crate::config::Provider>| provider.catalog_id.is_some();
    config
        .providers
        .iter()
        .filter(|provider| id(provider))
        .filter_map(|provider| Some((&*provider.name, provider.catalog_id.as_deref()?)))
        .collect()
}

/// A run over the ledger.
struct Work<'a> {
    reader: Reader,
    /// `None` = nothing is to be written.
    repricer: Option<Repricer>,
    catalog: &'a Catalog,
    catalog_ids: HashMap<&'a str, &'a str>,
    clear: bool,
    now: i64,
    tallies: Tallies,
}

impl Work<'_> {
    /// Goes over all calls that fit, a group at a time. What a group counts is counted once it is
    /// written.
    fn all(&mut self, filter: &Filter) -> anyhow::Result<()> {
        let mut last: Option<Call> = None;
        loop {
            let mut page = self.reader.page(filter, last.as_ref(), GROUP_MAX)?;
            let judged: Vec<Verdict> = page.iter().map(|call| self.verdict(call)).collect();
            let changes: Vec<Change> = page
                .iter()
                .zip(&judged)
                .filter_map(|(call, verdict)| self.change(call, verdict))
                .collect();
            if let Some(repricer) = self.repricer.as_mut().filter(|_| !changes.is_empty()) {
                repricer.apply(&changes, self.now)?;
            }
            for (call, verdict) in page.iter().zip(&judged) {
                self.tallies.add(call, verdict, self.clear);
            }
            match page.pop() {
                Some(newest) => last = Some(newest),
                None => return Ok(()),
            }
        }
    }

    fn verdict(&self, call: &Call) -> Verdict {
        let id = self.catalog_ids.get(&*call.head.provider).copied();
        call.verdict(id, self.catalog)
    }

    fn change(&self, call: &Call, verdict: &Verdict) -> Option<Change> {
        let cost = match verdict {
            Verdict::Priced(cost) | Verdict::Changed(cost) => cost,
            Verdict::Gone(cost) if self.clear => cost,
            _ => return None,
        };
        Some(Change {
            call: call.clone(),
            cost: cost.amount,
            price_version: Some(cost.version.clone()),
        })
    }
}
