//! The official SDKs against the running proxy: what they see, what is on record, how a refusal reaches them.

mod bedrock;
mod driver;
mod keys;
mod matrix;
mod questions;
mod realtime;

use serde_json::Value;

use self::driver::{Mode, drive, python};
use crate::support::canned::{self, Canned};
use crate::support::coding::Coding;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// The canned exchange that a request of an SDK fits, by its path and its body.
fn fitting(received: &Received) -> Canned {
    let target = received.head.target();
    let body: Value = serde_json::from_slice(&received.body.data).unwrap_or_default();
    let streamed = body["stream"] == true;
    match (target, streamed) {
        (path, _) if path.contains(":streamGenerateContent") => canned::gemini_stream(),
        (path, _) if path.contains(":generateContent") => canned::gemini(),
        ("/v1/chat/completions", true) if body["stream_options"]["include_usage"] == true => {
            canned::openai_chat_stream()
        }
        ("/v1/chat/completions", true) => canned::openai_chat_stream_without_usage(),
        ("/v1/chat/completions", false) => canned::openai_chat(),
        ("/v1/responses", false) => canned::openai_responses(),
        ("/v1/responses", true) => canned::openai_responses_stream(),
        ("/v1/embeddings", _) => canned::openai_embeddings(),
        (path, true) if path.starts_with("/v1/messages") => canned::anthropic_stream(),
        (path, false) if path.starts_with("/v1/messages") => canned::anthropic(),
        ("/openai/v1/chat/completions", false) => canned::openai_chat(),
        ("/openai/v1/chat/completions", true) => canned::openai_chat_stream(),
        _ => panic!("no canned answer for {target}"),
    }
}

/// Answers as the provider would, compressed where the SDK takes it.
fn scripted(received: &Received) -> Reply {
    let canned = fitting(received);
    let accepts = received
        .head
        .get("accept-encoding")
        .unwrap_or_default()
        .to_owned();
    let reply = canned.reply();
    if accepts.contains("gzip") && canned.content_type.starts_with("application/json") {
        let coded = Coding::Gzip.encode(canned.answer.as_bytes());
        return Reply::json(coded).header("Content-Encoding", "gzip");
    }
    reply
}

/// Drives one SDK through both ways in and holds what it saw against the ledger and the metric.
async fn an_sdk_sees_and_is_seen(sdk: &'static str, model: &str, cases: &[&str]) {
    if python().is_none() {
        return;
    }
    for (transport, mode) in [
        (Transport::Plain, Mode::BaseUrl),
        (Transport::Tls(Alpn::H2), Mode::Proxy),
    ] {
        let upstream = Upstream::answering(transport, scripted).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let seen = drive(&weir, sdk, mode, model, cases).await;
        let calls = weir.calls_eventually(cases.len()).await;
        let received = upstream.received();
        assert_eq!(received.len(), cases.len());
        for (((seen, call), received), case) in seen.iter().zip(&calls).zip(&received).zip(cases) {
            let what = format!("{sdk} {case} {mode:?}: {seen}");
            let canned = fitting(received);
            assert_eq!(seen["exception"], Value::Null, "{what}");
            assert_eq!(seen["attempts"], 1, "{what}");
            assert_eq!(
                seen["request_sha256"],
                sha256(&received.body.data),
                "{what}"
            );
            assert_eq!(
                seen["response_sha256"],
                sha256(&scripted(received).body()),
                "{what}"
            );
            if let Some(text) = seen["text"].as_str() {
                assert!(text.contains("heron"), "{what}");
            }
            assert_eq!(call.text("model"), Some(canned.model), "{what}");
            assert_eq!(call.text("outcome"), Some("ok"), "{what}");
            if *case == "stream" && sdk == "openai" {
                assert_eq!(call.text("usage_source"), Some("estimated"), "{what}");
                assert!(call.int("output_tokens") > Some(0), "{what}");
            } else {
                assert_eq!(call.text("usage_source"), Some("reported"), "{what}");
                assert_eq!(call.int("input_tokens"), Some(canned.input), "{what}");
                assert_eq!(
                    call.int("cost_picousd"),
                    Some(canned.cost_picousd),
                    "{what}"
                );
            }
        }
        let sum: i64 = calls
            .iter()
            .filter_map(|call| call.int("cost_picousd"))
            .sum();
        let metric = weir
            .metrics()
            .await
            .count("weir_cost_usd_total", &[("provider", sdk)])
            * 1e12;
        #[expect(clippy::cast_precision_loss, reason = "the sum is small")]
        let difference = (metric - sum as f64).abs();
        assert!(
            difference < 0.5,
            "the metric says {metric}, the ledger {sum}"
        );
    }
}

/// SHA-256 in hex, as the driver prints it.
fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[tokio::test]
async fn the_openai_sdk_sees_the_bytes_and_the_ledger_sees_its_calls() {
    an_sdk_sees_and_is_seen(
        "openai",
        "test-gpt",
        &[
            "plain",
            "stream",
            "stream-usage",
            "responses",
            "responses-stream",
        ],
    )
    .await;
    an_sdk_sees_and_is_seen("openai", "test-embed", &["embeddings"]).await;
}

#[tokio::test]
async fn the_anthropic_sdk_sees_the_bytes_and_the_ledger_sees_its_calls() {
    an_sdk_sees_and_is_seen("anthropic", "test-claude", &["plain", "stream"]).await;
}

#[tokio::test]
async fn the_gemini_sdk_sees_the_bytes_and_the_ledger_sees_its_calls() {
    an_sdk_sees_and_is_seen("gemini", "test-gemini", &["plain", "stream"]).await;
}
