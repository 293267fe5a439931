//! `weir reprice`: the cost of recorded calls worked out anew, at the prices in force.

mod answer;

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::json;

use super::out::{self, Format};
use super::remote::{Door, Remote};
use super::settings::File;
use super::since::When;
use super::{currency, prices};
use crate::admin::api::reprice::Wanted;
use crate::admin::api::time;
use crate::clock::SystemClock;
use crate::ledger::query::{Filter, Where};
use crate::ledger::reprice::{Order, Tallies, price_anew, would_change};
use crate::ledger::{Call, Via};

/// How long a running weir may work: a million calls take it minutes.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

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
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
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
    let order = Order {
        filter: Filter {
            since: Some(since),
            until: Some(until),
            wheres: args.wheres.clone(),
        },
        clear: args.clear,
        at: now,
        via: Via::Cli,
        price_version: catalog.version().to_owned(),
    };
    let ids = config.catalog_ids();
    let judge = |call: &Call| {
        let id = ids.get(&*call.head.provider).copied();
        call.verdict(id, &catalog)
    };
    let mut by_running = false;
    let tallies = if args.dry_run {
        would_change(&config.data_dir, &order, &judge)?.tallies
    } else {
        match Door::of(&config)? {
            Door::Running(weir) => {
                by_running = true;
                ask(&weir, &order)?
            }
            Door::Own(_lock) => {
                let mut alone = |_: &[_], commit: &mut dyn FnMut() -> _| commit();
                price_anew(&config.data_dir, &order, &judge, &mut alone)?.tallies
            }
        }
    };
    let answer = answer::Answer {
        since,
        until,
        price_version: catalog.version(),
        dry_run: args.dry_run,
        by_running,
        currency,
        tallies: &tallies,
    };
    answer.print(args.format)?;
    if by_running && tallies.total().written() > 0 {
        out::complain(&format!("weir: the running weir's {}", answer::RUNNING));
    }
    Ok(())
}

/// Lets the running weir do it, whose budgets then count the new amounts at once.
fn ask(weir: &Remote, order: &Order) -> anyhow::Result<Tallies> {
    let instant = |at| time(at).as_str().map(str::to_owned);
    let filter = &order.filter;
    let wanted = Wanted {
        since: instant(filter.since).context("--since is out of range")?,
        until: instant(filter.until).context("--until is out of range")?,
        wheres: filter.wheres.iter().map(ToString::to_string).collect(),
        clear: order.clear,
        price_version: Some(order.price_version.clone()),
    };
    // One that answers nothing at all is not waited for that long.
    weir.ask(Method::GET, "budgets", None)?;
    let said = weir.ask_for(PATIENCE, Method::POST, "reprice", Some(&json!(wanted)))?;
    Tallies::of_json(&said).context("the running weir's answer is not of this version")
}
