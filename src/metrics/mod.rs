//! What Prometheus sees: every family declared once, every label's values bounded.
//!
//! Counters that the ledger can tell start from it, so that a restart is no step back; what is counted
//! per call is counted by one function from the same row that goes on record.

mod alerts;
mod budgets;
pub mod families;
mod labels;
mod registered;
mod resilience;
mod series;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::{IntGauge, TextEncoder};

pub use labels::{KnowsModel, LabelPolicy, MODELS_MAX, TEAMS_MAX, VALUE_BYTES_MAX};
pub use series::SERIES_MAX;

use budgets::seconds;
use labels::{FirstComers, Values};
use registered::Registered;
use series::{Child, Series};

use crate::budget::BudgetState;
use crate::ledger::query::SeedRow;
use crate::ledger::{Call, Outcome, Watch, classes};
use crate::units::PicoUsd;
use crate::usage::UsageSource;

/// The process's metrics.
pub struct Metrics {
    registered: Registered,
    policy: ArcSwap<LabelPolicy>,
    teams: FirstComers,
    models: FirstComers,
    /// Budgets are shown and read in one go.
    scrape: Mutex<()>,
}

/// What calls add to the counters: one call, or many that are alike.
struct Tally<'v> {
    labels: Values<'v>,
    operation: &'v str,
    http_status: Option<u16>,
    outcome: Outcome,
    source: UsageSource,
    refused_by: Option<&'v str>,
    calls: u64,
    cost: Option<PicoUsd>,
    tokens: [u64; classes::COUNT],
}

impl Metrics {
    /// Every family, at zero.
    pub fn new(policy: LabelPolicy) -> Arc<Metrics> {
        Arc::new(Metrics {
            registered: Registered::new(),
            policy: ArcSwap::from_pointee(policy),
            teams: FirstComers::new(TEAMS_MAX),
            models: FirstComers::new(MODELS_MAX),
            scrape: Mutex::new(()),
        })
    }

    /// Bounds label values by other settings from here on; series that exist stay.
    pub fn set_policy(&self, policy: LabelPolicy) {
        self.policy.store(Arc::new(policy));
    }

    /// Adds totals from the ledger: once, at the start, before the first call.
    pub fn seed(&self, row: &SeedRow) {
        self.add(&Tally {
            labels: Values {
                provider: &row.provider,
                model: row.model.as_deref().unwrap_or(""),
                team: row.team.as_deref().unwrap_or(""),
            },
            operation: &row.operation,
            http_status: row.http_status,
            outcome: row.outcome,
            source: row.usage_source,
            refused_by: row.refused_by.as_deref(),
            calls: row.calls,
            cost: row.priced.then_some(row.cost),
            tokens: row.tokens,
        });
    }

    /// Counts a call that ended, from the row that goes on record; a refusal as well. `overhead` is what
    /// weir itself added before the request went upstream.
    pub fn call_settled(&self, call: &Call, overhead: Option<Duration>) {
        let labels = self.add(&Tally {
            labels: Values {
                provider: &call.head.provider,
                model: call.model.as_deref().unwrap_or(""),
                team: call.head.labels.team.as_deref().unwrap_or(""),
            },
            operation: &call.head.operation,
            http_status: call.http_status,
            outcome: call.outcome,
            source: call.usage_source,
            refused_by: call.refused_by.as_deref(),
            calls: 1,
            cost: call.cost,
            tokens: call.usage.as_ref().map_or([0; classes::COUNT], classes::of),
        });
        let own = &self.registered;
        if let Some(overhead) = overhead {
            own.overhead.observe(overhead.as_secs_f64());
        }
        if call.outcome == Outcome::Refused {
            return;
        }
        for (family, ms) in [
            (&own.duration, call.duration_ms),
            (&own.first_byte, call.first_byte_ms),
        ] {
            if let Some(ms) = ms {
                self.child(family, &[labels.provider]).observe(seconds(ms));
            }
        }
    }

    /// A call on record costs more than was counted. What it costs less cannot be taken off a counter: that
    /// shows from the next start on.
    pub fn cost_added(&self, call: &Call, more: PicoUsd) {
        if more <= PicoUsd::ZERO {
            return;
        }
        let labels = Values {
            provider: &call.head.provider,
            model: call.model.as_deref().unwrap_or(""),
            team: call.head.labels.team.as_deref().unwrap_or(""),
        };
        let policy = self.policy.load();
        let labels = labels::bound(&policy, (&self.teams, &self.models), labels, |_| {});
        let values = [labels.provider, labels.model, labels.team];
        self.child(&self.registered.cost, &values)
            .inc_by(more.as_usd_sample());
    }

