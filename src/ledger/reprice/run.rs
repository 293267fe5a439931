//! A run over the ledger: every call that fits is judged, and those that cost something else are changed.
//!
//! It takes a group of calls at a time. What it did is two rows of the audit: one with the first group
//! that is changed, and one with the counts at the end, whatever the end was.

use std::path::Path;

use serde_json::json;

use super::tally::Tallies;
use super::{Change, GROUP_MAX, Repricer};
use crate::ledger::query::{Filter, Reader};
use crate::ledger::{Call, Deed, Error, Operator, Verdict, Via};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Order {
    pub filter: Filter,
    /// Take the cost off calls for which no price is known any more.
    pub clear: bool,
    /// Unix milliseconds.
    pub at: i64,
    pub via: Via,
    /// Whose prices, for the audit.
    pub price_version: String,
}

/// Who stands around each group's commit: it is given the changes, and what commits them.
pub type Around<'a> =
    dyn FnMut(&[Change], &mut dyn FnMut() -> Result<(), Error>) -> Result<(), Error> + 'a;

/// What was done.
#[derive(Clone, Debug)]
pub struct Done {
    pub tallies: Tallies,
}

/// A run that came to no end; what it changed stays changed.
#[derive(Debug, thiserror::Error)]
#[error("{changed} calls were changed before this; run it again for the rest")]
pub struct Stopped {
    pub changed: u64,
    pub source: Error,
}

/// Prices the calls of the ledger in `dir` anew, by what `judge` makes of each.
///
/// # Errors
///
/// Where the ledger cannot be read or written, or a call changed meanwhile. Groups before it stay.
pub fn price_anew(
    dir: &Path,
    order: &Order,
    judge: &dyn Fn(&Call) -> Verdict,
    around: &mut Around<'_>,
) -> Result<Done, Stopped> {
    let unchanged = |source| Stopped { changed: 0, source };
    let reader = Reader::open(dir).map_err(unchanged)?;
    let mut repricer = Repricer::open(dir).map_err(unchanged)?;
    let mut has_begun = false;
    let mut tallies = Tallies::default();
    let mut write = |changes: &[Change]| {
        let begun = (!has_begun).then(|| deed(order, "begun", None));
        around(changes, &mut || {
            repricer.apply(changes, order.at, begun.as_ref())
        })?;
        has_begun = true;
        Ok(())
    };
    let run = each_group(&reader, order, judge, &mut tallies, &mut write);
    let state = if run.is_ok() { "done" } else { "stopped" };
    let noted = Operator::open(dir)
        .and_then(|mut operator| operator.note(&deed(order, state, Some(&tallies))));
    match run.and(noted) {
        Ok(()) => Ok(Done { tallies }),
        Err(source) => Err(Stopped {
            changed: tallies.total().written(),
            source,
        }),
    }
}

/// The same, and writes nothing.
pub fn would_change(
    dir: &Path,
    order: &Order,
    judge: &dyn Fn(&Call) -> Verdict,
) -> Result<Done, Error> {
    let mut tallies = Tallies::default();
    let reader = Reader::open(dir)?;
    each_group(&reader, order, judge, &mut tallies, &mut |_| Ok(()))?;
    Ok(Done { tallies })
}

/// Goes over all calls that fit, a group at a time. What a group counts is counted once it is written.
fn each_group(
    reader: &Reader,
    order: &Order,
    judge: &dyn Fn(&Call) -> Verdict,
    tallies: &mut Tallies,
    write: &mut dyn FnMut(&[Change]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut last: Option<Call> = None;
    loop {
        let mut page = reader.page(&order.filter, last.as_ref(), GROUP_MAX)?;
        let judged: Vec<Verdict> = page.iter().map(judge).collect();
        let changes: Vec<Change> = page
            .iter()
            .zip(&judged)
            .filter_map(|(call, verdict)| change(call, verdict, order.clear))
            .collect();
        if !changes.is_empty() {
            write(&changes)?;
        }
        for (call, verdict) in page.iter().zip(&judged) {
            tallies.add(call, verdict, order.clear);
        }
        match page.pop() {
            Some(newest) => last = Some(newest),
            None => return Ok(()),
        }
    }
}

fn change(call: &Call, verdict: &Verdict, clear: bool) -> Option<Change> {
    let cost = match verdict {
        Verdict::Priced(cost) | Verdict::Changed(cost) => cost,
        Verdict::Gone(cost) if clear => cost,
        _ => return None,
    };
    Some(Change {
        call: call.clone(),
        cost: cost.amount,
        price_version: Some(cost.version.clone()),
    })
}

/// The run as the audit keeps it.
fn deed(order: &Order, state: &str, counted: Option<&Tallies>) -> Deed {
    let filter = &order.filter;
    let wheres = filter.wheres.iter().map(ToString::to_string);
    let mut detail = json!({
        "state": state,
        "since_ms": filter.since,
        "until_ms": filter.until,
        "where": wheres.collect::<Vec<_>>(),
        "clear": order.clear,
        "price_version": order.price_version,
    });
    if let Some(total) = counted.map(Tallies::total) {
        detail["calls"] = json!(total.calls);
        detail["changed"] = json!(total.changed);
        detail["priced"] = json!(total.priced);
        detail["cleared"] = json!(total.cleared);
        detail["before_usd"] = json!(total.before.to_string());
        detail["after_usd"] = json!(total.after.to_string());
    }
    Deed {
        at: order.at,
        action: "ledger.reprice",
        subject: "calls".to_owned(),
        via: order.via,
        detail,
    }
}
