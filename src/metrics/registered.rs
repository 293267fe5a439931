//! The families in their registry, which is the process's own: nothing is global.

use prometheus::core::Collector;
use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, Opts, Registry,
};

use super::budgets::Budgets;
use super::families::{self, Family, Kind};
use super::resilience::Resilience;
use super::series::Series;

/// A handle on every family.
pub(super) struct Registered {
    pub(super) registry: Registry,
    pub(super) requests: Series<IntCounter>,
    pub(super) tokens: Series<IntCounter>,
    pub(super) cost: Series<Counter>,
    pub(super) extractions: Series<IntCounter>,
    pub(super) refusals: Series<IntCounter>,
    pub(super) downgrades: Series<IntCounter>,
    pub(super) overruns: Series<IntCounter>,
    pub(super) sessions_closed: Series<IntCounter>,
    pub(super) unmetered: Series<IntCounter>,
    pub(super) tunnels: Series<IntCounter>,
    pub(super) bound_hits: Series<IntCounter>,
    pub(super) collapsed: Series<IntCounter>,
    pub(super) duration: Series<Histogram>,
    pub(super) first_byte: Series<Histogram>,
    pub(super) overhead: Histogram,
    pub(super) inflight: IntGauge,
    pub(super) budgets: Budgets,
    pub(super) resilience: Resilience,
    pub(super) ledger_queue: IntGauge,
    pub(super) ledger_commit: Histogram,
    pub(super) ledger_faults: IntCounter,
    pub(super) ledger_lost: IntCounter,
    pub(super) alerts: Series<IntCounter>,
    pub(super) alert_deliveries: Series<IntCounter>,
    pub(super) alert_queue: IntGauge,
    pub(super) reload_ok: IntGauge,
    pub(super) reload_time: Gauge,
    pub(super) catalog_time: Gauge,
}

const DECLARED: &str = "a family's declaration is valid and declared once";

impl Registered {
    pub(super) fn new() -> Self {
        let new = Registry::new();
        let registry = &new;
        #[cfg(target_os = "linux")]
        {
            let process = prometheus::process_collector::ProcessCollector::for_self();
            registry.register(Box::new(process)).expect(DECLARED);
        }
        let build = register(
            registry,
            GaugeVec::new(opts(&families::BUILD), families::BUILD.labels).expect(DECLARED),
        );
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1.0);
        Registered {
            requests: counters(registry, &families::REQUESTS),
            tokens: counters(registry, &families::TOKENS),
            cost: amounts(registry, &families::COST),
            extractions: counters(registry, &families::EXTRACTIONS),
            refusals: counters(registry, &families::REFUSALS),
            downgrades: counters(registry, &families::DOWNGRADES),
            overruns: counters(registry, &families::OVERRUNS),
            sessions_closed: counters(registry, &families::SESSIONS_CLOSED),
            unmetered: counters(registry, &families::UNMETERED),
            tunnels: counters(registry, &families::TUNNELS),
            bound_hits: counters(registry, &families::BOUND_HITS),
            collapsed: counters(registry, &families::COLLAPSED),
            duration: histograms(registry, &families::DURATION_SECONDS),
            first_byte: histograms(registry, &families::FIRST_BYTE_SECONDS),
            overhead: histogram(registry, &families::OVERHEAD_SECONDS),
            inflight: whole(registry, &families::INFLIGHT),
            budgets: Budgets::new(|family| gauges(registry, family)),
            resilience: Resilience::new(
                |family| counters(registry, family),
                |family| gauges(registry, family),
            ),
            ledger_queue: whole(registry, &families::LEDGER_QUEUE),
            ledger_commit: histogram(registry, &families::LEDGER_COMMIT),
            ledger_faults: count(registry, &families::LEDGER_FAULTS),
            ledger_lost: count(registry, &families::LEDGER_LOST),
            alerts: counters(registry, &families::ALERTS),
            alert_deliveries: counters(registry, &families::ALERT_DELIVERIES),
            alert_queue: whole(registry, &families::ALERT_QUEUE),
            reload_ok: whole(registry, &families::RELOAD_OK),
            reload_time: gauge(registry, &families::RELOAD_TIME),
            catalog_time: gauge(registry, &families::CATALOG_TIME),
            registry: new,
        }
    }
}

fn opts(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

fn histogram_opts(family: &Family) -> HistogramOpts {
    let opts = HistogramOpts::new(family.name, family.help);
    match family.kind {
        Kind::Histogram(buckets) => opts.buckets(buckets.to_vec()),
        Kind::Counter | Kind::Gauge => opts,
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, made: C) -> C {
    registry.register(Box::new(made.clone())).expect(DECLARED);
    made
}

fn counters(registry: &Registry, family: &Family) -> Series<IntCounter> {
    let made = IntCounterVec::new(opts(family), family.labels).expect(DECLARED);
    let made = register(registry, made);
    Series::new(move |values| made.with_label_values(values))
}

fn gauges(registry: &Registry, family: &Family) -> GaugeVec {
    let made = GaugeVec::new(opts(family), family.labels).expect(DECLARED);
    register(registry, made)
}

fn amounts(registry: &Registry, family: &Family) -> Series<Counter> {
    let made = CounterVec::new(opts(family), family.labels).expect(DECLARED);
    let made = register(registry, made);
    Series::new(move |values| made.with_label_values(values))
}

fn histograms(registry: &Registry, family: &Family) -> Series<Histogram> {
    let made = HistogramVec::new(histogram_opts(family), family.labels).expect(DECLARED);
    let made = register(registry, made);
    Series::new(move |values| made.with_label_values(values))
}

fn histogram(registry: &Registry, family: &Family) -> Histogram {
    register(
        registry,
        Histogram::with_opts(histogram_opts(family)).expect(DECLARED),
    )
}

fn count(registry: &Registry, family: &Family) -> IntCounter {
    register(
        registry,
        IntCounter::with_opts(opts(family)).expect(DECLARED),
    )
}

fn whole(registry: &Registry, family: &Family) -> IntGauge {
    register(registry, IntGauge::with_opts(opts(family)).expect(DECLARED))
}

fn gauge(registry: &Registry, family: &Family) -> Gauge {
    register(registry, Gauge::with_opts(opts(family)).expect(DECLARED))
}
