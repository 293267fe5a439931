//! How sessions end: clients that vanish, upstreams that break off, kills.

use super::{COST, CREATE, CREATED, begun, response};
use crate::support::client::Way;
use crate::support::ledger::{self, Row};
use crate::support::settings::Settings;
use crate::support::upstream::Transport;
use crate::support::websocket::{Act, Client, asks, handshake, says, upstream};
use crate::support::weir::Weir;

const REALTIME: &str = "/v1/realtime?model=gpt-realtime";

/// Calls of one millisecond stand in any order.
fn sort(calls: &mut [Row]) {
    calls.sort_by_key(|call| {
        ["operation", "outcome"].map(|column| call.text(column).map(str::to_owned))
    });
}

fn outcomes(calls: &[Row]) -> Vec<[Option<&str>; 3]> {
    calls
        .iter()
        .map(|call| ["operation", "outcome", "usage_source"].map(|column| call.text(column)))
        .collect()
}

#[tokio::test]
async fn a_response_that_its_client_leaves_is_counted_by_what_was_said() {
    let script = vec![
        Act::Say(says(CREATED)),
        Act::Hear(1),
        Act::Say(response("r1")),
        Act::Hear(1),
        Act::Say(begun("r2")),
    ];
    let upstream = upstream(Transport::Plain, "", script).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    client.send(&asks(CREATE)).await;
    client.until("response.done").await;
    client.send(&asks(CREATE)).await;
    client.until("transcript.delta").await;
    drop(client);
    let mut calls = weir.calls_eventually(3).await;
    sort(&mut calls);
    assert_eq!(
        outcomes(&calls),
        [
            [Some("realtime"), Some("client_closed"), Some("estimated")],
            [Some("realtime"), Some("ok"), Some("reported")],
            [Some("session"), Some("client_closed"), Some("reported")],
        ]
    );
    let left = &calls[0];
    // The conversation of 40 tokens counts again, and "Hello there" is two more.
    assert_eq!(left.int("input_tokens"), Some(40));
    assert_eq!(left.int("output_tokens"), Some(2));
    assert!(left.int("cost_picousd") > Some(0));
    upstream
        .eventually("the upstream is told", |all| all[0].cut)
        .await;
}

#[tokio::test]
async fn an_upstream_that_breaks_off_is_the_outcome_of_what_it_left() {
    let script = vec![Act::Hear(1), Act::Say(begun("r1")), Act::HangUp];
    let upstream = upstream(Transport::Plain, "", script).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    client.send(&asks(CREATE)).await;
    client.until("transcript.delta").await;
    assert!(client.wire.ends_here().await);
    let calls = weir.calls_eventually(2).await;
    let outcomes: Vec<_> = calls.iter().map(|call| call.text("outcome")).collect();
    assert_eq!(outcomes, [Some("upstream_closed"); 2]);
}

#[tokio::test]
async fn a_killed_session_leaves_each_of_its_calls_once() {
    let script = vec![
        Act::Say(says(CREATED)),
        Act::Hear(1),
        Act::Say(response("r1")),
        Act::Hear(1),
        Act::Say(begun("r2")),
    ];
    let upstream = upstream(Transport::Plain, "", script).await;
    let mut weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = Client::open(&weir, Way::BaseUrl, handshake(REALTIME)).await;
    client.send(&asks(CREATE)).await;
    client.until("response.done").await;
    client.send(&asks(CREATE)).await;
    client.until("transcript.delta").await;
    let holds = || ledger::query(&weir.data_dir(), "SELECT id FROM holds");
    crate::support::patience::eventually("the holds are on record", async || {
        (holds().len() == 2 && weir.calls().len() == 1).then_some(())
    })
    .await;
    weir.kill();
    weir.start_again().await;
    let mut calls = weir.calls_eventually(3).await;
    sort(&mut calls);
    let said = |call: &Row| {
        (
            call.text("outcome").map(str::to_owned),
            call.int("cost_picousd"),
        )
    };
    let orphaned = Some("orphaned".to_owned());
    assert_eq!(said(&calls[0]), (Some("ok".to_owned()), Some(COST)));
    // Its conversation of 40 tokens at 4 USD per million.
    assert_eq!(said(&calls[1]), (orphaned.clone(), Some(160_000_000)));
    assert_eq!(said(&calls[2]), (orphaned, Some(0)), "the session");
}
