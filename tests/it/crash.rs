//! `kill -9` at any moment: every call that the upstream saw is in the ledger once, and no hold is left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::canned;
use crate::support::client::{H1, Request, Way};
use crate::support::gate::Gate;
use crate::support::ledger;
use crate::support::settings::Settings;
use crate::support::upstream::{Received, Step, Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::Wire;

/// Kills, each in the middle of traffic.
const KILLS: usize = 3;
/// Calls that the upstream sees before each kill.
const CALLS_BEFORE_KILL: usize = 150;
/// Clients that send at once.
const CLIENTS: usize = 8;

/// Sends numbered calls on one connection until it dies.
async fn send_until_killed(proxy: std::net::SocketAddr, next: Arc<AtomicUsize>) {
    // A client may come just after the kill.
    let Some(wire) = Wire::try_dial(proxy).await else {
        return;
    };
    let mut client = H1 {
        wire,
        prefix: "/openai".to_owned(),
        host: proxy.to_string(),
    };
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst).to_string();
        // The first goes upstream and comes back here as a row's label; the second stays a header.
        let request = canned::openai_chat()
            .request()
            .header("X-Weir-Task", &number)
            .header("X-Number", &number);
        let target = format!("{}{}", client.prefix, request.path);
        let mut bytes = request.head_bytes(&target, &client.host);
        bytes.extend(request.body_bytes());
        if client.wire.write(&bytes).await.is_err() || client.try_finish("POST").await.is_none() {
            return;
        }
    }
}

#[tokio::test]
async fn every_call_that_the_upstream_saw_is_on_record_once_after_kills() {
    let never = Gate::shut();
    let script = move |received: &Received| {
        let mut reply = canned::openai_chat().reply();
        let number = received
            .head
            .get("x-number")
            .and_then(|text| text.parse::<usize>().ok());
        if number.expect("a number") % 10 == 9 {
            // Some are always in flight when the kill comes.
            reply.steps.insert(0, Step::Wait(never.clone()));
        }
        reply
    };
    let upstream = Upstream::answering(Transport::Plain, script).await;
    let budget = "budgets:\n  - { name: all, limit: 1000 USD, per: total }\n  - { name: in-flight, limit: 1000 concurrent }";
    let mut weir = Weir::start(&Settings::to(&upstream).and(budget)).await;
    let next = Arc::new(AtomicUsize::new(0));
    for kill in 1..=KILLS {
        let mut clients = tokio::task::JoinSet::new();
        // Every tenth call never ends and keeps its client: more clients come while they are needed.
        let proxy = weir.proxy;
        let wanted = kill * CALLS_BEFORE_KILL;
        let mut started = 0;
        upstream
            .eventually("enough calls came", |all| {
                let stuck = all.iter().filter(|one| !one.answered && !one.cut).count();
                while started < stuck + CLIENTS && started < CALLS_BEFORE_KILL {
                    clients.spawn(send_until_killed(proxy, next.clone()));
                    started += 1;
                }
                all.len() >= wanted
            })
            .await;
        weir.kill();
        while let Some(client) = clients.join_next().await {
            client.expect("a client that is cut off ends quietly");
        }
        weir.start_again().await;
    }

    let seen: Vec<String> = upstream
        .received()
        .iter()
        .map(|one| one.head.get("x-number").expect("a number").to_owned())
        .collect();
    assert!(seen.len() >= KILLS * CALLS_BEFORE_KILL);
    let calls = weir.calls();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &calls {
        *rows
            .entry(call.text("task").expect("every call has its number"))
            .or_default() += 1;
    }
    let missing: Vec<&String> = seen
        .iter()
        .filter(|number| !rows.contains_key(number.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "{} of {} are not on record: {missing:?}",
        missing.len(),
        seen.len()
    );
    let double: Vec<_> = rows.iter().filter(|(_, count)| **count != 1).collect();
    assert!(double.is_empty(), "on record more than once: {double:?}");

    let orphaned: Vec<_> = calls
        .iter()
        .filter(|call| call.text("outcome") == Some("orphaned"))
        .collect();
    assert!(
        !orphaned.is_empty(),
        "some calls were in flight at every kill"
    );
    for call in orphaned {
        assert_ne!(call.int("output_tokens"), Some(0), "unknown is never 0");
        assert_eq!(call.int("http_status"), None);
    }
    assert!(
        ledger::query(&weir.data_dir(), "SELECT id FROM holds").is_empty(),
        "a hold is left"
    );
    let held = weir.metrics().await.sum("weir_budget_held", &[]);
    assert_eq!(held, Some(0.0));

    let spent = weir
        .metrics()
        .await
        .count("weir_budget_spent", &[("budget", "all")]);
    let sum: i64 = calls
        .iter()
        .filter_map(|call| call.int("cost_picousd"))
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "the sum is small")]
    let sum = sum as f64 / 1e12;
    assert!(
        (spent - sum).abs() < 1e-9,
        "the budget says {spent}, the ledger {sum}"
    );
    let response = weir
        .send(
            Way::BaseUrl,
            "openai",
            &canned::openai_chat().request().header("X-Number", "0"),
        )
        .await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_second_weir_over_the_same_folder_does_not_start() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut command = crate::support::weir::command(weir.folder());
    command.args(["serve", "--config", "proxy.yaml"]);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("weir-data"),
        "the message names the folder: {told}"
    );
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &canned::openai_chat().request())
            .await
            .status(),
        200
    );
}

