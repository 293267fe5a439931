//! Calls that do not end well: whoever leaves, the other side learns it and the ledger says so.

use crate::support::canned::{self, Canned};
use crate::support::client::Way;
use crate::support::gate::Gate;
use crate::support::patience::within;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Framing, Reply, Step, Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::Wire;

/// Sends the first half of a canned stream, then does `then`.
fn first_half(canned: &Canned, then: Step) -> Reply {
    let mut reply = canned.reply();
    let half = reply.steps.len() / 2;
    assert!(half >= 1, "{} has more than one piece", canned.name);
    reply.steps.truncate(half);
    reply.steps.push(then);
    reply
}

fn streams() -> Vec<Canned> {
    vec![
        canned::openai_chat_stream(),
        canned::anthropic_stream(),
        canned::gemini_stream(),
    ]
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaves {
    /// A reset tells even while the upstream is silent.
    ByReset,
    /// A FIN may be a half-close; the next bytes tell.
    ByFin,
}

async fn a_client_hangs_up(canned: &Canned, transport: Transport, leaves: Leaves) {
    let what = format!("{} {transport:?} {leaves:?}", canned.name);
    let last = match leaves {
        Leaves::ByReset => Step::Wait(Gate::shut()),
        Leaves::ByFin => Step::Trickle(b": still here\n\n".to_vec()),
    };
    let reply = first_half(canned, last);
    let sent = reply.body().len();
    let upstream = Upstream::answering(transport, move |_| reply.clone()).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = weir.h1(Way::BaseUrl, canned.provider).await;
    client.start(&canned.request()).await;
    client.head().await;
    let mut got = 0;
    while got < sent {
        got += client
            .wire
            .read_chunk()
            .await
            .expect("the stream goes on")
            .len();
    }
    match leaves {
        Leaves::ByReset => client.wire.reset(),
        Leaves::ByFin => drop(client),
    }
    upstream
        .eventually("the upstream is cut off", |all| all[0].cut)
        .await;
    let call = weir.only_call().await;
    assert_eq!(call.text("outcome"), Some("client_closed"), "{what}");
    let source = call.text("usage_source");
    assert!(
        matches!(source, Some("partial" | "estimated")),
        "{what}: {source:?}"
    );
    assert!(call.int("output_tokens") > Some(0), "{what}: {call:?}");
    assert!(call.int("cost_picousd") > Some(0), "{what}: {call:?}");
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_upstream_and_is_counted() {
    for leaves in [Leaves::ByReset, Leaves::ByFin] {
        for canned in streams() {
            a_client_hangs_up(&canned, Transport::Plain, leaves).await;
        }
        a_client_hangs_up(
            &canned::openai_chat_stream(),
            Transport::Tls(Alpn::H2),
            leaves,
        )
        .await;
    }
}

#[tokio::test]
async fn an_h2_client_that_resets_its_stream_is_counted_and_keeps_its_connection() {
    let canned = canned::anthropic_stream();
    let reply = first_half(&canned, Step::Wait(Gate::shut()));
    let whole = canned.reply();
    let upstream = Upstream::answering(Transport::Tls(Alpn::H2), move |received| {
        match received.head.get("x-whole") {
            Some(_) => whole.clone(),
            None => reply.clone(),
        }
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = weir.h2(canned.provider).await;
    let mut streaming = client.start(&canned.request()).await;
    let (_, mut body) = streaming.head().await;
    body.data().await.expect("data").expect("data");
    streaming.sending.send_reset(h2::Reason::CANCEL);
    drop((streaming, body));
    upstream
        .eventually("the upstream's stream is reset", |all| all[0].cut)
        .await;
    assert_eq!(
        weir.only_call().await.text("outcome"),
        Some("client_closed")
    );
    let response = client.send(&canned.request().header("X-Whole", "1")).await;
    assert_eq!(response.body.data, canned.answer.as_bytes());
    assert_eq!(
        upstream.connections(),
        1,
        "only the stream was given up, not the connection"
    );
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_byte_is_counted() {
    let upstream = Upstream::driven(
        Transport::Plain,
        |mut wire: Wire, record, connection| async move {
            let Ok(Some(head)) = wire.read_head().await else {
                return;
            };
            let at = record.begin(connection, head);
            wire.gone().await;
            record.note(at, |entry| entry.cut = true);
        },
    )
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let canned = canned::openai_chat();
    let mut client = weir.h1(Way::BaseUrl, canned.provider).await;
    client.start(&canned.request()).await;
    upstream
        .eventually("the request is there", |all| !all.is_empty())
        .await;
    client.wire.reset();
    upstream
        .eventually("the upstream is cut off", |all| all[0].cut)
        .await;
    let call = weir.only_call().await;
    assert_eq!(call.text("outcome"), Some("client_closed"));
    assert_ne!(call.int("input_tokens"), Some(0), "unknown is never 0");
}

/// Sends a request and reads `length` bytes of its answer; opens the gate; says whether the answer then ends as if
/// it were whole.
async fn ends_whole(weir: &Weir, way: Way, canned: &Canned, length: usize, gate: &Gate) -> bool {
    let mut got = 0;
    if way == Way::ConnectH2 {
        let mut client = weir.h2(canned.provider).await;
        let mut streaming = client.start(&canned.request()).await;
        let (_, mut body) = streaming.head().await;
        while got < length {
            got += within("data", body.data())
                .await
                .expect("data")
                .expect("data")
                .len();
        }
        gate.open();
        return !matches!(within("the end", body.data()).await, Some(Err(_)));
    }
    let mut client = weir.h1(way, canned.provider).await;
    client.start(&canned.request()).await;
    client.head().await;
    while got < length {
        got += client
            .wire
            .read_chunk()
            .await
            .expect("the stream goes on")
            .len();
    }
    gate.open();
    !client.wire.ends_here().await
}

#[tokio::test]
async fn a_client_sees_that_the_upstream_broke_off() {
    for canned in streams() {
        for transport in Transport::ALL {
            for way in [Way::BaseUrl, Way::ConnectH2] {
                let what = format!("{} {transport:?} by {way:?}", canned.name);
                let gate = Gate::shut();
                let mut reply = first_half(&canned, Step::Wait(gate.clone()));
                reply.steps.push(Step::Close);
                let length = reply.body().len();
                let upstream = Upstream::answering(transport, move |_| reply.clone()).await;
                let weir = Weir::start(&Settings::to(&upstream)).await;
                let whole = ends_whole(&weir, way, &canned, length, &gate).await;
                assert!(!whole, "{what}: the truncation is hidden");
                let call = weir.only_call().await;
                assert_eq!(call.text("outcome"), Some("upstream_closed"), "{what}");
                assert_ne!(call.text("usage_source"), Some("reported"), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_passed_on_as_such() {
    let reply = Reply {
        headers: vec![("Content-Length".to_owned(), "100".to_owned())],
        framing: Framing::Length,
        ..Reply::steps([Step::Send(b"only this".to_vec()), Step::Close])
    };
    let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let request = canned::openai_chat().request();
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.head.get("content-length"), Some("100"));
    assert_eq!(response.body.data, b"only this");
    assert!(!response.body.complete);
    assert_eq!(
        weir.only_call().await.text("outcome"),
        Some("upstream_closed")
    );
}

#[tokio::test]
async fn usage_is_settled_with_the_terminal_event_not_with_the_end() {
    // Real clients close right after it: here the upstream has not even ended its stream.
    for canned in streams() {
        let mut reply = canned.reply();
        reply.steps.push(Step::Wait(Gate::shut()));
        let sent = canned.answer.len();
        let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let mut client = weir.h1(Way::BaseUrl, canned.provider).await;
        client.start(&canned.request()).await;
        client.head().await;
        let mut got = 0;
        while got < sent {
            got += client
                .wire
                .read_chunk()
                .await
                .expect("the stream goes on")
                .len();
        }
        client.wire.reset();
        let call = weir.only_call().await;
        assert_eq!(
            call.int("input_tokens"),
            Some(canned.input),
            "{}",
            canned.name
        );
        assert_eq!(call.int("output_tokens"), canned.output, "{}", canned.name);
        assert_eq!(
            call.int("cost_picousd"),
            Some(canned.cost_picousd),
            "{}",
            canned.name
        );
        upstream
            .eventually("the upstream is cut off", |all| all[0].cut)
            .await;
    }
}
