//! The budgets' gauges, set when somebody looks.

use std::collections::BTreeMap;

use prometheus::{Gauge, GaugeVec};

use super::families;
use super::series::SERIES_MAX;
use crate::budget::BudgetState;
use crate::budget::limits::Unit;
use crate::units::PicoUsd;

/// The families that every budget has.
#[derive(Clone)]
pub(super) struct Budgets {
    limit: GaugeVec,
    spent: GaugeVec,
    held: GaugeVec,
    beyond: GaugeVec,
    reset: GaugeVec,
}

impl Budgets {
    pub(super) fn new(make: impl Fn(&families::Family) -> GaugeVec) -> Self {
        Budgets {
            limit: make(&families::BUDGET_LIMIT),
            spent: make(&families::BUDGET_SPENT),
            held: make(&families::BUDGET_HELD),
            beyond: make(&families::BUDGET_BEYOND),
            reset: make(&families::BUDGET_RESET),
        }
    }

    /// Replaces what the gauges show. Of several samples with one name and unit, as `each` makes them,
    /// the one nearest its limit is shown.
    pub(super) fn show(&self, samples: &[BudgetState]) {
        for family in [
            &self.limit,
            &self.spent,
            &self.held,
            &self.beyond,
            &self.reset,
        ] {
            family.reset();
        }
        let mut nearest: BTreeMap<(&str, &str), &BudgetState> = BTreeMap::new();
        for sample in samples {
            let shown = nearest
                .entry((&sample.name, sample.unit.as_str()))
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
            set(self.beyond.with_label_values(&[name, unit]), sample.beyond);
            if let Some(reset_at) = sample.window.end_ms {
                self.reset.with_label_values(&[name]).set(seconds(reset_at));
            }
        }
    }
}

/// Whether `a` has used up a larger part of its limit than `b`.
fn is_nearer(a: &BudgetState, b: &BudgetState) -> bool {
    let used = |sample: &BudgetState| sample.spent.saturating_add(sample.held);
    used(a).saturating_mul(b.limit) > used(b).saturating_mul(a.limit)
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
