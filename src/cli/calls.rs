//! `weir calls`: recorded calls, one a line.

use serde_json::{Value, json};

use super::currency;
use super::out::{self, Format, number, text};
use super::report::Which;
use super::settings::File;
use crate::ledger::Call;
use crate::ledger::query::Reader;
use crate::units::Currency;

/// Arguments of `weir calls`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// At most that many, the newest.
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    money: currency::In,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints the calls, the newest last.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let currency = args.money.of(&config)?;
    let reader = Reader::open(&config.data_dir)?;
    let mut calls = reader.calls(&args.which.filter(&config)?, args.limit)?;
    calls.reverse();
    let columns = [
        text("id"),
        text("started_at"),
        text("provider"),
        text("operation"),
        text("model"),
        text("sent_model"),
        text("user"),
        text("team"),
        number("input_tokens"),
        number("output_tokens"),
        number(currency::column("cost", currency)),
        text("usage_source"),
        number("http_status"),
        text("outcome"),
        number("duration_ms"),
        text("attempt_of"),
    ];
    let rows: Vec<Vec<Value>> = calls.iter().map(|call| cells(call, currency)).collect();
    out::rows(args.format, &columns, &rows)
}

fn cells(call: &Call, currency: Currency) -> Vec<Value> {
    let usage = call.usage.as_ref();
    let labels = &call.head.labels;
    let started = jiff::Timestamp::from_millisecond(call.head.started_at);
    vec![
        json!(call.head.id.to_string()),
        json!(started.map(|at| at.to_string()).ok()),
        json!(call.head.provider),
        json!(call.head.operation),
        json!(call.model),
        json!(call.head.sent_model),
        json!(labels.user),
        json!(labels.team),
        json!(usage.and_then(|usage| usage.input)),
        json!(usage.and_then(|usage| usage.output)),
        currency::cell(call.cost, currency),
        json!(call.usage_source.name()),
        json!(call.http_status),
        json!(call.outcome.name()),
        json!(call.duration_ms),
        json!(call.head.attempt_of.map(|id| id.to_string())),
    ]
}
