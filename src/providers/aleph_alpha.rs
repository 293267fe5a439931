//! Aleph Alpha's completions and embeddings: counts stand side by side in the body, or in the event that
//! sums a stream up.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::count;
use super::reader::{Paths, Reader, Said, Standing, TextSink, push_text};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "model_version",
        "error",
        "num_tokens_prompt_total",
        "num_tokens_generated",
        "completion",
        "completions[].completion",
    ])
});

/// Reads a completion, or the events of one.
#[derive(Debug, Default)]
pub struct Completion {
    report: Report,
}

impl Reader for Completion {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "model_version" => said.note_model(found.raw),
            "error" => said.note_error(found.raw),
            "num_tokens_prompt_total" => self.report.input = count(found.raw),
            "num_tokens_generated" => self.report.output = count(found.raw),
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        said.replace(std::mem::take(self).report, Standing::Final);
    }

    fn message_cut(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        said.replace(std::mem::take(self).report, Standing::Opening);
    }
}
