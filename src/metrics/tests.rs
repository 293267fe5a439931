use std::collections::BTreeSet;
use std::sync::Arc;

use super::families::Kind;
use super::*;
use crate::alert::{self, Count};
use crate::budget::BudgetState;
use crate::budget::limits::{Per, Unit};
use crate::budget::window::Window;
use crate::clock::ManualClock;
use crate::ledger::samples::{NOON, call, hold};
use crate::ledger::{Ledger, Quiet};

fn policy() -> LabelPolicy {
    LabelPolicy {
        providers: BTreeSet::from(["openai".to_owned()]),
        teams: BTreeSet::from(["search".to_owned()]),
        knows_model: Arc::new(|provider, model| provider == "openai" && model.starts_with("gpt-")),
    }
}

/// The value of the one sample that the line's beginning names.
#[track_caller]
fn sample(text: &str, series: &str) -> f64 {
    let found: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
        .collect();
    assert_eq!(found.len(), 1, "{series} in:\n{text}");
    found[0].parse().unwrap()
}

fn made(change: impl FnOnce(&mut Call)) -> Call {
    let mut made = call(&hold(NOON));
    change(&mut made);
    made
}

fn refused() -> Call {
    made(|call| {
        call.outcome = Outcome::Refused;
        call.http_status = Some(429);
        call.model = Some("gpt-4o".to_owned());
        call.usage = None;
        call.usage_source = UsageSource::None;
        call.cost = Some(PicoUsd::ZERO);
        call.refused_by = Some("team-month".to_owned());
    })
}

