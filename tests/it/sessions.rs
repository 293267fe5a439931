//! Sessions over a WebSocket: every response counted by itself, budgets kept, bytes left alone.

mod endings;
mod metered;
mod spent;

use crate::support::websocket::says;

/// What a realtime session begins with.
pub const CREATED: &str = r#"{"type":"session.created","session":{"model":"gpt-realtime","audio":{"input":{"transcription":{"model":"gpt-4o-transcribe"}}}}}"#;

const CREATE: &str = r#"{"type":"response.create"}"#;

/// The usage of one recorded response: 0.001168 USD.
const USAGE: &str = r#"{"total_tokens":40,"input_tokens":16,"output_tokens":24,"input_token_details":{"text_tokens":16,"audio_tokens":0,"image_tokens":0,"cached_tokens":0,"cached_tokens_details":{"text_tokens":0,"audio_tokens":0,"image_tokens":0}},"output_token_details":{"text_tokens":9,"audio_tokens":15}}"#;
pub const COST: i64 = 1_168_000_000;

/// The first words of a response, a message each.
pub fn begun_with(id: &str) -> [String; 2] {
    let created = format!(r#"{{"type":"response.created","response":{{"id":"{id}"}}}}"#);
    let delta = r#"{"type":"response.output_audio_transcript.delta","delta":"Hello there"}"#;
    [created, delta.to_owned()]
}

/// They in frames.
fn begun(id: &str) -> Vec<u8> {
    begun_with(id).map(|text| says(&text)).concat()
}

/// Its last.
pub fn done(id: &str) -> String {
    format!(
        r#"{{"type":"response.done","response":{{"id":"{id}","status":"completed","usage":{USAGE}}}}}"#
    )
}

/// All of a response.
fn response(id: &str) -> Vec<u8> {
    [begun(id), says(&done(id))].concat()
}
