//! Connections that die under a request, and requests that come too early.

use crate::support::canned;
use crate::support::client::{Payload, Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::Wire;

/// Answers the first request of the first connection, and every request of the others; the second request of the
/// first connection is read and then left without an answer.
async fn dies_when_reused() -> Upstream {
    Upstream::driven(
        Transport::Plain,
        |mut wire: Wire, record, connection| async move {
            for served in 0.. {
                let Ok(Some(head)) = wire.read_head().await else {
                    return;
                };
                let kind = head.framing(None);
                let at = record.begin(connection, head);
                let body = wire.read_body(kind, &mut |_| {}).await;
                record.note(at, |entry| entry.body = body);
                if connection == 0 && served == 1 {
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
        },
    )
    .await
}

#[tokio::test]
async fn a_post_on_a_stale_pooled_connection_is_sent_once_more_and_counted_once() {
    let canned = canned::openai_chat();
    let upstream = dies_when_reused().await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for _ in 0..2 {
        let response = weir
            .send(Way::BaseUrl, canned.provider, &canned.request())
            .await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.body.data, canned.answer.as_bytes());
    }
    let received = upstream.received();
    let connections: Vec<usize> = received.iter().map(|one| one.connection).collect();
    assert_eq!(
        connections,
        [0, 0, 1],
        "the connection was reused, died, and the request was repeated once"
    );
    assert_eq!(received[1].body.data, received[2].body.data);
    let calls = weir.calls_eventually(2).await;
    assert!(
        calls
            .iter()
            .all(|call| call.int("cost_picousd") == Some(canned.cost_picousd))
    );
}

#[tokio::test]
async fn a_chunked_post_within_the_replay_buffer_is_sent_once_more() {
    let canned = canned::openai_chat();
    let upstream = dies_when_reused().await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let data = canned.request.to_string().into_bytes();
    let pieces: Vec<Vec<u8>> = data.chunks(10).map(<[u8]>::to_vec).collect();
    let request = Request {
        payload: Payload::Chunked(pieces),
        ..canned.request()
    };
    for _ in 0..2 {
        let response = weir.send(Way::BaseUrl, canned.provider, &request).await;
        assert_eq!(response.status(), 200);
    }
    let received = upstream.received();
    assert_eq!(received.len(), 3);
    assert!(
        received.iter().all(|one| one.body.data == data),
        "the repeated body is whole"
    );
    weir.calls_eventually(2).await;
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
        for way in Way::ALL {
            for _ in 0..3 {
                assert_eq!(
                    weir.send(way, canned.provider, &canned.request())
                        .await
                        .status(),
                    200
                );
            }
        }
        assert_eq!(upstream.connections(), 1, "{transport:?}");
    }
}
