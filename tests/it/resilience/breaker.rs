//! The breaker: opens, answers in the upstream's place, probes, closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{chat, failing, in_turn, nobody, weir_with, yaml};
use crate::support::canned;
use crate::support::client::Way;
use crate::support::gate::Gate;
use crate::support::patience::eventually;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Reply, Step, Transport, Upstream};
use crate::support::weir::Weir;

/// An upstream that fails until it is mended.
async fn failing_until_mended(transport: Transport) -> (Upstream, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let works = Arc::clone(&mended);
    let upstream = Upstream::answering(transport, move |_| {
        if works.load(Ordering::SeqCst) {
            chat().reply()
        } else {
            failing(500)
        }
    })
    .await;
    (upstream, mended)
}

async fn send(weir: &Weir) -> crate::support::client::Response {
    weir.send(Way::BaseUrl, "openai", &chat().request()).await
}

async fn stand(weir: &Weir) -> Option<f64> {
    let metrics = weir.metrics().await;
    metrics.sum("weir_breaker_state", &[("provider", "openai")])
}

#[tokio::test]
async fn opens_after_failures_in_a_row_and_closes_after_a_probe() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
        let (upstream, mended) = failing_until_mended(transport).await;
        let settings =
            Settings::to(&upstream).and("budgets: [{ name: b, limit: 9 requests, per: day }]");
        let breaker = "breaker: { failures: 3, within: 60s, open_for: 1s }";
        let mut weir = Weir::start_with_yaml(&yaml(&settings, breaker)).await;
        for _ in 0..3 {
            assert_eq!(send(&weir).await.status(), 500);
        }
        assert_eq!(stand(&weir).await, Some(2.0));
        let refused = send(&weir).await;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.head.get("retry-after"), Some("1"));
        let said = refused.json()["error"]["message"].to_string();
        assert!(said.contains("left alone"), "{said}");
        assert_eq!(upstream.received().len(), 3, "it was left alone");
        let calls = weir.calls_eventually(4).await;
        assert_eq!(calls[3].text("outcome"), Some("refused"));
        assert_eq!(calls[3].int("http_status"), Some(503));
        assert_eq!(calls[3].int("cost_picousd"), Some(0));
        let spent = weir.metrics().await.sum("weir_budget_spent", &[]);
        assert_eq!(spent, Some(3.0), "what was not sent counts nowhere");
        assert_eq!(
            weir.metrics()
                .await
                .count("weir_breaker_refusals_total", &[]),
            1.0
        );

        // A failed probe opens it for as long again; each tells the same.
        eventually("a probe was sent", async || {
            (send(&weir).await.status() == 500).then_some(())
        })
        .await;
        assert_eq!(upstream.received().len(), 4);
        assert_eq!(send(&weir).await.status(), 503);
        mended.store(true, Ordering::SeqCst);
        eventually("a probe was answered", async || {
            (send(&weir).await.status() == 200).then_some(())
        })
        .await;
        assert_eq!(upstream.received().len(), 5);
        assert_eq!(stand(&weir).await, Some(0.0));
        assert_eq!(send(&weir).await.status(), 200);
        let metrics = weir.metrics().await;
        for (to, times) in [("open", 2.0), ("half_open", 2.0), ("closed", 1.0)] {
            let labels = [("provider", "openai"), ("to", to)];
            assert_eq!(
                metrics.count("weir_breaker_transitions_total", &labels),
                times,
                "{to}"
            );
        }
        let metrics = weir
            .metrics_eventually("all are settled", |metrics| {
                metrics.sum("weir_budget_held", &[]) == Some(0.0)
            })
            .await;
        let spent = metrics.sum("weir_budget_spent", &[]);
        assert_eq!(spent, Some(6.0));
        weir.restart().await;
        assert_eq!(weir.metrics().await.sum("weir_budget_spent", &[]), spent);
    }
}

#[tokio::test]
async fn one_call_alone_probes_and_another_where_its_client_left() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
        let silent = Reply::silence([Step::Wait(Gate::shut())]);
        let upstream = in_turn(transport, vec![failing(503), silent]).await;
        let weir = weir_with(&upstream, "breaker: { failures: 1, open_for: 100ms }").await;
        assert_eq!(send(&weir).await.status(), 503);
        for probes in 1..=2 {
            let mut probe = weir.h1(Way::BaseUrl, "openai").await;
            eventually("a probe is under way", async || {
                if upstream.received().len() == 1 + probes {
                    return Some(());
                }
                probe = weir.h1(Way::BaseUrl, "openai").await;
                probe.start(&canned::openai_chat_stream().request()).await;
                None
            })
            .await;
            assert_eq!(stand(&weir).await, Some(1.0));
            let other = send(&weir).await;
            assert_eq!(other.status(), 503, "{transport:?}");
            assert_eq!(other.head.get("retry-after"), Some("1"));
            assert_eq!(upstream.received().len(), 1 + probes);
            probe.wire.reset();
        }
    }
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_opens_it_too() {
    let settings = Settings::to_url(&format!("http://{}", nobody()));
    let weir = Weir::start_with_yaml(&yaml(&settings, "breaker: { failures: 2 }")).await;
    for way in [Way::BaseUrl, Way::ConnectH2] {
        let response = weir.send(way, "openai", &chat().request()).await;
        assert_eq!(response.status(), 502);
    }
    for way in Way::ALL {
        let response = weir.send(way, "openai", &chat().request()).await;
        assert_eq!(response.status(), 503, "{way:?}");
        let canned = canned::anthropic();
        let other = weir.send(way, canned.provider, &canned.request()).await;
        assert_ne!(other.status(), 200, "{way:?}");
    }
    let shape = weir
        .send(Way::BaseUrl, "anthropic", &canned::anthropic().request())
        .await;
    assert_eq!(shape.status(), 503, "each provider has its own");
    assert_eq!(shape.json()["type"], "error", "in its own shape");
}

#[tokio::test]
async fn limits_and_bad_requests_leave_it_closed() {
    let upstream = Upstream::answering(Transport::Plain, |received| {
        let status = received
            .head
            .get("x-status")
            .and_then(|status| status.parse().ok());
        failing(status.expect("a status"))
    })
    .await;
    let weir = weir_with(&upstream, "breaker: { failures: 2 }").await;
    for status in [429, 429, 429, 500, 400, 500, 404, 500, 429, 500] {
        let request = chat().request().header("x-status", &status.to_string());
        let response = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(response.status(), status);
    }
    assert_eq!(stand(&weir).await, Some(0.0));
}
