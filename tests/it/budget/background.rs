//! What is made after its call has ended stays held until it is fetched.

use serde_json::{Value, json};

use super::weir_with;
use crate::support::client::{Request, Way};
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

fn scripted(received: &Received) -> Reply {
    let is_made = received.head.method() == "GET";
    let usage = json!({"input_tokens": 100, "output_tokens": 20, "total_tokens": 120});
    let (status, usage) = match is_made {
        true => ("completed", usage),
        false => ("queued", Value::Null),
    };
    let answer = json!({"id": "resp_1", "object": "response", "status": status, "model": "test-gpt",
        "background": true, "output": [], "usage": usage});
    Reply::json(answer.to_string())
}

async fn standing(weir: &Weir, money: &str) -> f64 {
    let metrics = weir.metrics().await;
    metrics.count(money, &[("budget", "b")])
}

#[tokio::test]
async fn a_response_in_the_background_stays_held_until_it_is_fetched() {
    let upstream = Upstream::answering(Transport::Plain, scripted).await;
    // A response of at most 100 tokens holds 0.0008 USD and what its input costs.
    let weir = weir_with(&upstream, "{ name: b, limit: 0.0015 USD, per: total }").await;
    let body =
        json!({"model": "test-gpt", "input": "hi", "background": true, "max_output_tokens": 100});
    let begin = Request::json("/v1/responses", &body);
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &begin).await.status(),
        200
    );
    weir.calls_eventually(1).await;
    assert_eq!(standing(&weir, "weir_budget_spent").await, 0.0);
    let held = standing(&weir, "weir_budget_held").await;
    assert!(held > 0.0008, "{held}");
    let another = weir.send(Way::BaseUrl, "openai", &begin).await;
    assert_eq!(another.status(), 429, "the money is not there twice");
    let fetch = Request::get("/v1/responses/resp_1");
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &fetch).await.status(),
        200
    );
    weir.calls_eventually(3).await;
    weir.metrics_eventually("nothing is held", |metrics| {
        metrics.sum("weir_budget_held", &[]) == Some(0.0)
    })
    .await;
    // 100 at 2.00 and 20 at 8.00 USD per million.
    let spent = standing(&weir, "weir_budget_spent").await;
    assert!((spent - 0.00036).abs() < 1e-12, "{spent}");
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &begin).await.status(),
        200
    );
}
