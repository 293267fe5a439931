//! The official SDKs against the running proxy: what they see, what is on record, how a refusal reaches them.

mod bedrock;
mod keys;
mod realtime;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::canned::{self, Canned};
use crate::support::coding::Coding;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// Fails where an SDK is missing; loads none of them, for that takes seconds.
const HAS_SDKS: &str = "
from importlib.util import find_spec
import sys
sdks = ('openai', 'anthropic', 'google.genai', 'websockets', 'boto3')
sys.exit(not all(map(find_spec, sdks)))
";

/// The interpreter that has the pinned SDKs; `None` where nobody installed them.
fn python() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let python = std::env::var_os("WEIR_PYTHON").map_or(beside, PathBuf::from);
    let has_sdks = Command::new(&python)
        .args(["-c", HAS_SDKS])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_sdks {
        eprintln!(
            "left out: {} has no SDKs; `make test` installs them",
            python.display()
        );
    }
    has_sdks.then_some(python)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    BaseUrl,
    Proxy,
}

/// Runs the driver and returns its line for each case.
async fn drive(
    python: &Path,
    weir: &Weir,
    sdk: &str,
    mode: Mode,
    model: &str,
    cases: &[&str],
) -> Vec<Value> {
    let mut command = Command::new(python);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/drive.py"))
        .arg(sdk);
    match mode {
        Mode::BaseUrl => {
            command.args([
                "--mode",
                "base-url",
                "--base",
                &format!("http://{}", weir.proxy),
            ]);
        }
        Mode::Proxy => {
            command.args([
                "--mode",
                "proxy",
                "--proxy",
                &format!("http://{}", weir.proxy),
            ]);
            command
                .arg("--ca-bundle")
                .arg(weir.data_dir().join("ca.pem"));
        }
    }
    command.args(["--model", model]);
    for case in cases {
        command.args(["--case", case]);
    }
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("no panic").expect("the driver can be run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sdk} {mode:?}: {errors}");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    assert_eq!(lines.len(), cases.len(), "{text}");
    lines
}

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
async fn an_sdk_sees_and_is_seen(sdk: &str, model: &str, cases: &[&str]) {
    let Some(python) = python() else { return };
    for (transport, mode) in [
        (Transport::Plain, Mode::BaseUrl),
        (Transport::Tls(Alpn::H2), Mode::Proxy),
    ] {
        let upstream = Upstream::answering(transport, scripted).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let seen = drive(&python, &weir, sdk, mode, model, cases).await;
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

/// A refusal raises the SDK's rate-limit error after one attempt, by both ways in.
async fn an_sdk_gives_up_at_once(sdk: &str, model: &str) {
    let Some(python) = python() else { return };
    let budget =
        "budgets:\n  - { name: spent, limit: 0.000000001 USD, per: month, hold: worst_case }";
    for mode in [Mode::BaseUrl, Mode::Proxy] {
        let upstream = Upstream::answering(Transport::Plain, scripted).await;
        let weir = Weir::start(&Settings::to(&upstream).and(budget)).await;
        let cases = ["refusal", "refusal-stream"];
        for seen in drive(&python, &weir, sdk, mode, model, &cases).await {
            assert_eq!(seen["is_rate_limit"], true, "{sdk} {mode:?}: {seen}");
            assert_eq!(seen["attempts"], 1, "{sdk} {mode:?}: {seen}");
            assert_eq!(seen["status"], 429, "{sdk} {mode:?}: {seen}");
            let told = seen["message"].as_str();
            assert!(
                told.is_some_and(|text| text.contains("spent")),
                "{sdk} {mode:?}: {seen}"
            );
        }
        assert_eq!(upstream.received().len(), 0);
        assert_eq!(
            weir.calls_eventually(cases.len()).await[0].text("outcome"),
            Some("refused")
        );
    }
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

#[tokio::test]
async fn a_refusal_is_the_openai_sdks_rate_limit_error_after_one_attempt() {
    an_sdk_gives_up_at_once("openai", "test-gpt").await;
}

#[tokio::test]
async fn a_refusal_is_the_anthropic_sdks_rate_limit_error_after_one_attempt() {
    an_sdk_gives_up_at_once("anthropic", "test-claude").await;
}

#[tokio::test]
async fn a_refusal_is_the_gemini_sdks_rate_limit_error_after_one_attempt() {
    an_sdk_gives_up_at_once("gemini", "test-gemini").await;
}
