//! Bodies of the sizes that proxies get wrong, in both framings, by every way in, to every kind of upstream.

use super::{assert_same_bytes, noise};
use crate::support::canned;
use crate::support::client::{Payload, Request, Way};
use crate::support::coding::Coding;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// Nothing, one byte, Pingora's replay buffer and one more, and far beyond it.
const SIZES: [usize; 5] = [0, 1, 65_536, 65_537, 3_000_000];

/// Pieces of uneven sizes.
fn pieces(data: &[u8]) -> Vec<Vec<u8>> {
    let (first, rest) = data.split_at(data.len() / 3);
    let mut pieces = vec![first.to_vec()];
    pieces.extend(rest.chunks(40_001).map(<[u8]>::to_vec));
    pieces
}

/// Answers the request's body backwards, in the request's framing.
fn backwards(received: &Received) -> Reply {
    let body: Vec<u8> = received.body.data.iter().rev().copied().collect();
    match received.head.get("content-length") {
        Some(_) => Reply::ok(body),
        None => Reply::chunked(pieces(&body)),
    }
}

async fn passes_bodies_of_every_size(transport: Transport) {
    let upstream = Upstream::answering(transport, backwards).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut exchanges = 0;
    for way in Way::ALL {
        for size in SIZES {
            let data = noise(size);
            for payload in [
                Payload::Length(data.clone()),
                Payload::Chunked(pieces(&data)),
            ] {
                let what = format!("{size} bytes by {way:?}, {}", framing(&payload));
                let request = Request {
                    payload,
                    ..Request::post("/v1/chat/completions", "")
                };
                let response = weir.send(way, "openai", &request).await;
                let received = upstream
                    .received()
                    .pop()
                    .expect("the request reaches the upstream");
                assert_eq!(response.status(), 200, "{what}");
                assert_same_bytes(&format!("request, {what}"), &received.body.data, &data);
                let expected: Vec<u8> = data.iter().rev().copied().collect();
                assert!(response.body.complete, "{what}");
                assert_same_bytes(&format!("response, {what}"), &response.body.data, &expected);
                exchanges += 1;
            }
        }
    }
    assert_eq!(
        upstream.received().len(),
        exchanges,
        "no request reaches the upstream twice"
    );
    let calls = weir.calls_eventually(exchanges).await;
    let bytes = |column| {
        calls
            .iter()
            .filter_map(|call| call.int(column))
            .sum::<i64>()
    };
    let sent = i64::try_from(SIZES.iter().sum::<usize>() * 2 * Way::ALL.len()).expect("it fits");
    assert_eq!(bytes("request_bytes"), sent);
    assert_eq!(bytes("response_bytes"), sent);
}

fn framing(payload: &Payload) -> &'static str {
    match payload {
        Payload::Chunked(_) => "chunked",
        _ => "with a length",
    }
}

#[tokio::test]
async fn bodies_pass_unchanged_to_a_plain_upstream() {
    passes_bodies_of_every_size(Transport::Plain).await;
}

#[tokio::test]
async fn bodies_pass_unchanged_to_an_h1_upstream_in_tls() {
    passes_bodies_of_every_size(Transport::Tls(Alpn::H1)).await;
}

#[tokio::test]
async fn bodies_pass_unchanged_to_an_h2_upstream() {
    passes_bodies_of_every_size(Transport::Tls(Alpn::H2)).await;
}

#[tokio::test]
async fn large_json_bodies_pass_a_money_budget_unchanged() {
    let budget = "budgets:\n  - { name: roomy, limit: 1000 USD, per: day, hold: worst_case }";
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, backwards).await;
        let weir = Weir::start(&Settings::to(&upstream).and(budget)).await;
        for size in [60_000, 65_536, 65_537, 3_000_000] {
            // The model stands behind the prompt, where a prefix of the body does not show it.
            let tail = r#""}],"max_tokens":5,"model":"test-gpt"}"#;
            let mut data = br#"{"messages":[{"role":"user","content":""#.to_vec();
            data.resize(size - tail.len(), b'x');
            data.extend_from_slice(tail.as_bytes());
            for payload in [
                Payload::Length(data.clone()),
                Payload::Chunked(pieces(&data)),
            ] {
                let what = format!("{size} bytes, {}, {transport:?}", framing(&payload));
                let request = Request {
                    payload,
                    ..Request::post("/v1/chat/completions", "")
                };
                let response = weir.send(Way::BaseUrl, "openai", &request).await;
                assert_eq!(response.status(), 200, "{what}");
                let received = upstream
                    .received()
                    .pop()
                    .expect("the request reaches the upstream");
                assert_same_bytes(&what, &received.body.data, &data);
                assert_eq!(response.body.data.len(), data.len(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn every_coding_passes_as_it_was_sent() {
    let plain = canned::openai_chat();
    let upstream = Upstream::answering(Transport::Plain, move |received| {
        let named = |coding: &&Coding| coding.name() == received.head.get("x-coding");
        let coding = Coding::ALL.iter().find(named).expect("a coding");
        let name = coding.name().unwrap_or("identity");
        let body = coding.encode(received.body.data.as_slice());
        Reply::json(body).header("Content-Encoding", name)
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for way in Way::ALL {
        for coding in Coding::ALL {
            let mut request = Request::post(plain.path, plain.answer.clone());
            if let Some(name) = coding.name() {
                request = request.header("X-Coding", name);
            }
            let response = weir.send(way, "openai", &request).await;
            let expected = coding.encode(plain.answer.as_bytes());
            let name = coding.name().unwrap_or("identity");
            assert_eq!(response.head.get("content-encoding"), Some(name), "{way:?}");
            let length = expected.len().to_string();
            assert_eq!(
                response.head.get("content-length"),
                Some(length.as_str()),
                "{way:?}"
            );
            assert_same_bytes(
                &format!("{coding:?} by {way:?}"),
                &response.body.data,
                &expected,
            );
        }
    }
}
