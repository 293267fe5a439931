//! Which failures are tried again, and that a client sees the last answer alone.

use super::{RETRY, call_and_attempts, chat, cut, failing, in_turn, padded, weir_with};
use crate::support::canned;
use crate::support::client::{Payload, Request, Way};
use crate::support::gate::Gate;
use crate::support::patience::Stopwatch;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Reply, Step, Transport, Upstream};
use crate::support::weir::Weir;

#[tokio::test]
async fn without_settings_a_failed_call_is_one_attempt() {
    let replies = [failing(503), failing(429), failing(500), cut()];
    for reply in replies {
        let upstream = in_turn(Transport::Plain, vec![reply.clone(), chat().reply()]).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
        let status = if reply.is_silent() { 502 } else { reply.status };
        assert_eq!(response.status(), status);
        let call = weir.only_call().await;
        assert_eq!(call.text("outcome"), Some("upstream_error"));
        assert_eq!(call.text("attempt_of"), None);
        assert_eq!(upstream.received().len(), 1);
        let metrics = weir.metrics().await;
        assert_eq!(metrics.sum("weir_retries_total", &[]), None);
        assert_eq!(metrics.sum("weir_breaker_state", &[]), None);
    }
}

#[tokio::test]
async fn a_call_is_sent_again_byte_for_byte_until_it_is_answered() {
    for transport in Transport::ALL {
        for way in [Way::BaseUrl, Way::ConnectH2] {
            let replies = vec![failing(503), failing(529), chat().reply()];
            let upstream = in_turn(transport, replies).await;
            let weir = weir_with(&upstream, RETRY).await;
            let request = chat().request().header("X-Mine", "1");
            let response = weir.send(way, "openai", &request).await;
            assert_eq!(response.status(), 200, "{transport:?} {way:?}");
            assert_eq!(response.body.data, chat().answer.as_bytes());
            assert_eq!(response.head.get("x-weir-attempts"), None);
            let received = upstream.received();
            assert_eq!(received.len(), 3, "{transport:?} {way:?}");
            for one in &received {
                assert_eq!(one.body.data, request.payload.data());
                assert_eq!(one.head, received[0].head);
            }
            let calls = call_and_attempts(&weir, 3).await;
            let (call, attempts) = (&calls[0], &calls[1..]);
            assert_eq!(call.text("outcome"), Some("ok"));
            assert_eq!(call.int("cost_picousd"), Some(chat().cost_picousd));
            assert_eq!(call.text("attempt_of"), None);
            for (attempt, status) in attempts.iter().zip([503, 529]) {
                assert_eq!(attempt.text("attempt_of"), call.text("id"));
                assert_eq!(attempt.int("http_status"), Some(status));
                assert_eq!(attempt.int("cost_picousd"), Some(0));
                assert_eq!(attempt.text("outcome"), Some("upstream_error"));
                assert_eq!(attempt.text("error_type"), Some("server_error"));
                assert_eq!(attempt.text("usage_source"), Some("none"));
                assert_eq!(attempt.text("request_model"), Some(chat().model));
            }
            let metrics = weir.metrics().await;
            let labels = [("provider", "openai"), ("reason", "5xx")];
            assert_eq!(metrics.count("weir_retries_total", &labels), 2.0);
            let labels = [("provider", "openai"), ("code", "200")];
            assert_eq!(metrics.count("weir_requests_total", &labels), 1.0);
            assert_eq!(metrics.count("weir_inflight_requests", &[]), 0.0);
        }
    }
}

#[tokio::test]
async fn streams_are_tried_again_at_their_head_and_never_after_it() {
    for canned in [canned::openai_chat_stream(), canned::anthropic_stream()] {
        let upstream = in_turn(Transport::Plain, vec![failing(529), canned.reply()]).await;
        let weir = weir_with(&upstream, RETRY).await;
        let response = weir
            .send(Way::BaseUrl, canned.provider, &canned.request())
            .await;
        assert_eq!(response.body.data, canned.answer.as_bytes());
        assert_eq!(upstream.received().len(), 2);
        weir.calls_eventually(2).await;
    }
    let canned = canned::openai_chat_stream();
    for transport in Transport::ALL {
        let gate = Gate::shut();
        let mut broken = canned.reply();
        broken.steps.truncate(2);
        broken.steps.extend([Step::Wait(gate.clone()), Step::Reset]);
        let upstream = in_turn(transport, vec![broken, canned.reply()]).await;
        let weir = weir_with(
            &upstream,
            "retry: { on: [connect, reset, timeout, 429, 5xx] }",
        )
        .await;
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        client.start(&canned.request()).await;
        let (_, head) = client.head().await;
        assert_eq!(head.status(), 200);
        gate.open();
        let call = weir.only_call().await;
        assert_eq!(
            call.text("outcome"),
            Some("upstream_closed"),
            "{transport:?}"
        );
        assert_eq!(upstream.received().len(), 1, "{transport:?}");
    }
}

