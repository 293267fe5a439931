//! What is counted of alerts.

use super::Metrics;
use crate::alert::{Count, Kind};

impl Count for Metrics {
    fn raised(&self, kind: Kind) {
        self.child(&self.registered.alerts, &[kind.name()]).inc();
    }

    fn delivery(&self, outcome: &'static str, times: usize) {
        let times = u64::try_from(times).unwrap_or(u64::MAX);
        self.child(&self.registered.alert_deliveries, &[outcome])
            .inc_by(times);
    }

    fn waiting(&self, deliveries: u64) {
        let depth = i64::try_from(deliveries).unwrap_or(i64::MAX);
        self.registered.alert_queue.set(depth);
    }

    fn overflowed(&self) {
        self.bound_hit("alert_crossings");
    }
}
