//! A budget without room sends calls to another model, and changes nothing else of them.

use crate::support::canned;
use crate::support::client::{Payload, Request, Way};
use crate::support::ledger::Row;
use crate::support::settings::Settings;
use crate::support::upstream::{Received, Transport, Upstream};
use crate::support::weir::Weir;

/// The first call passes, each after it is sent to another model.
const AFTER_ONE: &str = "{ name: team, limit: 1 requests, per: total, action: { downgrade: \
    { test-gpt: test-gpt-mini, test-gemini: test-gemini-lite, \"claude-*\": claude-haiku } } }";

const PRICES: &str = "  - { provider: openai, model: test-gpt-mini, input: 0.20, output: 0.80 }";

async fn spent(upstream: &Upstream) -> Weir {
    let settings = Settings::to(upstream)
        .and(PRICES)
        .and(&format!("budgets:\n  - {AFTER_ONE}"));
    let weir = Weir::start(&settings).await;
    let first = weir
        .send(Way::BaseUrl, "openai", &canned::openai_chat().request())
        .await;
    assert_eq!(first.status(), 200);
    assert_eq!(first.head.get("x-weir-model"), None, "there was room");
    weir
}

async fn answering(transport: Transport) -> Upstream {
    Upstream::answering(transport, |received| {
        let streams = received
            .body
            .data
            .windows(13)
            .any(|at| at == b"\"stream\":true");
        match streams {
            true => canned::openai_chat_stream().reply(),
            false => canned::openai_chat().reply(),
        }
    })
    .await
}

/// A chat whose model stands in the middle and is written twice, once with an escape; of about so many bytes.
fn body(model: [&str; 2], size: usize, streamed: bool) -> Vec<u8> {
    let text = "heron \\\"model\\\": ".repeat(size / 17);
    format!(
        "{{ \"messages\":[{{\"role\":\"user\",\"model\":\"test-gpt\",\"content\":\"{text}\"}}],\n\
         \t\"model\" : {} ,\"stream\":{streamed},\"mod\\u0065l\":{} , \"max_tokens\":10}}\r\n",
        model[0], model[1]
    )
    .into_bytes()
}

const ASKED: [&str; 2] = ["\"test\\u002Dgpt\"", "\"test-gpt\""];
const SENT: [&str; 2] = ["\"test-gpt-mini\"", "\"test-gpt-mini\""];

fn post(payload: Payload) -> Request {
    Request {
        payload,
        ..Request::post("/v1/chat/completions", "").header("Content-Type", "application/json")
    }
}

fn last(upstream: &Upstream) -> Received {
    upstream.received().pop().expect("it was asked")
}

fn is_downgraded(call: &Row) {
    assert_eq!(call.text("request_model"), Some("test-gpt"));
    assert_eq!(call.text("sent_model"), Some("test-gpt-mini"));
    assert_eq!(call.text("outcome"), Some("ok"));
}

#[tokio::test]
async fn only_the_model_changes_at_any_size_framing_and_protocol() {
    for transport in Transport::ALL {
        let upstream = answering(transport).await;
        let weir = spent(&upstream).await;
        let mut calls = 1;
        for (size, streamed) in [
            (10, false),
            (60_000, true),
            (70_000, false),
            (300_000, true),
        ] {
            let expected = body(SENT, size, streamed);
            let asked = body(ASKED, size, streamed);
            let pieces: Vec<Vec<u8>> = asked.chunks(7_001).map(<[u8]>::to_vec).collect();
            for (payload, way) in [
                (Payload::Length(asked.clone()), Way::BaseUrl),
                (Payload::Length(asked), Way::ConnectH2),
                (Payload::Chunked(pieces.clone()), Way::ConnectH1),
                (Payload::Chunked(pieces), Way::ConnectH2),
            ] {
                let case = format!(
                    "{transport:?} {size} {way:?} {}",
                    matches!(payload, Payload::Length(_))
                );
                let response = weir.send(way, "openai", &post(payload)).await;
                assert_eq!(response.status(), 200, "{case}");
                assert_eq!(
                    response.head.get("x-weir-model"),
                    Some("test-gpt-mini"),
                    "{case}"
                );
                assert_eq!(response.head.get("x-weir-budget"), Some("team"), "{case}");
                let received = last(&upstream);
                assert!(received.body.complete, "{case}");
                assert!(received.body.data == expected, "{case}");
                if let Some(length) = received.head.get("content-length") {
                    assert_eq!(length, expected.len().to_string(), "{case}");
                }
                calls += 1;
            }
        }
        let rows = weir.calls_eventually(calls).await;
        rows[1..].iter().for_each(is_downgraded);
        assert_eq!(upstream.received().len(), calls);
        let metrics = weir.metrics().await;
        let downgrades = metrics.count("weir_downgrades_total", &[("budget", "team")]);
        assert!(
            (downgrades - (calls - 1) as f64).abs() < 0.5,
            "{downgrades}"
        );
    }
}
