//! `weir budgets simulate`: what the budgets of a file would have made of recorded calls.

use anyhow::Context as _;
use serde_json::{Number, Value, json};

use super::super::out::{self, Format, number, text};
use super::super::prices;
use super::super::settings::File;
use super::super::since::When;
use crate::admin::api::time;
use crate::budget::limits::Unit;
use crate::budget::replay::{Finding, Findings, Replay, from_when};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ledger::Call;
use crate::ledger::query::{Filter, Reader};
use crate::pricing::{Catalog, Charge};
use crate::units::PicoUsd;

/// Calls that are read at a time.
const PAGE: usize = 1_000;

/// Arguments of `weir budgets simulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From when on: 7d, 12h, 2026-11-01, 2026-11-01T09:00:00Z.
    #[arg(long, value_name = "WHEN", default_value = "30d")]
    since: When,
    /// Until when [default: now].
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Replays the ledger against the budgets of `file`, and says what would have been refused.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let now = SystemClock::shared().unix_ms();
    let instant = |when: When| when.unix_ms(now, &config.timezone);
    let since = instant(args.since).context("--since")?;
    let until = args.until.map_or(Ok(now), instant).context("--until")?;
    let found = replay(&config, since, until)?;
    match args.format {
        Format::Json => out::line(&serde_json::to_string_pretty(&answer(
            &found, since, until,
        ))?),
        Format::Csv => rows(&found, args.format),
        Format::Table => {
            rows(&found, args.format)?;
            out::write(&summary(&found))
        }
    }
}

fn replay(config: &Config, since: i64, until: i64) -> anyhow::Result<Findings> {
    let catalog = config.catalog(&prices::catalog(config)?);
    let ids = config.catalog_ids();
    let reader = Reader::open(&config.data_dir)?;
    let filter = Filter {
        since: Some(from_when(&config.budgets, &config.timezone, since)),
        until: Some(until),
        ..Filter::default()
    };
    let begin = |at: i64| Replay::new(config.budgets.clone(), config.timezone.clone(), at);
    let mut replay: Option<Replay> = None;
    let mut last: Option<Call> = None;
    loop {
        let mut page = reader.page(&filter, last.as_ref(), PAGE)?;
        for call in &page {
            let at = call.head.started_at;
            let replay = replay.get_or_insert_with(|| begin(at));
            let id = ids.get(&*call.head.provider).copied();
            match at < since {
                true => replay.spent_before(call),
                false => replay.call(call, &|model| cost_at(&catalog, id, call, model)),
            }
        }
        match page.pop() {
            Some(newest) => last = Some(newest),
            None => return Ok(replay.unwrap_or_else(|| begin(since)).finish()),
        }
    }
}

/// What a call had cost at another model; `None` where that is not known.
fn cost_at(catalog: &Catalog, id: Option<&str>, call: &Call, model: &str) -> Option<PicoUsd> {
    let charge = call.charge(id).ok()?;
    let there = Charge {
        model: Some(model),
        request_model: Some(model),
        ..charge
    };
    there.cost(catalog).amount
}

fn rows(found: &Findings, format: Format) -> anyhow::Result<()> {
    let columns = [
        text("budget"),
        text("unit"),
        text("per"),
        number("limit"),
        number("refused"),
        number("refused_cost_usd"),
        text("first_refused_at"),
        number("downgraded"),
        number("warned"),
        number("peak_spent"),
        number("peak_percent"),
        text("peak_value"),
    ];
    let rows: Vec<Vec<Value>> = found.budgets.iter().map(cells).collect();
    out::rows(format, &columns, &rows)
}

fn cells(finding: &Finding) -> Vec<Value> {
    let limit = &finding.limit;
    let unlimited = limit.is_rule();
    let has_window = !unlimited && limit.unit != Unit::Concurrent;
    let amount = |amount: i128| match limit.unit {
        Unit::Cost => Value::from(PicoUsd::new(amount).to_string()),
        _ => Value::from(i64::try_from(amount).unwrap_or(i64::MAX)),
    };
    vec![
        json!(limit.name),
        json!((!unlimited).then(|| limit.unit.as_str())),
        json!(has_window.then(|| limit.per.to_string())),
        json!((!unlimited).then(|| amount(limit.amount))),
        json!(finding.refused),
        json!(finding.refused_cost.to_string()),
        time(finding.first_refused_at),
        json!(finding.downgraded),
        json!(finding.warned),
        json!(has_window.then(|| amount(finding.peak))),
        json!(has_window.then(|| percent(finding.peak, limit.amount))),
        json!(finding.peak_value),
    ]
}

/// A share in percent with one decimal, rounded down.
fn percent(part: i128, whole: i128) -> Option<Number> {
    let tenths = part.saturating_mul(1_000) / whole.max(1);
    format!("{}.{}", tenths / 10, tenths % 10).parse().ok()
}

fn answer(found: &Findings, since: i64, until: i64) -> Value {
    let budget = |finding: &Finding| {
        let names = [
            "budget",
            "unit",
            "per",
            "limit",
            "refused",
            "refused_cost_usd",
            "first_refused_at",
            "downgraded",
            "warned",
            "peak_spent",
            "peak_percent",
            "peak_value",
        ];
        let pairs = names.into_iter().map(str::to_owned).zip(cells(finding));
        Value::Object(pairs.collect())
    };
    json!({
        "since": time(Some(since)),
        "until": time(Some(until)),
        "calls": found.calls,
        "refused": found.refused,
        "refused_cost_usd": found.refused_cost.to_string(),
        "still_refused": found.still_refused,
        "now_pass": found.now_pass,
        "downgraded": found.downgraded,
        "downgraded_cost_usd": found.downgraded_cost.0.to_string(),
        "downgraded_to_cost_usd": found.downgraded_cost.1.to_string(),
        "budgets": found.budgets.iter().map(budget).collect::<Vec<_>>(),
    })
}

fn summary(found: &Findings) -> String {
    let (before, after) = found.downgraded_cost;
    let show = |amount: PicoUsd| format!("{amount} USD");
    format!(
        "\n{} calls: {} that passed would be refused ({}), {} that were refused would pass, {} refused as before\n\
         {} would go to another model ({} there, instead of {})\n\
         Holds are taken to be as large as calls turned out; `hold: worst_case` holds more and refuses sooner, \
         `wait` is not replayed.\n",
        found.calls,
        found.refused,
        show(found.refused_cost),
        found.now_pass,
        found.still_refused,
        found.downgraded,
        show(after),
        show(before),
    )
}
