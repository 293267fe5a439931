//! Many calls at once for the last of the money.

use serde_json::{Value, json};

use super::weir_with;
use crate::support::client::{Request, Way};
use crate::support::gate::Gate;
use crate::support::patience::eventually;
use crate::support::tls::Alpn;
use crate::support::upstream::{Received, Reply, Step, Transport, Upstream};

/// Output that one call may have, and has.
const OUTPUT: u64 = 100;
/// Calls that race.
const CALLS: usize = 200;

fn request() -> Request {
    Request::json(
        "/v1/chat/completions",
        &json!({"model": "test-race", "max_tokens": OUTPUT, "messages": []}),
    )
}

fn answer(output: u64) -> String {
    let usage: Value =
        json!({"prompt_tokens": 10, "completion_tokens": output, "total_tokens": 10 + output});
    json!({"object": "chat.completion", "model": "test-race", "choices": [], "usage": usage})
        .to_string()
}

/// Lets 200 calls race for a limit that fits 20 holds while none of them ends.
async fn races(budget: &str, column: &str, limit: i64, transport: Transport, way: Way) {
    let gate = Gate::shut();
    let script = {
        let gate = gate.clone();
        move |_: &_| {
            Reply::steps([
                Step::Wait(gate.clone()),
                Step::Send(answer(OUTPUT).into_bytes()),
            ])
        }
    };
    let upstream = Upstream::answering(transport, script).await;
    let weir = std::sync::Arc::new(weir_with(&upstream, budget).await);
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let weir = weir.clone();
        racing.spawn(async move { weir.send(way, "openai", &request()).await.status() });
    }
    // The gate opens only when every other call has been refused: nothing is settled before.
    eventually("180 calls are refused", async || {
        (weir.calls().len() >= CALLS - 20).then_some(())
    })
    .await;
    gate.open();
    let mut statuses: Vec<u16> = Vec::new();
    while let Some(status) = racing.join_next().await {
        statuses.push(status.expect("no call panics"));
    }
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(429)), (20, CALLS - 20), "{budget}");
    let complete = upstream
        .received()
        .iter()
        .filter(|one| one.body.complete)
        .count();
    assert_eq!(complete, 20, "no refused call reaches the upstream whole");
    let calls = weir.calls_eventually(CALLS).await;
    let spent: i64 = calls.iter().filter_map(|call| call.int(column)).sum();
    assert!(
        spent <= limit && spent * 10 >= limit * 9,
        "{spent} of {limit}"
    );
    let metrics = weir
        .metrics_eventually("nothing is held", |metrics| {
            metrics.sum("weir_budget_held", &[]) == Some(0.0)
        })
        .await;
    let refusals = metrics.count("weir_refusals_total", &[("budget", "race")]);
    assert!((refusals - 180.0).abs() < 0.5, "{refusals}");
}

#[tokio::test]
async fn a_race_for_output_tokens_stops_at_the_limit() {
    let budget = "{ name: race, limit: 2000 output_tokens, per: total, hold: worst_case }";
    races(
        budget,
        "output_tokens",
        2000,
        Transport::Plain,
        Way::BaseUrl,
    )
    .await;
}

#[tokio::test]
async fn a_race_for_money_stops_at_the_limit() {
    // One call holds 100 output tokens at 10.00 USD per million, and its input is free: 20 fit exactly.
    let budget = "{ name: race, limit: 0.02 USD, per: total, hold: worst_case }";
    for (transport, way) in [
        (Transport::Plain, Way::BaseUrl),
        (Transport::Tls(Alpn::H2), Way::ConnectH1),
    ] {
        races(budget, "cost_picousd", 20_000_000_000, transport, way).await;
    }
}

