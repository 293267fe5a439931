//! A provider repeats the usage of what it stored; only the first report of it is charged.

use serde_json::{Value, json};

use crate::support::client::{Request, Way};
use crate::support::ledger::Row;
use crate::support::settings::Settings;
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// A response object of a model that costs 1.25 and 10 USD per million tokens.
fn response(id: &str, status: &str, usage: Value) -> Value {
    json!({"id": id, "object": "response", "status": status, "model": "gpt-5", "usage": usage})
}

fn tokens(input: u64, output: u64) -> Value {
    json!({"input_tokens": input, "output_tokens": output, "total_tokens": input + output})
}

/// Stored responses, a background one that is done at the third look, and a batch with its file.
fn scripted(received: &Received, looks: usize) -> Reply {
    let target = received.head.target().to_owned();
    let line = |number: u64| {
        json!({"id": format!("req_{number}"), "custom_id": number.to_string(), "error": null,
            "response": {"status_code": 200, "body": {"id": "chatcmpl-1", "model": "gpt-5",
                "usage": {"prompt_tokens": 100 * number, "completion_tokens": 7, "total_tokens": 100 * number + 7}}}})
    };
    let body = match (received.head.method(), target.as_str()) {
        ("POST", "/v1/responses") => response("resp_1", "completed", tokens(1000, 10)).to_string(),
        ("POST", "/v1/responses?background") => {
            response("resp_2", "queued", Value::Null).to_string()
        }
        ("GET", "/v1/responses/resp_1") => {
            response("resp_1", "completed", tokens(1000, 10)).to_string()
        }
        ("GET", "/v1/responses/resp_2") if looks < 3 => {
            response("resp_2", "in_progress", Value::Null).to_string()
        }
        ("GET", "/v1/responses/resp_2") => {
            response("resp_2", "completed", tokens(2000, 20)).to_string()
        }
        ("GET", "/v1/batches/batch_1") => json!({"id": "batch_1", "object": "batch",
            "status": "completed", "model": "gpt-5", "output_file_id": "file-1",
            "usage": tokens(300, 14)})
        .to_string(),
        ("GET", "/v1/files/file-1/content" | "/v1/files/file-2/content") => {
            format!("{}\n{}\n", line(1), line(2))
        }
        ("GET", "/v1/files/file-9/content") => json!({"id": "batch_1", "object": "batch",
            "status": "completed", "model": "gpt-5", "usage": tokens(1, 1)})
        .to_string(),
        other => panic!("unexpected {other:?}"),
    };
    Reply::ok(body.into_bytes()).header("Content-Type", "application/json")
}

async fn rig() -> (Upstream, Weir) {
    let looks = std::sync::atomic::AtomicUsize::new(0);
    let upstream = Upstream::answering(Transport::Plain, move |received| {
        let fetches = received.head.target() == "/v1/responses/resp_2";
        let before = looks.fetch_add(usize::from(fetches), std::sync::atomic::Ordering::SeqCst);
        scripted(received, before + usize::from(fetches))
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    (upstream, weir)
}

/// Where the usage of a row is from, its tokens and its cost.
fn counted(row: &Row) -> (Option<&str>, Option<i64>, Option<i64>, Option<i64>) {
    (
        row.text("usage_source"),
        row.int("input_tokens"),
        row.int("output_tokens"),
        row.int("cost_picousd"),
    )
}

const REPEATED: (Option<&str>, Option<i64>, Option<i64>, Option<i64>) =
    (Some("repeated"), None, None, Some(0));

#[tokio::test]
async fn a_stored_response_is_charged_once_across_a_restart() {
    let (_upstream, mut weir) = rig().await;
    let fetch = Request::get("/v1/responses/resp_1");
    let post = Request::post(
        "/v1/responses",
        br#"{"model":"gpt-5","input":"hi"}"#.to_vec(),
    );
    weir.send(Way::BaseUrl, "openai", &post).await;
    weir.send(Way::BaseUrl, "openai", &fetch).await;
    weir.send(Way::BaseUrl, "openai", &fetch).await;
    let calls = weir.calls_eventually(3).await;
    let cost = 1000 * 1_250_000 + 10 * 10_000_000;
    assert_eq!(
        counted(&calls[0]),
        (Some("reported"), Some(1000), Some(10), Some(cost))
    );
    assert_eq!(counted(&calls[1]), REPEATED);
    assert_eq!(counted(&calls[2]), REPEATED);
    weir.kill();
    weir.start_again().await;
    weir.send(Way::BaseUrl, "openai", &fetch).await;
    let calls = weir.calls_eventually(4).await;
    assert_eq!(counted(&calls[3]), REPEATED);
}

#[tokio::test]
async fn a_response_in_the_background_is_charged_when_it_is_done() {
    let (_upstream, weir) = rig().await;
    let post = Request::post(
        "/v1/responses?background",
        br#"{"model":"gpt-5","input":"hi","background":true}"#.to_vec(),
    );
    weir.send(Way::BaseUrl, "openai", &post).await;
    let fetch = Request::get("/v1/responses/resp_2");
    for _ in 0..4 {
        weir.send(Way::BaseUrl, "openai", &fetch).await;
    }
    let calls = weir.calls_eventually(5).await;
    assert_eq!(counted(&calls[0]), (Some("none"), None, None, None));
    for look in &calls[1..3] {
        assert_eq!(counted(look), (Some("none"), None, None, Some(0)));
    }
    let cost = 2000 * 1_250_000 + 20 * 10_000_000;
    assert_eq!(
        counted(&calls[3]),
        (Some("reported"), Some(2000), Some(20), Some(cost))
    );
    assert_eq!(counted(&calls[4]), REPEATED);
}

#[tokio::test]
async fn a_batch_is_charged_once_at_half_the_price_by_its_object_or_its_file() {
    let (_upstream, weir) = rig().await;
    for path in [
        "/v1/batches/batch_1",
        "/v1/batches/batch_1",
        "/v1/files/file-1/content",
        "/v1/files/file-2/content",
        "/v1/files/file-2/content",
    ] {
        weir.send(Way::BaseUrl, "openai", &Request::get(path)).await;
    }
    let calls = weir.calls_eventually(5).await;
    let cost = (300 * 1_250_000 + 14 * 10_000_000) / 2;
    let half = (Some("reported"), Some(300), Some(14), Some(cost));
    assert_eq!(counted(&calls[0]), half);
    assert_eq!(counted(&calls[1]), REPEATED);
    assert_eq!(counted(&calls[2]), REPEATED);
    assert_eq!(counted(&calls[3]), half);
    assert_eq!(counted(&calls[4]), REPEATED);
    assert_eq!(calls[0].text("model"), Some("gpt-5"));
}

#[tokio::test]
async fn a_file_cannot_speak_for_a_batch() {
    let (_upstream, weir) = rig().await;
    for path in ["/v1/files/file-9/content", "/v1/batches/batch_1"] {
        weir.send(Way::BaseUrl, "openai", &Request::get(path)).await;
    }
    let calls = weir.calls_eventually(2).await;
    assert_eq!(calls[1].text("usage_source"), Some("reported"));
    assert_eq!(calls[1].int("input_tokens"), Some(300));
}
