//! A key's life: given out, rotated, ended; before weir runs, while it does, over a restart.

use serde_json::{Value, json};

use super::rig::{create, keys, listed, message, rig, send, try_keys};
use crate::support::client::Request;
use crate::support::ledger::query;
use crate::support::patience::eventually;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::{Weir, command};

fn audited(weir: &Weir) -> Vec<(String, String)> {
    let rows = query(&weir.data_dir(), "SELECT * FROM audit ORDER BY id");
    let text =
        |row: &crate::support::ledger::Row, column| row.text(column).unwrap_or_default().to_owned();
    let rows = rows
        .iter()
        .map(|row| (text(row, "action"), text(row, "via")));
    rows.filter(|(action, _)| action.starts_with("key."))
        .collect()
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_over_a_restart() {
    let (upstream, mut weir) = rig("").await;
    let secret = create(&weir, &["--name", "ci", "--team", "search"]);
    assert_eq!(send(&weir, &secret).await.status(), 200);
    keys(&weir, &["revoke", "ci"]);
    for _ in 0..2 {
        let response = send(&weir, &secret).await;
        assert_eq!(response.status(), 401);
        assert_eq!(message(&response), "weir: this key was revoked");
        assert_eq!(response.json()["error"]["code"], "invalid_api_key");
        assert_eq!(response.head.get("x-should-retry"), Some("false"));
        weir.restart().await;
    }
    assert_eq!(upstream.received().len(), 1, "the refused ones stayed here");
    let calls = weir.calls_eventually(3).await;
    for call in &calls[1..] {
        assert_eq!(call.text("outcome"), Some("refused"));
        assert_eq!(call.text("error_type"), Some("auth"));
        assert_eq!(call.int("cost_picousd"), Some(0));
        assert_eq!(call.int("http_status"), Some(401));
        assert_eq!(
            call.text("team"),
            Some("search"),
            "whose key it was is known"
        );
    }
    assert_eq!(listed(&weir)[0]["state"], "revoked");
    let deeds = [("key.create", "api"), ("key.revoke", "api")];
    assert_eq!(
        audited(&weir),
        deeds.map(|(deed, via)| (deed.to_owned(), via.to_owned()))
    );
}

#[tokio::test]
async fn a_key_that_is_unknown_or_misspelt_is_told_apart() {
    let (upstream, weir) = rig("").await;
    let mut secret = create(&weir, &["--name", "ci"]);
    let last = secret.pop().expect("a key has characters");
    secret.push(if last == 'a' { 'b' } else { 'a' });
    let response = send(&weir, &secret).await;
    assert_eq!(response.status(), 401);
    assert!(message(&response).contains("misspelt"));
    // Of another weir.
    let (_other, other) = rig("").await;
    let foreign = create(&other, &["--name", "ci"]);
    let response = send(&weir, &foreign).await;
    assert_eq!(response.status(), 401);
    assert_eq!(message(&response), "weir: this weir key is not known here");
    assert_eq!(upstream.received().len(), 0);
}

#[tokio::test]
async fn an_expired_key_is_refused() {
    let (_upstream, weir) = rig("").await;
    let secret = create(&weir, &["--name", "ci", "--expires", "1s"]);
    let refused = eventually("the key has expired", async || {
        let response = send(&weir, &secret).await;
        (response.status() == 401).then_some(response)
    })
    .await;
    assert_eq!(message(&refused), "weir: this key has expired");
    assert_eq!(listed(&weir)[0]["state"], "expired");
    let (done, told) = try_keys(&weir, &["create", "--name", "b", "--expires", "2020-01-01"]);
    assert!(!done && told.contains("a time to come"), "{told}");
}

#[tokio::test]
async fn a_rotation_keeps_the_key_and_its_budget_and_ends_the_old_text() {
    let (_upstream, weir) = rig("").await;
    let budget = "2 requests per year";
    let first = create(&weir, &["--name", "ci", "--budget", budget]);
    assert_eq!(send(&weir, &first).await.status(), 200);
    let second = keys(&weir, &["rotate", "ci"]);
    assert_eq!(send(&weir, &first).await.status(), 200, "within its grace");
    let response = send(&weir, &second).await;
    assert_eq!(response.status(), 429, "the budget counted both");
    assert_eq!(response.head.get("x-weir-budget"), Some("key:ci"));
    let third = keys(&weir, &["rotate", "ci", "--grace", "0s"]);
    for old in [&first, &second] {
        let response = send(&weir, old).await;
        assert_eq!(response.status(), 401);
        assert!(message(&response).contains("rotated"), "{response:?}");
    }
    assert_eq!(send(&weir, &third).await.status(), 429);
    let calls = weir.calls_eventually(6).await;
    let id = listed(&weir)[0]["id"].as_str().map(str::to_owned);
    assert!(calls.iter().all(|call| call.text("key") == id.as_deref()));
}

#[tokio::test]
async fn a_keys_budget_and_models_are_in_force_at_once_and_after_a_restart() {
    let (_upstream, mut weir) = rig("").await;
    let secret = create(
        &weir,
        &[
            "--name",
            "ci",
            "--models",
            "test-*",
            "--budget",
            "1 requests per year",
        ],
    );
    let closed = create(&weir, &["--name", "closed", "--models", "other-*, none"]);
    assert_eq!(send(&weir, &secret).await.status(), 200);
    weir.calls_eventually(1).await;
    for _ in 0..2 {
        assert_eq!(send(&weir, &secret).await.status(), 429);
        assert_eq!(
            send(&weir, &closed).await.head.get("x-weir-budget"),
            Some("key:closed")
        );
        weir.restart().await;
    }
    // An edit of the settings leaves the keys' budgets as they are.
    let yaml = std::fs::read_to_string(weir.config_path()).expect("settings");
    weir.edit(&format!(
        "{yaml}budgets: [{{ name: b, limit: 1 USD, per: day }}]\n"
    ));
    weir.metrics_eventually("the new budget is there", |metrics| {
        metrics
            .0
            .iter()
            .any(|sample| sample.labels.get("budget").is_some_and(|name| name == "b"))
    })
    .await;
    assert_eq!(send(&weir, &secret).await.status(), 429);
}

#[tokio::test]
async fn a_key_is_given_out_before_weir_first_runs_and_by_the_api() {
    let upstream = Upstream::answering(Transport::Plain, |_| {
        crate::support::canned::openai_chat().reply()
    })
    .await;
    let yaml = super::rig::settings(&upstream, &super::rig::own_key(), "");
    let mut weir = Weir::start_with_yaml(&yaml).await;
    weir.signal("TERM");
    assert!(weir.ended().await.success());
    std::fs::remove_dir_all(weir.data_dir()).expect("a folder that nobody uses");
    let secret = create(&weir, &["--name", "early"]);
    weir.start_again().await;
    assert_eq!(send(&weir, &secret).await.status(), 200);

    let asked = Request::json(
        "/api/v1/keys",
        &json!({"name": "api", "models": ["test-*"]}),
    );
    let made = weir.admin(&asked).await;
    assert_eq!(made.status(), 200);
    let made = made.json();
    let by_api = made["secret"].as_str().expect("the key, once");
    assert_eq!(send(&weir, by_api).await.status(), 200);
    let again = weir.admin(&asked).await;
    assert_eq!(again.status(), 409, "{again:?}");
    let path = format!(
        "/api/v1/keys/{}/revoke",
        made["id"].as_str().expect("an id")
    );
    let gone = weir.admin(&Request::post(&path, "")).await;
    assert_eq!(gone.json()["state"], "revoked");
    assert_eq!(send(&weir, by_api).await.status(), 401);
    for (body, status) in [
        (json!({"name": "a b"}), 400),
        (json!({"name": "x", "budgets": ["5 USD"]}), 400),
        (json!({"name": "x", "budgets": ["5 XYZ per day"]}), 400),
        (json!({"name": "x", "models": ["a*b"]}), 400),
        (json!({"name": "x", "unknown": 1}), 400),
    ] {
        let response = weir.admin(&Request::json("/api/v1/keys", &body)).await;
        assert_eq!(response.status(), status, "{body}: {response:?}");
        assert!(response.json()["error"].is_string());
    }
    let first = audited(&weir).remove(0);
    assert_eq!(first, ("key.create".to_owned(), "cli".to_owned()));
    assert_eq!(names(&weir), ["api", "early"]);
}

fn names(weir: &Weir) -> Vec<String> {
    let mut names: Vec<String> = listed(weir)
        .iter()
        .filter_map(|key| key["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn when_a_key_was_last_used_is_on_record_after_the_end() {
    let (_upstream, mut weir) = rig("").await;
    let secret = create(&weir, &["--name", "ci"]);
    assert_eq!(send(&weir, &secret).await.status(), 200);
    weir.signal("TERM");
    assert!(weir.ended().await.success());
    let rows = query(&weir.data_dir(), "SELECT last_used_at FROM keys");
    assert!(rows[0].int("last_used_at").is_some());
    // Without a running weir the ledger answers.
    let output = command(weir.folder())
        .args(["keys", "list", "--format", "json"])
        .output();
    let list: Value = serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON");
    assert!(list[0]["last_used_at"].is_string(), "{list}");
}
