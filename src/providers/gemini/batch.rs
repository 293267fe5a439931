//! Batches of the Gemini API: the operation with its answers inlined, and the file of its results.
//!
//! Each answer states its own usage, at the price of batches. An operation may hold its answers twice, as
//! its response and as its metadata's output, and either is read where the other is not there.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::usage::metadata;
use crate::providers::node::{Node, parse};
use crate::providers::reader::{Paths, Reader, Said, Standing, TextSink, name};
use crate::providers::report::Report;
use crate::providers::tally::Tally;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "error",
        "metadata.model",
        "model",
        // A line of a file.
        "response.modelVersion",
        "response.usageMetadata",
        // An operation, and the batch itself.
        "response.inlinedResponses.inlinedResponses[].response.modelVersion",
        "response.inlinedResponses.inlinedResponses[].response.usageMetadata",
        "metadata.output.inlinedResponses.inlinedResponses[].response.modelVersion",
        "metadata.output.inlinedResponses.inlinedResponses[].response.usageMetadata",
        "output.inlinedResponses.inlinedResponses[].response.modelVersion",
        "output.inlinedResponses.inlinedResponses[].response.usageMetadata",
    ])
});

/// Reads an operation, a batch, or the lines of a file of results.
#[derive(Debug, Default)]
pub struct Batch {
    answers: Answers,
    /// Those that only the metadata holds.
    output: Answers,
    asked: Option<String>,
}

/// Answers in one place of a document.
#[derive(Debug, Default)]
struct Answers {
    tally: Tally,
    model: Option<String>,
    usage: Option<Report>,
}

impl Answers {
    fn found(&mut self, path: &str, raw: &[u8]) {
        if path.ends_with("modelVersion") {
            self.model = name(raw);
        } else {
            // An answer may name no model: then the next usage ends it.
            self.end(None);
            let value = parse(raw);
            let report = metadata(Node::new(&value));
            self.usage = Some(report).filter(Report::states_tokens);
        }
        if self.model.is_some() {
            self.end(None);
        }
    }

    /// Ends an answer whose usage was seen.
    fn end(&mut self, model: Option<&String>) {
        if let Some(report) = self.usage.take() {
            self.tally.add(self.model.take().or(model.cloned()), report);
        }
    }
}

impl Reader for Batch {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            // Under any other status it is that of one line, or of a batch that made nothing.
            "error" if said.status < 400 => {}
            "error" => said.note_error(found.raw),
            "model" | "metadata.model" => self.asked = name(found.raw),
            _ if path.starts_with("metadata.") => self.output.found(path, found.raw),
            _ => self.answers.found(path, found.raw),
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {
        self.answers.end(self.asked.as_ref());
        self.output.end(self.asked.as_ref());
    }

    fn body_end(&mut self, said: &mut Said) {
        let told = self.answers.tally.told();
        let Some((model, report)) = told.or_else(|| self.output.tally.told()) else {
            return;
        };
        said.model = model.or(self.asked.clone()).or(said.model.take());
        said.selectors.service_tier = Some("batch".to_owned());
        said.replace(report, Standing::Running);
    }
}
