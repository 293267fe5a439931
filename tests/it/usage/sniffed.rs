//! A path that weir does not know is charged by what its answer states, and seen where it states nothing.

use serde_json::json;

use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

const PATH: &str = "/v1/some/new/endpoint";

fn asked() -> Request {
    Request::json(
        PATH,
        &json!({"model": "test-gpt", "messages": [{"usage": 7}]}),
    )
}

async fn weir(answer: &str, budget: &str) -> (Upstream, Weir) {
    let answer = answer.to_owned();
    let upstream =
        Upstream::answering(Transport::Plain, move |_| Reply::json(answer.clone())).await;
    let settings = Settings::to(&upstream).and(&format!("budgets:\n  - {budget}"));
    let weir = Weir::start(&settings).await;
    (upstream, weir)
}

async fn unmetered(weir: &Weir) -> Option<f64> {
    weir.metrics()
        .await
        .sum("weir_unmetered_total", &[("provider", "openai")])
}

#[tokio::test]
async fn what_an_unknown_path_states_is_charged_to_the_budgets() {
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150});
    let answer = json!({"model": "test-gpt", "usage": usage}).to_string();
    // One such call costs 0.0006 USD.
    let (upstream, weir) = weir(&answer, "{ name: b, limit: 0.0005 USD, per: total }").await;
    let response = weir.send(Way::BaseUrl, "openai", &asked()).await;
    assert_eq!(response.body.data, answer.as_bytes());
    let call = weir.only_call().await;
    assert_eq!(call.text("operation"), Some("unknown"));
    assert_eq!(call.text("dialect"), Some("sniffed"));
    assert_eq!(call.text("usage_source"), Some("reported"));
    let tokens = (call.int("input_tokens"), call.int("output_tokens"));
    assert_eq!(tokens, (Some(100), Some(50)));
    assert_eq!(call.int("cost_picousd"), Some(600_000_000));
    assert_eq!(unmetered(&weir).await, None, "it was seen");
    let chat = Request::post("/v1/chat/completions", r#"{"model":"test-gpt"}"#);
    let refused = weir.send(Way::BaseUrl, "openai", &chat).await;
    assert_eq!(refused.status(), 429, "the budget is spent");
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn what_an_unknown_path_does_not_state_is_counted_as_unmetered() {
    let answer = json!({"input_tokens": 100, "text": "{\"usage\":{\"prompt_tokens\":9}}"});
    let (_upstream, weir) =
        weir(&answer.to_string(), "{ name: b, limit: 1 USD, per: total }").await;
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &asked()).await.status(),
        200
    );
    let call = weir.only_call().await;
    assert_eq!(call.text("usage_source"), Some("none"));
    assert_eq!(call.int("input_tokens"), None);
    assert_eq!(call.int("cost_picousd"), None);
    assert_eq!(unmetered(&weir).await, Some(1.0));
}

#[tokio::test]
async fn a_path_that_may_not_go_unmetered_is_refused_at_its_head() {
    let answer = json!({"usage": {"prompt_tokens": 1}}).to_string();
    let budget = "{ name: b, limit: 1 USD, per: total, unmetered: block }";
    let (upstream, weir) = weir(&answer, budget).await;
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &asked()).await.status(),
        429
    );
    assert_eq!(weir.only_call().await.text("outcome"), Some("refused"));
    assert_eq!(upstream.received().len(), 0);
    assert_eq!(
        unmetered(&weir).await,
        None,
        "nothing went past the budgets"
    );
}

#[tokio::test]
async fn an_error_under_status_200_costs_nothing() {
    let answer =
        json!({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}).to_string();
    let (_upstream, weir) = weir(&answer, "{ name: b, limit: 1 USD, per: total }").await;
    let chat = Request::post("/v1/text/chatcompletion_v2", r#"{"model":"test-gpt"}"#);
    assert_eq!(weir.send(Way::BaseUrl, "openai", &chat).await.status(), 200);
    let call = weir.only_call().await;
    assert_eq!(call.text("error_type"), Some("rate_limit"));
    assert_eq!(call.int("cost_picousd"), Some(0));
}
