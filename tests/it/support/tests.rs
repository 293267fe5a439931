//! The support itself: the client against the upstream, with no weir between.

use super::canned;
use super::client::{H1, H2, Payload, Request};
use super::coding::Coding;
use super::gate::Gate;
use super::message::Head;
use super::metrics::Metrics;
use super::tls::{self, Alpn};
use super::upstream::{Reply, Step, Transport, Upstream};
use super::wire::Wire;

async fn direct_h1(upstream: &Upstream) -> H1 {
    let mut wire = Wire::dial(upstream.address).await;
    if upstream.transport == Transport::Tls(Alpn::H1) {
        let roots = tls::upstream_roots();
        wire = super::client::secure(wire, "127.0.0.1", roots, Alpn::H1).await;
    }
    H1 {
        wire,
        prefix: String::new(),
        host: upstream.address.to_string(),
    }
}

async fn direct_h2(upstream: &Upstream) -> H2 {
    let wire = Wire::dial(upstream.address).await;
    let wire = super::client::secure(wire, "127.0.0.1", tls::upstream_roots(), Alpn::H2).await;
    H2::over(wire.into_io().0, "127.0.0.1").await
}

#[tokio::test]
async fn client_and_upstream_agree_on_every_byte() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, |received| {
            Reply::chunked([received.body.data.clone(), b"tail".to_vec()])
                .header("X-Odd", "a\u{e9}")
        })
        .await;
        for payload in [
            Payload::None,
            Payload::Length(vec![7; 70_000]),
            Payload::Chunked(vec![b"one".to_vec(), b"two".to_vec()]),
        ] {
            let request = Request {
                payload: payload.clone(),
                ..Request::post("/p?q=%2F", "")
            };
            let response = match transport {
                Transport::Tls(Alpn::H2) => direct_h2(&upstream).await.send(&request).await,
                _ => direct_h1(&upstream).await.send(&request).await,
            };
            let mut expected = payload.data();
            expected.extend_from_slice(b"tail");
            assert!(response.body.complete);
            assert_eq!(response.body.data, expected, "{transport:?}");
            assert_eq!(response.head.get("x-odd"), Some("a\u{e9}"));
        }
        let received = upstream.received();
        assert_eq!(received.len(), 3);
        assert!(
            received
                .iter()
                .all(|one| one.head.target() == "/p?q=%2F" && one.body.complete)
        );
    }
}

#[tokio::test]
async fn an_upstream_pauses_at_a_gate_and_notices_a_client_that_leaves() {
    let gate = Gate::shut();
    let script = {
        let gate = gate.clone();
        move |_: &_| {
            let (first, second) = (
                Step::Send(b"first".to_vec()),
                Step::Send(b"second".to_vec()),
            );
            Reply::steps([first, Step::Wait(gate.clone()), second])
        }
    };
    let upstream = Upstream::answering(Transport::Plain, script).await;

    let mut leaves = direct_h1(&upstream).await;
    leaves.start(&Request::get("/")).await;
    leaves.head().await;
    assert_eq!(
        leaves.wire.read_chunk().await.as_deref(),
        Some(&b"first"[..])
    );
    drop(leaves);
    upstream
        .eventually("the upstream is cut off", |received| received[0].cut)
        .await;

    let mut stays = direct_h1(&upstream).await;
    stays.start(&Request::get("/")).await;
    stays.head().await;
    gate.open();
    assert_eq!(
        stays.wire.read_chunk().await.as_deref(),
        Some(&b"first"[..])
    );
    assert_eq!(
        stays.wire.read_chunk().await.as_deref(),
        Some(&b"second"[..])
    );
    assert_eq!(stays.wire.read_chunk().await, None);
    assert!(upstream.received()[1].answered);
}

#[tokio::test]
async fn an_upstream_that_breaks_off_leaves_an_incomplete_body() {
    for end in [Step::Close, Step::Reset] {
        for transport in Transport::ALL {
            let end = end.clone();
            let script = move |_: &_| Reply::steps([Step::Send(b"part".to_vec()), end.clone()]);
            let upstream = Upstream::answering(transport, script).await;
            let request = Request::get("/");
            let response = match transport {
                Transport::Tls(Alpn::H2) => {
                    direct_h2(&upstream)
                        .await
                        .start(&request)
                        .await
                        .try_finish()
                        .await
                }
                _ => {
                    let mut client = direct_h1(&upstream).await;
                    client.start(&request).await;
                    client.try_finish("GET").await
                }
            };
            // A reset may overtake the head too.
            let complete = response.is_some_and(|response| response.body.complete);
            assert!(!complete, "{transport:?}");
        }
    }
}

#[test]
fn a_head_keeps_case_order_and_odd_bytes() {
    let raw = b"HTTP/1.1 200 All Well\r\nX-A:1\r\nx-a:  two \r\nX-B: \xe9\r\n\r\n";
    let head = Head::parse(raw);
    assert_eq!((head.status(), head.reason()), (200, "All Well"));
    assert_eq!(head.all("X-a"), ["1", "two"]);
    assert_eq!(head.headers[1].0, "x-a");
    assert_eq!(head.get("x-b"), Some("\u{e9}"));
}

#[test]
fn metrics_are_read_with_their_labels() {
    let text =
        "# HELP a b\nm_total{a=\"x\\\"y\",b=\"\"} 2\nm_total{a=\"z\",b=\"\"} 3.5\nplain 1e3\n";
    let metrics = Metrics::parse(text);
    assert_eq!(metrics.sum("m_total", &[("a", "x\"y")]), Some(2.0));
    assert_eq!(metrics.sum("m_total", &[]), Some(5.5));
    assert_eq!(metrics.sum("plain", &[]), Some(1000.0));
    assert_eq!(metrics.sum("absent", &[]), None);
}

#[test]
fn canned_answers_are_well_formed_and_codings_change_them() {
    let all = canned::all();
    assert!(all.len() >= 10);
    for canned in all {
        if canned.content_type.starts_with("application/json") {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(&canned.answer);
            assert!(parsed.is_ok(), "{}", canned.name);
        }
        for coding in Coding::ALL
            .into_iter()
            .filter(|coding| coding.name().is_some())
        {
            assert_ne!(
                coding.encode(canned.answer.as_bytes()),
                canned.answer.as_bytes()
            );
        }
    }
}
