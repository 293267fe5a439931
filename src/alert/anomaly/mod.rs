//! Spending out of the ordinary: the last full hour and day against the same of the two weeks before.
//!
//! What is usual is the median of up to fourteen such spans, and how far they usually stray from it is
//! the median of their distances to it (the MAD): one wild day among fourteen moves neither. Spending is
//! out of the ordinary where it is above `median + factor × MAD`, at least twice the median and at least
//! a least amount. So that a first week is no alarm, seven spans must be known; so that a team, model
//! or key that is new is none, it must have spent in three of them, and the total speaks for it.

mod verdict;

use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde_json::json;

use self::verdict::{Usual, unusual};
use super::Kind;
use super::notice::{span, time};
use crate::budget::limits::{Dimension, Per};
use crate::budget::window::{Window, window};
use crate::ledger::alerts::NewAlert;
use crate::ledger::query::{CostRow, Reader};
use crate::ledger::{Error, new_id};
use crate::units::{PICO_PER_USD, PicoUsd};

/// Spans that are looked back upon.
pub const PAST: usize = 14;

/// Spans that must be known before anything is out of the ordinary.
pub const PAST_MIN: usize = 7;

/// Spans in which a team, model or key must have spent.
pub const SEEN_MIN: usize = 3;

/// Most values of one dimension that are told apart within a span; those that come after are left to the total.
pub const VALUES_MAX: usize = 10_000;

/// How long after a span's end it is looked at: its last calls must have come to their ends.
pub const SETTLED_AFTER_MS: i64 = 5 * 60_000;

const DAY_MS: i64 = 24 * 60 * 60_000;

/// What counts as out of the ordinary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// An hour, in total or of one team, is none below this. Default 5 USD.
    pub hour: PicoUsd,
    /// The same for a day. Default 20 USD.
    pub day: PicoUsd,
    /// How many times as far as usual it must stray. Default 6.
    pub factor: u32,
    /// What is looked at besides the total. Default team, model and key.
    pub by: Vec<Dimension>,
}

impl Default for Anomaly {
    fn default() -> Self {
        Anomaly {
            hour: PicoUsd::new(5 * PICO_PER_USD),
            day: PicoUsd::new(20 * PICO_PER_USD),
            factor: 6,
            by: vec![Dimension::Model, Dimension::Key, Dimension::Team],
        }
    }
}

impl Anomaly {
    fn least(&self, per: Per) -> i128 {
        match per {
            Per::Hour => self.hour.get(),
            _ => self.day.get(),
        }
    }
}

/// The last span of its kind (hour or day) that is over and settled at `now`.
pub(super) fn last(per: Per, tz: &TimeZone, now: i64) -> Window {
    let present = window(per, tz, now - SETTLED_AFTER_MS);
    window(per, tz, present.start_ms - 1)
}

/// The same hour of the days before, or the days before; the latest first.
fn past(per: Per, tz: &TimeZone, of: &Window) -> Vec<Window> {
    let mut spans = vec![*of];
    for back in 1..=PAST {
        let at = match per {
            Per::Hour => of.start_ms - i64::try_from(back).unwrap_or(0) * DAY_MS,
            _ => spans[back - 1].start_ms - 1,
        };
        spans.push(window(per, tz, at));
    }
    spans.split_off(1)
}

/// Whose spending: everyone's, or that of one value.
type Whose = Option<(Dimension, String)>;