#[tokio::test]
async fn the_last_failure_reaches_the_client_as_it_is() {
    let last = failing(503).header("x-request-id", "req_9");
    let upstream = in_turn(Transport::Plain, vec![failing(500), failing(502), last]).await;
    let weir = weir_with(&upstream, RETRY).await;
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.head.get("x-request-id"), Some("req_9"));
    assert_eq!(response.body.data, failing(503).body());
    assert_eq!(upstream.received().len(), 3);
    let calls = call_and_attempts(&weir, 3).await;
    assert_eq!(calls[0].int("http_status"), Some(503));
    assert_eq!(calls[0].text("upstream_request_id"), Some("req_9"));
}

#[tokio::test]
async fn what_the_settings_do_not_list_is_not_tried_again() {
    let cases = [
        ("retry: { on: 429 }", failing(503)),
        ("retry: { on: 5xx }", failing(429)),
        ("retry: {}", failing(501)),
        ("retry: {}", failing(400)),
        ("retry: {}", cut()),
    ];
    for (settings, reply) in cases {
        let upstream = in_turn(Transport::Plain, vec![reply.clone(), chat().reply()]).await;
        let weir = weir_with(&upstream, settings).await;
        let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
        assert_ne!(response.status(), 200, "{settings}");
        assert_eq!(upstream.received().len(), 1, "{settings}");
        weir.only_call().await;
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_as_far_as_the_settings_go() {
    let limited = |value: &str| failing(429).header("retry-after", value);
    let upstream = in_turn(Transport::Plain, vec![limited("1"), chat().reply()]).await;
    let weir = weir_with(&upstream, RETRY).await;
    let watch = Stopwatch::start();
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.status(), 200);
    assert!(
        watch.elapsed().as_millis() >= 1_000,
        "{:?}",
        watch.elapsed()
    );
    let calls = call_and_attempts(&weir, 2).await;
    assert_eq!(calls[1].text("error_type"), Some("rate_limit"));

    let never = failing(429).header("x-should-retry", "false");
    for reply in [limited("3600"), never] {
        let upstream = in_turn(Transport::Plain, vec![reply.clone(), chat().reply()]).await;
        let weir = weir_with(&upstream, RETRY).await;
        let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
        assert_eq!(response.status(), 429);
        let (name, value) = &reply.headers[1];
        assert_eq!(response.head.get(name), Some(value.as_str()));
        assert_eq!(upstream.received().len(), 1);
    }
}

#[tokio::test]
async fn a_body_beyond_the_replay_buffer_is_sent_once() {
    for (bytes, attempts) in [(60 * 1024, 2), (100 * 1024, 1), (400 * 1024, 1)] {
        for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
            let upstream = in_turn(transport, vec![failing(503), chat().reply()]).await;
            let weir = weir_with(&upstream, RETRY).await;
            let request = padded(&chat(), bytes);
            let response = weir.send(Way::BaseUrl, "openai", &request).await;
            let status = if attempts == 2 { 200 } else { 503 };
            assert_eq!(response.status(), status, "{bytes} {transport:?}");
            let received = upstream.received();
            assert_eq!(received.len(), attempts, "{bytes} {transport:?}");
            for one in received {
                assert!(one.body.data == request.payload.data(), "{bytes} bytes");
            }
            let metrics = weir.metrics().await;
            let hits = metrics.count("weir_bound_hits_total", &[("bound", "retry_body")]);
            assert_eq!(hits, if attempts == 2 { 0.0 } else { 1.0 });
        }
    }
}