#[tokio::test]
async fn calls_that_settle_below_their_hold_make_room_and_never_exceed_the_limit() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::json(answer(40))).await;
    let budget = "{ name: race, limit: 2000 output_tokens, per: total, hold: worst_case }";
    let weir = std::sync::Arc::new(weir_with(&upstream, budget).await);
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let weir = weir.clone();
        racing.spawn(async move { weir.send(Way::BaseUrl, "openai", &request()).await.status() });
    }
    let mut passed = 0;
    while let Some(status) = racing.join_next().await {
        passed += i64::from(status.expect("no call panics") == 200);
    }
    let calls = weir.calls_eventually(CALLS).await;
    let spent: i64 = calls
        .iter()
        .filter_map(|call| call.int("output_tokens"))
        .sum();
    assert_eq!(spent, passed * 40);
    assert!(spent <= 2000, "{spent}");
    // A call is refused only where its hold of 100 does not fit beside what is spent and held.
    assert!(passed >= 20, "{passed}");
}

/// A chance that follows from where it is asked.
fn chance(seed: u64, at: u64, bound: u64) -> u64 {
    let mixed = (seed << 32 | at).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33) % bound.max(1)
}

/// What calls of random size race for.
const LIMIT_USD: f64 = 0.2;

/// Lets calls of random size race for what fits some twenty of them; tells by how much the limit was overshot,
/// and what the calls took beyond their holds.
async fn races_at_random(seed: u64, hold: &str) -> (f64, f64) {
    let gate = Gate::shut();
    // Each call says how much it will take: up to what it may.
    let script = {
        let gate = gate.clone();
        move |request: &Received| {
            let body: Value = serde_json::from_slice(&request.body.data).expect("the body is JSON");
            let takes = body["seed"].as_u64().expect("how much it takes");
            Reply::steps([
                Step::Wait(gate.clone()),
                Step::Send(answer(takes).into_bytes()),
            ])
        }
    };
    let upstream = Upstream::answering(Transport::Plain, script).await;
    let budget = format!("{{ name: race, limit: {LIMIT_USD} USD, per: total, hold: {hold} }}");
    let weir = std::sync::Arc::new(weir_with(&upstream, &budget).await);
    let mut racing = tokio::task::JoinSet::new();
    for at in 0..CALLS as u64 {
        // Nothing is known of the model, so that 1,000 are expected of each.
        let most = 1 + chance(seed, 2 * at, 40 * OUTPUT);
        let takes = chance(seed, 2 * at + 1, most + 1);
        let body = json!({"model": "test-race", "max_tokens": most, "seed": takes, "messages": []});
        let weir = weir.clone();
        racing.spawn(async move {
            let request = Request::json("/v1/chat/completions", &body);
            weir.send(Way::BaseUrl, "openai", &request).await.status()
        });
    }
    eventually(
        "every call was refused or waits for its answer",
        async || {
            let whole = |one: &&Received| one.body.complete;
            let waiting = upstream.received().iter().filter(whole).count();
            (waiting + weir.calls().len() >= CALLS).then_some(())
        },
    )
    .await;
    gate.open();
    while let Some(status) = racing.join_next().await {
        assert!(matches!(status.expect("no call panics"), 200 | 429));
    }
    let calls = weir.calls_eventually(CALLS).await;
    let spent: i64 = calls
        .iter()
        .filter_map(|call| call.int("cost_picousd"))
        .sum();
    let metrics = weir
        .metrics_eventually("nothing is held", |metrics| {
            metrics.sum("weir_budget_held", &[]) == Some(0.0)
        })
        .await;
    let shown = metrics.count("weir_budget_spent", &[("budget", "race")]);
    assert!(
        (shown - spent as f64 / 1e12).abs() < 1e-9,
        "{shown} and {spent}"
    );
    let beyond = metrics.count("weir_budget_beyond_holds", &[("budget", "race")]);
    ((shown - LIMIT_USD).max(0.0), beyond)
}

#[tokio::test]
async fn calls_of_random_size_overshoot_no_worst_case_and_an_expected_one_within_its_bound() {
    for seed in 0..2 {
        let (overshoot, beyond) = races_at_random(seed, "worst_case").await;
        assert_eq!((overshoot, beyond), (0.0, 0.0), "seed {seed}");
        let (overshoot, beyond) = races_at_random(seed, "expected").await;
        println!("seed {seed}: expected overshoots by {overshoot} of at most {beyond} USD");
        assert!(overshoot <= beyond + 1e-12, "{overshoot} > {beyond}");
        assert!(beyond > 0.0, "some call took more than it held");
        assert!(beyond < LIMIT_USD * 4.0, "{beyond}");
    }
}
