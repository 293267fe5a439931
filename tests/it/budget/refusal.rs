//! The 429 that each SDK understands, with the headers that stop its retries.

use super::weir_with;
use crate::support::canned::{self, Canned};
use crate::support::client::{Response, Way};
use crate::support::gate::Gate;
use crate::support::upstream::{Reply, Step, Transport, Upstream};

/// The refusal of a canned call's dialect by a budget of no room.
async fn refused(canned: &Canned, budget: &str, way: Way) -> Response {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::json("{}")).await;
    let weir = weir_with(&upstream, budget).await;
    let response = weir.send(way, canned.provider, &canned.request()).await;
    assert_eq!(response.status(), 429, "{}", canned.name);
    assert_eq!(
        response.head.get("content-type"),
        Some("application/json"),
        "{}",
        canned.name
    );
    assert!(response.body.complete, "{}", canned.name);
    assert_eq!(upstream.connections(), 0, "{}", canned.name);
    response
}

/// Less money than any canned call may cost.
const SPENT: &str = "{ name: team-month, limit: 0.0000001 USD, per: month, hold: worst_case }";

#[tokio::test]
async fn an_openai_refusal_is_an_openai_error() {
    for canned in [
        canned::openai_chat(),
        canned::openai_chat_stream(),
        canned::openai_responses(),
    ] {
        for way in Way::ALL {
            let response = refused(&canned, SPENT, way).await;
            let error = &response.json()["error"];
            assert_eq!(error["code"], "insufficient_quota", "{error}");
            assert_eq!(error["type"], "insufficient_quota", "{error}");
            assert!(
                error["message"]
                    .as_str()
                    .is_some_and(|text| text.contains("team-month")),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn an_anthropic_refusal_is_an_anthropic_error() {
    for canned in [canned::anthropic(), canned::anthropic_stream()] {
        let body = refused(&canned, SPENT, Way::ConnectH2).await.json();
        assert_eq!(body["type"], "error", "{body}");
        assert_eq!(body["error"]["type"], "rate_limit_error", "{body}");
        let message = body["error"]["message"].as_str();
        assert!(
            message.is_some_and(|text| text.contains("team-month")),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_gemini_refusal_is_a_google_error() {
    for canned in [canned::gemini(), canned::gemini_stream()] {
        let body = refused(&canned, SPENT, Way::ConnectH1).await.json();
        assert_eq!(body["error"]["code"], 429, "{body}");
        assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED", "{body}");
        let message = body["error"]["message"].as_str();
        assert!(
            message.is_some_and(|text| text.contains("team-month")),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_spent_month_tells_clients_when_and_not_to_retry() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let budget = "{ name: team-month, limit: 0.0004 USD, per: month }";
    let weir = weir_with(&upstream, budget).await;
    let request = canned::openai_chat().request();
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &request).await.status(),
        200
    );
    weir.only_call().await;
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.status(), 429);
    let seconds: u64 = response
        .head
        .get("retry-after")
        .and_then(|text| text.parse().ok())
        .expect("seconds");
    assert!((1..=31 * 86_400).contains(&seconds), "{seconds}");
    assert_eq!(response.head.get("x-should-retry"), Some("false"));
    assert_eq!(response.head.get("x-weir-budget"), Some("team-month"));
    assert_eq!(
        response.head.get("server"),
        None,
        "nothing of the machinery shows"
    );
}

#[tokio::test]
async fn a_call_that_no_window_could_hold_is_not_told_to_wait() {
    let response = refused(&canned::openai_chat(), SPENT, Way::BaseUrl).await;
    assert_eq!(
        response.head.get("retry-after"),
        None,
        "the limit is below the call's own size"
    );
    assert_eq!(response.head.get("x-should-retry"), Some("false"));
}

#[tokio::test]
async fn a_spent_total_never_comes_back() {
    let total = "{ name: all, limit: 0.0000001 USD, per: total, hold: worst_case }";
    let response = refused(&canned::openai_chat(), total, Way::BaseUrl).await;
    assert_eq!(response.head.get("retry-after"), None);
    assert_eq!(response.head.get("x-should-retry"), Some("false"));
}

#[tokio::test]
async fn a_rate_lets_clients_retry_within_its_minute() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = weir_with(&upstream, "{ name: rpm, limit: 1 requests, per: minute }").await;
    let request = canned::openai_chat().request();
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &request).await.status(),
        200
    );
    // A minute that turns over just here lets the second pass, and the third is in the next one.
    let mut response = weir.send(Way::BaseUrl, "openai", &request).await;
    if response.status() == 200 {
        response = weir.send(Way::BaseUrl, "openai", &request).await;
    }
    assert_eq!(response.status(), 429);
    let seconds: u64 = response
        .head
        .get("retry-after")
        .and_then(|text| text.parse().ok())
        .expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(response.head.get("x-should-retry"), None);
    assert_eq!(response.json()["error"]["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn room_that_calls_in_flight_hold_lets_clients_come_back_in_seconds() {
    let gate = Gate::shut();
    let steps = [Step::Wait(gate.clone())];
    let upstream =
        Upstream::answering(Transport::Plain, move |_| Reply::steps(steps.clone())).await;
    // A call holds the 10 tokens that it asks for: there is room for one, and nothing is spent.
    let budget = "{ name: month, limit: 15 output_tokens, per: month, hold: worst_case }";
    let weir = weir_with(&upstream, budget).await;
    let request = canned::openai_chat().request();
    let mut holder = weir.h1(Way::BaseUrl, "openai").await;
    holder.start(&request).await;
    upstream
        .eventually("the holder is there", |all| all.len() == 1)
        .await;
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.head.get("retry-after"), Some("5"));
    assert_eq!(response.head.get("x-should-retry"), None);
    let body = response.json();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded", "{body}");
    let message = body["error"]["message"].as_str();
    assert!(
        message.is_some_and(|text| text.contains("is held by calls in flight")),
        "{body}"
    );
    gate.open();
}
