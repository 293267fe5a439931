//! Retries, failovers and breakers.

use prometheus::{GaugeVec, IntCounter};

use super::series::{self, SERIES_MAX, Series};
use super::{Metrics, families};

/// The five families.
pub(super) struct Resilience {
    retries: Series<IntCounter>,
    failovers: Series<IntCounter>,
    changes: Series<IntCounter>,
    refused: Series<IntCounter>,
    stands: GaugeVec,
}

impl Resilience {
    pub(super) fn new(
        counters: impl Fn(&families::Family) -> Series<IntCounter>,
        gauges: impl Fn(&families::Family) -> GaugeVec,
    ) -> Self {
        Resilience {
            retries: counters(&families::RETRIES),
            failovers: counters(&families::FAILOVERS),
            changes: counters(&families::BREAKER_CHANGES),
            refused: counters(&families::BREAKER_REFUSALS),
            stands: gauges(&families::BREAKER_STATE),
        }
    }
}

impl Metrics {
    /// A call is tried again at the same upstream.
    pub fn retried(&self, provider: &str, reason: &'static str) {
        let own = &self.registered.resilience;
        self.child(&own.retries, &[&self.bounded(provider), reason])
            .inc();
    }

    /// A call goes to its second upstream.
    pub fn failed_over(&self, provider: &str) {
        let own = &self.registered.resilience;
        self.child(&own.failovers, &[&self.bounded(provider)]).inc();
    }

    /// A breaker stands otherwise.
    pub fn breaker_changed(&self, provider: &str, to: &'static str) {
        let own = &self.registered.resilience;
        self.child(&own.changes, &[&self.bounded(provider), to])
            .inc();
    }

    /// A call was answered by weir since no upstream of it was to be asked.
    pub fn breaker_refused(&self, provider: &str) {
        let own = &self.registered.resilience;
        self.child(&own.refused, &[&self.bounded(provider)]).inc();
    }

    /// How the breakers stand: 0 closed, 1 half-open, 2 open.
    pub fn show_breakers<'p>(&self, stands: impl IntoIterator<Item = (&'p str, u8)>) {
        let gauge = &self.registered.resilience.stands;
        gauge.reset();
        for (provider, stand) in stands.into_iter().take(SERIES_MAX) {
            gauge.with_label_values(&[provider]).set(f64::from(stand));
        }
    }

    fn bounded(&self, provider: &str) -> String {
        let known = self.policy.load().providers.contains(provider);
        let bounded = if known { provider } else { series::OTHER };
        bounded.to_owned()
    }
}
