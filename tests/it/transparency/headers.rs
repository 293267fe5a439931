//! Headers end to end: names, case, values and repetitions; what a hop may change, and nothing else.

use super::end_to_end;
use crate::support::client::{Payload, Request, Way};
use crate::support::settings::{Settings, connect_host};
use crate::support::tls::Alpn;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// Headers with odd case, odd bytes, odd sizes and repetitions apart from each other.
fn odd_headers() -> Vec<(String, String)> {
    let long = "v".repeat(20_000);
    [
        ("authorization", "Bearer sk-test"),
        ("AcCePt", "text/event-stream; q=0.5,  application/json"),
        ("X-Repeat", "one"),
        ("User-Agent", "odd/1.0 (a; b)"),
        ("x-repeat", "two"),
        ("X-Empty", ""),
        ("X-Bytes", "caf\u{e9} \u{ff}"),
        ("X-Long", &long),
        ("X-Repeat", "one"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("Cookie", "a=1; b=2"),
        ("x_under.score~!#$%&'*+^`|", "tchar"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// What a client sends to a proxy and an upstream never sees.
const STRIPPED: [(&str, &str); 9] = [
    ("Connection", "keep-alive, X-Named"),
    ("X-Named", "by Connection"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("Proxy-Authorization", "Basic dGVhbT1zZWFyY2g6dA=="),
    ("TE", "gzip"),
    ("X-Weir-Team", "search"),
    ("x-weir-tags", "a=1"),
    ("X-WEIR-ANYTHING", "else"),
];

#[tokio::test]
async fn request_headers_reach_the_upstream_as_they_were_sent() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, |_| Reply::ok("{}")).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        for way in Way::ALL {
            let request = Request {
                headers: odd_headers(),
                ..Request::post("/v1/models", "{}")
            };
            let lower = way == Way::ConnectH2 || transport == Transport::Tls(Alpn::H2);
            let response = weir.send(way, "openai", &request).await;
            assert_eq!(response.status(), 200, "{way:?} {transport:?}");
            let head = upstream.received().pop().expect("a request").head;
            let (got, sent) = (
                end_to_end(&head.headers, lower),
                end_to_end(&request.headers, lower),
            );
            assert_eq!(got, sent, "{way:?} {transport:?}");
            assert_eq!(
                head.all("host"),
                [upstream.address.to_string()],
                "{way:?} {transport:?}"
            );
        }
    }
}

#[tokio::test]
async fn headers_of_the_hop_and_of_weir_never_reach_the_upstream() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, |_| Reply::ok("{}")).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        for way in [Way::BaseUrl, Way::ConnectH1, Way::Absolute] {
            let mut request = Request::post("/v1/models", "{}").header("X-Kept", "1");
            for (name, value) in STRIPPED {
                request = request.header(name, value);
            }
            let response = weir
                .send(way, "openai", &request.header("X-Kept", "2"))
                .await;
            assert_eq!(response.status(), 200);
            let head = upstream.received().pop().expect("a request").head;
            let stripped = STRIPPED.iter().filter(|(name, _)| *name != "Connection");
            for (name, _) in stripped {
                assert_eq!(head.get(name), None, "{name} by {way:?} to {transport:?}");
            }
            assert_eq!(head.all("x-kept"), ["1", "2"]);
        }
    }
}

#[tokio::test]
async fn request_headers_keep_their_order_where_none_is_stripped() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for way in [Way::BaseUrl, Way::ConnectH1, Way::Absolute] {
        let names = [
            "X-Z",
            "b-header",
            "Accept",
            "X-A",
            "Content-Type",
            "authorization",
        ];
        let mut request = Request {
            payload: Payload::None,
            ..Request::get("/v1/models")
        };
        for name in names {
            request = request.header(name, "1");
        }
        weir.send(way, "openai", &request).await;
        let head = upstream.received().pop().expect("a request").head;
        let got: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
        let expected: Vec<&str> = std::iter::once("Host").chain(names).collect();
        assert_eq!(got, expected, "{way:?}");
    }
}

#[tokio::test]
async fn response_headers_reach_the_client_as_they_were_sent() {
    for transport in Transport::ALL {
        let mut sent = odd_headers();
        for (name, value) in [
            ("server", "Odd"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("Via", "1.1 x"),
        ] {
            sent.push((name.to_owned(), value.to_owned()));
        }
        let reply = Reply {
            headers: sent.clone(),
            ..Reply::json("{}")
        };
        let upstream = Upstream::answering(transport, move |_| reply.clone()).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        for way in Way::ALL {
            let response = weir.send(way, "openai", &Request::get("/v1/models")).await;
            let lower = way == Way::ConnectH2 || transport == Transport::Tls(Alpn::H2);
            let got = end_to_end(&response.head.headers, lower);
            assert_eq!(got, end_to_end(&sent, lower), "{way:?} {transport:?}");
        }
    }
}

#[tokio::test]
async fn response_headers_keep_their_order_and_the_reason_its_words() {
    let names = ["X-Z", "content-type", "Server", "x-a", "X-M"];
    let upstream = Upstream::answering(Transport::Plain, move |_| {
        let reply = Reply::ok("{}").status(299, "Rather  Well");
        names
            .iter()
            .fold(reply, |reply, name| reply.header(name, "1"))
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for way in [Way::BaseUrl, Way::ConnectH1, Way::Absolute] {
        let head = weir
            .send(way, "openai", &Request::get("/v1/models"))
            .await
            .head;
        assert_eq!(
            (head.status(), head.reason()),
            (299, "Rather  Well"),
            "{way:?}"
        );
        let sent = |name: &&str| names.contains(name);
        let got: Vec<&str> = head
            .headers
            .iter()
            .map(|(n, _)| n.as_str())
            .filter(sent)
            .collect();
        assert_eq!(got, names, "{way:?}");
    }
}

#[tokio::test]
async fn the_host_is_the_upstreams_by_every_way_in() {
    let upstream = Upstream::answering(Transport::Tls(Alpn::H1), |_| Reply::ok("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for way in Way::ALL {
        weir.send(way, "anthropic", &Request::get("/v1/models"))
            .await;
    }
    let hosts: Vec<Vec<String>> = upstream
        .received()
        .iter()
        .map(|one| {
            one.head
                .all("host")
                .into_iter()
                .map(str::to_owned)
                .collect()
        })
        .collect();
    assert_eq!(
        hosts,
        vec![vec![upstream.address.to_string()]; Way::ALL.len()]
    );
    assert_ne!(connect_host("anthropic"), upstream.address.to_string());
}
