//! Recorded answers of real providers, replayed through weir: every byte, and what the ledger makes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use serde_json::Value;

use super::assert_same_bytes;
use crate::support::client::{H1, Payload, Request, Way};
use crate::support::ledger::Row;
use crate::support::settings::{Settings, connect_host};
use crate::support::upstream::{Received, Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// Headers that a replay server writes for itself.
const OF_THE_RECORDING: [&str; 6] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "trailer",
    "transfer-encoding",
];

struct Recorded {
    id: String,
    provider: &'static str,
    request: Request,
    reply: Reply,
    /// The reader's finding, where the exchange is judged and was sent to the provider's own host.
    expected: Option<Value>,
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("WEIR_CORPUS").map_or(beside, PathBuf::from);
    folder.join("cases").is_dir().then(|| folder.join("cases"))
}

fn decoded(message: &Value) -> Vec<u8> {
    let text = message["body_b64"].as_str().unwrap_or_default();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .expect("base64")
}

fn read(path: &Path) -> Option<Recorded> {
    let text = fs::read(path).expect("a readable case");
    let case: Value = serde_json::from_slice(&text).expect("a case is JSON");
    let provider = match case["wire"].as_str()?.split_once('.')? {
        ("openai", "chat" | "completions" | "responses" | "embeddings") => "openai",
        ("anthropic", "messages") => "anthropic",
        ("gemini", "generate" | "embed") => "gemini",
        _ => return None,
    };
    let url: http::Uri = case["request"]["url"]
        .as_str()
        .unwrap_or_default()
        .parse()
        .ok()?;
    let path = url.path_and_query()?.as_str();
    let mut request = Request {
        method: "POST".to_owned(),
        ..Request::get(path)
    };
    request.payload = Payload::Length(decoded(&case["request"]));
    request
        .headers
        .push(("X-Case".to_owned(), case["id"].as_str()?.to_owned()));
    let judged = case["scored"] == true
        && case["request_synthesised"] == false
        && url.host() == Some(connect_host(provider));
    Some(Recorded {
        id: case["id"].as_str()?.to_owned(),
        provider,
        request,
        reply: reply(&case["response"]),
        expected: judged.then(|| case["expected"].clone()),
    })
}

fn reply(response: &Value) -> Reply {
    let status = response["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    let body = decoded(response);
    // Sizes that share no divisor with an event's or a line's.
    let pieces = body.chunks(977).map(<[u8]>::to_vec);
    let mut reply = Reply::chunked(pieces).status(status.unwrap_or(200), "Recorded");
    for header in response["headers"].as_array().into_iter().flatten() {
        let (Some(name), Some(value)) = (header[0].as_str(), header[1].as_str()) else {
            continue;
        };
        if !OF_THE_RECORDING.contains(&name.to_ascii_lowercase().as_str()) {
            reply = reply.header(name, value);
        }
    }
    reply
}

#[tokio::test]
async fn recorded_answers_pass_unchanged_and_are_counted_as_they_should_be() {
    let Some(folder) = corpus() else {
        eprintln!("left out: there is no recorded traffic beside the project");
        return;
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let cases: Arc<Vec<Recorded>> = Arc::new(paths.iter().filter_map(|path| read(path)).collect());
    assert!(cases.len() >= 500, "{} cases were found", cases.len());

    let script = {
        let cases = cases.clone();
        move |received: &Received| {
            let id = received.head.get("x-case").expect("a case's id");
            cases
                .iter()
                .find(|case| case.id == id)
                .expect("a case")
                .reply
                .clone()
        }
    };
    let upstream = Upstream::answering(Transport::Plain, script).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut clients: Vec<(&str, H1)> = Vec::new();
    for provider in ["openai", "anthropic", "gemini"] {
        clients.push((provider, weir.h1(Way::BaseUrl, provider).await));
    }
    for case in cases.iter() {
        let client = clients
            .iter_mut()
            .find(|(provider, _)| *provider == case.provider);
        let response = client.expect("a client").1.send(&case.request).await;
        assert_eq!(response.status(), case.reply.status, "{}", case.id);
        assert!(response.body.complete, "{}", case.id);
        assert_same_bytes(&case.id, &response.body.data, &case.reply.body());
        let received = upstream.received().pop().expect("a request");
        assert_same_bytes(&case.id, &received.body.data, &case.request.payload.data());
    }

    let calls = weir.calls_eventually(cases.len()).await;
    let (mut judged, mut wrong) = (0, Vec::new());
    for (case, call) in cases.iter().zip(&calls) {
        if let Some(expected) = &case.expected {
            judged += 1;
            wrong.extend(differences(expected, call).map(|what| format!("{}: {what}", case.id)));
        }
    }
    assert!(judged >= 200, "{judged} cases were judged");
    assert!(
        wrong.is_empty(),
        "{} of {judged} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Where a row says another thing than the reader; the readings apart from the first are allowed too.
fn differences(expected: &Value, call: &Row) -> Option<String> {
    let columns = [
        ("input_tokens", "input_tokens"),
        ("output_tokens", "output_tokens"),
        ("cached_input_tokens", "cache_read_tokens"),
        ("reasoning_tokens", "reasoning_tokens"),
    ];
    let fits = |reading: &Value| {
        columns.iter().all(|(field, column)| {
            let said = reading
                .get(field)
                .or_else(|| expected.get(field))
                .and_then(Value::as_i64);
            said.unwrap_or(0) == call.int(column).unwrap_or(0)
        })
    };
    let alternatives = expected["alternatives"].as_array();
    if expected["has_usage"] != true
        || fits(expected)
        || alternatives.into_iter().flatten().any(fits)
    {
        return None;
    }
    let got = columns.map(|(_, column)| call.int(column));
    let said = columns.map(|(field, _)| expected[field].as_i64());
    Some(format!(
        "{got:?} instead of {said:?} ({:?})",
        call.text("usage_source")
    ))
}
