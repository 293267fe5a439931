//! Budgets and sessions: refused at the handshake, closed when spent, or left.

use super::{CREATE, CREATED, begun, done, response};
use crate::support::client::Way;
use crate::support::gate::Gate;
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::websocket::{Act, Client, asks, frame, handshake, read_frame, says, upstream};
use crate::support::weir::Weir;

const REALTIME: &str = "/v1/realtime?model=gpt-realtime";

async fn weir_with(upstream: &Upstream, budget: &str) -> Weir {
    let budgets = format!("budgets:\n  - {{ {budget} }}");
    Weir::start(&Settings::to(upstream).and(&budgets)).await
}

/// The frames that an upstream heard.
async fn heard(upstream: &Upstream) -> Vec<crate::support::websocket::Frame> {
    upstream
        .eventually("the upstream's connection ended", |all| all[0].cut)
        .await;
    let raw = upstream.only().body.data;
    let (mut near, far) = tokio::io::duplex(raw.len().max(1));
    tokio::io::AsyncWriteExt::write_all(&mut near, &raw)
        .await
        .expect("it has room");
    drop(near);
    let mut wire = crate::support::wire::Wire::new(Box::new(far), Default::default());
    let mut frames = Vec::new();
    while let Some(frame) = read_frame(&mut wire).await {
        frames.push(frame);
    }
    frames
}

#[tokio::test]
async fn a_spent_session_is_closed_after_the_response_in_flight() {
    let gate = Gate::shut();
    let script = vec![
        Act::Say(says(CREATED)),
        Act::Hear(1),
        Act::Say(response("r1")),
        Act::Hear(1),
        // Two responses at a time: the budget is spent with the first, the second ends whole.
        Act::Say([begun("r2"), begun("r3"), says(&done("r2"))].concat()),
        Act::Wait(gate.clone()),
        Act::Say(says(&done("r3"))),
        Act::Say(says(r#"{"type":"too.late"}"#)),
    ];
    let upstream = upstream(Transport::Plain, "", script).await;
    let weir = weir_with(&upstream, "name: two, limit: 0.002 USD, per: total").await;
    let mut client = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    client.send(&asks(CREATE)).await;
    client.until("response.done").await;
    client.send(&asks(CREATE)).await;
    client.until("response.done").await;
    gate.open();
    let last = client.until("response.done").await;
    assert_eq!(last[0].text(), done("r3"));
    let close = client.frame().await;
    assert!(!close.is_masked);
    assert_eq!(close.close(), (1008, "budget two spent".to_owned()));
    let answer = frame(0x88, &close.payload, Some([4, 3, 2, 1]));
    client.send(&answer).await;
    assert!(client.wire.ends_here().await);
    let frames = heard(&upstream).await;
    assert_eq!(frames.len(), 3, "two requests and a Close: {frames:?}");
    assert!(frames[2].is_masked);
    assert_eq!(frames[2].close(), (1008, "budget two spent".to_owned()));
    let calls = weir.calls_eventually(4).await;
    let cost: i64 = calls
        .iter()
        .filter_map(|call| call.int("cost_picousd"))
        .sum();
    assert_eq!(cost, 3 * super::COST);
    let spent = weir
        .metrics()
        .await
        .count("weir_budget_spent", &[("budget", "two")]);
    assert!((spent - 0.003_504).abs() < 1e-9, "{spent}");
    let closed = weir.metrics().await;
    assert_eq!(
        closed.count("weir_sessions_closed_total", &[("budget", "two")]),
        1.0
    );
    let again = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    assert_eq!(again.head.status(), 429, "the handshake is refused");
    assert_eq!(again.head.get("x-weir-budget"), Some("two"));
}

#[tokio::test]
async fn a_session_may_be_left_open() {
    let script = vec![
        Act::Hear(1),
        Act::Say(response("r1")),
        Act::Hear(1),
        Act::Say(response("r2")),
    ];
    let upstream = upstream(Transport::Plain, "", script).await;
    let budget = "name: one, limit: 0.001 USD, per: total, on_spent: leave";
    let weir = weir_with(&upstream, budget).await;
    let mut client = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    for _ in 0..2 {
        client.send(&asks(CREATE)).await;
        client.until("response.done").await;
    }
    drop(client);
    let calls = weir.calls_eventually(3).await;
    let cost: i64 = calls
        .iter()
        .filter_map(|call| call.int("cost_picousd"))
        .sum();
    assert_eq!(cost, 2 * super::COST);
}

#[tokio::test]
async fn a_request_that_no_budget_has_room_for_does_not_go_upstream() {
    let script = vec![Act::Say(says(CREATED)), Act::Hear(2)];
    let upstream = upstream(Transport::Plain, "", script).await;
    let budget = "name: tight, limit: 0.000001 USD, per: total, hold: worst_case";
    let weir = weir_with(&upstream, budget).await;
    let mut client = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    client.frame().await;
    let hello = asks(r#"{"type":"session.update","session":{}}"#);
    client.send(&[hello.clone(), asks(CREATE)].concat()).await;
    let (status, reason) = client.frame().await.close();
    assert_eq!(status, 1008);
    assert_eq!(reason, "budget tight has no room for a response");
    drop(client);
    let frames = heard(&upstream).await;
    assert_eq!(frames[0].raw, hello);
    assert_eq!(frames[1].close().0, 1008);
    let call = weir.only_call().await;
    assert_eq!(call.text("operation"), Some("session"));
    assert_eq!(call.int("cost_picousd"), Some(0));
}

#[tokio::test]
async fn a_session_counts_once_among_calls_at_once() {
    let script = vec![Act::Hear(1), Act::Say(response("r1"))];
    let upstream = upstream(Transport::Plain, "", script).await;
    let weir = weir_with(&upstream, "name: at-once, limit: 1 concurrent").await;
    let mut client = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    client.send(&asks(CREATE)).await;
    client.until("response.done").await;
    let other = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    assert_eq!(other.head.status(), 429);
    drop(client);
    weir.calls_eventually(3).await;
    let free = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    assert_eq!(free.head.status(), 101);
}
