//! Connections that die under a request, and requests that come too early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::canned;
use crate::support::client::{Payload, Request, Way};
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::Wire;

/// Answers every request but one: the first that comes on a connection that has served before is read and then left
/// without an answer.
pub async fn dies_when_reused() -> Upstream {
    let died = Arc::new(AtomicBool::new(false));
    Upstream::driven(
        Transport::Plain,
        move |mut wire: Wire, record, connection| {
            let died = died.clone();
            async move {
                for served in 0.. {
                    let Ok(Some(head)) = wire.read_head().await else {
                        return;
                    };
                    let kind = head.framing(None);
                    let at = record.begin(connection, head);
                    let body = wire.read_body(kind, &mut |_| {}).await;
                    record.note(at, |entry| entry.body = body);
                    if served > 0 && !died.swap(true, Ordering::SeqCst) {
                        record.note(at, |entry| entry.cut = true);
                        return;
                    }
                    let answer = canned::openai_chat().answer;
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                        answer.len()
                    );
                    if wire
                        .write(format!("{head}{answer}").as_bytes())
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            }
        },
    )
    .await
}

/// Sends a request again and again until a reused connection has died under it; every one must be answered.
async fn until_a_connection_dies(request: &Request) {
    let upstream = dies_when_reused().await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut sent = 0;
    while !upstream.received().iter().any(|one| one.cut) {
        let response = weir.send(Way::BaseUrl, "openai", request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.body.data, canned::openai_chat().answer.as_bytes());
        sent += 1;
        assert!(sent < 20, "connections are never reused");
    }
    let received = upstream.received();
    assert_eq!(received.len(), sent + 1, "the request was repeated once");
    let died = received
        .iter()
        .find(|one| one.cut)
        .expect("one died")
        .connection;
    let served = received.iter().filter(|one| one.connection == died).count();
    assert!(served >= 2, "the connection that died had served before");
    let data = request.payload.data();
    assert!(
        received.iter().all(|one| one.body.data == data),
        "the repeated body is whole"
    );
    for call in weir.calls_eventually(sent).await {
        assert_eq!(
            call.int("cost_picousd"),
            Some(canned::openai_chat().cost_picousd)
        );
    }
}

#[tokio::test]
async fn a_post_on_a_stale_pooled_connection_is_sent_once_more_and_counted_once() {
    until_a_connection_dies(&canned::openai_chat().request()).await;
}

#[tokio::test]
async fn a_chunked_post_within_the_replay_buffer_is_sent_once_more() {
    let data = canned::openai_chat().request.to_string().into_bytes();
    let pieces: Vec<Vec<u8>> = data.chunks(10).map(<[u8]>::to_vec).collect();
    let request = Request {
        payload: Payload::Chunked(pieces),
        ..canned::openai_chat().request()
    };
    until_a_connection_dies(&request).await;
}

#[tokio::test]
async fn a_post_on_a_fresh_connection_is_never_sent_twice() {
    let upstream = Upstream::driven(
        Transport::Plain,
        |mut wire: Wire, record, connection| async move {
            let Ok(Some(head)) = wire.read_head().await else {
                return;
            };
            let kind = head.framing(None);
            record.begin(connection, head);
            wire.read_body(kind, &mut |_| {}).await;
        },
    )
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let canned = canned::openai_chat();
    let response = weir
        .send(Way::BaseUrl, canned.provider, &canned.request())
        .await;
    assert_eq!(response.status(), 502);
    assert_eq!(upstream.received().len(), 1);
    let call = weir.only_call().await;
    assert_eq!(call.text("outcome"), Some("upstream_error"));
    assert_eq!(call.text("error_type"), Some("network"));
    assert_eq!(call.int("http_status"), Some(502));
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_a_502_on_record() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("a bound address")
    };
    let weir = Weir::start(&Settings::to_url(&format!("http://{gone}"))).await;
    for way in Way::ALL {
        let canned = canned::anthropic();
        let response = weir.send(way, canned.provider, &canned.request()).await;
        assert_eq!(response.status(), 502, "{way:?}");
    }
    for call in weir.calls_eventually(Way::ALL.len()).await {
        assert_eq!(call.text("outcome"), Some("upstream_error"));
        assert_eq!(call.text("error_type"), Some("network"));
        assert_ne!(call.int("output_tokens"), Some(0), "unknown is never 0");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_or_not_taken_at_all() {
    let upstream = Upstream::answering(Transport::Plain, |received| {
        Reply::ok(received.head.target().as_bytes().to_vec())
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    let mut both = Vec::new();
    for path in ["/openai/v1/models/a", "/openai/v1/models/b"] {
        both.extend(Request::get("").head_bytes(path, &client.host));
    }
    client
        .wire
        .write(&both)
        .await
        .expect("the requests are taken");
    let first = client.finish("GET").await;
    assert_eq!(first.body.data, b"/v1/models/a");
    match client.try_finish("GET").await {
        Some(second) => {
            assert_eq!(second.body.data, b"/v1/models/b");
            assert_eq!(upstream.received().len(), 2);
        }
        None => assert_eq!(
            upstream.received().len(),
            1,
            "what is not answered was not forwarded"
        ),
    }
}

#[tokio::test]
async fn connections_to_the_upstream_are_pooled_over_all_ways_in() {
    let canned = canned::openai_chat();
    let reply = canned.reply();
    for transport in Transport::ALL {
        let reply = reply.clone();
        let upstream = Upstream::answering(transport, move |_| reply.clone()).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let mut sent = 0;
        for way in Way::ALL {
            for _ in 0..3 {
                let response = weir.send(way, canned.provider, &canned.request()).await;
                assert_eq!(response.status(), 200);
                sent += 1;
                weir.calls_eventually(sent).await;
            }
        }
        // A connection may come back to the pool just after the next request has looked for one.
        let most = if transport == Transport::Tls(Alpn::H2) {
            1
        } else {
            3
        };
        assert!(
            upstream.connections() <= most,
            "{transport:?}: {}",
            upstream.connections()
        );
    }
}