#[tokio::test]
async fn a_chunked_body_within_the_replay_buffer_is_sent_again_also_where_a_budget_reads_it() {
    let data = chat().request.to_string().into_bytes();
    let pieces: Vec<Vec<u8>> = data.chunks(10).map(<[u8]>::to_vec).collect();
    let request = Request {
        payload: Payload::Chunked(pieces),
        ..chat().request()
    };
    for budgets in [
        "",
        "budgets: [{ name: b, limit: 1 USD, per: day, each: model }]",
    ] {
        let upstream = in_turn(Transport::Plain, vec![failing(503), chat().reply()]).await;
        let settings = Settings::to(&upstream).and(budgets);
        let weir = Weir::start_with_yaml(&super::yaml(&settings, RETRY)).await;
        let response = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(response.status(), 200);
        let received = upstream.received();
        assert_eq!(received.len(), 2);
        assert!(received.iter().all(|one| one.body.data == data));
        let calls = call_and_attempts(&weir, 2).await;
        assert_eq!(calls[0].int("cost_picousd"), Some(chat().cost_picousd));
        assert_eq!(
            calls[0].int("request_bytes"),
            i64::try_from(data.len()).ok()
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_during_a_pause_ends_it() {
    let settings = "retry: { backoff: { first: 60s, most: 60s }, within: 1h }";
    for by_reset in [true, false] {
        let upstream = in_turn(Transport::Plain, vec![failing(503), chat().reply()]).await;
        let weir = weir_with(&upstream, settings).await;
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        client.start(&chat().request()).await;
        upstream
            .eventually("the first attempt was answered", |all| {
                all.first().is_some_and(|one| one.answered)
            })
            .await;
        weir.calls_eventually(1).await;
        if by_reset {
            client.wire.reset();
        } else {
            drop(client);
        }
        let calls = call_and_attempts(&weir, 2).await;
        assert_eq!(calls[0].text("outcome"), Some("client_closed"));
        assert_eq!(
            calls[0].int("cost_picousd"),
            Some(0),
            "nothing was sent for it"
        );
        assert_eq!(upstream.received().len(), 1);
    }
}

#[tokio::test]
async fn a_pause_does_not_keep_a_weir_that_is_told_to_stop() {
    let settings = "retry: { backoff: { first: 60s, most: 60s }, within: 1h }";
    let upstream = in_turn(Transport::Plain, vec![failing(503), chat().reply()]).await;
    let of_all = Settings::to(&upstream).and("shutdown: { grace: 1s }");
    let mut weir = Weir::start_with_yaml(&super::yaml(&of_all, settings)).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.start(&chat().request()).await;
    weir.calls_eventually(1).await;
    weir.signal("TERM");
    assert!(weir.ended().await.success());
    let calls = call_and_attempts(&weir, 2).await;
    assert_eq!(calls[0].text("outcome"), Some("orphaned"));
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn attempts_are_shown_in_a_header_where_headers_are_asked_for() {
    let upstream = in_turn(Transport::Plain, vec![failing(503), chat().reply()]).await;
    let settings = Settings::to(&upstream).and("response_headers: true");
    let weir = Weir::start_with_yaml(&super::yaml(&settings, RETRY)).await;
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.head.get("x-weir-attempts"), Some("2"));
    let calls = call_and_attempts(&weir, 2).await;
    assert_eq!(response.head.get("x-weir-call-id"), calls[0].text("id"));
    let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
    assert_eq!(response.head.get("x-weir-attempts"), None);
}

#[tokio::test]
async fn an_answer_that_never_begins_is_tried_again_where_timeouts_are_listed() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
        let silent = Reply::silence([Step::Wait(Gate::shut())]);
        let upstream = in_turn(transport, vec![silent, chat().reply()]).await;
        let settings =
            "timeouts: { read: 300ms }\n    retry: { on: timeout, backoff: { first: 1ms } }";
        let weir = weir_with(&upstream, settings).await;
        let response = weir.send(Way::BaseUrl, "openai", &chat().request()).await;
        assert_eq!(response.status(), 200, "{transport:?}");
        let calls = call_and_attempts(&weir, 2).await;
        assert_eq!(calls[1].text("error_type"), Some("timeout"));
        assert_eq!(calls[1].int("http_status"), None);
        assert!(calls[1].int("cost_picousd") > Some(0), "{:?}", calls[1]);
    }
}

#[tokio::test]
async fn early_answers_leave_the_rest_of_the_body_to_the_next_attempt() {
    let gate = Gate::shut();
    let first = std::sync::atomic::AtomicBool::new(true);
    let upstream = Upstream::answering_early(Transport::Plain, move |_| {
        if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            failing(503)
        } else {
            chat().reply()
        }
    })
    .await;
    let weir = weir_with(&upstream, RETRY).await;
    let data = chat().request.to_string().into_bytes();
    let (one, other) = data.split_at(20);
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    let request = Request {
        payload: Payload::Chunked(vec![data.clone()]),
        ..chat().request()
    };
    client.start_head(&request).await;
    let chunk =
        |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    client.wire.write(&chunk(one)).await.expect("it is taken");
    upstream
        .eventually("the second attempt is there", |all| all.len() == 2)
        .await;
    client.wire.write(&chunk(other)).await.expect("it is taken");
    client.wire.write(b"0\r\n\r\n").await.expect("it is taken");
    gate.open();
    let response = client.finish("POST").await;
    assert_eq!(response.status(), 200);
    let received = upstream
        .eventually("the body is whole", |all| all[1].body.complete)
        .await;
    assert_eq!(received[1].body.data, data);
}
