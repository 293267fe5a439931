//! Alerts on the command line and in the API: listed, resolved on the record, tried.

use serde_json::Value;

use super::{CANARY, assert_no_canary, call, listed, provider, receiver, settings, settled};
use crate::support::client::Request;
use crate::support::ledger;
use crate::support::upstream::{Reply, Upstream};
use crate::support::weir::{Weir, command};

/// A command's exit code, stdout and stderr.
async fn weir(of: &Weir, arguments: &[&str]) -> (i32, String, String) {
    let mut command = command(of.folder());
    command.args(arguments);
    // The test's runtime goes on: the webhook that is tried answers on it.
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("the binary can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().expect("a code");
    (code, text(&output.stdout), text(&output.stderr))
}

async fn alerts(of: &Weir, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["alerts", "--format", "json"], arguments].concat();
    let (code, out, err) = weir(of, &arguments).await;
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

fn audit(of: &Weir) -> Vec<(String, String, String)> {
    let rows = ledger::query(
        &of.data_dir(),
        "SELECT action, subject, via FROM audit WHERE action = 'alert.resolve' ORDER BY id",
    );
    let text = |row: &ledger::Row, name| row.text(name).expect("a text").to_owned();
    rows.iter()
        .map(|row| (text(row, "action"), text(row, "subject"), text(row, "via")))
        .collect()
}

/// weir with an open alert for 80 % and one for a limit that leaves no room.
async fn with_alerts(hook: &Upstream, upstream: &Upstream) -> Weir {
    let weir = Weir::start(&settings(upstream, hook, ", name: ops")).await;
    assert_eq!((call(&weir).await, call(&weir).await), (200, 429));
    settled(&weir, 2, |alert| alert["deliveries"]["waiting"] == 0).await;
    weir
}

#[tokio::test]
async fn an_alert_is_resolved_on_the_record_with_and_without_a_running_weir() {
    let hook = receiver(|_| Reply::ok("thanks")).await;
    let upstream = provider().await;
    let mut running = with_alerts(&hook, &upstream).await;
    let both = alerts(&running, &["--open"]).await;
    assert_eq!(both.len(), 2);
    assert_eq!(both[0]["kind"], "exceeded", "the newest first");
    let ids = [0, 1].map(|at| both[at]["id"].as_str().expect("an id").to_owned());

    let (code, out, err) = weir(&running, &["alerts", "resolve", &ids[0]]).await;
    assert_eq!((code, out.contains("is resolved")), (0, true), "{err}");
    assert_eq!(
        audit(&running),
        [("alert.resolve".to_owned(), ids[0].clone(), "api".to_owned())]
    );
    assert_eq!(alerts(&running, &["--open"]).await.len(), 1);
    assert_eq!(listed(&running, "?open=true").await.len(), 1);
    assert_eq!(listed(&running, "").await.len(), 2);
    let (code, out, _) = weir(&running, &["alerts", "resolve", &ids[0]]).await;
    assert_eq!((code, out.contains("resolved before")), (0, true));
    let (code, _, err) = weir(&running, &["alerts", "resolve", "ffff"]).await;
    assert_eq!((code, err.contains("no alert")), (1, true), "{err}");

    running.signal("TERM");
    assert!(running.ended().await.success());
    let (code, _, err) = weir(&running, &["alerts", "resolve", &ids[1]]).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(audit(&running)[1].2, "cli");
    assert_eq!(alerts(&running, &["--open"]).await, [Value::Null; 0]);
    assert_eq!(alerts(&running, &[]).await.len(), 2);

    // Resolved is said nevertheless: the window is the same.
    running.start_again().await;
    assert_eq!(call(&running).await, 429);
    assert_eq!(listed(&running, "").await.len(), 2);
}

#[tokio::test]
async fn resolving_wants_the_token_where_one_is_set() {
    let hook = receiver(|_| Reply::ok("thanks")).await;
    let upstream = provider().await;
    let yaml = settings(&upstream, &hook, "").yaml();
    let yaml = yaml.replace("admin:\n", "admin:\n  token: t-1\n");
    let weir = Weir::start_with_yaml(&yaml).await;
    let resolve = Request::post("/api/v1/alerts/00/resolve", "");
    assert_eq!(weir.admin(&resolve).await.status(), 401);
    let resolve = resolve.header("authorization", "Bearer t-1");
    assert_eq!(weir.admin(&resolve).await.status(), 404);
}

#[tokio::test]
async fn a_test_says_what_every_webhook_answered() {
    let hook = receiver(|_| Reply::ok("thanks")).await;
    let upstream = provider().await;
    let mut running = with_alerts(&hook, &upstream).await;
    let before = hook.received().len();
    let (code, out, err) = weir(&running, &["alerts", "test"]).await;
    assert_eq!(
        (code, out.contains("ops") && out.contains("status 200")),
        (0, true),
        "{out}{err}"
    );
    let test = super::body(&hook.received()[before]);
    assert_eq!(
        (&test["kind"], test["budget"].is_null()),
        (&"test".into(), true)
    );
    assert_eq!(
        listed(&running, "").await.len(),
        2,
        "a test is not on record"
    );

    running.signal("TERM");
    assert!(running.ended().await.success());
    drop(hook);
    let (code, more, complaint) = weir(&running, &["alerts", "test"]).await;
    assert_eq!(
        (code, more.contains("cannot be reached")),
        (1, true),
        "{more}{complaint}"
    );
    assert_no_canary(&running, &[out, err, more, complaint]);
}

#[tokio::test]
async fn slack_gets_one_text_and_only_what_the_webhook_wants() {
    let hook = receiver(|_| Reply::ok("ok")).await;
    let upstream = provider().await;
    let more = ", format: slack, kinds: exceeded, budgets: \"team-*\"";
    let weir = Weir::start(&settings(&upstream, &hook, more)).await;
    let request = crate::support::canned::openai_chat().request();
    let request = request.header("x-weir-team", "<!channel>");
    for (calls, status) in [(1, 200), (2, 429)] {
        let way = crate::support::client::Way::BaseUrl;
        assert_eq!(weir.send(way, "openai", &request).await.status(), status);
        weir.calls_eventually(calls).await;
    }
    settled(&weir, 2, |alert| alert["deliveries"]["waiting"] == 0).await;
    let sent = super::body(&hook.only());
    let text = sent["text"].as_str().expect("a text");
    assert!(text.contains("team-day (team &lt;!channel&gt;)"), "{text}");
    assert_eq!(sent.as_object().map(serde_json::Map::len), Some(1));
    assert!(!text.contains(CANARY));
}
