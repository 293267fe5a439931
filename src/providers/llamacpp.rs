//! llama.cpp's own completion.
//!
//! `tokens_evaluated` is the whole prompt. `tokens_cached` is the size of the context, not what was read
//! from a cache: that is `timings.cache_n`.

use std::sync::LazyLock;

use serde_json::Value;

use crate::wire::json::Found;

use super::node::{Node, count, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, push_text};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "model",
        "error",
        "stop",
        "content",
        "tokens_evaluated",
        "tokens_predicted",
        "timings",
    ])
});

/// Reads a completion, or the events of one.
#[derive(Debug, Default)]
pub struct Completion {
    report: Report,
    stopped: bool,
}

impl Reader for Completion {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "error" => said.note_error(found.raw),
            "stop" => self.stopped = found.raw == b"true",
            "tokens_evaluated" => self.report.input = count(found.raw),
            "tokens_predicted" => self.report.output = count(found.raw),
            "timings" => {
                self.report.cache_read = Node::new(&parse(found.raw)).at("cache_n").count();
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        // Events before the last may state what was done so far, or zeros.
        if message.stopped && message.report.states_tokens() {
            said.replace(message.report, Standing::Final);
            said.terminal = true;
        }
    }

    fn message_cut(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        said.replace(std::mem::take(self).report, Standing::Opening);
    }
}

/// What `timings` tell where no usage is stated: how much of the prompt was new, and how much was cached.
pub(super) fn timings(timings: &Value) -> Report {
    let timings = Node::new(timings);
    let cached = timings.at("cache_n").count();
    let fresh = timings.at("prompt_n").count();
    Report {
        input: fresh.map(|count| count + cached.unwrap_or(0)),
        output: timings.at("predicted_n").count(),
        cache_read: cached,
        ..Report::default()
    }
}
