//! The demo's provider: three dialects, answers that are written here, no network.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

/// The words of every answer.
const ANSWER: &str = "A weir lets the river through and measures it.";

/// The provider's routes.
pub fn router() -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/messages", post(messages))
        .route("/v1beta/models/{call}", post(generate))
}

fn asks_for_stream(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body["stream"] == true)
}

fn events(events: impl IntoIterator<Item = String>) -> Response {
    let text: String = events.into_iter().collect();
    ([(header::CONTENT_TYPE, "text/event-stream")], text).into_response()
}

async fn chat(body: Bytes) -> Response {
    let usage = json!({
        "prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500,
        "prompt_tokens_details": { "cached_tokens": 1024 },
    });
    let head = json!({ "id": "chatcmpl-demo", "model": "gpt-4o-2024-08-06" });
    let with = |more: Value| {
        let mut whole = head.clone();
        let fields = more.as_object().cloned().unwrap_or_default();
        whole
            .as_object_mut()
            .expect("the head is an object")
            .extend(fields);
        whole
    };
    if !asks_for_stream(&body) {
        let message = json!({ "role": "assistant", "content": ANSWER });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        return Json(with(
            json!({ "object": "chat.completion", "choices": [choice], "usage": usage }),
        ))
        .into_response();
    }
    let event = |more: Value| format!("data: {}\n\n", with(more));
    let mut all: Vec<String> = ANSWER
        .split_inclusive(' ')
        .map(|word| {
            event(
                json!({ "choices": [{ "index": 0, "delta": { "content": word } }], "usage": null }),
            )
        })
        .collect();
    all.push(event(json!({ "choices": [], "usage": usage })));
    all.push("data: [DONE]\n\n".to_owned());
    events(all)
}

async fn messages(body: Bytes) -> Response {
    let input = json!({
        "input_tokens": 40, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 500,
        "output_tokens": 1,
    });
    let message = |content: Value, usage: Value| {
        json!({
            "id": "msg_demo", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
            "content": content, "stop_reason": "end_turn", "usage": usage,
        })
    };
    if !asks_for_stream(&body) {
        let mut usage = input;
        usage["output_tokens"] = json!(250);
        return Json(message(json!([{ "type": "text", "text": ANSWER }]), usage)).into_response();
    }
    let event = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n");
    let mut all = vec![event(
        "message_start",
        json!({ "type": "message_start", "message": message(json!([]), input) }),
    )];
    all.extend(ANSWER.split_inclusive(' ').map(|word| {
        let delta = json!({ "type": "text_delta", "text": word });
        event(
            "content_block_delta",
            json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        )
    }));
    let end = json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 250 } });
    all.push(event("message_delta", end));
    all.push(event("message_stop", json!({ "type": "message_stop" })));
    events(all)
}

async fn generate(Path(call): Path<String>) -> Response {
    let part = |text: &str, usage: Value| {
        let content = json!({ "role": "model", "parts": [{ "text": text }] });
        json!({
            "candidates": [{ "content": content }], "usageMetadata": usage,
            "modelVersion": "gemini-2.5-pro", "responseId": "demo",
        })
    };
    let usage = |candidates: u64| {
        json!({
            "promptTokenCount": 900, "candidatesTokenCount": candidates, "thoughtsTokenCount": 200,
            "totalTokenCount": 1100 + candidates,
        })
    };
    if !call.ends_with(":streamGenerateContent") {
        return Json(part(ANSWER, usage(180))).into_response();
    }
    let words = ANSWER.split_inclusive(' ').zip(1..);
    events(words.map(|(word, count)| format!("data: {}\r\n\r\n", part(word, usage(count * 20)))))
}
