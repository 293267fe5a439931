//! A failed attempt that may have been billed is a row of its own, and takes its part of the budgets.

use serde_json::Value;

use super::{RETRY, call_and_attempts, chat, cut, failing, in_turn, padded, yaml};
use crate::support::client::{Payload, Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::{Weir, command};

const RESETS: &str = "retry: { attempts: 3, on: [reset, 5xx], backoff: { first: 1ms } }";

async fn weir_with_budget(upstream: &Upstream, retry: &str, budget: &str) -> Weir {
    let settings = Settings::to(upstream).and(&format!("budgets:\n  - {budget}"));
    Weir::start_with_yaml(&yaml(&settings, retry)).await
}

/// What is spent of the one budget, as the metrics show it.
async fn spent(weir: &Weir) -> f64 {
    let metrics = weir.metrics().await;
    metrics.sum("weir_budget_spent", &[]).expect("one budget")
}

#[tokio::test]
async fn an_attempt_that_broke_off_is_charged_its_input() {
    for transport in Transport::ALL {
        let upstream = in_turn(transport, vec![cut(), chat().reply()]).await;
        let budget = "{ name: b, limit: 1 USD, per: day }";
        let mut weir = weir_with_budget(&upstream, RESETS, budget).await;
        let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
        assert_eq!(response.status(), 200, "{transport:?}");
        let calls = call_and_attempts(&weir, 2).await;
        let (call, attempt) = (&calls[0], &calls[1]);
        assert_eq!(call.int("cost_picousd"), Some(chat().cost_picousd));
        assert_eq!(attempt.text("attempt_of"), call.text("id"));
        assert_eq!(attempt.text("usage_source"), Some("estimated"));
        assert_eq!(attempt.text("error_type"), Some("network"));
        assert_eq!(attempt.int("http_status"), None);
        let input = attempt.int("input_tokens").expect("an estimate");
        assert!(input > 0);
        // 2 USD per million tokens.
        assert_eq!(attempt.int("cost_picousd"), Some(input * 2_000_000));
        let both = chat().cost_picousd + input * 2_000_000;
        let before = spent(&weir).await;
        assert!((before * 1e12 - both as f64).abs() < 1.0, "{before}");
        weir.restart().await;
        assert_eq!(spent(&weir).await, before, "the ledger says the same");
    }
}

#[tokio::test]
async fn attempts_are_told_by_the_command_line() {
    let upstream = in_turn(Transport::Plain, vec![failing(503), chat().reply()]).await;
    let weir = super::weir_with(&upstream, RETRY).await;
    weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    let rows = call_and_attempts(&weir, 2).await;
    let (call, attempt) = (rows[0].text("id"), rows[1].text("id"));
    let said = json_of(&weir, &["calls", "--format", "json"]);
    let said = said.as_array().expect("rows");
    let one = |id| said.iter().find(|row| row["id"].as_str() == id);
    assert_eq!(one(call).expect("a row")["attempt_of"], Value::Null);
    assert_eq!(one(attempt).expect("a row")["attempt_of"].as_str(), call);
    let said = json_of(
        &weir,
        &["explain", attempt.expect("an id"), "--format", "json"],
    );
    assert_eq!(said["attempt_of"].as_str(), call);
}

fn json_of(weir: &Weir, arguments: &[&str]) -> Value {
    let run = command(weir.folder()).args(arguments).output();
    let output = run.expect("the binary can be run");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn every_attempt_that_reached_the_upstream_counts_as_a_request() {
    let upstream = in_turn(
        Transport::Plain,
        vec![failing(503), failing(503), chat().reply()],
    )
    .await;
    let budget = "{ name: b, limit: 10 requests, per: day }";
    let mut weir = weir_with_budget(&upstream, RETRY, budget).await;
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.status(), 200);
    weir.calls_eventually(3).await;
    assert_eq!(spent(&weir).await, 3.0);
    weir.restart().await;
    assert_eq!(spent(&weir).await, 3.0);
}

#[tokio::test]
async fn where_a_budget_has_no_room_for_another_attempt_the_failure_stands() {
    let budget = "{ name: b, limit: 2 requests, per: day }";
    let replies = vec![failing(503), failing(502), chat().reply()];
    let upstream = in_turn(Transport::Plain, replies).await;
    let mut weir = weir_with_budget(&upstream, RETRY, budget).await;
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.status(), 502, "the upstream's own answer");
    assert_eq!(upstream.received().len(), 2);
    weir.calls_eventually(2).await;
    assert_eq!(spent(&weir).await, 2.0);
    weir.restart().await;
    assert_eq!(spent(&weir).await, 2.0);

    // What broke off may have been billed, so a budget that fits one call fits no second attempt.
    let upstream = in_turn(Transport::Plain, vec![cut(), chat().reply()]).await;
    // 40 KiB hold 0.09 USD, and what they are estimated at is more than the rest.
    let budget = "{ name: b, limit: 0.1 USD, per: day, hold: worst_case }";
    let mut weir = weir_with_budget(&upstream, RESETS, budget).await;
    let request = padded(&chat(), 40 * 1024);
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.status(), 502, "{}", response.json());
    let call = weir.only_call().await;
    assert_eq!(call.text("attempt_of"), None);
    assert_eq!(call.text("usage_source"), Some("estimated"));
    let cost = call.int("cost_picousd").expect("a price is known");
    assert!(cost > 0);
    let before = spent(&weir).await;
    assert!((before * 1e12 - cost as f64).abs() < 1.0, "{before} {cost}");
    weir.restart().await;
    assert_eq!(spent(&weir).await, before);
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn one_call_at_a_time_may_still_be_tried_again() {
    let budget = "{ name: b, limit: 1 concurrent }";
    let upstream = in_turn(Transport::Plain, vec![failing(503), chat().reply()]).await;
    let weir = weir_with_budget(&upstream, RETRY, budget).await;
    for _ in 0..2 {
        let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
        assert_eq!(response.status(), 200);
    }
    weir.calls_eventually(3).await;
}

