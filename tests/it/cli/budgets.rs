//! Rolling windows, and budgets that are reset: over the API, without a running weir, after restarts.

use serde_json::{Value, json};

use super::run;
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

/// One call of the canned chat costs 0.00045 USD: the first passes, then these are spent.
const BUDGETS: &str = "budgets:
  - { name: rolls, limit: 0.0004 USD, per: rolling 5h, each: user }
  - { name: month, limit: 1 USD, per: month, rollover: true }
  - { name: flight, limit: 9 concurrent }";

async fn rig() -> (Upstream, Weir) {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start(&Settings::to(&upstream).and(BUDGETS)).await;
    (upstream, weir)
}

fn by(user: &str) -> Request {
    canned::openai_chat().request().header("X-Weir-User", user)
}

async fn status(weir: &Weir, user: &str) -> u16 {
    let answer = weir.send(Way::BaseUrl, "openai", &by(user)).await;
    answer.status()
}

fn resets(weir: &Weir) -> Vec<(String, Value)> {
    let text = run(weir.folder(), &["audit", "--format", "json"]).done();
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON rows");
    let resets = rows.iter().filter(|row| row["action"] == "budget.reset");
    let of = |row: &Value| {
        let via = row["via"].as_str().expect("a way").to_owned();
        (via, row["detail"]["each_value"].clone())
    };
    resets.map(of).collect()
}

#[tokio::test]
async fn a_rolling_budget_stays_spent_over_restarts_until_it_is_reset() {
    let (_upstream, mut weir) = rig().await;
    for user in ["ann", "bob"] {
        assert_eq!(status(&weir, user).await, 200);
    }
    weir.calls_eventually(2).await;
    let refused = weir.send(Way::BaseUrl, "openai", &by("ann")).await;
    assert_eq!(refused.status(), 429);
    let wait = refused.head.get("retry-after").expect("it comes back");
    let wait: i64 = wait.parse().expect("seconds");
    // It leaves with its part of five minutes.
    assert!((5 * 3_600 - 60..=5 * 3_600 + 300).contains(&wait), "{wait}");
    weir.restart().await;
    let both = [status(&weir, "ann").await, status(&weir, "bob").await];
    assert_eq!(both, [429, 429]);

    let said = run(
        weir.folder(),
        &["budgets", "reset", "rolls", "--each", "ann"],
    )
    .done();
    assert!(said.contains("budget rolls (ann) counts from "), "{said}");
    let both = [status(&weir, "ann").await, status(&weir, "bob").await];
    assert_eq!(both, [200, 429]);
    weir.calls_eventually(7).await;
    weir.restart().await;
    let both = [status(&weir, "ann").await, status(&weir, "bob").await];
    assert_eq!(both, [429, 429], "what came after the reset counts");

    weir.signal("TERM");
    assert!(weir.ended().await.success());
    run(weir.folder(), &["budgets", "reset", "rolls"]).done();
    weir.start_again().await;
    let both = [status(&weir, "ann").await, status(&weir, "bob").await];
    assert_eq!(both, [200, 200]);
    let made = [("api", json!("ann")), ("cli", Value::Null)];
    assert_eq!(
        resets(&weir),
        made.map(|(via, each)| (via.to_owned(), each))
    );
}

#[tokio::test]
async fn the_api_says_what_it_resets_and_why_it_does_not() {
    let (_upstream, weir) = rig().await;
    let post = async |name: &str, body: &str| {
        let path = format!("/api/v1/budgets/{name}/reset");
        let answer = weir.admin(&Request::post(&path, body)).await;
        let said: Value = serde_json::from_slice(&answer.body.data).expect("JSON");
        (answer.status(), said)
    };
    let (status, said) = post("rolls", r#"{"each_value": "ann"}"#).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(
        (&said["budget"], &said["each_value"]),
        (&json!("rolls"), &json!("ann"))
    );
    assert!(said["counts_from"].as_str().expect("a time").ends_with('Z'));
    assert_eq!(post("month", "").await.0, 200);
    for (name, body, status, why) in [
        ("rols", "", 404, "did you mean `rolls`?"),
        ("flight", "", 400, "calls in flight"),
        ("month", r#"{"each_value": "ann"}"#, 400, "no `each`"),
        ("month", "[]", 400, "each_value"),
        ("month", "{", 400, "no JSON"),
    ] {
        let (got, said) = post(name, body).await;
        assert_eq!(got, status, "{name} {body}");
        let error = said["error"].as_str().expect("a reason");
        assert!(error.contains(why), "{error}");
    }
    let ran = run(weir.folder(), &["budgets", "reset", "rols"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("did you mean `rolls`?"), "{}", ran.err);
    assert_eq!(resets(&weir).len(), 2);
}

#[tokio::test]
async fn budgets_show_their_windows_and_what_was_carried() {
    let (_upstream, weir) = rig().await;
    assert_eq!(status(&weir, "ann").await, 200);
    weir.calls_eventually(1).await;
    let text = run(weir.folder(), &["budgets", "--format", "json"]).done();
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON rows");
    let row = |name: &str| {
        rows.iter()
            .find(|row| row["budget"] == name)
            .expect("its row")
    };
    assert_eq!(row("rolls")["per"], "rolling 5h");
    assert!(row("rolls")["resets_at"].is_string());
    assert_eq!(row("month")["carried"], "0");
}
