//! boto3: Bedrock by HTTPS_PROXY, the one way that its signatures allow.

use serde_json::{Value, json};

use super::driver::{Mode, drive, python};
use super::sha256;
use crate::support::event_stream::{converse_stream, converse_usage};
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

const MODEL: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
/// (3 × 1.10 + 9511 × 0.11 + 1956 × 1.375 + 44 × 5.50) / 10⁶ USD
const COST: i64 = 3_981_010_000;

pub(super) fn scripted(received: &Received) -> Reply {
    if received.head.target().ends_with("/converse-stream") {
        return Reply::ok(converse_stream())
            .header("Content-Type", "application/vnd.amazon.eventstream");
    }
    let message = json!({"role": "assistant", "content": [{"text": "A heron."}]});
    Reply::json(
        json!({"metrics": {"latencyMs": 1}, "output": {"message": message},
            "stopReason": "end_turn", "usage": converse_usage()})
        .to_string(),
    )
}

async fn weir_to(upstream: &Upstream, more: &str) -> Weir {
    let yaml = format!(
        "listen: 127.0.0.1:0\nadmin:\n  listen: 127.0.0.1:0\ndata_dir: ./weir-data\nproviders:\n  bedrock: {{ upstream: '{}' }}\n{more}",
        upstream.url()
    );
    Weir::start_with_yaml(&yaml).await
}

#[tokio::test]
async fn boto3_sees_the_bytes_and_the_ledger_sees_its_calls() {
    if python().is_none() {
        return;
    }
    let upstream = Upstream::answering(Transport::Plain, scripted).await;
    let weir = weir_to(&upstream, "").await;
    let cases = ["plain", "stream"];
    let seen = drive(&weir, "bedrock", Mode::Proxy, MODEL, &cases).await;
    let calls = weir.calls_eventually(cases.len()).await;
    let received = upstream.received();
    assert_eq!(received.len(), cases.len());
    for ((seen, call), received) in seen.iter().zip(&calls).zip(&received) {
        assert_eq!(seen["exception"], Value::Null, "{seen}");
        assert_eq!(seen["attempts"], 1, "{seen}");
        assert_eq!(seen["text"], "A heron.", "{seen}");
        assert_eq!(seen["usage"], converse_usage(), "{seen}");
        assert_eq!(seen["request_sha256"], sha256(&received.body.data));
        assert_eq!(seen["response_sha256"], sha256(&scripted(received).body()));
        let signature = received.head.get("authorization").expect("a signature");
        assert!(signature.starts_with("AWS4-HMAC-SHA256 "), "{signature}");
        assert!(call.text("key").is_some(), "{call:?}");
        assert_eq!(call.text("provider"), Some("bedrock"));
        assert_eq!(call.text("dialect"), Some("bedrock.converse"));
        assert_eq!(call.text("request_model"), Some(MODEL));
        assert_eq!(call.text("usage_source"), Some("reported"));
        assert_eq!(call.text("outcome"), Some("ok"));
        assert_eq!(call.int("input_tokens"), Some(11_470));
        assert_eq!(call.int("output_tokens"), Some(44));
        assert_eq!(call.int("cost_picousd"), Some(COST));
    }
    let streamed: Vec<_> = calls.iter().map(|call| call.int("streamed")).collect();
    assert_eq!(streamed, [Some(0), Some(1)]);
}