#[tokio::test]
async fn a_refusal_of_a_budget_is_never_tried_again() {
    let upstream = in_turn(Transport::Plain, vec![chat().reply()]).await;
    let budget = "{ name: b, limit: 1 tokens, per: day }";
    let weir = weir_with_budget(&upstream, "retry: { on: 429 }", budget).await;
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.status(), 429);
    assert!(upstream.received().is_empty());
    weir.only_call().await;
}

#[tokio::test]
async fn free_requests_are_tried_again_and_cost_nothing() {
    let upstream = in_turn(Transport::Plain, vec![failing(503), chat().reply()]).await;
    let weir = super::weir_with(&upstream, RETRY).await;
    let response = weir
        .send(Way::BaseUrl, "openai", &Request::get("/v1/models"))
        .await;
    assert_eq!(response.status(), 200);
    for call in weir.calls_eventually(2).await {
        assert_eq!(call.int("cost_picousd"), Some(0));
    }
}

#[tokio::test]
async fn a_call_that_was_sent_to_another_model_is_tried_again_with_that_model() {
    let budget = "{ name: b, limit: 1 requests, per: day, action: { downgrade: { test-gpt: test-gpt-mini } } }";
    let data = chat().request.to_string();
    let chunked = Request {
        payload: Payload::Chunked(data.as_bytes().chunks(10).map(<[u8]>::to_vec).collect()),
        ..chat().request()
    };
    for request in [chat().request(), chunked] {
        let replies = vec![chat().reply(), failing(503), failing(503), chat().reply()];
        let upstream = in_turn(Transport::Plain, replies).await;
        let weir = weir_with_budget(&upstream, RETRY, budget).await;
        for _ in 0..2 {
            let response = weir.send(Way::BaseUrl, "openai", &request).await;
            assert_eq!(response.status(), 200, "{}", response.json());
        }
        let bodies: Vec<Vec<u8>> = upstream
            .received()
            .into_iter()
            .map(|one| one.body.data)
            .collect();
        let lesser = data.replace("test-gpt", "test-gpt-mini").into_bytes();
        assert_eq!(
            bodies,
            [
                data.clone().into_bytes(),
                lesser.clone(),
                lesser.clone(),
                lesser
            ]
        );
        let calls = weir.calls_eventually(4).await;
        let sent = calls
            .iter()
            .filter(|call| call.text("sent_model") == Some("test-gpt-mini"));
        assert_eq!(sent.count(), 3, "{calls:#?}");
    }
}
