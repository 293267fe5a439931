//! Requests, calls in flight, tokens: every unit that a limit may count.

use super::weir_with;
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::gate::Gate;
use crate::support::patience::eventually;
use crate::support::upstream::{Reply, Step, Transport, Upstream};
use crate::support::weir::Weir;

async fn chat() -> Upstream {
    let reply = canned::openai_chat().reply();
    Upstream::answering(Transport::Plain, move |_| reply.clone()).await
}

/// The statuses of calls, each sent when the one before is on record.
async fn statuses(weir: &Weir, request: &Request, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for sent in 1..=count {
        statuses.push(weir.send(Way::BaseUrl, "openai", request).await.status());
        weir.calls_eventually(sent).await;
    }
    statuses
}

#[tokio::test]
async fn requests_are_counted_one_by_one() {
    let upstream = chat().await;
    let weir = weir_with(&upstream, "{ name: r, limit: 3 requests, per: year }").await;
    let request = canned::openai_chat().request();
    assert_eq!(
        statuses(&weir, &request, 5).await,
        [200, 200, 200, 429, 429]
    );
    let metrics = weir.metrics().await;
    assert_eq!(
        metrics.sum(
            "weir_budget_limit",
            &[("budget", "r"), ("unit", "requests")]
        ),
        Some(3.0)
    );
    assert_eq!(
        metrics.sum("weir_budget_spent", &[("budget", "r")]),
        Some(3.0)
    );
    assert_eq!(
        metrics.count("weir_refusals_total", &[("budget", "r")]),
        2.0
    );
    assert!(metrics.count("weir_budget_reset_timestamp_seconds", &[("budget", "r")]) > 1.7e9);
}

#[tokio::test]
async fn tokens_are_counted_as_the_provider_reports_them() {
    // The canned chat takes 120 in and 30 out.
    for (limit, passes) in [
        ("250 tokens", 2),
        ("200 input_tokens", 2),
        ("29 output_tokens", 1),
    ] {
        let upstream = chat().await;
        let weir = weir_with(
            &upstream,
            &format!("{{ name: t, limit: {limit}, per: total }}"),
        )
        .await;
        // Nothing is known of the model's calls yet, so that the first hold is the call's own bound.
        let request = Request::post(
            "/v1/chat/completions",
            r#"{"model":"test-gpt","max_tokens":1,"messages":[]}"#,
        );
        let statuses = statuses(&weir, &request, 4).await;
        let passed = statuses.iter().take_while(|status| **status == 200).count();
        assert_eq!(passed, passes, "{limit}: {statuses:?}");
        assert!(
            statuses[passed..].iter().all(|status| *status == 429),
            "{limit}: {statuses:?}"
        );
    }
}

#[tokio::test]
async fn calls_in_flight_are_limited_and_make_room_when_they_end() {
    let gate = Gate::shut();
    let script = {
        let gate = gate.clone();
        move |_: &_| {
            let answer = Step::Send(canned::openai_chat().answer.into_bytes());
            Reply::steps([Step::Wait(gate.clone()), answer])
        }
    };
    let upstream = Upstream::answering(Transport::Plain, script).await;
    let weir = weir_with(&upstream, "{ name: in-flight, limit: 2 concurrent }").await;
    let request = canned::openai_chat().request();
    let mut first = weir.h1(Way::BaseUrl, "openai").await;
    let mut second = weir.h1(Way::BaseUrl, "openai").await;
    first.start(&request).await;
    second.start(&request).await;
    upstream
        .eventually("two calls are in flight", |all| all.len() == 2)
        .await;
    let third = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(third.status(), 429);
    assert_eq!(third.head.get("x-should-retry"), None, "waiting helps here");
    gate.open();
    assert_eq!(first.finish("POST").await.status(), 200);
    assert_eq!(second.finish("POST").await.status(), 200);
    weir.calls_eventually(3).await;
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &request).await.status(),
        200
    );
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_place_back() {
    let upstream = Upstream::answering(Transport::Plain, |_| {
        Reply::steps([
            Step::Send(b"data: {}\n\n".to_vec()),
            Step::Wait(Gate::shut()),
        ])
    })
    .await;
    let weir = weir_with(&upstream, "{ name: in-flight, limit: 1 concurrent }").await;
    let request = canned::openai_chat_stream().request();
    for _ in 0..3 {
        // The place comes free with the settlement, shortly after the reset.
        let client = eventually("there is a free place", async || {
            let mut client = weir.h1(Way::BaseUrl, "openai").await;
            client.start(&request).await;
            let (_, head) = client.head().await;
            (head.status() == 200).then_some(client)
        })
        .await;
        let refused = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(refused.status(), 429);
        client.wire.reset();
    }
    weir.metrics_eventually("nothing is held", |metrics| {
        metrics.sum("weir_budget_held", &[("budget", "in-flight")]) == Some(0.0)
    })
    .await;
}

#[tokio::test]
async fn a_call_may_wait_for_room() {
    let gate = Gate::shut();
    let script = {
        let gate = gate.clone();
        move |_: &_| {
            let answer = Step::Send(canned::openai_chat().answer.into_bytes());
            Reply::steps([Step::Wait(gate.clone()), answer])
        }
    };
    let upstream = Upstream::answering(Transport::Plain, script).await;
    let weir = weir_with(
        &upstream,
        "{ name: in-flight, limit: 1 concurrent, wait: 60s }",
    )
    .await;
    let request = canned::openai_chat().request();
    let mut first = weir.h1(Way::BaseUrl, "openai").await;
    let mut second = weir.h1(Way::BaseUrl, "openai").await;
    first.start(&request).await;
    upstream
        .eventually("one call is in flight", |all| all.len() == 1)
        .await;
    second.start(&request).await;
    gate.open();
    assert_eq!(first.finish("POST").await.status(), 200);
    assert_eq!(second.finish("POST").await.status(), 200);
}

#[tokio::test]
async fn warn_at_refuses_nothing() {
    let upstream = chat().await;
    let budget = "{ name: w, limit: 10 requests, per: total, warn_at: [50%] }";
    let weir = weir_with(&upstream, budget).await;
    let request = canned::openai_chat().request();
    assert_eq!(statuses(&weir, &request, 6).await, [200; 6]);
    let warned = async || weir.log().contains("50").then_some(());
    eventually("the warning is logged", warned).await;
}

#[tokio::test]
async fn a_model_without_a_price_passes_or_not_as_the_budget_says() {
    let upstream = chat().await;
    for (unpriced, status) in [("allow", 200), ("block", 429)] {
        let budget = format!("{{ name: u, limit: 1 USD, per: total, unpriced: {unpriced} }}");
        let weir = weir_with(&upstream, &budget).await;
        let request = Request::post("/v1/chat/completions", r#"{"model":"nobody-prices-this"}"#);
        assert_eq!(
            weir.send(Way::BaseUrl, "openai", &request).await.status(),
            status,
            "{unpriced}"
        );
    }
}

#[tokio::test]
async fn a_route_that_cannot_be_metered_passes_or_not_as_the_budget_says() {
    let upstream = chat().await;
    for (unmetered, status) in [("allow", 200), ("block", 429)] {
        let budget = format!("{{ name: u, limit: 1 USD, per: total, unmetered: {unmetered} }}");
        let weir = weir_with(&upstream, &budget).await;
        let request = Request::post("/v1/some/new/endpoint", "{}");
        assert_eq!(
            weir.send(Way::BaseUrl, "openai", &request).await.status(),
            status,
            "{unmetered}"
        );
    }
}
