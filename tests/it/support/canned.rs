//! Invented exchanges of the three dialects, with what a correct reader finds in them.
//!
//! Costs follow from the prices in `settings`: they are written out here, not computed, so that a test does not
//! repeat the arithmetic that it judges.

use serde_json::{Value, json};

use super::client::Request;
use super::upstream::Reply;

/// A request, its answer, and what the ledger has to say of them.
#[derive(Clone, Debug)]
pub struct Canned {
    pub name: &'static str,
    pub provider: &'static str,
    pub path: &'static str,
    pub request: Value,
    pub content_type: &'static str,
    pub answer: String,
    pub streamed: bool,
    pub dialect: &'static str,
    pub model: &'static str,
    pub input: i64,
    pub output: Option<i64>,
    pub cache_read: Option<i64>,
    pub cost_picousd: i64,
}

impl Canned {
    pub fn request(&self) -> Request {
        Request::json(self.path, &self.request)
    }

    /// The answer, one chunk for each event or with a length.
    pub fn reply(&self) -> Reply {
        match self.content_type {
            "text/event-stream" => Reply::events(self.answer.as_bytes()),
            other => Reply::ok(self.answer.clone()).header("Content-Type", other),
        }
    }
}

/// All of them.
pub fn all() -> Vec<Canned> {
    vec![
        openai_chat(),
        openai_chat_stream(),
        openai_responses(),
        openai_responses_stream(),
        openai_embeddings(),
        anthropic(),
        anthropic_stream(),
        gemini(),
        gemini_stream(),
        gemini_array(),
    ]
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn named(data: &Value) -> String {
    format!(
        "event: {}\ndata: {data}\n\n",
        data["type"].as_str().expect("a type")
    )
}

const OPENAI_CHAT: Canned = Canned {
    name: "openai chat",
    provider: "openai",
    path: "/v1/chat/completions",
    request: Value::Null,
    content_type: "application/json",
    answer: String::new(),
    streamed: false,
    dialect: "openai.chat",
    model: "test-gpt",
    input: 120,
    output: Some(30),
    cache_read: Some(20),
    // (100 × 2.00 + 20 × 0.50 + 30 × 8.00) / 10⁶ USD
    cost_picousd: 450_000_000,
};

fn chat_usage() -> Value {
    json!({"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 10}})
}

pub fn openai_chat() -> Canned {
    let answer = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000,
        "model": "test-gpt",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "A heron waits, \"usage\": 7 in mind."}}],
        "usage": chat_usage()});
    Canned {
        // Less than the answer takes: a hold that is bound by it fits the tests' small budgets.
        request: json!({"model": "test-gpt", "max_tokens": 10,
            "messages": [{"role": "user", "content": "Say something of herons."}]}),
        answer: answer.to_string(),
        ..OPENAI_CHAT
    }
}

fn chat_chunk(delta: &Value, finish: &Value) -> Value {
    json!({"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1_760_000_000,
        "model": "test-gpt", "usage": null,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

const WORDS: [&str; 6] = ["The", " heron", " stands", " in", " the", " reeds."];

pub fn openai_chat_stream() -> Canned {
    let mut answer = event(&chat_chunk(
        &json!({"role": "assistant", "content": ""}),
        &Value::Null,
    ));
    for word in WORDS {
        answer += &event(&chat_chunk(&json!({"content": word}), &Value::Null));
    }
    answer += &event(&chat_chunk(&json!({}), &json!("stop")));
    answer += &event(
        &json!({"id": "chatcmpl-2", "object": "chat.completion.chunk",
        "created": 1_760_000_000, "model": "test-gpt", "choices": [], "usage": chat_usage()}),
    );
    answer += "data: [DONE]\n\n";
    Canned {
        name: "openai chat, streamed",
        request: json!({"model": "test-gpt", "stream": true, "max_tokens": 100,
            "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": "Say something of herons."}]}),
        content_type: "text/event-stream",
        answer,
        streamed: true,
        ..OPENAI_CHAT
    }
}

/// A streamed chat whose client did not ask for usage: its answer states none.
pub fn openai_chat_stream_without_usage() -> Canned {
    let asked = openai_chat_stream();
    let without = asked
        .answer
        .split_inclusive("\n\n")
        .filter(|part| !part.contains("\"prompt_tokens\""));
    Canned {
        name: "openai chat, streamed, no usage",
        request: json!({"model": "test-gpt", "stream": true,
            "messages": [{"role": "user", "content": "Say something of herons."}]}),
        answer: without.collect(),
        ..asked
    }
}

fn responses_object(status: &str, usage: &Value) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1_760_000_000, "status": status,
        "model": "test-gpt",
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "The heron stands in the reeds.",
                "annotations": []}]}],
        "usage": usage})
}

