//! Money for what is charged by the piece is held before it is made.

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
