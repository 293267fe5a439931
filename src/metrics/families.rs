//! Every family of `/metrics`, declared once: name, meaning, labels, buckets.
//!
//! Dashboards and alert rules use these names; renaming one needs a reason.

/// What a family's samples are.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Only grows; those that the ledger knows continue across a restart.
    Counter,
    Gauge,
    /// With these upper bounds; starts anew with the process.
    Histogram(&'static [f64]),
}

/// One family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub labels: &'static [&'static str],
    pub kind: Kind,
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family {
        name,
        help,
        labels,
        kind: Kind::Counter,
    }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family {
        name,
        help,
        labels,
        kind: Kind::Gauge,
    }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    buckets: &'static [f64],
    help: &'static str,
) -> Family {
    Family {
        name,
        help,
        labels,
        kind: Kind::Histogram(buckets),
    }
}

/// Answers of minutes are common; ten is where clients give up.
const DURATION: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];
const FIRST_BYTE: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0,
];
const OVERHEAD: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25,
];
const COMMIT: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 2.0,
];

pub const REQUESTS: Family = counter(
    "weir_requests_total",
    &["provider", "model", "operation", "team", "code"],
    "Calls that ended, refused ones as well, by the status that the client got",
);
pub const TOKENS: Family = counter(
    "weir_tokens_total",
    &["provider", "model", "team", "class"],
    "Tokens by class; the classes do not overlap",
);
pub const COST: Family = counter(
    "weir_cost_usd_total",
    &["provider", "model", "team"],
    "Cost of the calls that have a price, in US dollars",
);
pub const EXTRACTIONS: Family = counter(
    "weir_extractions_total",
    &["provider", "outcome"],
    "Forwarded calls by where their usage comes from; unpriced counts besides",
);
pub const REFUSALS: Family = counter(
    "weir_refusals_total",
    &["budget"],
    "Calls that a budget refused",
);
pub const DOWNGRADES: Family = counter(
    "weir_downgrades_total",
    &["budget"],
    "Calls that a budget without room sent to another model",
);
pub const OVERRUNS: Family = counter(
    "weir_budget_overruns_total",
    &["budget"],
    "Calls that a budget let pass though it had no room for them",
);
pub const SESSIONS_CLOSED: Family = counter(
    "weir_sessions_closed_total",
    &["budget"],
    "Open WebSocket sessions that a spent budget ended; starts anew with the process",
);
pub const UNMETERED: Family = counter(
    "weir_unmetered_total",
    &["provider"],
    "Calls on a path that weir does not know, whose answers state no usage",
);
pub const RETRIES: Family = counter(
    "weir_retries_total",
    &["provider", "reason"],
    "Attempts that were repeated at the same upstream, by how the one before failed",
);
pub const FAILOVERS: Family = counter(
    "weir_failovers_total",
    &["provider"],
    "Calls that went to their provider's second upstream",
);
pub const BREAKER_CHANGES: Family = counter(
    "weir_breaker_transitions_total",
    &["provider", "to"],
    "Times that a breaker became closed, half_open or open",
);
pub const BREAKER_REFUSALS: Family = counter(
    "weir_breaker_refusals_total",
    &["provider"],
    "Calls that weir answered since their upstream's breaker was open",
);
pub const BREAKER_STATE: Family = gauge(
    "weir_breaker_state",
    &["provider"],
    "How the breaker of a provider's upstream stands, the worst of several: 0 closed, 1 half-open, 2 open",
);
pub const TUNNELS: Family = counter(
    "weir_tunnels_total",
    &["verdict"],
    "CONNECT requests for hosts that no provider claims, allowed or refused",
);
pub const BOUND_HITS: Family = counter(
    "weir_bound_hits_total",
    &["bound"],
    "Times that a buffer, queue or loop came to its documented bound",
);
pub const COLLAPSED: Family = counter(
    "weir_label_values_collapsed_total",
    &["label"],
    "Label values that were counted as other, by label; series where a family is full",
);
pub const DURATION_SECONDS: Family = histogram(
    "weir_request_duration_seconds",
    &["provider"],
    DURATION,
    "Time from a request's head to the end of its response",
);
pub const FIRST_BYTE_SECONDS: Family = histogram(
    "weir_time_to_first_byte_seconds",
    &["provider"],
    FIRST_BYTE,
    "Time from a request's head to the first byte of its response's body",
);
pub const OVERHEAD_SECONDS: Family = histogram(
    "weir_overhead_seconds",
    &[],
    OVERHEAD,
    "Time that weir itself added before a request went upstream",
);
pub const INFLIGHT: Family = gauge("weir_inflight_requests", &[], "Calls in flight");
pub const BUDGET_LIMIT: Family = gauge(
    "weir_budget_limit",
    &["budget", "unit"],
    "A budget's limit; money in US dollars",
);
pub const BUDGET_SPENT: Family = gauge(
    "weir_budget_spent",
    &["budget", "unit"],
    "What is spent of a budget in its window; of one with each, where it is nearest its limit",
);
pub const BUDGET_HELD: Family = gauge(
    "weir_budget_held",
    &["budget", "unit"],
    "What calls in flight hold of a budget",
);
pub const BUDGET_BEYOND: Family = gauge(
    "weir_budget_beyond_holds",
    &["budget", "unit"],
    "What the calls of a budget's window took beyond their holds since weir started: no overshoot exceeds it",
);
pub const BUDGET_RESET: Family = gauge(
    "weir_budget_reset_timestamp_seconds",
    &["budget"],
    "When a budget's window ends, in Unix time",
);
pub const LEDGER_QUEUE: Family = gauge(
    "weir_ledger_queue_depth",
    &[],
    "Entries that wait to be written to the ledger",
);
pub const LEDGER_COMMIT: Family = histogram(
    "weir_ledger_commit_seconds",
    &[],
    COMMIT,
    "Time that the ledger took to commit one group of entries",
);
pub const LEDGER_FAULTS: Family = counter(
    "weir_ledger_faults_total",
    &[],
    "Commits that failed; what they held is kept",
);
pub const LEDGER_LOST: Family = counter(
    "weir_ledger_lost_total",
    &[],
    "Entries that never reached the ledger: its queue was full or it was closed",
);
pub const ALERTS: Family = counter("weir_alerts_total", &["kind"], "Alerts that were raised");
pub const ALERT_DELIVERIES: Family = counter(
    "weir_alert_deliveries_total",
    &["outcome"],
    "Attempts to deliver an alert to a webhook: delivered, retried later, failed for good; dropped without one",
);
pub const ALERT_QUEUE: Family = gauge(
    "weir_alert_queue_depth",
    &[],
    "Deliveries of alerts that wait",
);
pub const RELOAD_OK: Family = gauge(
    "weir_config_last_reload_successful",
    &[],
    "Whether the last edit of the settings took effect",
);
pub const RELOAD_TIME: Family = gauge(
    "weir_config_last_reload_success_timestamp_seconds",
    &[],
    "When an edit of the settings last took effect, in Unix time",
);
pub const CATALOG_TIME: Family = gauge(
    "weir_price_catalog_timestamp_seconds",
    &[],
    "When the price catalogue was made, in Unix time",
);
pub const BUILD: Family = gauge("weir_build_info", &["version"], "Always 1");

/// All of them.
pub const ALL: &[&Family] = &[
    &REQUESTS,
    &TOKENS,
    &COST,
    &EXTRACTIONS,
    &REFUSALS,
    &DOWNGRADES,
    &OVERRUNS,
    &SESSIONS_CLOSED,
    &UNMETERED,
    &RETRIES,
    &FAILOVERS,
    &BREAKER_CHANGES,
    &BREAKER_REFUSALS,
    &BREAKER_STATE,
    &TUNNELS,
    &BOUND_HITS,
    &COLLAPSED,
    &DURATION_SECONDS,
    &FIRST_BYTE_SECONDS,
    &OVERHEAD_SECONDS,
    &INFLIGHT,
    &BUDGET_LIMIT,
    &BUDGET_SPENT,
    &BUDGET_HELD,
    &BUDGET_BEYOND,
    &BUDGET_RESET,
    &LEDGER_QUEUE,
    &LEDGER_COMMIT,
    &LEDGER_FAULTS,
    &LEDGER_LOST,
    &ALERTS,
    &ALERT_DELIVERIES,
    &ALERT_QUEUE,
    &RELOAD_OK,
    &RELOAD_TIME,
    &CATALOG_TIME,
    &BUILD,
];