fn responses_usage() -> Value {
    json!({"input_tokens": 120, "input_tokens_details": {"cached_tokens": 20}, "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 10}, "total_tokens": 150})
}

pub fn openai_responses() -> Canned {
    Canned {
        name: "openai responses",
        path: "/v1/responses",
        request: json!({"model": "test-gpt", "input": "Say something of herons."}),
        answer: responses_object("completed", &responses_usage()).to_string(),
        dialect: "openai.responses",
        ..OPENAI_CHAT
    }
}

pub fn openai_responses_stream() -> Canned {
    let begun = responses_object("in_progress", &Value::Null);
    let mut answer =
        named(&json!({"type": "response.created", "sequence_number": 0, "response": begun}));
    for (at, word) in WORDS.iter().enumerate() {
        answer += &named(
            &json!({"type": "response.output_text.delta", "sequence_number": at + 1,
            "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": word}),
        );
    }
    answer += &named(&json!({"type": "response.completed", "sequence_number": 7,
        "response": responses_object("completed", &responses_usage())}));
    Canned {
        name: "openai responses, streamed",
        request: json!({"model": "test-gpt", "input": "Say something of herons.", "stream": true}),
        content_type: "text/event-stream",
        answer,
        streamed: true,
        ..openai_responses()
    }
}

pub fn openai_embeddings() -> Canned {
    Canned {
        name: "openai embeddings",
        path: "/v1/embeddings",
        request: json!({"model": "test-embed", "input": "herons"}),
        answer: json!({"object": "list", "model": "test-embed",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.1, -0.25, 0.5]}],
            "usage": {"prompt_tokens": 40, "total_tokens": 40}})
        .to_string(),
        dialect: "openai.embeddings",
        model: "test-embed",
        input: 40,
        output: None,
        cache_read: None,
        cost_picousd: 4_000_000,
        ..OPENAI_CHAT
    }
}

const ANTHROPIC: Canned = Canned {
    name: "anthropic messages",
    provider: "anthropic",
    path: "/v1/messages",
    request: Value::Null,
    content_type: "application/json",
    answer: String::new(),
    streamed: false,
    dialect: "anthropic.messages",
    model: "test-claude",
    // 50 fresh, 200 read from the cache, 40 written to it
    input: 290,
    output: Some(60),
    cache_read: Some(200),
    // (50 × 3.00 + 200 × 0.30 + 40 × 3.75 + 60 × 15.00) / 10⁶ USD
    cost_picousd: 1_260_000_000,
};

pub fn anthropic() -> Canned {
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "test-claude",
        "content": [{"type": "text", "text": "The heron stands in the reeds."}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 50, "cache_read_input_tokens": 200,
            "cache_creation_input_tokens": 40, "output_tokens": 60}});
    Canned {
        request: json!({"model": "test-claude", "max_tokens": 100,
            "messages": [{"role": "user", "content": "Say something of herons."}]}),
        answer: answer.to_string(),
        ..ANTHROPIC
    }
}

pub fn anthropic_stream() -> Canned {
    let mut answer = named(&json!({"type": "message_start", "message": {"id": "msg_1",
        "type": "message", "role": "assistant", "model": "test-claude", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 50, "cache_read_input_tokens": 200,
            "cache_creation_input_tokens": 40, "output_tokens": 1}}}));
    answer += &named(&json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": ""}}));
    answer += &named(&json!({"type": "ping"}));
    for word in WORDS {
        answer += &named(&json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": word}}));
    }
    answer += &named(&json!({"type": "content_block_stop", "index": 0}));
    answer += &named(&json!({"type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 60}}));
    answer += &named(&json!({"type": "message_stop"}));
    Canned {
        name: "anthropic messages, streamed",
        request: json!({"model": "test-claude", "max_tokens": 100, "stream": true,
            "messages": [{"role": "user", "content": "Say something of herons."}]}),
        content_type: "text/event-stream",
        answer,
        streamed: true,
        ..ANTHROPIC
    }
}

const GEMINI: Canned = Canned {
    name: "gemini generateContent",
    provider: "gemini",
    path: "/v1beta/models/test-gemini:generateContent",
    request: Value::Null,
    content_type: "application/json; charset=UTF-8",
    answer: String::new(),
    streamed: false,
    dialect: "gemini.generate",
    model: "test-gemini",
    input: 80,
    // 25 of the candidates, 15 of thoughts
    output: Some(40),
    cache_read: Some(30),
    // (50 × 1.00 + 30 × 0.25 + 40 × 4.00) / 10⁶ USD
    cost_picousd: 217_500_000,
};

fn gemini_part(text: &str, candidates: u64, finish: &Value) -> Value {
    json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"},
            "finishReason": finish, "index": 0}],
        "usageMetadata": {"promptTokenCount": 80, "cachedContentTokenCount": 30,
            "candidatesTokenCount": candidates, "thoughtsTokenCount": 15,
            "totalTokenCount": 95 + candidates},
        "modelVersion": "test-gemini", "responseId": "r1"})
}

fn gemini_request() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Say something of herons."}]}]})
}

pub fn gemini() -> Canned {
    Canned {
        request: gemini_request(),
        answer: gemini_part("The heron stands.", 25, &json!("STOP")).to_string(),
        ..GEMINI
    }
}

fn gemini_parts() -> [Value; 3] {
    [
        gemini_part("The heron", 5, &Value::Null),
        gemini_part(" stands in", 15, &Value::Null),
        gemini_part(" the reeds.", 25, &json!("STOP")),
    ]
}

pub fn gemini_stream() -> Canned {
    Canned {
        name: "gemini streamGenerateContent as events",
        path: "/v1beta/models/test-gemini:streamGenerateContent?alt=sse",
        request: gemini_request(),
        content_type: "text/event-stream",
        answer: gemini_parts().iter().map(event).collect(),
        streamed: true,
        ..GEMINI
    }
}

pub fn gemini_array() -> Canned {
    let parts: Vec<String> = gemini_parts().iter().map(Value::to_string).collect();
    Canned {
        name: "gemini streamGenerateContent as an array",
        path: "/v1beta/models/test-gemini:streamGenerateContent",
        request: gemini_request(),
        answer: format!("[{}\n]\n", parts.join("\n,\r\n")),
        streamed: true,
        ..GEMINI
    }
}
