//! The budgets' gauges, set when somebody looks.

use std::collections::BTreeMap;

use prometheus::{Gauge, GaugeVec};

use super::families;
use super::series::SERIES_MAX;
use crate::budget::limits::Unit;
use crate::units::PicoUsd;

/// How a budget stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetSample {
    pub name: String,
    pub unit: Unit,
    /// In the unit, as [`Limit::amount`](crate::budget::limits::Limit::amount) is.
    pub limit: i128,
    pub spent: i128,
    pub held: i128,
    /// Unix milliseconds at which the window ends; `None` where it never does.
    pub reset_at: Option<i64>,
}

/// The four families.
#[derive(Clone)]
pub(super) struct Budgets {
    limit: GaugeVec,
    spent: GaugeVec,
    held: GaugeVec,
    reset: GaugeVec,
}

impl Budgets {
    pub(super) fn new(make: impl Fn(&families::Family) -> GaugeVec) -> Self {
        Budgets {
            limit: make(&families::BUDGET_LIMIT),
            spent: make(&families::BUDGET_SPENT),
            held: make(&families::BUDGET_HELD),
            reset: make(&families::BUDGET_RESET),
        }
    }

    /// Replaces what the gauges show. Of several samples with one name and unit, as `each` makes them,
    /// the one nearest its limit is shown.
    pub(super) fn show(&self, samples: &[BudgetSample]) {
        for family in [&self.limit, &self.spent, &self.held, &self.reset] {
            family.reset();
        }
        let mut nearest: BTreeMap<(&str, &str), &BudgetSample> = BTreeMap::new();
        for sample in samples {
            let shown = nearest
                .entry((&sample.name, unit_name(sample.unit)))
                .or_insert(sample);
            if is_nearer(sample, shown) {
                *shown = sample;
            }
        }
        for ((name, unit), sample) in nearest.into_iter().take(SERIES_MAX) {
            let set = |gauge: Gauge, amount| gauge.set(value(sample.unit, amount));
            set(self.limit.with_label_values(&[name, unit]), sample.limit);
            set(self.spent.with_label_values(&[name, unit]), sample.spent);
            set(self.held.with_label_values(&[name, unit]), sample.held);
            if let Some(reset_at) = sample.reset_at {
                self.reset.with_label_values(&[name]).set(seconds(reset_at));
            }
        }
    }
}

/// Whether `a` has used up a larger part of its limit than `b`.
fn is_nearer(a: &BudgetSample, b: &BudgetSample) -> bool {
    let used = |sample: &BudgetSample| sample.spent.saturating_add(sample.held);
    used(a).saturating_mul(b.limit) > used(b).saturating_mul(a.limit)
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Cost => "usd",
        Unit::Tokens => "tokens",
        Unit::InputTokens => "input_tokens",
        Unit::OutputTokens => "output_tokens",
        Unit::Requests => "requests",
        Unit::Concurrent => "concurrent",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a Prometheus sample is a float")]
fn value(unit: Unit, amount: i128) -> f64 {
    match unit {
        Unit::Cost => PicoUsd::new(amount).as_usd_sample(),
        _ => amount as f64,
    }
}

/// Unix milliseconds as the seconds that Prometheus counts in.
#[expect(clippy::cast_precision_loss, reason = "a Prometheus sample is a float")]
pub(super) fn seconds(unix_ms: i64) -> f64 {
    unix_ms as f64 / 1_000.0
}
