//! What a client asks for in a session.

use std::sync::LazyLock;

use super::SORT_BYTES_MAX;
use crate::providers::Dialect;
use crate::providers::node::count;
use crate::providers::reader::{Paths, name, set_name};
use crate::wire::json::Scanner;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "type",
        "event_id",
        "header.action",
        "header.task_id",
        "payload.message",
        // The model, and what bounds an answer.
        "model",
        "response.model",
        "session.model",
        "setup.model",
        "payload.model",
        "max_output_tokens",
        "response.max_output_tokens",
        // Texts.
        "instructions",
        "response.instructions",
        "session.instructions",
        "input",
        "input[].content",
        "input[].content[].text",
        "input[].output",
        "item.content[].text",
        "item.output",
        "clientContent.turns[].parts[].text",
        "client_content.turns[].parts[].text",
        "realtimeInput.text",
        "realtime_input.text",
        "payload.message.text[].content",
        "payload.input.text",
    ])
});

/// A response that a client asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The client's name for its message, by which an error refers to it; a task's id.
    pub id: Option<String>,
    pub model: Option<String>,
    pub max_output_tokens: Option<u64>,
}

/// Reads the client's messages.
#[derive(Debug)]
pub struct ClientReader {
    dialect: Dialect,
    scanner: Scanner,
    event: Option<String>,
    asked: Asked,
    has_message: bool,
    /// The model that the client set up for the session.
    model: Option<String>,
    text_bytes: u64,
}

impl ClientReader {
    /// For sessions of this dialect.
    pub fn new(dialect: Dialect) -> Self {
        ClientReader {
            dialect,
            scanner: Scanner::new(PATHS.fields(), SORT_BYTES_MAX),
            event: None,
            asked: Asked::default(),
            has_message: false,
            model: None,
            text_bytes: 0,
        }
    }

    /// Reads the next bytes of the current message.
    pub fn feed(&mut self, piece: &[u8]) {
        let ClientReader {
            scanner,
            event,
            asked,
            has_message,
            model,
            text_bytes,
            ..
        } = self;
        scanner.feed(piece, &mut |found| match PATHS.name(found.field) {
            "type" | "header.action" => *event = name(found.raw),
            "event_id" | "header.task_id" => asked.id = name(found.raw),
            "payload.message" => *has_message = true,
            "model" | "response.model" | "payload.model" => {
                set_name(&mut asked.model, found.raw);
            }
            "session.model" | "setup.model" => set_name(model, found.raw),
            "max_output_tokens" | "response.max_output_tokens" => {
                asked.max_output_tokens = count(found.raw);
            }
            // What is within comes by itself.
            _ if found.raw.first() != Some(&b'"') => {}
            _ => *text_bytes = text_bytes.saturating_add(found.bytes.saturating_sub(2)),
        });
    }

    /// Ends the message; tells what it asks for, where it does.
    pub fn end(&mut self) -> Option<Asked> {
        self.scanner.reset();
        let event = self.event.take();
        let asked = std::mem::take(&mut self.asked);
        let has_message = std::mem::take(&mut self.has_message);
        let asks = match self.dialect {
            Dialect::GeminiLive => false,
            Dialect::Spark => has_message,
            Dialect::Dashscope => event.as_deref() == Some("run-task"),
            _ => event.as_deref() == Some("response.create"),
        };
        asks.then_some(asked)
    }

    /// The model that the client set up; Google's without the collection's name.
    pub fn model(&self) -> Option<&str> {
        let model = self.model.as_deref()?;
        Some(model.strip_prefix("models/").unwrap_or(model))
    }

    /// Bytes of text that the client said since this was last asked.
    pub fn take_text_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.text_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_told_from_what_is_said() {
        for (dialect, message, id, model, bytes) in [
            (
                Dialect::OpenaiRealtime,
                r#"{"type":"response.create","event_id":"e1","response":{"instructions":"Sing."}}"#,
                Some(Some("e1")),
                None,
                5,
            ),
            (
                Dialect::OpenaiRealtime,
                r#"{"type":"conversation.item.create","item":{"content":[{"text":"Hello"}]}}"#,
                None,
                None,
                5,
            ),
            (
                Dialect::OpenaiResponses,
                r#"{"type":"response.create","model":"gpt-5","input":"Hi there"}"#,
                Some(None),
                Some("gpt-5"),
                8,
            ),
            (
                Dialect::OpenaiResponses,
                r#"{"type":"response.create","model":"gpt-5","input":[{"content":[{"text":"Hi"}]}]}"#,
                Some(None),
                Some("gpt-5"),
                2,
            ),
            (
                Dialect::Spark,
                r#"{"header":{"app_id":"a"},"payload":{"message":{"text":[{"content":"Hi"}]}}}"#,
                Some(None),
                None,
                2,
            ),
            (
                Dialect::Dashscope,
                r#"{"header":{"action":"run-task","task_id":"t"},"payload":{"model":"cosyvoice-v2"}}"#,
                Some(Some("t")),
                Some("cosyvoice-v2"),
                0,
            ),
        ] {
            let mut reader = ClientReader::new(dialect);
            for byte in message.as_bytes().chunks(1) {
                reader.feed(byte);
            }
            let asked = reader.end();
            let ids = asked.as_ref().map(|asked| asked.id.as_deref());
            assert_eq!(ids, id, "{message}");
            let models = asked.as_ref().and_then(|asked| asked.model.as_deref());
            assert_eq!(models, model, "{message}");
            assert_eq!(reader.take_text_bytes(), bytes, "{message}");
        }
    }

    #[test]
    fn a_live_session_is_set_up_for_a_model() {
        let mut reader = ClientReader::new(Dialect::GeminiLive);
        reader.feed(br#"{"setup":{"model":"models/gemini-live-2.5-flash"}}"#);
        assert_eq!(reader.end(), None);
        assert_eq!(reader.model(), Some("gemini-live-2.5-flash"));
    }
}
