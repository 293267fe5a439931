//! What a server's message means for what the session makes.

use std::sync::LazyLock;

use super::SORT_BYTES_MAX;
use crate::providers::Dialect;
use crate::providers::reader::{Paths, name};
use crate::wire::json::Scanner;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "type",
        "usage",
        "response.id",
        "error.event_id",
        "session.audio.input.transcription.model",
        "session.input_audio_transcription.model",
        // Gemini Live
        "serverContent",
        "server_content",
        "toolCall",
        "tool_call",
        "usageMetadata",
        "usage_metadata",
        // Spark and DashScope
        "header.code",
        "header.status",
        "header.sid",
        "header.event",
        "header.task_id",
    ])
});

/// What a message of the server means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Nothing for the count.
    Nothing,
    /// A response begins, by the provider's name for it where it has one.
    Begins(Option<String>),
    /// A response ends; the usage that was read is its own.
    Ends(Option<String>),
    /// A request came to nothing: one that bore this id, where the server says which.
    Fails(Option<String>),
    /// The usage that was read belongs to no response but to this model, which heard the caller's speech.
    Heard(Option<String>),
    /// The usage that was read is the whole session's so far.
    Total,
}

/// Sorts the server's messages.
#[derive(Debug)]
pub struct Signals {
    dialect: Dialect,
    scanner: Scanner,
    message: Message,
    /// The model that transcribes, as the session was last set up.
    transcriber: Option<String>,
}

/// What the current message says.
#[derive(Debug, Default)]
struct Message {
    event: Option<String>,
    id: Option<String>,
    cause: Option<String>,
    has_content: bool,
    has_usage: bool,
    code: Option<Vec<u8>>,
    status: Option<Vec<u8>>,
}

impl Signals {
    /// For sessions of this dialect.
    pub fn new(dialect: Dialect) -> Self {
        Signals {
            dialect,
            scanner: Scanner::new(PATHS.fields(), SORT_BYTES_MAX),
            message: Message::default(),
            transcriber: None,
        }
    }

    /// Reads the next bytes of the current message.
    pub fn feed(&mut self, piece: &[u8]) {
        let Signals {
            scanner,
            message,
            transcriber,
            ..
        } = self;
        scanner.feed(piece, &mut |found| match PATHS.name(found.field) {
            "type" | "header.event" => message.event = name(found.raw),
            "response.id" | "header.sid" | "header.task_id" => message.id = name(found.raw),
            "error.event_id" => message.cause = name(found.raw),
            "usage" | "usageMetadata" | "usage_metadata" => {
                message.has_usage = found.raw.first() == Some(&b'{') && found.raw != b"{}";
            }
            "header.code" => message.code = Some(found.raw.to_vec()),
            "header.status" => message.status = Some(found.raw.to_vec()),
            path if path.ends_with("transcription.model") => *transcriber = name(found.raw),
            _ => message.has_content = true,
        });
    }

    /// Ends the message and tells what it meant.
    pub fn end(&mut self) -> Signal {
        self.scanner.reset();
        let message = std::mem::take(&mut self.message);
        match self.dialect {
            Dialect::GeminiLive => message.of_live(),
            Dialect::Spark => message.of_spark(),
            Dialect::Dashscope => message.of_task(),
            _ => message.of_realtime(self.transcriber.as_ref()),
        }
    }
}

impl Message {
    /// Realtime events, and those of responses over a WebSocket.
    fn of_realtime(self, transcriber: Option<&String>) -> Signal {
        match self.event.as_deref().unwrap_or_default() {
            "response.created" => Signal::Begins(self.id),
            "response.done" | "response.completed" | "response.incomplete" | "response.failed" => {
                Signal::Ends(self.id)
            }
            "error" => Signal::Fails(self.cause),
            "session.usage.updated" if self.has_usage => Signal::Total,
            event if self.has_usage && event.contains("input_audio_transcription") => {
                Signal::Heard(transcriber.cloned())
            }
            // xAI states it beside the response.
            _ if self.has_usage => Signal::Ends(self.id),
            _ => Signal::Nothing,
        }
    }

    /// A turn states its usage once, with its last message.
    fn of_live(self) -> Signal {
        match (self.has_usage, self.has_content) {
            (true, _) => Signal::Ends(None),
            (false, true) => Signal::Begins(None),
            (false, false) => Signal::Nothing,
        }
    }

