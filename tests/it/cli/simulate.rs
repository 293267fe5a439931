//! `weir budgets simulate`: the ledger replayed against other budgets.

use serde_json::{Value, json};

use super::run;
use crate::support::canned;
use crate::support::client::Way;
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

/// Five chats of 0.00045 USD each by ann, one by bob; the sixth of ann's is refused.
async fn rig() -> (Settings, Weir) {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let settings = Settings::to(&upstream);
    let budget = "budgets: [{ name: old, limit: 5 requests, per: total, match: { user: ann } }]";
    let weir = Weir::start(&settings.clone().and(budget)).await;
    for (user, status) in [
        ("ann", 200),
        ("bob", 200),
        ("ann", 200),
        ("ann", 200),
        ("ann", 200),
        ("ann", 200),
        ("ann", 429),
    ] {
        let request = canned::openai_chat().request().header("x-weir-user", user);
        let answer = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(answer.status(), status);
    }
    weir.calls_eventually(7).await;
    (settings, weir)
}

/// What is said of other budgets.
fn simulated(weir: &Weir, settings: &Settings, budgets: &str, arguments: &[&str]) -> String {
    let yaml = settings.clone().and(budgets).yaml();
    std::fs::write(weir.folder().join("new.yaml"), yaml).expect("it is writable");
    let all = ["budgets", "simulate", "--config", "new.yaml"];
    run(weir.folder(), &[&all[..], arguments].concat()).done()
}

const NEW: &str = "budgets:
  - { name: each-user, limit: 0.001 USD, per: total, each: user }
  - { name: watch, limit: 0.0009 USD, per: total, action: warn }
  - { name: roomy, limit: 10_000 tokens, per: year }";

#[tokio::test]
async fn says_what_a_changed_file_would_have_refused() {
    let (settings, weir) = rig().await;
    let before = weir.calls();
    let text = simulated(
        &weir,
        &settings,
        NEW,
        &["--since", "1h", "--format", "json"],
    );
    let said: Value = serde_json::from_str(&text).expect("JSON");
    // Ann's third to fifth; her sixth was refused then, and is again.
    assert_eq!(said["calls"], 7, "{said}");
    assert_eq!(
        (&said["refused"], &said["still_refused"]),
        (&json!(3), &json!(1)),
        "{said}"
    );
    assert_eq!(said["refused_cost_usd"], "0.00135", "{said}");
    let each = &said["budgets"][0];
    assert_eq!(
        (&each["refused"], &each["peak_spent"]),
        (&json!(3), &json!("0.0009")),
        "{said}"
    );
    assert_eq!(
        (&each["peak_value"], &each["peak_percent"]),
        (&json!("ann"), &json!(90.0)),
        "{said}"
    );
    assert!(each["first_refused_at"].is_string(), "{said}");
    let watch = &said["budgets"][1];
    assert_eq!(
        (&watch["warned"], &watch["peak_percent"]),
        (&json!(1), &json!(150.0)),
        "{said}"
    );
    let roomy = &said["budgets"][2];
    assert_eq!(
        (&roomy["refused"], &roomy["unit"]),
        (&json!(0), &json!("tokens")),
        "{said}"
    );
    assert_eq!(weir.calls(), before, "nothing is written");
    let standing = weir.metrics().await;
    assert_eq!(
        standing.count("weir_budget_spent", &[("budget", "old")]),
        5.0
    );
}

#[tokio::test]
async fn says_what_would_pass_or_go_to_another_model() {
    let (settings, weir) = rig().await;
    let none = simulated(&weir, &settings, "", &["--format", "json"]);
    let said: Value = serde_json::from_str(&none).expect("JSON");
    assert_eq!(
        (&said["now_pass"], &said["refused"]),
        (&json!(1), &json!(0)),
        "{said}"
    );
    let cheaper = "budgets:
  - { name: cheap, limit: 0.001 USD, per: total, action: { downgrade: { \"test-gpt*\": test-embed } } }";
    let table = simulated(&weir, &settings, cheaper, &[]);
    assert!(table.contains("4 would go to another model"), "{table}");
    let csv = simulated(&weir, &settings, NEW, &["--format", "csv"]);
    assert!(csv.starts_with("budget,unit,per,limit,refused,"), "{csv}");
    assert_eq!(csv.lines().count(), 4, "{csv}");
}

#[tokio::test]
async fn a_span_with_nothing_in_it_is_no_fault() {
    let (settings, weir) = rig().await;
    let text = simulated(
        &weir,
        &settings,
        NEW,
        &["--since", "0s", "--format", "json"],
    );
    let said: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&said["calls"], &said["refused"]),
        (&json!(0), &json!(0)),
        "{said}"
    );
    let bad = run(weir.folder(), &["budgets", "simulate", "--since", "soon"]);
    assert_eq!(bad.code, Some(2), "{}", bad.err);
}
