use super::*;

/// Who says a message.
#[derive(Clone, Copy)]
enum By {
    Client,
    Server,
}
use By::{Client, Server};

/// Plays messages in pieces of `size` bytes; what they made, in a few words.
fn played(session: &mut Session, messages: &[(By, &str)], size: usize) -> Vec<String> {
    let mut events = Vec::new();
    for (by, message) in messages {
        for piece in message.as_bytes().chunks(size) {
            match by {
                Client => session.client_piece(piece),
                Server => session.server_piece(piece),
            }
        }
        match by {
            Client => session.client_end(&mut events),
            Server => session.server_end(&mut events),
        }
    }
    words(&events)
}

fn words(events: &[Event]) -> Vec<String> {
    let tokens = |usage: &Option<Usage>| match usage {
        Some(usage) => format!(
            "{:?}/{:?} {:?}",
            usage.input, usage.output, usage.other_units
        ),
        None => "nothing".to_owned(),
    };
    events
        .iter()
        .map(|event| match event {
            Event::Began(number, beginning) => format!(
                "{number} begins {} {:?}",
                beginning.model.as_deref().unwrap_or("-"),
                beginning.input_tokens
            ),
            Event::Ended(number, said) => format!(
                "{number} ends {} {} {}",
                said.model.as_deref().unwrap_or("-"),
                said.source.name(),
                tokens(&said.usage)
            ),
            Event::Failed(number, error) => format!("{number} fails {}", error.name()),
            Event::Dropped(number, left) => {
                let said = left.extraction();
                format!(
                    "{number} left {} {}",
                    said.source.name(),
                    tokens(&said.usage)
                )
            }
        })
        .collect()
}

/// The same whatever the pieces.
fn check(dialect: Dialect, messages: &[(By, &str)], expected: &[&str]) {
    for size in [1, 7, 100_000] {
        let mut session = Session::new(dialect, RequestFacts::default());
        assert_eq!(played(&mut session, messages, size), expected, "{size}");
        assert!(!session.is_busy());
    }
}

const CREATED: &str = r#"{"type":"session.created","session":{"model":"gpt-realtime",
    "audio":{"input":{"transcription":{"model":"gpt-4o-transcribe"}}}}}"#;

#[test]
fn each_response_of_a_session_ends_by_itself() {
    check(
        Dialect::OpenaiRealtime,
        &[
            (Server, CREATED),
            (
                Client,
                r#"{"type":"conversation.item.create","item":{"content":[{"text":"Hello you"}]}}"#,
            ),
            (Client, r#"{"type":"response.create"}"#),
            (
                Server,
                r#"{"type":"response.created","response":{"id":"r1","usage":null}}"#,
            ),
            (
                Server,
                r#"{"type":"response.output_audio.delta","response_id":"r1","delta":"AAAA"}"#,
            ),
            (Server, r#"{"type":"rate_limits.updated","rate_limits":[]}"#),
            (
                Server,
                r#"{"type":"response.done","response":{"id":"r1","usage":{"total_tokens":40,
                "input_tokens":16,"output_tokens":24}}}"#,
            ),
            // By the server itself, which heard that the caller stopped.
            (
                Server,
                r#"{"type":"conversation.item.input_audio_transcription.completed",
                "usage":{"type":"tokens","input_tokens":9,"output_tokens":3}}"#,
            ),
            (
                Server,
                r#"{"type":"response.created","response":{"id":"r2"}}"#,
            ),
            (
                Server,
                r#"{"type":"response.done","response":{"id":"r2","status":"cancelled",
                "usage":{"input_tokens":60,"output_tokens":2}}}"#,
            ),
        ],
        &[
            "1 begins gpt-realtime Some(3)",
            "1 ends gpt-realtime reported Some(16)/Some(24) {}",
            "2 begins gpt-4o-transcribe None",
            "2 ends gpt-4o-transcribe reported Some(9)/Some(3) {}",
            "3 begins gpt-realtime Some(40)",
            "3 ends gpt-realtime reported Some(60)/Some(2) {}",
        ],
    );
}

#[test]
fn a_request_that_is_turned_down_is_no_response() {
    let busy = r#"{"type":"error","error":{"type":"invalid_request_error","event_id":"e2"}}"#;
    check(
        Dialect::OpenaiRealtime,
        &[
            (Server, CREATED),
            (Client, r#"{"type":"response.create","event_id":"e1"}"#),
            (Client, r#"{"type":"response.create","event_id":"e2"}"#),
            (
                Server,
                r#"{"type":"response.created","response":{"id":"r1"}}"#,
            ),
            (
                Server,
                r#"{"type":"error","error":{"type":"x","event_id":"another"}}"#,
            ),
            (Server, busy),
            (
                Server,
                r#"{"type":"response.done","response":{"id":"r1","status":"failed",
                "status_details":{"error":{"type":"server_error"}}}}"#,
            ),
        ],
        &[
            "1 begins gpt-realtime None",
            "2 begins gpt-realtime None",
            "2 fails invalid_request",
            "1 fails server_error",
        ],
    );
}

