//! Pricing anew, by the weir that runs or without one: budgets, metrics and the audit follow.

use serde_json::{Value, json};

use super::run;
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::ledger;
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::{Weir, command};

const PRICE: &str = "prices: [{ provider: openai, model: test-gpt, input: 2.00, cached_input: 0.50, output: 8.00 }]";
const CHEAPER: &str = "prices: [{ provider: openai, model: test-gpt, input: 1.00, cached_input: 0.25, output: 4.00 }]";
const BUDGETS: &str = "budgets:
  - { name: birds, limit: 0.0009 USD, per: month, match: { team: birds } }
  - { name: others, limit: 1 USD, per: month, match: { team: others } }";
/// What one chat costs, in USD.
const COST: f64 = 0.000_45;

fn chat() -> Request {
    canned::openai_chat()
        .request()
        .header("x-weir-team", "birds")
}

/// A weir without a price for `test-gpt` that has forwarded two chats of it.
async fn unpriced() -> (Upstream, Weir, Settings) {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let mut settings = Settings::to(&upstream).and(BUDGETS);
    settings.top.remove(0);
    let weir = Weir::start(&settings).await;
    for _ in 0..2 {
        weir.send(Way::BaseUrl, "openai", &chat()).await;
    }
    weir.calls_eventually(2).await;
    (upstream, weir, settings)
}

fn repricings(weir: &Weir) -> Vec<Value> {
    let text = run(weir.folder(), &["audit", "--format", "json"]).done();
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON rows");
    let reprice = |row: &Value| row["action"] == "ledger.reprice";
    rows.into_iter().filter(reprice).collect()
}

fn assert_near(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
}

#[tokio::test]
async fn budgets_and_metrics_of_a_running_weir_count_the_new_costs_at_once() {
    let (_upstream, weir, settings) = unpriced().await;
    let standing = async || {
        let metrics = weir.metrics().await;
        (
            metrics.count("weir_budget_spent", &[("budget", "birds")]),
            metrics.count("weir_budget_spent", &[("budget", "others")]),
            metrics.count("weir_cost_usd_total", &[("provider", "openai")]),
        )
    };
    assert_eq!(standing().await, (0.0, 0.0, 0.0));

    weir.edit(&settings.clone().and(PRICE).yaml());
    let ran = run(weir.folder(), &["reprice", "--since", "1h"]);
    assert!(
        ran.err.contains("budgets count the new amounts"),
        "{}",
        ran.err
    );
    assert!(ran.done().contains("2 newly priced"));
    let (birds, others, counted) = standing().await;
    assert_near(birds, 2.0 * COST);
    assert_near(others, 0.0);
    assert_near(counted, 2.0 * COST);
    let refused = weir.send(Way::BaseUrl, "openai", &chat()).await;
    assert_eq!(
        refused.status(),
        429,
        "the budget is spent by what was found"
    );

    weir.edit(&settings.and(CHEAPER).yaml());
    run(weir.folder(), &["reprice", "--since", "1h"]).done();
    let (birds, _, counted) = standing().await;
    assert_near(birds, COST);
    assert_near(counted, 2.0 * COST);
    let passes = weir.send(Way::BaseUrl, "openai", &chat()).await;
    assert_eq!(passes.status(), 200, "there is room again");

    let deeds = repricings(&weir);
    let said: Vec<_> = deeds
        .iter()
        .map(|deed| (&deed["via"], &deed["detail"]["state"]))
        .collect();
    let (begun, done) = (
        (&json!("api"), &json!("begun")),
        (&json!("api"), &json!("done")),
    );
    assert_eq!(said, [begun, done, begun, done]);
    assert_eq!(deeds[1]["detail"]["priced"], 2);
    assert_eq!(deeds[3]["detail"]["before_usd"], "0.0009");
    assert_eq!(deeds[3]["detail"]["after_usd"], "0.00045");
}

