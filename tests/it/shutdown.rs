//! SIGTERM: not ready, no more accepts, calls end within the grace, and then at once.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::gate::Gate;
use crate::support::ledger;
use crate::support::patience::{Stopwatch, eventually, patience};
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Step, Transport, Upstream};
use crate::support::weir::Weir;

/// An upstream that sends half of a stream, and the rest once the gate is open.
async fn half_way(transport: Transport, gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::answering(transport, move |_| {
        let mut reply = canned::openai_chat_stream().reply();
        let half = reply.steps.len() / 2;
        reply.steps.insert(half, Step::Wait(gate.clone()));
        reply
    })
    .await
}

#[tokio::test]
async fn a_stream_in_flight_ends_and_then_weir_ends_at_once() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::H2)] {
        let gate = Gate::shut();
        let upstream = half_way(transport, &gate).await;
        // Longer than the patience: an exit that waits for the grace fails here.
        let grace = patience() * 10;
        let settings =
            Settings::to(&upstream).and(&format!("shutdown: {{ grace: {}s }}", grace.as_secs()));
        let mut weir = Weir::start(&settings).await;
        let canned = canned::openai_chat_stream();
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        client.start(&canned.request()).await;
        client.head().await;
        let first = client
            .wire
            .read_chunk()
            .await
            .expect("the stream has begun");

        let ready = weir.admin(&Request::get("/readyz")).await.status();
        assert_eq!(ready, 200);
        weir.signal("TERM");
        eventually("weir is not ready", async || {
            (weir.admin(&Request::get("/readyz")).await.status() == 503).then_some(())
        })
        .await;
        assert_eq!(
            weir.admin(&Request::get("/livez")).await.status(),
            200,
            "it still lives"
        );
        let proxy = weir.proxy;
        let refused = async || TcpStream::connect(proxy).await.is_err().then_some(());
        eventually("no connection is accepted", refused).await;

        gate.open();
        let mut got = first;
        while let Some(chunk) = client.wire.read_chunk().await {
            got.extend(chunk);
        }
        assert_eq!(got, canned.answer.as_bytes(), "{transport:?}");
        let status = weir.ended().await;
        assert!(status.success(), "{status}");
        let call = &weir.calls()[0];
        assert_eq!(call.text("outcome"), Some("ok"));
        assert_eq!(call.int("cost_picousd"), Some(canned.cost_picousd));
        assert!(ledger::query(&weir.data_dir(), "SELECT id FROM holds").is_empty());
    }
}

#[tokio::test]
async fn an_idle_weir_ends_at_once_whatever_connections_are_open() {
    for signal in ["TERM", "INT"] {
        let upstream =
            Upstream::answering(Transport::Tls(Alpn::H2), |_| canned::openai_chat().reply()).await;
        let settings = Settings::to(&upstream).and("shutdown: { grace: 300s }");
        let mut weir = Weir::start(&settings).await;
        let mut idle = Vec::new();
        for way in [Way::BaseUrl, Way::ConnectH1] {
            let mut client = weir.h1(way, "openai").await;
            assert_eq!(
                client.send(&canned::openai_chat().request()).await.status(),
                200
            );
            idle.push(client);
        }
        let mut h2 = weir.h2("openai").await;
        assert_eq!(
            h2.send(&canned::openai_chat().request()).await.status(),
            200
        );
        let silent = weir.h1(Way::BaseUrl, "openai").await;
        let watch = Stopwatch::start();
        weir.signal(signal);
        assert!(weir.ended().await.success(), "{signal}");
        assert!(
            watch.elapsed() < Duration::from_secs(10),
            "{signal}: {:?}",
            watch.elapsed()
        );
        assert_eq!(weir.calls().len(), 3);
        drop((idle, silent));
    }
}

#[tokio::test]
async fn at_the_end_of_the_grace_calls_are_cut_and_settled() {
    let gate = Gate::shut();
    let upstream = half_way(Transport::Plain, &gate).await;
    let settings = Settings::to(&upstream)
        .and("shutdown: { grace: 1s }")
        .and("budgets:\n  - { name: b, limit: 1 USD, per: total }");
    let mut weir = Weir::start(&settings).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.start(&canned::openai_chat_stream().request()).await;
    client.head().await;
    client
        .wire
        .read_chunk()
        .await
        .expect("the stream has begun");
    let watch = Stopwatch::start();
    weir.signal("TERM");
    weir.ended().await;
    assert!(
        watch.elapsed() >= Duration::from_millis(900),
        "the grace is kept: {:?}",
        watch.elapsed()
    );
    assert!(
        watch.elapsed() < Duration::from_secs(15),
        "and not much more: {:?}",
        watch.elapsed()
    );
    let calls = weir.calls();
    assert_eq!(calls.len(), 1, "the call was settled before the exit");
    let outcome = calls[0].text("outcome");
    assert!(
        matches!(
            outcome,
            Some("upstream_closed" | "client_closed" | "orphaned")
        ),
        "{outcome:?}"
    );
    assert_ne!(calls[0].int("output_tokens"), Some(0), "unknown is never 0");
    assert!(ledger::query(&weir.data_dir(), "SELECT id FROM holds").is_empty());
}
