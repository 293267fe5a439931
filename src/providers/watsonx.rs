//! IBM watsonx' text generation, and its embeddings and rankings.
//!
//! The output of a stream's event is the whole output so far; the input stands in the first event, and the
//! later ones say zero.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{count, largest};
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "model_id",
        "errors",
        "input_token_count",
        "results[].input_token_count",
        "results[].generated_token_count",
        "results[].generated_text",
        "results[].stop_reason",
    ])
});

/// Reads a generation, or the events of one.
#[derive(Debug, Default)]
pub struct Generation {
    /// The current message's counts, over all of its results.
    message: Report,
    /// The largest input of any message.
    input: Option<u64>,
    stopped: bool,
}

impl Reader for Generation {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        let add = |slot: &mut Option<u64>| {
            let tokens = count(found.raw);
            *slot = tokens.map(|tokens| slot.unwrap_or(0) + tokens).or(*slot);
        };
        match path {
            "model_id" => said.note_model(found.raw),
            "errors" => said.note_error(found.raw),
            "input_token_count" | "results[].input_token_count" => add(&mut self.message.input),
            "results[].generated_token_count" => add(&mut self.message.output),
            "results[].stop_reason" => {
                self.stopped |= name(found.raw).is_some_and(|reason| reason != "not_finished");
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let standing = if self.stopped {
            Standing::Final
        } else {
            Standing::Running
        };
        self.note(said, standing);
    }

    fn message_cut(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        self.note(said, Standing::Opening);
    }
}

impl Generation {
    fn note(&mut self, said: &mut Said, standing: Standing) {
        let message = std::mem::take(&mut self.message);
        if message.states_tokens() {
            self.input = largest([self.input, message.input]);
            let input = self.input;
            said.replace(Report { input, ..message }, standing);
        }
    }
}