#[tokio::test]
async fn without_a_running_weir_the_ledger_is_changed_and_the_next_one_counts_it() {
    let (_upstream, mut weir, settings) = unpriced().await;
    weir.signal("TERM");
    assert!(weir.ended().await.success());
    weir.edit(&settings.and(PRICE).yaml());
    let table = run(weir.folder(), &["reprice", "--since", "1h"]).done();
    assert!(table.contains("0.0009 USD after"), "{table}");
    assert!(table.contains("2 say no tier or region"), "{table}");
    assert_eq!(repricings(&weir)[1]["via"], "cli");
    weir.start_again().await;
    let spent = weir.metrics().await;
    assert_near(
        spent.count("weir_budget_spent", &[("budget", "birds")]),
        2.0 * COST,
    );
}

#[tokio::test]
async fn prices_that_the_running_weir_has_not_are_not_used() {
    let (_upstream, weir, settings) = unpriced().await;
    let other = weir.folder().join("other.yaml");
    std::fs::write(&other, settings.clone().and(PRICE).yaml()).expect("it is writable");
    let arguments = ["reprice", "--since", "1h", "--config", "other.yaml"];
    let ran = run(weir.folder(), &arguments);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("the running weir prices by"),
        "{}",
        ran.err
    );
    weir.edit("no: settings\n");
    let refused = run(weir.folder(), &arguments);
    assert!(refused.err.contains("weir check"), "{}", refused.err);
    let dry = [&arguments[..], &["--dry-run"]].concat();
    assert!(run(weir.folder(), &dry).done().contains("2 newly priced"));
    let changed = ledger::query(&weir.data_dir(), "SELECT * FROM repricings");
    assert_eq!(changed.len(), 0, "nothing was changed by any of it");
}

#[tokio::test]
async fn the_api_takes_no_order_that_it_does_not_understand() {
    let (_upstream, weir, _) = unpriced().await;
    for (body, why) in [
        (json!({"since": "2026-01-01T00:00:00Z"}), "until"),
        (
            json!({"since": "7d", "until": "2026-01-01T00:00:00Z"}),
            "a time is written",
        ),
        (
            json!({"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "where": ["colour=red"]}),
            "no column",
        ),
        (
            json!({"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "clera": true}),
            "clera",
        ),
    ] {
        let answer = weir.admin(&Request::json("/api/v1/reprice", &body)).await;
        assert_eq!(answer.status(), 400, "{body}");
        let said = answer.json()["error"].to_string();
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(repricings(&weir), [Value::Null; 0]);
}

#[tokio::test]
async fn two_weirs_never_share_a_data_directory() {
    let (_upstream, weir, settings) = unpriced().await;
    std::fs::write(weir.folder().join("second.yaml"), settings.yaml()).expect("it is writable");
    let second = command(weir.folder())
        .args(["serve", "--config", "second.yaml"])
        .output()
        .expect("the binary can be run");
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr);
    let who = format!("another weir (pid {}) already uses", weir.pid());
    assert!(told.contains(&who) && told.contains("data_dir"), "{told}");
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &chat()).await.status(),
        200
    );
}

#[tokio::test]
async fn a_command_writes_nothing_beside_a_weir_that_does_not_answer() {
    let (_upstream, weir, settings) = unpriced().await;
    weir.edit(&settings.and(PRICE).yaml());
    let file = weir.data_dir().join("addresses.json");
    let closed = {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        port.local_addr().expect("its address")
    };
    let addresses = json!({ "proxy": weir.proxy, "admin": closed });
    std::fs::write(&file, addresses.to_string()).expect("it is writable");
    let ran = run(weir.folder(), &["reprice", "--since", "1h"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("does not answer") && ran.err.contains("stop it"),
        "{}",
        ran.err
    );
    std::fs::remove_file(&file).expect("it is there");
    let ran = run(weir.folder(), &["reprice", "--since", "1h"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("already uses"), "{}", ran.err);
    assert!(
        weir.calls()
            .iter()
            .all(|call| call.int("cost_picousd").is_none())
    );
}
