//! What `weir reprice` says.

use serde_json::{Value, json};

use super::super::currency;
use super::super::out::{self, Format, number, text};
use crate::ledger::Unpriceable;
use crate::ledger::reprice::{Tallies, Tally};
use crate::units::Currency;

/// What a running weir does with new amounts.
pub(super) const RUNNING: &str = "budgets count the new amounts; its cost counters took what was added, and what \
     was taken off shows in them from its next start";

/// A run's result and what it was about.
pub(super) struct Answer<'a> {
    pub since: i64,
    pub until: i64,
    pub price_version: &'a str,
    pub dry_run: bool,
    /// A running weir did it.
    pub by_running: bool,
    pub currency: Currency,
    pub tallies: &'a Tallies,
}

impl Answer<'_> {
    /// A row for each model, and for people and programs the sum.
    pub(super) fn print(&self, format: Format) -> anyhow::Result<()> {
        match format {
            Format::Json => {
                let text = serde_json::to_string_pretty(&self.json())?;
                out::line(&text)
            }
            Format::Csv => self.rows(format),
            Format::Table => {
                self.rows(format)?;
                out::write(&self.summary())
            }
        }
    }

    fn rows(&self, format: Format) -> anyhow::Result<()> {
        let mut columns = vec![text("provider"), text("model")];
        let counts = self.counts(self.tallies.total());
        columns.extend(counts.iter().map(|(name, _)| number(name.clone())));
        let rows: Vec<Vec<Value>> = self
            .tallies
            .models()
            .map(|(provider, model, tally)| {
                let counts = self.counts(tally).into_iter().map(|(_, value)| value);
                [json!(provider), json!(model)]
                    .into_iter()
                    .chain(counts)
                    .collect()
            })
            .collect();
        out::rows(format, &columns, &rows)
    }

    fn counts(&self, tally: &Tally) -> Vec<(String, Value)> {
        let count = |name: &str, count: u64| (name.to_owned(), json!(count));
        let money = |name: &str, amount| {
            let name = currency::column(name, self.currency);
            (name, currency::cell(Some(amount), self.currency))
        };
        vec![
            count("calls", tally.calls),
            count("changed", tally.changed),
            count("priced", tally.priced),
            count("cleared", tally.cleared),
            count("unchanged", tally.unchanged),
            count("unknown", tally.still_unknown),
            count("kept", tally.kept),
            count("left", tally.left_in_all()),
            money("before", tally.before),
            money("after", tally.after),
            money("difference", tally.after - tally.before),
        ]
    }

    fn json(&self) -> Value {
        let object = |tally: &Tally| {
            let mut object: serde_json::Map<String, Value> =
                self.counts(tally).into_iter().collect();
            let left = Unpriceable::ALL.map(|why| (why.name().to_owned(), json!(left(tally, why))));
            object.insert("plain".to_owned(), json!(tally.plain));
            object.insert("left".to_owned(), Value::Object(left.into_iter().collect()));
            object
        };
        let models = self.tallies.models().map(|(provider, model, tally)| {
            let mut row = object(tally);
            row.insert("provider".to_owned(), json!(provider));
            row.insert("model".to_owned(), json!(model));
            Value::Object(row)
        });
        let told = self.by_running && self.tallies.total().written() > 0;
        json!({
            "since": instant(self.since),
            "until": instant(self.until),
            "price_version": self.price_version,
            "dry_run": self.dry_run,
            "currency": self.currency.code().to_string(),
            "running_weir": told.then_some(RUNNING),
            "total": object(self.tallies.total()),
            "models": models.collect::<Vec<_>>(),
        })
    }

    fn summary(&self) -> String {
        let total = self.tallies.total();
        let left = Unpriceable::ALL.map(|why| format!("{} {}", left(total, why), words(why)));
        let [before, after, difference] = [total.before, total.after, total.after - total.before]
            .map(|amount| self.currency.show(amount));
        let done = match self.dry_run {
            true => "nothing was written: --dry-run\n",
            false => "",
        };
        format!(
            "\n{} calls from {} until {}, at the prices of {}\n\
             {} changed, {} newly priced, {} cleared, {} unchanged\n\
             {} still unknown, {} kept without a price\n\
             left: {}\n\
             {} say no tier or region and are priced without (rows of a weir before schema 2 never say one)\n\
             {before} before, {after} after, difference {difference}\n{done}",
            total.calls,
            instant(self.since),
            instant(self.until),
            self.price_version,
            total.changed,
            total.priced,
            total.cleared,
            total.unchanged,
            total.still_unknown,
            total.kept,
            left.join(", "),
            total.plain,
        )
    }
}

fn words(why: Unpriceable) -> &'static str {
    match why {
        Unpriceable::Stated => "stated by their provider",
        Unpriceable::Refused => "refused",
        Unpriceable::Free => "free",
        Unpriceable::Repeated => "counted with another call",
        Unpriceable::NoUsage => "without usage",
    }
}

fn left(tally: &Tally, why: Unpriceable) -> u64 {
    tally.left.get(&why).copied().unwrap_or(0)
}

fn instant(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| unix_ms.to_string(), |at| at.to_string())
}
