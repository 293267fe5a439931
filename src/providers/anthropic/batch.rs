//! The results of a batch of messages: one line for each request, in any order.
//!
//! A line holds a message with its usage, or tells that its request failed, was cancelled or expired, which
//! costs nothing. The object that tells how a batch is states no usage at all.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::usage::Counts;
use crate::providers::node::{Node, parse};
use crate::providers::reader::{Paths, Reader, Said, Standing, TextSink, name};
use crate::providers::report::Report;
use crate::providers::tally::Tally;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "error",
        "result.type",
        "result.message.model",
        "result.message.usage",
    ])
});

/// Reads the lines of a file of results. It keeps one line's counts and the sums.
#[derive(Debug, Default)]
pub struct Results {
    tally: Tally,
    model: Option<String>,
    usage: Option<Counts>,
    /// A line was seen, whatever became of its request.
    any: bool,
}

impl Reader for Results {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "error" => said.note_error(found.raw),
            "result.type" => self.any |= name(found.raw).is_some(),
            "result.message.model" => self.model = name(found.raw),
            _ => {
                let value = parse(found.raw);
                let mut counts = Counts::default();
                self.usage = counts.note(said, Node::new(&value)).then_some(counts);
            }
        }
        // A message has one model and one usage, so the two together are a line's.
        if self.model.is_some() && self.usage.is_some() {
            self.add();
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {
        self.add();
        self.model = None;
    }

    fn body_end(&mut self, said: &mut Said) {
        let nothing = Report {
            input: Some(0),
            output: Some(0),
            ..Report::default()
        };
        let told = self.tally.told();
        let Some((model, report)) = told.or_else(|| self.any.then_some((None, nothing))) else {
            return;
        };
        said.model = model.or(said.model.take());
        let tier = &mut said.selectors.service_tier;
        tier.get_or_insert_with(|| "batch".to_owned());
        // Only the end of the file tells that no line is missing.
        said.replace(report, Standing::Running);
    }
}

impl Results {
    fn add(&mut self) {
        if let Some(counts) = self.usage.take() {
            let model = counts.fallback.clone().or(self.model.take());
            self.tally.add(model, counts.report());
        }
    }
}