#[test]
fn a_call_is_counted_in_classes_that_do_not_overlap() {
    let metrics = Metrics::new(policy());
    metrics.call_settled(&made(|_| ()), Some(Duration::from_micros(80)));
    metrics.call_settled(&refused(), None);
    let text = metrics.render(&[]);
    let model = r#"model="gpt-4o-2024-08-06""#;
    for (class, tokens) in [
        ("input", 494.0),
        ("cache_read", 512.0),
        ("output", 236.0),
        ("reasoning", 64.0),
    ] {
        let labels = format!(r#"class="{class}",{model},provider="openai",team="search""#);
        assert_eq!(
            sample(&text, &format!("weir_tokens_total{{{labels}}}")),
            tokens
        );
    }
    for (series, value) in [
        (
            r#"weir_requests_total{code="200",model="gpt-4o-2024-08-06",operation="chat",provider="openai",team="search"}"#,
            1.0,
        ),
        (
            r#"weir_requests_total{code="429",model="gpt-4o",operation="chat",provider="openai",team="search"}"#,
            1.0,
        ),
        (
            r#"weir_cost_usd_total{model="gpt-4o-2024-08-06",provider="openai",team="search"}"#,
            0.004875,
        ),
        (r#"weir_refusals_total{budget="team-month"}"#, 1.0),
        (
            r#"weir_extractions_total{outcome="reported",provider="openai"}"#,
            1.0,
        ),
        (
            r#"weir_request_duration_seconds_sum{provider="openai"}"#,
            0.9,
        ),
        (
            r#"weir_time_to_first_byte_seconds_bucket{provider="openai",le="0.25"}"#,
            1.0,
        ),
        (r#"weir_overhead_seconds_bucket{le="0.0001"}"#, 1.0),
    ] {
        assert_eq!(sample(&text, series), value, "{series}");
    }
    assert!(
        !text.contains(r#"outcome="none""#),
        "a refused call is no failed extraction"
    );
    assert!(!text.contains("weir_label_values_collapsed_total{"));
}

#[test]
fn a_call_without_a_price_is_seen() {
    let metrics = Metrics::new(policy());
    metrics.call_settled(&made(|call| call.cost = None), None);
    let text = metrics.render(&[]);
    for outcome in ["reported", "unpriced"] {
        let series = format!(r#"weir_extractions_total{{outcome="{outcome}",provider="openai"}}"#);
        assert_eq!(sample(&text, &series), 1.0);
    }
    assert!(!text.contains("weir_cost_usd_total{"), "unknown is no zero");
}

/// The families that the ledger can tell, as text.
fn lasting(text: &str) -> Vec<&str> {
    let names = ["requests", "tokens", "cost_usd", "refusals", "extractions"];
    let lasts = |line: &&str| {
        names
            .iter()
            .any(|name| line.starts_with(&format!("weir_{name}_total")))
    };
    text.lines().filter(lasts).collect()
}

#[test]
fn counters_continue_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, guard) = Ledger::open(dir.path(), ManualClock::at(NOON), Arc::new(Quiet)).unwrap();
    let before = Metrics::new(policy());
    let calls = [
        made(|_| ()),
        made(|call| Arc::make_mut(&mut call.head).labels.team = None),
        made(|call| call.cost = None),
        made(|call| (call.http_status, call.model) = (None, None)),
        refused(),
        made(|call| {
            let usage = call.usage.as_mut().unwrap();
            (usage.cache_write_5m, usage.cache_write_other) = (Some(3), Some(4));
        }),
    ];
    for call in calls {
        before.call_settled(&call, None);
        ledger.settle(call);
    }
    guard.close();

    let (ledger, guard) = Ledger::open(dir.path(), ManualClock::at(NOON), Arc::new(Quiet)).unwrap();
    let after = Metrics::new(policy());
    ledger
        .reader()
        .unwrap()
        .counter_seed(|row| after.seed(&row))
        .unwrap();
    let (old, new) = (before.render(&[]), after.render(&[]));
    assert!(lasting(&old).len() > 12, "{old}");
    assert_eq!(lasting(&old), lasting(&new));
    after.call_settled(&made(|_| ()), None);
    let requests = r#"weir_requests_total{code="200",model="gpt-4o-2024-08-06",operation="chat",provider="openai",team="search"}"#;
    assert_eq!(
        sample(&after.render(&[]), requests),
        sample(&old, requests) + 1.0
    );
    guard.close();
}

#[test]
fn values_that_nobody_configured_are_counted_as_other() {
    let metrics = Metrics::new(policy());
    metrics.call_settled(
        &made(|call| {
            Arc::make_mut(&mut call.head).provider = "nowhere".to_owned();
            call.model = Some("made up".to_owned());
            Arc::make_mut(&mut call.head).labels.team = Some("t".repeat(VALUE_BYTES_MAX + 1));
        }),
        None,
    );
    let text = metrics.render(&[]);
    let other = r#"weir_cost_usd_total{model="other",provider="other",team="other"}"#;
    assert_eq!(sample(&text, other), 0.004875);
    for label in ["provider", "model", "team"] {
        let series = format!(r#"weir_label_values_collapsed_total{{label="{label}"}}"#);
        assert_eq!(sample(&text, &series), 1.0);
    }
}

#[test]
fn a_flood_of_names_fills_no_family_past_its_bound() {
    let metrics = Metrics::new(policy());
    for junk in 0..20_000 {
        let call = made(|call| {
            // The catalogue of this test knows every one of these, as an override's `*` would.
            call.model = Some(format!("gpt-{}", junk % 7_000));
            Arc::make_mut(&mut call.head).labels.team = Some(format!("team\n\"{}", junk % 9_000));
            Arc::make_mut(&mut call.head).operation = format!("operation {junk}");
        });
        metrics.call_settled(&call, None);
    }
    let text = metrics.render(&[]);
    let series = |family: &str| {
        text.lines()
            .filter(|line| line.starts_with(&format!("{family}{{")))
            .count()
    };
    assert_eq!(series("weir_requests_total"), SERIES_MAX);
    assert!(series("weir_tokens_total") <= SERIES_MAX);
    assert!(text.len() < 2 << 20, "{} bytes", text.len());
    let names = |label: &str| {
        let value = |line: &str| {
            let (_, rest) = line.split_once(&format!("{label}=\""))?;
            Some(rest.split_once("\",")?.0.to_owned())
        };
        text.lines()
            .filter_map(value)
            .collect::<BTreeSet<_>>()
            .len()
    };
    assert_eq!(names("model"), MODELS_MAX + 1, "the first ones and other");
    assert!(
        text.contains(r#"team="team\n\"0""#),
        "a newline or quote ends no line"
    );
    let total: f64 = text
        .lines()
        .filter(|line| line.starts_with("weir_requests_total{"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum();
    assert_eq!(total, 20_000.0, "no call is left out");
    let configured =
        made(|call| Arc::make_mut(&mut call.head).operation = "operation 0".to_owned());
    metrics.call_settled(&configured, None);
    let search = metrics
        .render(&[])
        .lines()
        .filter(|line| line.contains("\"search\""))
        .count();
    assert!(
        search > 0,
        "a configured team has its label after the flood"
    );
}

#[test]
fn a_budget_with_each_shows_where_it_is_nearest_its_limit() {
    let metrics = Metrics::new(policy());
    let usd = |spent: i128, held: i128| BudgetState {
        name: "user-day".to_owned(),
        unit: Unit::Cost,
        limit: 5_000_000_000_000,
        carried: 0,
        spent: spent * 1_000_000_000_000,
        held: held * 1_000_000_000_000,
        beyond: 0,
        window: Window {
            start_ms: 0,
            end_ms: Some(NOON),
        },
        each: None,
        each_value: None,
        per: Per::Day,
    };
    let total = BudgetState {
        name: "in-flight".to_owned(),
        unit: Unit::Concurrent,
        limit: 20,
        carried: 0,
        spent: 0,
        held: 3,
        beyond: 0,
        window: Window {
            start_ms: 0,
            end_ms: None,
        },
        each: None,
        each_value: None,
        per: Per::Day,
    };
    let text = metrics.render(&[usd(1, 0), usd(2, 2), usd(3, 0), total]);
    for (series, value) in [
        (r#"weir_budget_limit{budget="user-day",unit="usd"}"#, 5.0),
        (r#"weir_budget_spent{budget="user-day",unit="usd"}"#, 2.0),
        (r#"weir_budget_held{budget="user-day",unit="usd"}"#, 2.0),
        (
            r#"weir_budget_reset_timestamp_seconds{budget="user-day"}"#,
            1_774_699_200.0,
        ),
        (
            r#"weir_budget_held{budget="in-flight",unit="concurrent"}"#,
            3.0,
        ),
    ] {
        assert_eq!(sample(&text, series), value, "{series}");
    }
    assert!(!text.contains(r#"weir_budget_reset_timestamp_seconds{budget="in-flight"}"#));
    assert!(
        !metrics.render(&[]).contains("user-day"),
        "a budget that is gone is not shown"
    );
}

#[test]
fn what_is_in_flight_is_counted_until_it_ends() {
    let metrics = Metrics::new(policy());
    let first = metrics.inflight();
    let second = metrics.inflight();
    assert_eq!(metrics.inflight_count(), 2);
    drop((first, second));
    assert_eq!(metrics.inflight_count(), 0);
}

#[test]
fn every_family_keeps_the_rules_and_is_shown() {
    let metrics = Metrics::new(policy());
    metrics.call_settled(&refused(), None);
    metrics.call_settled(&made(|call| call.model = Some("junk".to_owned())), None);
    metrics.unmetered("openai");
    metrics.downgraded("b");
    metrics.overrun("b", 2);
    metrics.session_closed("day");
    metrics.retried("openai", "timeout");
    metrics.failed_over("openai");
    metrics.breaker_changed("openai", "open");
    metrics.breaker_refused("openai");
    metrics.show_breakers([("openai", 1)]);
    metrics.tunnel(true);
    metrics.bound_hit("tee");
    metrics.retried("openai", "5xx");
    metrics.retried("nobody's", "5xx");
    metrics.failed_over("openai");
    metrics.breaker_changed("openai", "open");
    metrics.breaker_refused("openai");
    metrics.show_breakers([("openai", 2)]);
    Count::raised(&*metrics, alert::Kind::Exceeded);
    Count::delivery(&*metrics, "retried", 2);
    Count::waiting(&*metrics, 3);
    metrics.reloaded(true, NOON);
    metrics.reloaded(false, NOON + 9_000);
    metrics.catalog_made(NOON);
    Watch::queue_depth(&*metrics, 7);
    Watch::committed(&*metrics, Duration::from_millis(1), 3);
    Watch::fault(&*metrics);
    Watch::lost(&*metrics);
    let budget = BudgetState {
        name: "b".to_owned(),
        unit: Unit::Tokens,
        limit: 1,
        carried: 0,
        spent: 0,
        held: 0,
        beyond: 0,
        window: Window {
            start_ms: 0,
            end_ms: Some(NOON),
        },
        each: None,
        each_value: None,
        per: Per::Day,
    };
    let text = metrics.render(&[budget]);
    assert_eq!(sample(&text, "weir_config_last_reload_successful"), 0.0);
    let reload = "weir_config_last_reload_success_timestamp_seconds";
    assert_eq!(sample(&text, reload), 1_774_699_200.0);
    assert_eq!(sample(&text, "weir_ledger_queue_depth"), 7.0);
    let unknown = r#"weir_retries_total{provider="other",reason="5xx"}"#;
    assert_eq!(sample(&text, unknown), 1.0);
    let stand = r#"weir_breaker_state{provider="openai"}"#;
    assert_eq!(sample(&text, stand), 2.0);
    assert_eq!(sample(&text, "weir_alert_queue_depth"), 3.0);
    for family in families::ALL {
        let name = family.name;
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert!(
            text.contains(&format!("# HELP {name} ")),
            "{name} is not shown"
        );
        assert!(
            text.contains(&format!("# TYPE {name} {kind}\n")),
            "{name} is no {kind}"
        );
        assert_eq!(
            matches!(family.kind, Kind::Counter),
            name.ends_with("_total"),
            "{name}"
        );
        let timed = matches!(family.kind, Kind::Histogram(_));
        assert!(!timed || name.ends_with("_seconds"), "{name} has no unit");
        assert!(
            !family.help.is_empty() && !family.help.ends_with('.'),
            "{name}"
        );
        if let Kind::Histogram(buckets) = family.kind {
            assert!(buckets.is_sorted_by(|a, b| a < b), "{name}");
        }
    }
    #[cfg(target_os = "linux")]
    assert!(sample(&text, "process_resident_memory_bytes") > 0.0);
}
