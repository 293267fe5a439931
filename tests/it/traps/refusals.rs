//! Refusing a request whose body is large: the answer comes, and no byte of the body goes on.

use std::io;

use crate::support::client::{Payload, Request, Response, Way};
use crate::support::patience::within;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// Too little for any call whose output may cost 100 × 8.00 / 10⁶ USD.
const TIGHT: &str =
    "budgets:\n  - { name: tight, limit: 0.0000001 USD, per: day, hold: worst_case }";

fn body(size: usize) -> Vec<u8> {
    let tail = r#""}],"max_tokens":100,"model":"test-gpt"}"#;
    let mut data = br#"{"messages":[{"role":"user","content":""#.to_vec();
    data.resize(size - tail.len(), b'x');
    data.extend_from_slice(tail.as_bytes());
    data
}

/// Sends a request whose body may be cut short by its answer.
async fn send(weir: &Weir, way: Way, request: &Request) -> Response {
    if way == Way::ConnectH2 {
        return weir.send(way, "openai", request).await;
    }
    let mut client = weir.h1(way, "openai").await;
    client.start_head(request).await;
    let sent: io::Result<()> = client.wire.write(&request.body_bytes()).await;
    match sent {
        Ok(()) => {}
        Err(error) => assert!(
            matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
            ),
            "{error}"
        ),
    }
    client.finish("POST").await
}

#[tokio::test]
async fn a_refused_body_of_any_size_gets_its_429_and_goes_nowhere() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, |_| Reply::ok("{}")).await;
        let weir = Weir::start(&Settings::to(&upstream).and(TIGHT)).await;
        let mut refused = 0;
        for size in [1_000, 65_536, 65_537, 3_000_000] {
            let data = body(size);
            let pieces: Vec<Vec<u8>> = data.chunks(50_000).map(<[u8]>::to_vec).collect();
            for payload in [
                Payload::Length(data.clone()),
                Payload::Chunked(pieces.clone()),
            ] {
                for way in Way::ALL {
                    let what = format!("{size} bytes by {way:?} to {transport:?}");
                    let request = Request {
                        payload: payload.clone(),
                        ..Request::post("/v1/chat/completions", "")
                    };
                    let response = within(&what, send(&weir, way, &request)).await;
                    assert_eq!(response.status(), 429, "{what}");
                    assert!(response.body.complete, "{what}");
                    assert_eq!(response.head.get("x-weir-budget"), Some("tight"), "{what}");
                    refused += 1;
                }
            }
        }
        for received in upstream.received() {
            assert!(
                received.body.data.is_empty(),
                "no byte of a refused body goes upstream"
            );
            assert!(
                !received.body.complete,
                "a refused request is never completed"
            );
        }
        let calls = weir.calls_eventually(refused).await;
        for call in calls {
            assert_eq!(call.text("outcome"), Some("refused"));
            assert_eq!(call.int("cost_picousd"), Some(0));
            assert_eq!(call.int("http_status"), Some(429));
        }
    }
}

#[tokio::test]
async fn an_h2_client_goes_on_after_a_refusal() {
    let upstream = Upstream::answering(Transport::Tls(Alpn::H2), |_| Reply::ok("free")).await;
    let weir = Weir::start(&Settings::to(&upstream).and(TIGHT)).await;
    let mut client = weir.h2("openai").await;
    let pieces: Vec<Vec<u8>> = body(200_000).chunks(50_000).map(<[u8]>::to_vec).collect();
    let refused = Request {
        payload: Payload::Chunked(pieces),
        ..Request::post("/v1/chat/completions", "")
    };
    assert_eq!(client.send(&refused).await.status(), 429);
    let response = client.send(&Request::get("/v1/models")).await;
    assert_eq!(
        response.body.data, b"free",
        "a call that costs nothing passes"
    );
}

#[tokio::test]
async fn an_h1_client_goes_on_after_a_refusal_of_a_small_body() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("free")).await;
    let weir = Weir::start(&Settings::to(&upstream).and(TIGHT)).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    for _ in 0..2 {
        let refused = client
            .send(&Request::post("/v1/chat/completions", body(1_000)))
            .await;
        assert_eq!(refused.status(), 429);
        assert!(refused.body.complete);
    }
    assert_eq!(
        upstream.connections(),
        0,
        "a small body is judged before the upstream is contacted"
    );
    let response = client.send(&Request::get("/v1/models")).await;
    assert_eq!(response.body.data, b"free");
}
