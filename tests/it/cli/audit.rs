//! The audit: every deed of an operator is on record, whichever way it came.

use serde_json::{Value, json};

use super::run;
use crate::support::canned;
use crate::support::client::Request;
use crate::support::patience::eventually;
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

async fn rig() -> (Settings, Weir) {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let settings = Settings::to(&upstream);
    let weir = Weir::start(&settings).await;
    // What stands in weir's own file may be refused.
    std::fs::write(weir.folder().join("good.yaml"), settings.yaml()).expect("it is writable");
    (settings, weir)
}

/// What `weir audit` says, oldest first.
fn audit(weir: &Weir, arguments: &[&str]) -> Vec<Value> {
    let all = [
        &["audit", "--config", "good.yaml", "--format", "json"],
        arguments,
    ]
    .concat();
    let text = run(weir.folder(), &all).done();
    serde_json::from_str(&text).expect("JSON rows")
}

/// Waits until the last deed is `action`.
async fn noted(weir: &Weir, action: &str) -> Value {
    eventually(&format!("{action} is in the audit"), async || {
        let last = audit(weir, &[]).pop()?;
        (last["action"] == action).then_some(last)
    })
    .await
}

#[tokio::test]
async fn starts_and_reloads_are_noted_with_what_they_changed_and_no_secret() {
    let (settings, mut weir) = rig().await;
    let start = noted(&weir, "weir.start").await;
    assert_eq!(start["detail"]["version"], env!("CARGO_PKG_VERSION"));

    weir.edit(&settings.clone().and("labels: { team: one }").yaml());
    let seen = noted(&weir, "config.reload").await;
    assert_eq!(
        (&seen["via"], &seen["subject"]),
        (&json!("file"), &json!("proxy.yaml"))
    );
    assert_eq!(seen["detail"]["changes"], json!(["labels: changed"]));

    weir.edit("admin: { token: canary-77aa }\nlabel: {}\n");
    let refused = noted(&weir, "config.refused").await;
    let problems = refused["detail"]["problems"].to_string();
    assert!(problems.contains("did you mean `labels`"), "{refused}");

    weir.edit(&settings.clone().and("labels: { team: two }").yaml());
    noted(&weir, "config.reload").await;
    weir.signal("HUP");
    let by_signal = eventually("the signal is in the audit", async || {
        audit(&weir, &[])
            .pop()
            .filter(|last| last["via"] == "signal")
    })
    .await;
    assert_eq!(by_signal["detail"]["changes"], json!([]));
    let asked = weir.admin(&Request::post("/-/reload", "")).await;
    assert_eq!(asked.status(), 200);
    assert_eq!(audit(&weir, &[]).pop().expect("a row")["via"], "api");

    weir.signal("TERM");
    assert!(weir.ended().await.success());
    noted(&weir, "weir.stop").await;
    let text = run(weir.folder(), &["audit"]).done();
    assert!(!text.contains("canary-77aa"), "{text}");
}

#[tokio::test]
async fn a_new_certificate_is_noted() {
    let (_, weir) = rig().await;
    run(weir.folder(), &["ca", "rotate"]).done();
    let rotated = noted(&weir, "ca.rotate").await;
    assert_eq!(rotated["via"], "cli");
    assert!(rotated["detail"]["hosts"].as_u64().expect("a count") > 3);
}

#[tokio::test]
async fn the_api_says_the_same_and_takes_a_span_and_a_limit() {
    let (_, weir) = rig().await;
    noted(&weir, "weir.start").await;
    for _ in 0..3 {
        weir.admin(&Request::post("/-/reload", "")).await;
    }
    let of = async |query: &str| {
        let path = format!("/api/v1/audit{query}");
        let answer = weir.admin(&Request::get(&path)).await;
        let said: Value = serde_json::from_slice(&answer.body.data).expect("JSON");
        (answer.status(), said["audit"].clone())
    };
    assert_eq!(of("").await, (200, Value::from(audit(&weir, &[]))));
    let (_, newest) = of("?limit=2").await;
    assert_eq!(newest, Value::from(audit(&weir, &["--limit", "2"])));
    assert_eq!(newest.as_array().map(Vec::len), Some(2));
    assert_eq!(of("?since=2100-01-01T00:00:00Z").await, (200, json!([])));
    assert_eq!(of("?since=yesterday").await.0, 400);
    assert_eq!(of("?sinse=2100-01-01T00:00:00Z").await.0, 400);
}
