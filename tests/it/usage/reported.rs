//! Every dialect in every coding, in chunks of one byte.

use crate::support::canned::{self, Canned};
use crate::support::client::Way;
use crate::support::coding::Coding;
use crate::support::ledger::Row;
use crate::support::metrics::Metrics;
use crate::support::settings::Settings;
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// Answers with the canned exchange of that number, in that coding, cut as told.
fn scripted(received: &Received) -> Reply {
    let number: usize = received
        .head
        .get("x-number")
        .and_then(|n| n.parse().ok())
        .expect("a number");
    let canned = canned::all().remove(number);
    let name = received.head.get("x-coding");
    let coding = *Coding::ALL
        .iter()
        .find(|coding| coding.name() == name)
        .expect("a coding");
    let body = coding.encode(canned.answer.as_bytes());
    let reply = match received.head.get("x-cut") {
        Some(_) => Reply::chunked(body.into_iter().map(|byte| vec![byte])),
        None => Reply::ok(body),
    };
    let reply = reply.header("Content-Type", canned.content_type);
    match coding.name() {
        Some(name) => reply.header("Content-Encoding", name),
        None => reply,
    }
}

fn assert_row(call: &Row, canned: &Canned, what: &str) {
    assert_eq!(call.text("provider"), Some(canned.provider), "{what}");
    assert_eq!(call.text("dialect"), Some(canned.dialect), "{what}");
    assert_eq!(call.text("model"), Some(canned.model), "{what}");
    assert_eq!(call.text("request_model"), Some(canned.model), "{what}");
    assert_eq!(
        call.int("streamed"),
        Some(i64::from(canned.streamed)),
        "{what}"
    );
    assert_eq!(call.text("usage_source"), Some("reported"), "{what}");
    assert_eq!(call.int("input_tokens"), Some(canned.input), "{what}");
    assert_eq!(
        call.int("output_tokens").unwrap_or(0),
        canned.output.unwrap_or(0),
        "{what}"
    );
    assert_eq!(call.int("cache_read_tokens"), canned.cache_read, "{what}");
    assert_eq!(
        call.int("cost_picousd"),
        Some(canned.cost_picousd),
        "{what}"
    );
    assert_eq!(call.text("outcome"), Some("ok"), "{what}");
    assert_eq!(call.text("error_type"), None, "{what}");
    assert_eq!(call.int("http_status"), Some(200), "{what}");
    assert!(call.int("started_at") <= call.int("ended_at"), "{what}");
    assert!(
        call.int("first_byte_ms") <= call.int("duration_ms"),
        "{what}"
    );
    assert!(call.text("price_version").is_some(), "{what}");
}

/// The metrics say the same as the rows, family by family.
fn assert_metrics(metrics: &Metrics, calls: &[Row]) {
    let total =
        |column: &str, of: &[&Row]| of.iter().filter_map(|call| call.int(column)).sum::<i64>();
    for provider in ["openai", "anthropic", "gemini"] {
        let of: Vec<&Row> = calls
            .iter()
            .filter(|call| call.text("provider") == Some(provider))
            .collect();
        assert!(!of.is_empty());
        let count = |name: &str, more: &[(&str, &str)]| {
            let mut labels = vec![("provider", provider)];
            labels.extend_from_slice(more);
            metrics.count(name, &labels)
        };
        let tokens = |class: &str| count("weir_tokens_total", &[("class", class)]);
        let sums = [
            (
                count("weir_requests_total", &[("code", "200")]),
                i64::try_from(of.len()).expect("few"),
            ),
            (
                count("weir_extractions_total", &[("outcome", "reported")]),
                i64::try_from(of.len()).expect("few"),
            ),
            (tokens("cache_read"), total("cache_read_tokens", &of)),
            (
                tokens("cache_write_5m"),
                total("cache_write_5m_tokens", &of),
            ),
            (tokens("reasoning"), total("reasoning_tokens", &of)),
            (
                tokens("input") + tokens("cache_read") + tokens("cache_write_5m"),
                total("input_tokens", &of),
            ),
            (
                tokens("output") + tokens("reasoning"),
                total("output_tokens", &of),
            ),
            (
                count("weir_cost_usd_total", &[]) * 1e12,
                total("cost_picousd", &of),
            ),
        ];
        for (at, (metric, row)) in sums.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "the sums are small")]
            let difference = (metric - *row as f64).abs();
            assert!(
                difference < 0.5,
                "{provider}, sum {at}: the metric says {metric}, the ledger {row}"
            );
        }
    }
    assert_eq!(metrics.count("weir_inflight_requests", &[]), 0.0);
}

#[tokio::test]
async fn rows_metrics_and_bytes_agree_in_every_dialect_and_coding() {
    let upstream = Upstream::answering(Transport::Plain, scripted).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let all = canned::all();
    let mut sent = Vec::new();
    for cut in [false, true] {
        for coding in Coding::ALL {
            for (number, canned) in all.iter().enumerate() {
                let mut request = canned.request().header("X-Number", &number.to_string());
                if let Some(name) = coding.name() {
                    request = request.header("X-Coding", name);
                }
                if cut {
                    request = request.header("X-Cut", "1");
                }
                let response = weir.send(Way::BaseUrl, canned.provider, &request).await;
                let what = format!("{}, {coding:?}, cut: {cut}", canned.name);
                assert_eq!(
                    response.body.data,
                    coding.encode(canned.answer.as_bytes()),
                    "{what}"
                );
                sent.push((canned, what));
            }
        }
    }
    let calls = weir.calls_eventually(sent.len()).await;
    for (call, (canned, what)) in calls.iter().zip(&sent) {
        assert_row(call, canned, what);
    }
    assert_metrics(&weir.metrics().await, &calls);
}

#[tokio::test]
async fn every_dialect_is_counted_over_h2_and_by_every_way_in() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, scripted).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let all = canned::all();
        let mut sent = Vec::new();
        for way in Way::ALL {
            for (number, canned) in all.iter().enumerate() {
                let request = canned.request().header("X-Number", &number.to_string());
                let response = weir.send(way, canned.provider, &request).await;
                assert_eq!(
                    response.body.data,
                    canned.answer.as_bytes(),
                    "{} by {way:?}",
                    canned.name
                );
                sent.push((
                    canned,
                    format!("{} by {way:?} to {transport:?}", canned.name),
                ));
            }
        }
        let calls = weir.calls_eventually(sent.len()).await;
        for (call, (canned, what)) in calls.iter().zip(&sent) {
            assert_row(call, canned, what);
        }
    }
}

#[tokio::test]
async fn counters_go_on_after_a_restart() {
    let upstream = Upstream::answering(Transport::Plain, scripted).await;
    let mut weir = Weir::start(&Settings::to(&upstream)).await;
    let request = canned::openai_chat().request().header("X-Number", "0");
    weir.send(Way::BaseUrl, "openai", &request).await;
    weir.only_call().await;
    let families = [
        "weir_requests_total",
        "weir_tokens_total",
        "weir_cost_usd_total",
    ];
    let before = weir.metrics().await;
    weir.restart().await;
    let after = weir.metrics().await;
    for family in families {
        assert!(before.count(family, &[]) > 0.0, "{family}");
        assert_eq!(before.sum(family, &[]), after.sum(family, &[]), "{family}");
    }
}