#[test]
fn responses_over_a_web_socket_are_priced_by_their_own_models() {
    check(
        Dialect::OpenaiResponses,
        &[
            (
                Client,
                r#"{"type":"response.create","model":"gpt-5","input":"Hello"}"#,
            ),
            (
                Server,
                r#"{"type":"response.created","response":{"id":"r1","model":"gpt-5-2025-08-07"}}"#,
            ),
            (
                Server,
                r#"{"type":"response.completed","response":{"id":"r1","model":"gpt-5-2025-08-07",
                "usage":{"input_tokens":8,"output_tokens":5,"total_tokens":13}}}"#,
            ),
            (
                Client,
                r#"{"type":"response.create","model":"gpt-5-mini","input":"And now"}"#,
            ),
            (
                Server,
                r#"{"type":"error","error":{"type":"rate_limit_exceeded"}}"#,
            ),
        ],
        &[
            "1 begins gpt-5 Some(2)",
            "1 ends gpt-5-2025-08-07 reported Some(8)/Some(5) {}",
            "2 begins gpt-5-mini Some(15)",
            "2 fails rate_limit",
        ],
    );
}

#[test]
fn what_is_open_at_the_end_is_counted() {
    let mut session = Session::new(Dialect::OpenaiRealtime, RequestFacts::default());
    let begun = played(
        &mut session,
        &[
            (Server, CREATED),
            (
                Client,
                r#"{"type":"response.create","response":{"instructions":"Say hello."}}"#,
            ),
            (
                Server,
                r#"{"type":"response.created","response":{"id":"r1"}}"#,
            ),
            (
                Server,
                r#"{"type":"response.output_audio_transcript.delta","delta":"Hello there"}"#,
            ),
        ],
        5,
    );
    assert_eq!(begun, ["1 begins gpt-realtime Some(3)"]);
    assert!(session.is_busy());
    let mut events = Vec::new();
    session.close(false, &mut events);
    assert_eq!(words(&events), ["1 left estimated Some(3)/Some(2) {}"]);
}

#[test]
fn the_seconds_of_a_live_session_are_kept_not_summed() {
    let mut session = Session::new(Dialect::OpenaiRealtime, RequestFacts::default());
    let begun = played(
        &mut session,
        &[
            (
                Server,
                r#"{"type":"session.created","session":{"model":"gpt-live-1"}}"#,
            ),
            (
                Server,
                r#"{"type":"session.usage.updated","usage":{"seconds":4}}"#,
            ),
            (
                Server,
                r#"{"type":"session.usage.updated","usage":{"seconds":11}}"#,
            ),
        ],
        3,
    );
    assert_eq!(begun, ["1 begins gpt-live-1 None"]);
    let mut events = Vec::new();
    session.close(true, &mut events);
    assert_eq!(
        words(&events),
        [r#"1 ends gpt-live-1 reported None/None {"audio_seconds": 11}"#]
    );
}

#[test]
fn seconds_beside_a_response_are_its_own() {
    check(
        Dialect::OpenaiRealtime,
        &[(
            Server,
            r#"{"type":"response.done","response":{"id":"r1"},"usage":{"input_tokens":5,
            "output_tokens":42,"billable_audio_seconds":1}}"#,
        )],
        &[
            "1 begins - None",
            r#"1 ends - reported Some(5)/Some(42) {"audio_seconds": 1}"#,
        ],
    );
}

#[test]
fn a_task_states_its_last_count_before_its_end() {
    check(
        Dialect::Dashscope,
        &[
            (
                Client,
                r#"{"header":{"action":"run-task","task_id":"t"},"payload":{"model":"cosyvoice-v2"}}"#,
            ),
            (
                Server,
                r#"{"header":{"task_id":"t","event":"task-started"},"payload":{}}"#,
            ),
            (
                Server,
                r#"{"header":{"task_id":"t","event":"result-generated"},"payload":{"usage":{"characters":4}}}"#,
            ),
            (
                Server,
                r#"{"header":{"task_id":"t","event":"result-generated"},"payload":{"usage":{"characters":9}}}"#,
            ),
            (
                Server,
                r#"{"header":{"task_id":"t","event":"task-finished"},"payload":{}}"#,
            ),
        ],
        &[
            "1 begins cosyvoice-v2 None",
            r#"1 ends cosyvoice-v2 reported None/None {"characters": 9}"#,
        ],
    );
}

#[test]
fn no_more_are_kept_apart_than_the_bound() {
    let mut session = Session::new(Dialect::OpenaiRealtime, RequestFacts::default());
    let asks = vec![(Client, r#"{"type":"response.create"}"#); OPEN_MAX + 3];
    let said = played(&mut session, &asks, 100);
    let left = said.iter().filter(|word| word.contains("left")).count();
    assert_eq!((left, session.open.len()), (3, OPEN_MAX));
}