/// What is out of the ordinary in `span`, an hour or a day.
///
/// It reads the span; and, only where something reached the least amount, its past, one span after the
/// other, so that no look at the ledger is long.
///
/// # Errors
///
/// Where the ledger cannot be read.
pub(super) fn look(
    reader: &Reader,
    settings: &Anomaly,
    tz: &TimeZone,
    (per, of): (Per, Window),
    now: i64,
) -> Result<Vec<NewAlert>, Error> {
    let least = settings.least(per);
    let mut candidates = sums(reader, &of, &settings.by, |_| true)?;
    candidates.retain(|_, spent| *spent >= least);
    let Some(oldest) = reader.oldest_call()?.filter(|_| !candidates.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut history: HashMap<Whose, Vec<i128>> = HashMap::new();
    let known = past(per, tz, &of);
    for span in known.iter().filter(|span| span.start_ms >= oldest) {
        let spent = sums(reader, span, &settings.by, |whose| {
            candidates.contains_key(whose)
        })?;
        for whose in candidates.keys() {
            let spent = spent.get(whose).copied().unwrap_or(0);
            history.entry(whose.clone()).or_default().push(spent);
        }
    }
    let mut found: Vec<NewAlert> = candidates
        .iter()
        .filter_map(|(whose, spent)| {
            let past = history.get(whose)?;
            let seen = past.iter().filter(|spent| **spent > 0).count();
            let is_new = whose.is_some() && seen < SEEN_MIN;
            let usual = unusual(*spent, past, settings.factor).filter(|_| !is_new)?;
            Some(alert(whose, per, &of, *spent, &usual, now))
        })
        .collect();
    found.sort_by(|one, other| one.once_key.cmp(&other.once_key));
    Ok(found)
}

/// What was spent in a span, in total and by each value that is asked for.
fn sums(
    reader: &Reader,
    span: &Window,
    by: &[Dimension],
    asked: impl Fn(&Whose) -> bool,
) -> Result<HashMap<Whose, i128>, Error> {
    let mut sums: HashMap<Whose, i128> = HashMap::new();
    let mut values: HashMap<(Dimension, String), i128> = HashMap::new();
    let mut total = 0_i128;
    let until = span.end_ms.unwrap_or(i64::MAX);
    reader.costs(span.start_ms, until, |row| {
        let cost = i128::from(row.cost);
        total = total.saturating_add(cost);
        for dimension in by {
            let Some(value) = value(&row, *dimension) else {
                continue;
            };
            let key = (*dimension, value.to_owned());
            let has_room = values.len() < VALUES_MAX * by.len();
            match values.get_mut(&key) {
                Some(sum) => *sum = sum.saturating_add(cost),
                None if has_room => drop(values.insert(key, cost)),
                None => {}
            }
        }
    })?;
    let all = values.into_iter().map(|(whose, sum)| (Some(whose), sum));
    sums.extend(all.chain([(None, total)]).filter(|(whose, _)| asked(whose)));
    Ok(sums)
}

fn value<'r>(row: &CostRow<'r>, dimension: Dimension) -> Option<&'r str> {
    match dimension {
        Dimension::Provider => row.provider,
        Dimension::Model => row.model,
        Dimension::Key => row.key,
        Dimension::User => row.user,
        Dimension::Team => row.team,
        Dimension::Project => row.project,
        Dimension::Task => row.task,
    }
}

fn alert(whose: &Whose, per: Per, of: &Window, spent: i128, usual: &Usual, now: i64) -> NewAlert {
    let (each, value) = whose.clone().unzip();
    let each = each.map(Dimension::as_str);
    let name = match (each, &value) {
        (Some(each), Some(value)) => format!("{each} {value}"),
        _ => "all calls".to_owned(),
    };
    let [spent, median, bound] = [spent, usual.median, usual.bound].map(PicoUsd::new);
    let per = per.as_str();
    let since = time(of.start_ms);
    let end = of.end_ms.unwrap_or(of.start_ms);
    NewAlert {
        id: new_id(now).to_string(),
        at: now,
        kind: Kind::Anomaly.name(),
        once_key: json!(["anomaly", per, each, value, of.start_ms]).to_string(),
        budget: None,
        each_value: value,
        detail: json!({
            "text": format!(
                "{name} spent {spent} USD in the {per} from {since}: the usual is {median} USD, and anything above {bound} USD is out of the ordinary"
            ),
            "each": each,
            "per": per,
            "unit": "usd",
            "spent": spent.to_string(),
            "usual": median.to_string(),
            "bound": bound.to_string(),
            "window": span(of),
        }),
        // It stays open while the next span runs.
        open_until: Some(end.saturating_add(end - of.start_ms)),
    }
}

#[cfg(test)]
mod tests;