    /// Counts, and returns the labels as they were bounded.
    fn add<'v>(&self, tally: &Tally<'v>) -> Values<'v> {
        let own = &self.registered;
        let policy = self.policy.load();
        let labels = labels::bound(
            &policy,
            (&self.teams, &self.models),
            tally.labels,
            |label| {
                self.collapsed(label, tally.calls);
            },
        );
        let Values {
            provider,
            model,
            team,
        } = labels;
        let code = tally
            .http_status
            .map(|status| status.to_string())
            .unwrap_or_default();
        self.child(
            &own.requests,
            &[provider, model, tally.operation, team, &code],
        )
        .inc_by(tally.calls);
        for (class, tokens) in classes::NAMES.into_iter().zip(tally.tokens) {
            if tokens > 0 {
                self.child(&own.tokens, &[provider, model, team, class])
                    .inc_by(tokens);
            }
        }
        if let Some(cost) = tally.cost.filter(|cost| *cost > PicoUsd::ZERO) {
            self.child(&own.cost, &[provider, model, team])
                .inc_by(cost.as_usd_sample());
        }
        if tally.outcome == Outcome::Refused {
            if let Some(budget) = tally.refused_by {
                self.child(&own.refusals, &[budget]).inc_by(tally.calls);
            }
            return labels;
        }
        self.child(&own.extractions, &[provider, tally.source.name()])
            .inc_by(tally.calls);
        if tally.source != UsageSource::None && tally.cost.is_none() {
            self.child(&own.extractions, &[provider, "unpriced"])
                .inc_by(tally.calls);
        }
        labels
    }

    fn child<M: Clone>(&self, family: &Series<M>, values: &[&str]) -> M {
        let Child { metric, collapsed } = family.with(values);
        if collapsed {
            self.collapsed("series", 1);
        }
        metric
    }

    fn collapsed(&self, label: &str, values: u64) {
        self.registered
            .collapsed
            .with(&[label])
            .metric
            .inc_by(values);
    }

    /// Counts a call in flight until the guard is dropped.
    pub fn inflight(&self) -> InflightGuard {
        let gauge = self.registered.inflight.clone();
        gauge.inc();
        InflightGuard { gauge }
    }

    /// Calls in flight.
    pub fn inflight_count(&self) -> u64 {
        u64::try_from(self.registered.inflight.get()).unwrap_or(0)
    }

    /// An open session was ended, since this budget is spent.
    pub fn session_closed(&self, budget: &str) {
        self.child(&self.registered.sessions_closed, &[budget])
            .inc();
    }

    /// A call of a known provider goes upstream on a path that weir cannot meter.
    pub fn unmetered(&self, provider: &str) {
        let known = self.policy.load().providers.contains(provider);
        let provider = if known { provider } else { series::OTHER };
        self.child(&self.registered.unmetered, &[provider]).inc();
    }

    /// A call goes to another model than it asked for, since this budget has no room.
    pub fn downgraded(&self, budget: &str) {
        self.child(&self.registered.downgrades, &[budget]).inc();
    }

    /// Calls passed though this budget had no room for them.
    pub fn overrun(&self, budget: &str, calls: u64) {
        self.child(&self.registered.overruns, &[budget])
            .inc_by(calls);
    }

    /// A CONNECT for a host that no provider claims was let through, or not.
    pub fn tunnel(&self, allowed: bool) {
        let verdict = if allowed { "allowed" } else { "refused" };
        self.child(&self.registered.tunnels, &[verdict]).inc();
    }

    /// Something came to the documented bound of this name.
    pub fn bound_hit(&self, bound: &'static str) {
        self.child(&self.registered.bound_hits, &[bound]).inc();
    }

    /// The settings were read: they took effect at `unix_ms`, or the last good ones stay.
    pub fn reloaded(&self, succeeded: bool, unix_ms: i64) {
        self.registered.reload_ok.set(i64::from(succeeded));
        if succeeded {
            self.registered.reload_time.set(seconds(unix_ms));
        }
    }

    /// The price catalogue in force was made at `unix_ms`.
    pub fn catalog_made(&self, unix_ms: i64) {
        self.registered.catalog_time.set(seconds(unix_ms));
    }

    /// The exposition text, with the budgets as they stand.
    pub fn render(&self, budgets: &[BudgetState]) -> String {
        let _alone = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        self.registered.budgets.show(budgets);
        let families = self.registered.registry.gather();
        TextEncoder::new()
            .encode_to_string(&families)
            .expect("families with samples can be written to memory")
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Watch for Metrics {
    fn queue_depth(&self, depth: usize) {
        self.registered
            .ledger_queue
            .set(i64::try_from(depth).unwrap_or(i64::MAX));
    }

    fn committed(&self, took: Duration, _entries: usize) {
        self.registered.ledger_commit.observe(took.as_secs_f64());
    }

    fn fault(&self) {
        self.registered.ledger_faults.inc();
    }

    fn lost(&self) {
        self.registered.ledger_lost.inc();
    }
}

/// One call in flight.
#[derive(Debug)]
#[must_use = "the call is in flight until this is dropped"]
pub struct InflightGuard {
    gauge: IntGauge,
}

impl Drop for InflightGuard {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