    fn of_spark(self) -> Signal {
        let is = |field: &Option<Vec<u8>>, value: &[u8]| field.as_deref() == Some(value);
        if self.code.is_some() && !is(&self.code, b"0") {
            Signal::Fails(None)
        } else if is(&self.status, b"2") {
            Signal::Ends(self.id)
        } else {
            Signal::Begins(self.id)
        }
    }

    fn of_task(self) -> Signal {
        match self.event.as_deref().unwrap_or_default() {
            "task-started" => Signal::Begins(self.id),
            "task-finished" => Signal::Ends(self.id),
            "task-failed" => Signal::Fails(self.id),
            _ => Signal::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(signals: &mut Signals, message: &str) -> Signal {
        for byte in message.as_bytes().chunks(1) {
            signals.feed(byte);
        }
        signals.end()
    }

    #[test]
    fn a_message_is_sorted_by_its_dialect() {
        let id = |id: &str| Some(id.to_owned());
        for (dialect, message, expected) in [
            (
                Dialect::OpenaiRealtime,
                r#"{"type":"response.created","response":{"id":"r1","usage":null}}"#,
                Signal::Begins(id("r1")),
            ),
            (
                Dialect::OpenaiResponses,
                r#"{"response":{"id":"r1"},"type":"response.completed"}"#,
                Signal::Ends(id("r1")),
            ),
            (
                Dialect::OpenaiRealtime,
                r#"{"type":"error","error":{"type":"x","event_id":"e1"}}"#,
                Signal::Fails(id("e1")),
            ),
            (
                Dialect::OpenaiRealtime,
                r#"{"type":"session.usage.updated","usage":{"seconds":4}}"#,
                Signal::Total,
            ),
            (
                Dialect::OpenaiRealtime,
                r#"{"type":"rate_limits.updated","rate_limits":[{"name":"tokens"}]}"#,
                Signal::Nothing,
            ),
            (
                Dialect::OpenaiRealtime,
                r#"{"type":"ping","usage":{}}"#,
                Signal::Nothing,
            ),
            (
                Dialect::GeminiLive,
                r#"{"setupComplete":{}}"#,
                Signal::Nothing,
            ),
            (
                Dialect::GeminiLive,
                r#"{"serverContent":{"modelTurn":{"parts":[]}}}"#,
                Signal::Begins(None),
            ),
            (
                Dialect::GeminiLive,
                r#"{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":1}}"#,
                Signal::Ends(None),
            ),
            (
                Dialect::Spark,
                r#"{"header":{"code":0,"sid":"s","status":1},"payload":{}}"#,
                Signal::Begins(id("s")),
            ),
            (
                Dialect::Spark,
                r#"{"header":{"code":0,"sid":"s","status":2},"payload":{"usage":{}}}"#,
                Signal::Ends(id("s")),
            ),
            (
                Dialect::Spark,
                r#"{"header":{"code":10013,"sid":"s","status":2}}"#,
                Signal::Fails(None),
            ),
            (
                Dialect::Dashscope,
                r#"{"header":{"task_id":"t","event":"task-finished"},"payload":{}}"#,
                Signal::Ends(id("t")),
            ),
        ] {
            let mut signals = Signals::new(dialect);
            assert_eq!(signal(&mut signals, message), expected, "{message}");
        }
    }

    #[test]
    fn a_transcription_names_the_model_of_the_session() {
        let done = r#"{"type":"conversation.item.input_audio_transcription.completed",
            "usage":{"type":"tokens","input_tokens":7}}"#;
        for (setup, model) in [
            (
                r#"{"type":"session.updated","session":{"audio":{"input":{"transcription":
                    {"model":"gpt-4o-transcribe"}}}}}"#,
                "gpt-4o-transcribe",
            ),
            (
                r#"{"type":"session.created","session":{"input_audio_transcription":
                    {"model":"whisper-1"}}}"#,
                "whisper-1",
            ),
        ] {
            let mut signals = Signals::new(Dialect::OpenaiRealtime);
            assert_eq!(signal(&mut signals, done), Signal::Heard(None));
            assert_eq!(signal(&mut signals, setup), Signal::Nothing);
            assert_eq!(
                signal(&mut signals, done),
                Signal::Heard(Some(model.to_owned()))
            );
        }
    }
}
