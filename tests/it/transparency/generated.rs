//! Exchanges that nobody thought of: framing, splits, codings, headers and targets drawn at random.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{assert_same_bytes, end_to_end};
use crate::support::client::{Payload, Request, Response, Way};
use crate::support::coding::Coding;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Framing, Received, Reply, Step, Transport, Upstream};
use crate::support::weir::Weir;

/// Exchanges per kind of upstream: enough for every pair of framings to meet.
const CASES: u32 = 60;

#[derive(Clone, Debug)]
struct Exchange {
    way: Way,
    provider: &'static str,
    request: Request,
    status: u16,
    headers: Vec<(String, String)>,
    coding: Coding,
    framing: Framing,
    pieces: Vec<Vec<u8>>,
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let header = (
        "[Xx]-[a-v][a-zA-Z0-9_.-]{0,12}",
        "([!-~\u{a1}-\u{ff}]([ -~]{0,20}[!-~])?)?",
    );
    prop::collection::vec(header, 0..8)
}

fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![
        4 => prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6),
        // Below what the HTTP/2 library takes for a flood of tiny frames.
        2 => "[ -~\n]{0,60}".prop_map(|text| text.bytes().map(|byte| vec![byte]).collect()),
        1 => (1_usize..200_000).prop_map(|size| vec![vec![b'z'; size], vec![b'y'; 70_000]]),
    ]
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        Just(Payload::None),
        pieces().prop_map(|pieces| Payload::Length(pieces.concat())),
        pieces().prop_map(Payload::Chunked),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let path = prop_oneof![
        Just("/v1/chat/completions".to_owned()),
        Just("/v1/messages".to_owned()),
        Just("/v1beta/models/test-gemini:streamGenerateContent?alt=sse&key=a%2Bb".to_owned()),
        "/v[12](/[a-zA-Z0-9._~!$&'()*+,;=:-]{1,8}|/%[2-7][0-9A-F]){1,4}(\\?[a-z0-9%=&+/?-]{0,12})?"
            .prop_filter("percent signs stand before two digits", |path| {
                path.split('%').skip(1).all(|rest| {
                    rest.len() > 1 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
                })
            }),
    ];
    let method = prop_oneof![
        Just("POST"),
        Just("PUT"),
        Just("DELETE"),
        Just("PATCH"),
        Just("GET")
    ];
    (method, path, headers(), payload()).prop_map(|(method, path, headers, payload)| Request {
        method: method.to_owned(),
        path,
        headers,
        payload,
    })
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let way = prop_oneof![
        Just(Way::BaseUrl),
        Just(Way::ConnectH1),
        Just(Way::ConnectH2),
        Just(Way::Absolute)
    ];
    let provider = prop_oneof![Just("openai"), Just("anthropic"), Just("gemini")];
    let status = (200_u16..600).prop_filter("no body", |status| !matches!(status, 204 | 205 | 304));
    let coding = prop::sample::select(Coding::ALL.to_vec());
    let framing = prop_oneof![
        Just(Framing::Length),
        Just(Framing::Chunked),
        Just(Framing::UntilClose)
    ];
    (
        way,
        provider,
        request(),
        status,
        headers(),
        coding,
        framing,
        pieces(),
    )
        .prop_map(
            |(way, provider, request, status, headers, coding, framing, pieces)| Exchange {
                way,
                provider,
                request,
                status,
                headers,
                coding,
                framing,
                pieces,
            },
        )
}

impl Exchange {
    fn reply(&self) -> Reply {
        // One-byte pieces stay one-byte pieces of the coded body.
        let coded = match self.coding {
            Coding::Identity => self.pieces.clone(),
            coding => {
                let size = self.pieces.iter().map(Vec::len).max().unwrap_or(1).max(1);
                coding
                    .encode(&self.pieces.concat())
                    .chunks(size)
                    .map(<[u8]>::to_vec)
                    .collect()
            }
        };
        let reply = Reply::steps(coded.into_iter().map(Step::Send));
        let reply = Reply {
            headers: self.headers.clone(),
            framing: self.framing,
            ..reply
        };
        let reply = match self.coding.name() {
            Some(name) => reply.header("Content-Encoding", name),
            None => reply,
        };
        reply.status(self.status, "Drawn")
    }

    fn check(&self, received: &Received, response: &Response, transport: Transport) {
        let lower = self.way == Way::ConnectH2 || transport == Transport::Tls(Alpn::H2);
        let reply = self.reply();
        assert_eq!(received.head.method(), self.request.method);
        assert_eq!(received.head.target(), self.request.path);
        assert_same_bytes("request", &received.body.data, &self.request.payload.data());
        assert_eq!(
            end_to_end(&received.head.headers, lower),
            end_to_end(&self.request.headers, lower)
        );
        assert_eq!(response.status(), self.status);
        assert!(response.body.complete);
        assert_same_bytes("response", &response.body.data, &reply.body());
        assert_eq!(
            end_to_end(&response.head.headers, lower),
            end_to_end(&reply.headers, lower)
        );
    }
}

fn passes_generated_exchanges(transport: Transport) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let next: Arc<Mutex<Option<Reply>>> = Arc::default();
    let (upstream, weir) = runtime.block_on(async {
        let next = next.clone();
        let script = move |_: &Received| {
            next.lock()
                .expect("no panic under the lock")
                .clone()
                .expect("a reply is set")
        };
        let upstream = Upstream::answering(transport, script).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        (upstream, weir)
    });
    let config = Config {
        cases: CASES,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&exchange(), |exchange| {
        *next.lock().expect("no panic under the lock") = Some(exchange.reply());
        let before = upstream.received().len();
        let response =
            runtime.block_on(weir.send(exchange.way, exchange.provider, &exchange.request));
        let received = upstream.received();
        prop_assert_eq!(received.len(), before + 1);
        exchange.check(received.last().expect("a request"), &response, transport);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(upstream.received().len() >= 60);
}

#[test]
fn generated_exchanges_pass_to_a_plain_upstream() {
    passes_generated_exchanges(Transport::Plain);
}

#[test]
fn generated_exchanges_pass_to_an_h1_upstream_in_tls() {
    passes_generated_exchanges(Transport::Tls(Alpn::H1));
}

#[test]
fn generated_exchanges_pass_to_an_h2_upstream() {
    passes_generated_exchanges(Transport::Tls(Alpn::H2));
}
