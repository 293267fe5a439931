//! Ollama's own API.
//!
//! Its counts stand side by side in the last document of a stream, or in the one that is the body. A count
//! that is missing is unknown: old servers leave the prompt's out where they had it cached.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::count;
use super::reader::{Paths, Reader, Said, Standing, TextSink, push_text};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "model",
        "error",
        "done",
        "prompt_eval_count",
        "prompt_eval_cached_count",
        "eval_count",
        "response",
        "thinking",
        "message.content",
        "message.thinking",
        "message.tool_calls[].function.name",
        "message.tool_calls[].function.arguments",
    ])
});

/// Reads the answers of `/api/chat`, `/api/generate` and `/api/embed`.
#[derive(Debug, Default)]
pub struct Ollama {
    report: Report,
    done: Option<bool>,
}

impl Reader for Ollama {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "error" => said.note_error(found.raw),
            "done" => self.done = Some(found.raw == b"true"),
            "prompt_eval_count" => self.report.input = count(found.raw),
            "prompt_eval_cached_count" => self.report.cache_read = count(found.raw),
            "eval_count" => self.report.output = count(found.raw),
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        // Embeddings have no `done`: there the document is the answer.
        let is_last = message.done != Some(false);
        if is_last && message.report.states_tokens() {
            said.replace(message.report, Standing::Final);
            said.terminal = true;
        }
    }

    fn message_cut(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        said.replace(std::mem::take(self).report, Standing::Opening);
    }
}
