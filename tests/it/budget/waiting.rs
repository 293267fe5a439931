//! Calls that wait for room, and calls that found none upstream.

use super::weir_with;
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::gate::Gate;
use crate::support::metrics::Metrics;
use crate::support::settings::Settings;
use crate::support::upstream::{Reply, Step, Transport, Upstream};
use crate::support::weir::Weir;

const ONE_AT_ONCE: &str = "{ name: slots, limit: 1 concurrent, wait: 30s }";

/// Answers once the gate is open.
async fn gated(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    let answer = canned::openai_chat().answer;
    Upstream::answering(Transport::Plain, move |_| {
        Reply::steps([
            Step::Wait(gate.clone()),
            Step::Send(answer.clone().into_bytes()),
        ])
        .header("Content-Type", "application/json")
    })
    .await
}

async fn has_left(weir: &Weir, upstream: &Upstream) {
    let calls = weir.calls_eventually(1).await;
    assert_eq!(calls[0].text("outcome"), Some("client_closed"));
    assert_eq!(calls[0].int("cost_picousd"), Some(0));
    assert_eq!(calls[0].int("forwarded"), Some(0));
    assert_eq!(calls[0].text("refused_by"), None);
    let whole = upstream
        .received()
        .into_iter()
        .filter(|one| one.body.complete);
    assert_eq!(
        whole.count(),
        1,
        "only the call that has room goes upstream"
    );
}

async fn waits(weir: &Weir) {
    let inflight = |metrics: &Metrics| metrics.count("weir_inflight_requests", &[]) > 1.5;
    weir.metrics_eventually("the second waits", inflight).await;
}

/// Sends a call that has room, and waits until it is upstream.
async fn takes_the_room(weir: &Weir, upstream: &Upstream) -> crate::support::client::H1 {
    let mut first = weir.h1(Way::BaseUrl, "openai").await;
    first.start(&canned::openai_chat().request()).await;
    upstream
        .eventually("the first is upstream", |all| all.len() == 1)
        .await;
    first
}

#[tokio::test]
async fn a_call_whose_client_left_while_it_waited_is_not_forwarded() {
    for request in [
        canned::openai_chat().request(),
        canned::openai_chat_stream().request(),
    ] {
        for way in [Way::BaseUrl, Way::ConnectH1] {
            let gate = Gate::shut();
            let upstream = gated(&gate).await;
            let weir = weir_with(&upstream, ONE_AT_ONCE).await;
            let mut first = takes_the_room(&weir, &upstream).await;
            let mut second = weir.h1(way, "openai").await;
            second.start(&request).await;
            waits(&weir).await;
            drop(second);
            has_left(&weir, &upstream).await;
            gate.open();
            assert_eq!(first.finish("POST").await.status(), 200);
        }
    }
}

#[tokio::test]
async fn a_stream_of_http2_that_is_reset_while_it_waits_is_not_forwarded() {
    // Of a large body not even the end need be here.
    let large = Request::post("/v1/chat/completions", vec![b' '; 100_000]);
    for request in [canned::openai_chat().request(), large] {
        let gate = Gate::shut();
        let upstream = gated(&gate).await;
        let weir = weir_with(&upstream, ONE_AT_ONCE).await;
        let mut first = takes_the_room(&weir, &upstream).await;
        let mut h2 = weir.h2("openai").await;
        let second = h2.start_head(&request).await;
        waits(&weir).await;
        drop(second);
        has_left(&weir, &upstream).await;
        gate.open();
        assert_eq!(first.finish("POST").await.status(), 200);
    }
}

#[tokio::test]
async fn a_call_that_waits_passes_once_there_is_room() {
    let gate = Gate::shut();
    let upstream = gated(&gate).await;
    let weir = weir_with(&upstream, ONE_AT_ONCE).await;
    let mut first = takes_the_room(&weir, &upstream).await;
    let mut second = weir.h1(Way::BaseUrl, "openai").await;
    second.start(&canned::openai_chat().request()).await;
    waits(&weir).await;
    gate.open();
    assert_eq!(first.finish("POST").await.status(), 200);
    assert_eq!(second.finish("POST").await.status(), 200);
    let third = second.send(&canned::openai_chat().request()).await;
    assert_eq!(third.status(), 200, "its connection serves on");
}

#[tokio::test]
async fn a_call_that_never_reached_an_upstream_is_no_request() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let reachable = Settings::to(&upstream);
    let budget = "budgets:\n  - { name: two, limit: 2 requests, per: total }";
    // Nothing listens at port 1.
    let unreachable = Settings::to_url("http://127.0.0.1:1").and(budget);
    let mut weir = Weir::start(&unreachable).await;
    let request = canned::openai_chat().request();
    for _ in 0..3 {
        let response = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(response.status(), 502, "it is not counted");
    }
    let calls = weir.calls_eventually(3).await;
    assert_eq!(calls[0].text("outcome"), Some("upstream_error"));
    assert_eq!(calls[0].int("forwarded"), Some(0));
    weir.edit(&reachable.and(budget).yaml());
    weir.restart().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(weir.send(Way::BaseUrl, "openai", &request).await.status());
    }
    assert_eq!(statuses, [200, 200, 429], "nor after a restart");
}

#[tokio::test]
async fn a_budget_that_warns_counts_what_it_lets_pass() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let budget = "{ name: soft, limit: 0.0004 USD, per: total, action: warn }";
    let weir = weir_with(&upstream, budget).await;
    for sent in 1..=3 {
        let response = weir
            .send(Way::BaseUrl, "openai", &canned::openai_chat().request())
            .await;
        assert_eq!(response.status(), 200);
        weir.calls_eventually(sent).await;
    }
    let metrics = weir.metrics().await;
    let overruns = metrics.count("weir_budget_overruns_total", &[("budget", "soft")]);
    assert!((overruns - 2.0).abs() < 0.5, "{overruns}");
    let told = weir.log().matches("budget reached 100 %").count();
    assert_eq!(told, 1, "{}", weir.log());
}
