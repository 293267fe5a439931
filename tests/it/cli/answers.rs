//! Commands that answer from the ledger and the catalogue: calls, report, prices.

use serde_json::Value;

use super::run;
use crate::support::canned;
use crate::support::client::Way;
use crate::support::settings::Settings;
use crate::support::upstream::{Received, Transport, Upstream};
use crate::support::weir::Weir;

/// Two calls of OpenAI for one team, one of Anthropic for another.
async fn with_calls() -> (Upstream, Weir) {
    let script = |received: &Received| match received.head.target() {
        "/v1/messages" => canned::anthropic().reply(),
        _ => canned::openai_chat().reply(),
    };
    let upstream = Upstream::answering(Transport::Plain, script).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for canned in [
        canned::openai_chat(),
        canned::openai_chat(),
        canned::anthropic(),
    ] {
        let team = if canned.provider == "openai" {
            "search"
        } else {
            "ads"
        };
        let request = canned
            .request()
            .header("X-Weir-Team", team)
            .header("X-Weir-User", "=ann");
        weir.send(Way::BaseUrl, canned.provider, &request).await;
    }
    weir.calls_eventually(3).await;
    (upstream, weir)
}

fn rows(json: &str) -> Vec<Value> {
    match serde_json::from_str(json).expect("JSON") {
        Value::Array(rows) => rows,
        Value::Object(object) => {
            let rows = object.values().find_map(Value::as_array);
            rows.expect("an answer has rows").clone()
        }
        other => panic!("no rows: {other}"),
    }
}

#[tokio::test]
async fn report_sums_by_any_dimension_in_every_format() {
    let (_upstream, weir) = with_calls().await;
    for (by, groups) in [
        ("model", 2),
        ("provider", 2),
        ("user", 1),
        ("team", 2),
        ("day", 1),
    ] {
        let json = run(weir.folder(), &["report", "--by", by, "--format", "json"]).done();
        assert_eq!(rows(&json).len(), groups, "by {by}: {json}");
        let csv = run(weir.folder(), &["report", "--by", by, "--format", "csv"]).done();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().expect("a header").clone();
        assert!(header.iter().any(|name| name == by), "{header:?}");
        assert_eq!(
            reader.records().filter(Result::is_ok).count(),
            groups,
            "by {by}: {csv}"
        );
        let table = run(weir.folder(), &["report", "--by", by, "--format", "table"]).done();
        assert!(table.lines().count() > groups, "{table}");
    }
    let json = run(
        weir.folder(),
        &["report", "--by", "team", "--format", "json"],
    )
    .done();
    // Two chats of 0.00045 USD, one message of 0.00126.
    assert!(
        json.contains("0.0009") && json.contains("0.00126"),
        "{json}"
    );
}

#[tokio::test]
async fn report_narrows_by_time_and_by_label() {
    let (_upstream, weir) = with_calls().await;
    let arguments = [
        "report",
        "--since",
        "1h",
        "--by",
        "model",
        "--where",
        "team=search",
        "--format",
        "json",
    ];
    let json = run(weir.folder(), &arguments).done();
    assert_eq!(rows(&json).len(), 1, "{json}");
    assert!(json.contains("test-gpt"), "{json}");
}

#[tokio::test]
async fn calls_lists_them_in_every_format() {
    let (_upstream, weir) = with_calls().await;
    let json = run(weir.folder(), &["calls", "--format", "json"]).done();
    let rows = rows(&json);
    assert_eq!(rows.len(), 3, "{json}");
    assert!(rows.iter().all(|row| row["provider"].is_string()), "{json}");
    let csv = run(weir.folder(), &["calls", "--format", "csv"]).done();
    let records = csv::Reader::from_reader(csv.as_bytes())
        .into_records()
        .filter(Result::is_ok)
        .count();
    assert_eq!(records, 3, "{csv}");
    let table = run(weir.folder(), &["calls"]).done();
    assert!(
        table.contains("test-gpt") && table.contains("test-claude"),
        "{table}"
    );
}

#[tokio::test]
async fn answers_stay_after_weir_has_ended() {
    let (_upstream, mut weir) = with_calls().await;
    weir.kill();
    let json = run(weir.folder(), &["calls", "--format", "json"]).done();
    assert_eq!(rows(&json).len(), 3, "{json}");
}

#[test]
fn a_ledger_that_is_not_there_is_told_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("proxy.yaml"), "listen: 127.0.0.1:0\n")
        .expect("the folder is writable");
    for name in ["calls", "report"] {
        let ran = run(folder.path(), &[name]);
        assert_eq!(ran.code, Some(1), "{name}: {}", ran.out);
        assert!(
            ran.err.contains("weir.db") && ran.err.contains("serve"),
            "{name}: {}",
            ran.err
        );
    }
}

#[test]
fn commands_need_no_file_of_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["env"][..], &["prices", "gpt-4o"], &["schema"]] {
        run(folder.path(), arguments).done();
    }
}

#[tokio::test]
async fn prices_show_what_applies_and_why() {
    let (_upstream, weir) = with_calls().await;
    let known = run(weir.folder(), &["prices", "gpt-4o"]).done();
    assert!(known.contains("2.5") && known.contains("10"), "{known}");
    let overridden = run(weir.folder(), &["prices", "test-gpt"]).done();
    assert!(
        overridden.contains("proxy.yaml") && overridden.contains('8'),
        "{overridden}"
    );
    let unknown = run(weir.folder(), &["prices", "nobody-prices-this"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.err.contains("nobody-prices-this"),
        "{}",
        unknown.err
    );
    let flex = run(weir.folder(), &["prices", "gpt-5", "--tier", "flex"]).done();
    assert!(flex.contains("service_tier=flex"), "{flex}");
    for dependence in [
        "speed",
        "geo",
        "size",
        "quality",
        "search-context",
        "route",
        "cache-type",
    ] {
        let option = format!("--{dependence}");
        run(weir.folder(), &["prices", "gpt-4o", &option, "any"]).done();
    }
    let json = run(weir.folder(), &["prices", "gpt-4o", "--format", "json"]).done();
    assert!(serde_json::from_str::<Value>(&json).is_ok(), "{json}");
}
