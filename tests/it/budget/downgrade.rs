//! A budget without room sends calls to another model, and changes nothing else of them.

use serde_json::json;

use super::weir_with;
use crate::support::canned;
use crate::support::client::{Payload, Request, Way};
use crate::support::coding::Coding;
use crate::support::ledger::Row;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Received, Transport, Upstream};
use crate::support::websocket::{self, Act, Client, handshake};
use crate::support::weir::Weir;
use crate::traps::retries::dies_when_reused;

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

#[tokio::test]
async fn a_model_in_the_path_is_replaced_there() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
        let upstream = Upstream::answering(transport, |_| canned::gemini().reply()).await;
        let weir = spent(&upstream).await;
        let path = "/v1beta/models/test-gemini:generateContent?key=a%2Fb";
        // From the head alone: the size of the body does not matter.
        for size in [10, 100_000] {
            let body =
                format!("{{\"contents\":[],\"model\":\"{}\"}}", "x".repeat(size)).into_bytes();
            let response = weir
                .send(Way::ConnectH1, "gemini", &Request::post(path, body.clone()))
                .await;
            assert_eq!(response.status(), 200, "{transport:?} {size}");
            assert_eq!(response.head.get("x-weir-model"), Some("test-gemini-lite"));
            let received = last(&upstream);
            let expected = "/v1beta/models/test-gemini-lite:generateContent?key=a%2Fb";
            assert_eq!(received.head.target(), expected);
            assert!(received.body.data == body, "{transport:?} {size}");
        }
        let calls = weir.calls_eventually(3).await;
        assert_eq!(calls[1].text("request_model"), Some("test-gemini"));
        assert_eq!(calls[1].text("sent_model"), Some("test-gemini-lite"));
    }
}

#[tokio::test]
async fn a_forms_model_is_replaced_and_its_file_is_not_touched() {
    let upstream = answering(Transport::Plain).await;
    let weir = spent(&upstream).await;
    let form = |model: &str| {
        let file = "model\r\n--b\r\0".repeat(9_000);
        format!(
            "--bb\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{file}\r\n\
             --bb\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--bb--\r\n"
        )
    };
    let request = Request::post("/v1/audio/transcriptions", form("test-gpt"))
        .header("Content-Type", "multipart/form-data; boundary=bb");
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.status(), 200);
    assert!(last(&upstream).body.data == form("test-gpt-mini").as_bytes());
}

#[tokio::test]
async fn what_cannot_be_sent_elsewhere_is_refused_and_says_why() {
    let upstream = answering(Transport::Plain).await;
    let weir = spent(&upstream).await;
    let chat = canned::openai_chat().request();
    let compressed = Coding::Gzip.encode(&chat.payload.data());
    let compressed = Request::post("/v1/chat/completions", compressed);
    let compressed = compressed.header("Content-Encoding", "gzip");
    let unnamed = Request::json("/v1/chat/completions", &json!({"model": "test-other"}));
    let open = Request::post("/v1/chat/completions", "{\"model\":\"test-gpt\"");
    for (request, why) in [
        (compressed, Some("compressed")),
        (
            chat.clone()
                .header("Authorization", "AWS4-HMAC-SHA256 Credential=a"),
            Some("signed"),
        ),
        (
            chat.clone().header("Content-Digest", "sha-256=:a:"),
            Some("signed"),
        ),
        (unnamed, None),
        (open, Some("place of its model")),
    ] {
        let response = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(response.status(), 429, "{why:?}");
        assert_eq!(response.head.get("x-weir-model"), None);
        let body = response.json();
        let message = body["error"]["message"].as_str().expect("a message");
        match why {
            Some(why) => {
                let (_, told) = message
                    .split_once("; it is not sent to test-gpt-mini instead, since ")
                    .expect("a reason");
                assert!(told.contains(why), "{message}");
            }
            None => assert!(!message.contains("instead"), "{message}"),
        }
    }
    let calls = weir.calls_eventually(6).await;
    for call in &calls[1..] {
        assert_eq!(call.text("outcome"), Some("refused"));
        assert_eq!(call.text("sent_model"), None);
    }
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn a_second_no_is_final() {
    let upstream = answering(Transport::Plain).await;
    let budgets = format!("{AFTER_ONE}\n  - {{ name: rule, models: {{ deny: test-gpt-mini }} }}");
    let weir = weir_with(&upstream, &budgets).await;
    let request = canned::openai_chat().request();
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &request).await.status(),
        200
    );
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.status(), 403);
    assert_eq!(response.head.get("x-weir-budget"), Some("rule"));
    let calls = weir.calls_eventually(2).await;
    assert_eq!(calls[1].text("sent_model"), None);
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("weir_downgrades_total", &[]), None);
}

#[tokio::test]
async fn a_downgraded_body_is_what_a_dead_connection_makes_weir_send_again() {
    let asked = body(ASKED, 10, false);
    let pieces = asked.chunks(7).map(<[u8]>::to_vec).collect();
    for payload in [Payload::Length(asked.clone()), Payload::Chunked(pieces)] {
        let upstream = dies_when_reused().await;
        let weir = spent(&upstream).await;
        let mut sent = 0;
        while !upstream.received().iter().any(|one| one.cut) {
            let response = weir
                .send(Way::BaseUrl, "openai", &post(payload.clone()))
                .await;
            assert_eq!(response.status(), 200);
            sent += 1;
            assert!(sent < 20, "connections are never reused");
        }
        let received = upstream.received();
        assert_eq!(received.len(), sent + 2, "one was repeated");
        let expected = body(SENT, 10, false);
        assert!(received[1..].iter().all(|one| one.body.data == expected));
    }
}

#[tokio::test]
async fn a_sessions_model_is_replaced_in_its_query() {
    let upstream = websocket::upstream(Transport::Plain, "", vec![Act::Hear(1)]).await;
    let budget = "{ name: none, limit: 1 requests, per: total, \
        action: { downgrade: { gpt-realtime: gpt-realtime-mini } } }";
    let weir = weir_with(&upstream, budget).await;
    for (expected, told) in [
        ("gpt-realtime", None),
        ("gpt-realtime-mini", Some("gpt-realtime-mini")),
    ] {
        let request = handshake("/v1/realtime?a=1&model=gpt-realtime");
        let client = Client::open(&weir, Way::BaseUrl, request).await;
        assert_eq!(client.head.status(), 101);
        assert_eq!(client.head.get("x-weir-model"), told);
        let target = format!("/v1/realtime?a=1&model={expected}");
        assert_eq!(last(&upstream).head.target(), target);
    }
    drop(weir);
}
