//! Money for what is charged by the piece, or by a tier that was asked for, is held before it is made.

use serde_json::{Value, json};

use super::weir_with;
use crate::support::client::{Request, Way};
use crate::support::upstream::{Reply, Transport, Upstream};

fn images(count: u64, quality: &str) -> Request {
    Request::json(
        "/v1/images/generations",
        &json!({"model": "gpt-image-1", "prompt": "a heron", "n": count, "quality": quality}),
    )
}

fn usage(output: u64) -> Value {
    json!({"data": [{"b64_json": "AAAA"}], "usage": {"input_tokens": 10, "output_tokens": output,
        "total_tokens": 10 + output}})
}

#[tokio::test]
async fn a_call_for_more_images_than_there_is_money_for_is_refused() {
    let script = |_: &_| Reply::json(usage(1_056).to_string());
    let upstream = Upstream::answering(Transport::Plain, script).await;
    let weir = weir_with(&upstream, "{ name: b, limit: 0.20 USD, per: year }").await;
    // Four of high quality are some 24,000 tokens at 40 USD for a million.
    let refused = weir.send(Way::BaseUrl, "openai", &images(4, "high")).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.json()["error"]["type"], "insufficient_quota");
    let one = weir
        .send(Way::BaseUrl, "openai", &images(1, "medium"))
        .await;
    assert_eq!(one.status(), 200);
    assert_eq!(upstream.only().head.target(), "/v1/images/generations");
    let calls = weir.calls_eventually(2).await;
    assert_eq!(calls[0].text("outcome"), Some("refused"));
    // 10 at 5 and 1,056 at 40 USD for a million.
    assert_eq!(calls[1].int("cost_picousd"), Some(42_290_000_000));
}

#[tokio::test]
async fn a_tier_that_is_asked_for_makes_no_hold_smaller_than_the_plain_price() {
    let script = |_: &_| Reply::json(usage(10).to_string());
    let upstream = Upstream::answering(Transport::Plain, script).await;
    // At most 4,200 tokens at 1.25 and 1,000 at 10 USD for a million, and half of it in the cheaper tier.
    for (budget, tier, status) in [
        ("limit: 0.012 USD, hold: worst_case", "flex", 429),
        ("limit: 0.02 USD, hold: worst_case", "flex", 200),
        ("limit: 0.02 USD, hold: worst_case", "priority", 429),
        ("limit: 0.005 USD", "PROVISIONED_THROUGHPUT", 429),
    ] {
        let weir = weir_with(&upstream, &format!("{{ name: b, {budget}, per: year }}")).await;
        let asked = json!({"model": "gpt-5", "messages": [], "max_tokens": 1000,
            "service_tier": tier});
        let request = Request::json("/v1/chat/completions", &asked);
        let response = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(response.status(), status, "{budget} {tier}");
    }
    for (speed, status) in [("standard", 200), ("fast", 429)] {
        // At most 4,300 tokens at 10 (kept for an hour) and 1,000 at 25 USD for a million, twice that at speed.
        let budget = "{ name: b, limit: 0.1 USD, hold: worst_case, per: year }";
        let weir = weir_with(&upstream, budget).await;
        let asked = json!({"model": "claude-opus-4-8", "messages": [], "max_tokens": 1000,
            "speed": speed});
        let request = Request::json("/v1/messages", &asked);
        let response = weir.send(Way::BaseUrl, "anthropic", &request).await;
        assert_eq!(response.status(), status, "{speed}");
    }
}
