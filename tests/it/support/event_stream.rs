//! AWS's binary event streams, as Bedrock sends them.

use serde_json::{Value, json};

/// One message of AWS's event stream.
pub fn frame(event: &str, payload: &Value) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in [(":event-type", event), (":message-type", "event")] {
        head.push(u8::try_from(name.len()).expect("short"));
        head.extend(name.bytes().chain([7, 0]));
        head.push(u8::try_from(value.len()).expect("short"));
        head.extend(value.bytes());
    }
    let payload = payload.to_string();
    let length = |bytes: usize| u32::try_from(bytes).expect("small").to_be_bytes();
    let mut out = length(head.len() + payload.len() + 16).to_vec();
    out.extend(length(head.len()));
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend(head);
    out.extend(payload.bytes());
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}

/// A whole answer of ConverseStream; its [usage](converse_usage) comes last.
pub fn converse_stream() -> Vec<u8> {
    [
        frame("messageStart", &json!({"role": "assistant", "p": "abc"})),
        frame("contentBlockDelta", &json!({"delta": {"text": "A heron."}})),
        frame("messageStop", &json!({"stopReason": "end_turn"})),
        frame(
            "metadata",
            &json!({"metrics": {"latencyMs": 1}, "usage": converse_usage()}),
        ),
    ]
    .concat()
}

/// What both of Converse's answers state: 11,470 tokens of input, nearly all of them cached.
pub fn converse_usage() -> Value {
    json!({"inputTokens": 3, "outputTokens": 44, "cacheReadInputTokens": 9511,
        "cacheWriteInputTokens": 1956, "totalTokens": 11_514})
}
