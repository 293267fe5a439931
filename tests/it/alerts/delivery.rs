//! A webhook gets what was raised: signed, once per window, over its own faults and weir's.

use std::sync::atomic::{AtomicUsize, Ordering};

use ring::hmac;
use serde_json::Value;

use super::{CANARY, assert_no_canary, body, call, provider, receiver, settings, settled};
use crate::support::upstream::{Received, Reply, Upstream};
use crate::support::weir::Weir;

fn delivered(alert: &Value) -> bool {
    alert["deliveries"]["delivered"] == 1 && alert["deliveries"]["waiting"] == 0
}

/// As a receiver would check it.
fn is_signed(received: &Received, secret: &str) -> bool {
    let header = received.head.get("x-weir-signature").expect("a signature");
    let (time, hex) = header
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .expect("t=…,v1=…");
    let mut signed = format!("{time}.").into_bytes();
    signed.extend(&received.body.data);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag: Vec<u8> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    hmac::verify(&key, &signed, &tag).is_ok()
}

/// A webhook that is down at first and says for how long.
async fn failing_first() -> Upstream {
    let asked = AtomicUsize::new(0);
    receiver(move |_| {
        let mut down = Reply::bodiless(500, "Down");
        for (name, value) in [("content-length", "0"), ("retry-after", "1")] {
            down.headers.push((name.to_owned(), value.to_owned()));
        }
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => down,
            _ => Reply::ok("thanks"),
        }
    })
    .await
}

#[tokio::test]
async fn a_threshold_reaches_a_webhook_that_fails_first_and_is_said_once() {
    let hook = failing_first().await;
    let upstream = provider().await;
    let yaml = settings(&upstream, &hook, ", secret: whsec-5f").yaml();
    let mut weir = Weir::start_with(&yaml, &[("WEIR_LOG", "trace,notify=info")]).await;
    assert_eq!(call(&weir).await, 200);
    let alert = settled(&weir, 1, delivered).await.remove(0);

    let received = hook.received();
    assert_eq!(received.len(), 2, "once refused, once taken");
    for one in &received {
        assert!(is_signed(one, "whsec-5f"));
        assert_eq!(one.head.get("content-type"), Some("application/json"));
        assert!(one.head.target().contains(CANARY));
        assert_eq!(body(one)["id"], alert["id"], "the same id, to tell it by");
    }
    let said = body(&received[1]);
    for (key, value) in [
        ("kind", Value::from("threshold")),
        ("budget", "team-day".into()),
        ("each", "team".into()),
        ("each_value", "a".into()),
        ("unit", "usd".into()),
        ("percent", 80.into()),
        ("spent", "0.00045".into()),
        ("limit", "0.00055".into()),
    ] {
        assert_eq!(said[key], value, "{key} of {said}");
    }
    let metrics = weir.metrics().await;
    assert_eq!(
        metrics.count("weir_alerts_total", &[("kind", "threshold")]),
        1.0
    );
    for outcome in ["retried", "delivered"] {
        let labels = [("outcome", outcome)];
        assert_eq!(metrics.count("weir_alert_deliveries_total", &labels), 1.0);
    }

    // There is no room for another call: said once, over refusals, a restart and a reload.
    assert_eq!((call(&weir).await, call(&weir).await), (429, 429));
    settled(&weir, 2, delivered).await;
    weir.restart().await;
    assert_eq!(call(&weir).await, 429);
    weir.edit(&yaml.replace("per: total", "per: total, wait: 1ms"));
    weir.signal("HUP");
    weir.metrics_eventually("the edit is in force", |_| {
        weir.log().contains("budgets.team-day: changed")
    })
    .await;
    assert_eq!(call(&weir).await, 429);
    settled(&weir, 2, delivered).await;
    let kinds: Vec<Value> = hook
        .received()
        .iter()
        .map(|one| body(one)["kind"].clone())
        .collect();
    assert_eq!(kinds, ["threshold", "threshold", "exceeded"]);
    assert_no_canary(&weir, &[format!("{:?}", super::listed(&weir, "").await)]);
}

#[tokio::test]
async fn an_alert_outlives_a_kill_between_raise_and_delivery() {
    let hook = failing_first().await;
    let upstream = provider().await;
    let mut weir = Weir::start(&settings(&upstream, &hook, "")).await;
    assert_eq!(call(&weir).await, 200);
    hook.eventually("the alert is on its way", |all| all.len() == 1)
        .await;
    weir.kill();
    weir.start_again().await;
    let alert = settled(&weir, 1, delivered).await.remove(0);
    let ids: Vec<Value> = hook
        .received()
        .iter()
        .map(|one| body(one)["id"].clone())
        .collect();
    assert!(
        ids.len() >= 2 && ids.iter().all(|id| *id == alert["id"]),
        "{ids:?}"
    );
}

#[tokio::test]
async fn what_was_crossed_and_never_said_is_said_at_the_next_start() {
    let hook = receiver(|_| Reply::ok("thanks")).await;
    let upstream = provider().await;
    let mut weir = Weir::start(&settings(&upstream, &hook, "")).await;
    assert_eq!(call(&weir).await, 200);
    settled(&weir, 1, delivered).await;
    weir.kill();
    // As if the kill had come between the call's row and the alert's.
    let db = rusqlite::Connection::open(weir.data_dir().join("weir.db")).expect("the ledger");
    db.execute("DELETE FROM alerts", []).expect("an alert less");
    drop(db);
    weir.start_again().await;
    settled(&weir, 1, delivered).await;
    assert_eq!(hook.received().len(), 2);
}
