//! What is counted in a session, however its bytes come.

use super::{COST, CREATE, CREATED, done, response};
use crate::support::client::Way;
use crate::support::ledger::Row;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Transport, Upstream};
use crate::support::websocket::{
    Act, Client, asks, deflated, frame, handshake, says, upstream as web_socket,
};
use crate::support::weir::Weir;

const REALTIME: &str = "/v1/realtime?model=gpt-realtime";

fn close(mask: Option<[u8; 4]>) -> Vec<u8> {
    frame(0x88, &1000_u16.to_be_bytes(), mask)
}

/// The rows of a session and what it made: the session's own apart.
fn parted(calls: Vec<Row>) -> (Row, Vec<Row>) {
    let (mut sessions, parts): (Vec<Row>, Vec<Row>) = calls
        .into_iter()
        .partition(|call| call.text("operation") == Some("session"));
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    (sessions.remove(0), parts)
}

#[tokio::test]
async fn each_response_of_a_session_is_a_row_of_its_own() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::Either)] {
        for way in [Way::BaseUrl, Way::ConnectH1] {
            let heard = r#"{"type":"conversation.item.input_audio_transcription.completed","usage":{"type":"tokens","input_tokens":9,"input_token_details":{"audio_tokens":9},"output_tokens":3,"total_tokens":12}}"#;
            let limits = says(r#"{"type":"rate_limits.updated","rate_limits":[]}"#);
            let all = [
                says(CREATED),
                response("r1"),
                limits.clone(),
                response("r2"),
                says(heard),
                response("r3"),
                close(None),
            ]
            .concat();
            let script = vec![
                Act::Say(says(CREATED)),
                Act::Hear(1),
                Act::Spell(response("r1")),
                Act::Say(limits),
                Act::Hear(2),
                Act::Say([response("r2"), says(heard)].concat()),
                Act::Hear(1),
                Act::Say(response("r3")),
                Act::Hear(1),
                Act::Say(close(None)),
                Act::HangUp,
            ];
            let upstream = web_socket(transport, "", script).await;
            let weir = Weir::start(&Settings::to(&upstream)).await;
            let request = handshake(REALTIME).header("Authorization", "Bearer sk-test");
            let mut client = Client::open(&weir, way, request).await;
            assert_eq!(client.head.status(), 101);
            let ping = frame(0x89, b"", Some([1, 2, 3, 4]));
            let mut sent = Vec::new();
            let mut got = Vec::new();
            for (asked, until) in [
                (asks(CREATE), "rate_limits"),
                ([ping, asks(CREATE)].concat(), "transcription.completed"),
                (asks(CREATE), r#""r3","status""#),
            ] {
                for byte in asked.chunks(1) {
                    client.send(byte).await;
                }
                sent.extend(asked);
                for frame in client.until(until).await {
                    got.extend(frame.raw);
                }
            }
            client.send(&close(Some([9, 9, 9, 9]))).await;
            sent.extend(close(Some([9, 9, 9, 9])));
            got.extend(client.frame().await.raw);
            assert!(client.wire.ends_here().await);
            assert_eq!(got, all, "what the client got is what was said");
            upstream
                .eventually("the upstream heard all", |all| {
                    all[0].body.data.len() == sent.len()
                })
                .await;
            assert_eq!(upstream.only().body.data, sent);

            let (session, parts) = parted(weir.calls_eventually(5).await);
            assert_eq!(session.int("cost_picousd"), Some(0));
            assert_eq!(session.int("input_tokens"), None);
            assert_eq!(session.text("outcome"), Some("ok"));
            assert_eq!(session.text("usage_source"), Some("reported"));
            assert_eq!(session.int("response_bytes"), i64::try_from(all.len()).ok());
            let mut models: Vec<_> = parts.iter().map(|part| part.text("model")).collect();
            models.sort_unstable();
            let realtime = Some("gpt-realtime");
            let models_expected = [Some("gpt-4o-transcribe"), realtime, realtime, realtime];
            assert_eq!(models, models_expected);
            for part in parts.iter().filter(|part| part.text("model") == realtime) {
                assert_eq!(part.int("cost_picousd"), Some(COST), "{part:?}");
                assert_eq!(part.int("audio_output_tokens"), Some(15));
                assert_eq!(part.text("operation"), Some("realtime"));
                assert_eq!(part.text("key"), session.text("key"));
            }
            let metrics = weir.metrics().await;
            let cost = metrics.count("weir_cost_usd_total", &[("model", "gpt-realtime")]);
            assert!((cost - 0.003_504).abs() < 1e-9, "{cost}");
        }
    }
}

#[tokio::test]
async fn compressed_frames_are_read_and_left_as_they_are() {
    let said = frame(0xC1, &deflated(&done("r1")), None);
    let script = vec![
        Act::Say(frame(0xC1, &deflated(CREATED), None)),
        Act::Hear(1),
        Act::Spell(said.clone()),
    ];
    let extensions = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12";
    let upstream = web_socket(Transport::Plain, extensions, script).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let request =
        handshake("/v1/realtime").header("Sec-WebSocket-Extensions", "permessage-deflate");
    let mut client = Client::open(&weir, Way::BaseUrl, request).await;
    assert_eq!(
        client.head.get("sec-websocket-extensions"),
        Some(extensions)
    );
    client.frame().await;
    let asked = frame(0xC1, &deflated(CREATE), Some([5, 6, 7, 8]));
    client.send(&asked).await;
    assert_eq!(client.frame().await.raw, said);
    drop(client);
    let (session, parts) = parted(weir.calls_eventually(2).await);
    assert_eq!(session.text("outcome"), Some("ok"));
    assert_eq!(parts[0].int("cost_picousd"), Some(COST), "{parts:?}");
    assert_eq!(upstream.only().body.data, asked);
}

#[tokio::test]
async fn responses_over_a_web_socket_are_counted() {
    let completed = r#"{"type":"response.completed","response":{"id":"r1","model":"test-gpt","usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":40},"output_tokens":10,"total_tokens":110}}}"#;
    let script = vec![
        Act::Hear(1),
        Act::Say(says(
            r#"{"type":"response.created","response":{"id":"r1"}}"#,
        )),
        Act::Say(says(completed)),
    ];
    let upstream = web_socket(Transport::Plain, "", script).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = Client::open(&weir, Way::BaseUrl, handshake("/v1/responses")).await;
    let asked = r#"{"type":"response.create","model":"test-gpt","input":"Hello"}"#;
    client.send(&asks(asked)).await;
    client.until("completed").await;
    drop(client);
    let (_, parts) = parted(weir.calls_eventually(2).await);
    let part = &parts[0];
    assert_eq!(part.text("operation"), Some("responses"));
    assert_eq!(part.text("request_model"), Some("test-gpt"));
    assert_eq!(part.int("cache_read_tokens"), Some(40));
    // 60 at 2, 40 at 0.5 and 10 at 8 USD per million.
    assert_eq!(part.int("cost_picousd"), Some(220_000_000));
    assert_eq!(part.text("response_id"), Some("r1"));
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_carried_and_its_cost_is_unknown() {
    for (extensions, said) in [
        ("x-private", response("r1")),
        // A reserved opcode, then what would be a response.
        ("", [frame(0x83, b"?", None), response("r1")].concat()),
    ] {
        let script = vec![Act::Hear(1), Act::Say(said.clone())];
        let upstream = web_socket(Transport::Plain, extensions, script).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let mut client = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
        client.send(&frame(0x81, b"{}", Some([1; 4]))).await;
        let got = client
            .wire
            .read_exactly(said.len())
            .await
            .expect("all of it");
        assert_eq!(got, said);
        drop(client);
        let call = weir.only_call().await;
        assert_eq!(call.int("cost_picousd"), None);
        assert_eq!(call.text("usage_source"), Some("none"));
        let unmetered = weir.metrics().await.count("weir_unmetered_total", &[]);
        assert!((unmetered - 1.0).abs() < 1e-9, "{unmetered}");
    }
}

#[tokio::test]
async fn a_handshake_that_is_refused_is_answered_as_the_upstream_says() {
    let body = br#"{"error":{"code":"invalid_api_key"}}"#.to_vec();
    let reply = crate::support::upstream::Reply::json(body.clone()).status(401, "Unauthorized");
    let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    for _ in 0..2 {
        let response = client.send(&handshake(REALTIME)).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.body.data, body);
    }
    for call in weir.calls_eventually(2).await {
        assert_eq!(call.text("outcome"), Some("upstream_error"));
        assert_eq!(call.text("error_type"), Some("auth"));
        assert_eq!(call.int("cost_picousd"), Some(0));
    }
}
