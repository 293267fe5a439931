//! Targets, statuses without a body, informational responses, and the ends of a connection.

use super::assert_same_bytes;
use crate::support::client::{Payload, Request, Way};
use crate::support::gate::Gate;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Framing, Reply, Step, Transport, Upstream};
use crate::support::weir::Weir;

#[tokio::test]
async fn targets_pass_byte_for_byte() {
    let targets = [
        "/v1/models/a%2Fb%2f?x=%2F&y=a+b&y=&z",
        "/v1//double//",
        "/v1/%7Bbraces%7D;p=1/~!$&'()*,=:@",
        "/v1/files?q=%C3%A9%20%25&=&&a==b",
        "/v1/models?",
        "/v1/./models/../files",
    ];
    for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
        let upstream = Upstream::answering(transport, |_| Reply::ok("{}")).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        for way in Way::ALL {
            for target in targets {
                let response = weir.send(way, "openai", &Request::get(target)).await;
                assert_eq!(response.status(), 200, "{target} by {way:?}");
                let head = upstream.received().pop().expect("a request").head;
                assert_eq!(head.target(), target, "{way:?} {transport:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_upstreams_base_path_comes_first() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let settings = Settings::to_url(&format!("{}/base/path", upstream.url()));
    let weir = Weir::start(&settings).await;
    weir.send(Way::BaseUrl, "openai", &Request::get("/v1/models?a=%2F"))
        .await;
    assert_eq!(upstream.only().head.target(), "/base/path/v1/models?a=%2F");
}

#[tokio::test]
async fn a_head_request_gets_the_length_and_no_body() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, |_| {
            Reply::bodiless(200, "OK").header("Content-Length", "1234")
        })
        .await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        for way in Way::ALL {
            let request = Request::get("/v1/models").method("HEAD");
            let response = weir.send(way, "openai", &request).await;
            assert_eq!(response.status(), 200);
            assert_eq!(
                response.head.get("content-length"),
                Some("1234"),
                "{way:?} {transport:?}"
            );
            assert!(response.body.complete && response.body.data.is_empty());
        }
    }
}

#[tokio::test]
async fn statuses_without_a_body_leave_the_connection_usable() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, |received| match received.head.target() {
            "/v1/files/204" => Reply::bodiless(204, "No Content"),
            "/v1/files/304" => Reply::bodiless(304, "Not Modified").header("ETag", "\"x\""),
            _ => Reply::ok("after"),
        })
        .await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        for way in [Way::BaseUrl, Way::ConnectH1, Way::Absolute] {
            let mut client = weir.h1(way, "openai").await;
            for status in [204, 304] {
                let request = Request::get(&format!("/v1/files/{status}"));
                let response = client.send(&request).await;
                assert_eq!(response.status(), status, "{way:?} {transport:?}");
                if status == 304 {
                    assert_eq!(response.head.get("etag"), Some("\"x\""));
                }
            }
            let after = client.send(&Request::get("/v1/files/after")).await;
            assert_eq!(after.body.data, b"after", "{way:?} {transport:?}");
        }
    }
}

#[tokio::test]
async fn early_hints_reach_an_h1_client_before_the_answer() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply {
        interim: b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n".to_vec(),
        ..Reply::json("{}")
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for way in [Way::BaseUrl, Way::ConnectH1, Way::Absolute] {
        let response = weir.send(way, "openai", &Request::get("/v1/models")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.interim.len(), 1, "{way:?}");
        assert_eq!(response.interim[0].status(), 103);
        assert_eq!(response.interim[0].get("link"), Some("</a>; rel=preload"));
    }
}

#[tokio::test]
async fn a_client_that_expects_100_gets_it_and_keeps_its_connection() {
    for (transport, size) in [
        (Transport::Plain, 10),
        (Transport::Tls(Alpn::H2), 10),
        (Transport::Plain, 70_000),
    ] {
        let upstream =
            Upstream::answering(transport, |received| Reply::ok(received.body.data.clone())).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        for _ in 0..2 {
            let data = vec![b'x'; size];
            let request = Request::post("/v1/chat/completions", data.clone())
                .header("Expect", "100-continue");
            client.start_head(&request).await;
            let head = client
                .wire
                .read_head()
                .await
                .expect("an answer")
                .expect("an answer");
            assert_eq!(head.status(), 100, "{transport:?}");
            client
                .wire
                .write(&request.body_bytes())
                .await
                .expect("the body is taken");
            let response = client.finish("POST").await;
            assert_eq!(response.status(), 200);
            assert_same_bytes("the body", &response.body.data, &data);
        }
    }
}

