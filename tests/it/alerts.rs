//! Alerts: said once, delivered whatever happens, and nothing of an address anywhere.

mod delivery;
mod operated;

use serde_json::Value;

use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// What no log, answer or file of weir's may hold.
const CANARY: &str = "canary-webhook-7c1e";

/// One call of the canned chat costs 0.00045 USD: the first reaches 81 %, and there is no room for a second.
const BUDGET: &str = "{ name: team-day, limit: 0.00055 USD, per: total, each: team }";

/// A webhook that answers by a script.
async fn receiver(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Upstream {
    Upstream::answering(Transport::Plain, script).await
}

fn settings(upstream: &Upstream, receiver: &Upstream, more: &str) -> Settings {
    let url = format!("{}/{CANARY}?key={CANARY}", receiver.url());
    Settings::to(upstream)
        .and(&format!("budgets:\n  - {BUDGET}"))
        .and(&format!("alerts:\n  - {{ webhook: \"{url}\"{more} }}"))
}

async fn provider() -> Upstream {
    Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await
}

/// One call of team `a`; its status.
/// The status of a call that is on record: what it took is spent.
async fn call(weir: &Weir) -> u16 {
    let before = weir.calls().len();
    let request = canned::openai_chat().request().header("x-weir-team", "a");
    let status = weir.send(Way::BaseUrl, "openai", &request).await.status();
    weir.calls_eventually(before + 1).await;
    status
}

fn body(received: &Received) -> Value {
    serde_json::from_slice(&received.body.data).expect("an alert is JSON")
}

async fn listed(weir: &Weir, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/alerts{query}");
    let answer = weir.admin(&Request::get(&path)).await;
    assert_eq!(answer.status(), 200);
    answer.json()["alerts"].as_array().expect("a list").clone()
}

/// The alerts are on record with what became of them.
async fn settled(weir: &Weir, count: usize, settled: impl Fn(&Value) -> bool) -> Vec<Value> {
    crate::support::patience::eventually("the alerts are settled", async || {
        let alerts = listed(weir, "").await;
        assert!(alerts.len() <= count, "more than {count}: {alerts:#?}");
        (alerts.len() == count && alerts.iter().all(&settled)).then_some(alerts)
    })
    .await
}

fn assert_no_canary(weir: &Weir, more: &[String]) {
    assert!(!weir.log().contains(CANARY), "the log: {}", weir.log());
    for text in more {
        assert!(!text.contains(CANARY), "{text}");
    }
    let mut files = 0;
    for file in std::fs::read_dir(weir.data_dir()).expect("a folder") {
        let path = file.expect("a file").path();
        if let Ok(bytes) = std::fs::read(&path) {
            files += 1;
            let found = bytes
                .windows(CANARY.len())
                .any(|part| part == CANARY.as_bytes());
            assert!(!found, "{} has the address", path.display());
        }
    }
    assert!(files > 3, "{files} files were read");
}