/// An upstream that takes calls and never answers.
async fn silent() -> Upstream {
    let never = Gate::shut();
    let script = move |_: &Received| {
        let mut reply = canned::openai_chat().reply();
        reply.steps.insert(0, Step::Wait(never.clone()));
        reply
    };
    Upstream::answering(Transport::Plain, script).await
}

/// Sends a call that has reached the upstream when this ends; it is in flight while the client lives.
async fn in_flight(weir: &Weir, upstream: &Upstream, request: &Request) -> H1 {
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.start_head(request).await;
    client
        .wire
        .write(&request.body_bytes())
        .await
        .expect("weir reads");
    upstream.eventually("it came", |all| !all.is_empty()).await;
    client
}

#[tokio::test]
async fn what_a_call_that_weir_cannot_read_would_have_cost_stays_unknown() {
    let upstream = silent().await;
    let mut weir = Weir::start(&Settings::to(&upstream)).await;
    let _client = in_flight(
        &weir,
        &upstream,
        &Request::json("/v1/unheard-of", &canned::openai_chat().request),
    )
    .await;
    weir.kill();
    weir.start_again().await;
    let call = weir.only_call().await;
    assert_eq!(call.text("outcome"), Some("orphaned"));
    assert_eq!(call.text("request_model"), Some("test-gpt"));
    assert_eq!(
        (call.int("input_tokens"), call.int("cost_picousd")),
        (None, None)
    );
}

#[tokio::test]
async fn an_orphan_is_charged_its_whole_hold_where_the_settings_say_so() {
    let upstream = silent().await;
    let strict = "orphans: worst_case\nbudgets:\n  - { name: strict, limit: 1000 USD, per: year, hold: worst_case }";
    let mut weir = Weir::start(&Settings::to(&upstream).and(strict)).await;
    let _client = in_flight(&weir, &upstream, &canned::openai_chat().request()).await;
    let held = weir.metrics().await.sum("weir_budget_held", &[]);
    weir.kill();
    weir.start_again().await;
    let spent = weir.metrics().await.sum("weir_budget_spent", &[]);
    assert_eq!(spent, held, "no crash makes room");
    let call = weir.only_call().await;
    assert_eq!(call.text("outcome"), Some("orphaned"));
    assert!(call.int("output_tokens") > Some(0), "its most is charged");
    assert!(spent > Some(0.0));
}