#[tokio::test]
async fn a_client_that_sends_fin_after_its_request_still_gets_its_answer() {
    for transport in Transport::ALL {
        let gate = Gate::shut();
        let script = {
            let gate = gate.clone();
            move |_: &_| {
                let (head, tail) = (Step::Send(b"head".to_vec()), Step::Send(b"tail".to_vec()));
                Reply::steps([Step::Wait(gate.clone()), head, tail])
            }
        };
        let upstream = Upstream::answering(transport, script).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        client
            .start(&Request::post("/v1/chat/completions", "{}"))
            .await;
        client.wire.finish().await.expect("a FIN can be sent");
        upstream
            .eventually("the request is whole", |all| {
                all.len() == 1 && all[0].body.complete
            })
            .await;
        gate.open();
        let response = client.finish("POST").await;
        assert_eq!(response.body.data, b"headtail", "{transport:?}");
        assert!(response.body.complete, "{transport:?}");
    }
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_arrives_whole() {
    let upstream = Upstream::answering(Transport::Plain, |_| {
        Reply::ok(vec![b'x'; 100_000]).framed(Framing::UntilClose)
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for way in Way::ALL {
        let response = weir
            .send(way, "openai", &Request::get("/v1/files/1/content"))
            .await;
        assert!(response.body.complete, "{way:?}");
        assert_same_bytes(
            &format!("{way:?}"),
            &response.body.data,
            &vec![b'x'; 100_000],
        );
    }
}

#[tokio::test]
async fn trailers_pass_from_an_h2_upstream_to_an_h2_client() {
    let trailers = vec![("x-checksum".to_owned(), "abc".to_owned())];
    let expected = trailers.clone();
    let upstream = Upstream::answering(Transport::Tls(Alpn::H2), move |_| Reply {
        trailers: trailers.clone(),
        ..Reply::chunked([b"data".to_vec()])
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let response = weir
        .send(Way::ConnectH2, "openai", &Request::get("/v1/models"))
        .await;
    assert_eq!(response.body.data, b"data");
    assert_eq!(response.body.trailers, expected);
}

#[tokio::test]
async fn each_event_arrives_before_the_next_is_sent() {
    for transport in Transport::ALL {
        let gates: Vec<Gate> = (0..3).map(|_| Gate::shut()).collect();
        let script = {
            let gates = gates.clone();
            move |_: &_| {
                let event =
                    |at: usize| Step::Send(format!("data: {{\"n\":{at}}}\n\n").into_bytes());
                let steps = gates
                    .iter()
                    .enumerate()
                    .flat_map(|(at, gate)| [event(at), Step::Wait(gate.clone())]);
                Reply::steps(steps).header("Content-Type", "text/event-stream")
            }
        };
        let upstream = Upstream::answering(transport, script).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        let request = Request {
            payload: Payload::Length(b"{}".to_vec()),
            ..Request::post("/v1/chat/completions", "")
        };
        client.start(&request).await;
        client.head().await;
        for (at, gate) in gates.iter().enumerate() {
            let expected = format!("data: {{\"n\":{at}}}\n\n");
            let mut got = Vec::new();
            while got.len() < expected.len() {
                got.extend(
                    client
                        .wire
                        .read_chunk()
                        .await
                        .expect("the event comes before the gate opens"),
                );
            }
            assert_eq!(got, expected.as_bytes(), "{transport:?}");
            gate.open();
        }
        assert_eq!(client.wire.read_chunk().await, None);
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_passed_on() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
        let upstream = Upstream::answering_early(transport, |_| {
            Reply::ok("too large").status(413, "Content Too Large")
        })
        .await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        let request = Request::post("/v1/files", vec![b'x'; 2_000_000]);
        client.start_head(&request).await;
        // The body is never sent.
        let response = client.finish("POST").await;
        assert_eq!(response.status(), 413, "{transport:?}");
        assert_eq!(response.body.data, b"too large", "{transport:?}");
    }
}
