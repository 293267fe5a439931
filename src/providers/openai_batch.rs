//! Batches in OpenAI's shape: the object that tells how a batch is, and the file of its results.
//!
//! The object states the usage of the whole batch; each line of the file states that of one answer. Both are
//! the same usage, so the object names the file too. What the object of a batch that still runs states is not
//! all, and would be taken for it. An object that does not name its model cannot be priced, and is left to the
//! file.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::parse;
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, set_name};
use super::report::Report;
use super::tally::Tally;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "id",
        "object",
        "status",
        "model",
        "usage",
        "output_file_id",
        "error",
        "response.body.model",
        "response.body.usage",
    ])
});

/// What a batch is called that makes no more answers; hosts differ in the spelling.
const ENDED: [&str; 9] = [
    "completed",
    "succeeded",
    "success",
    "done",
    "ended",
    "expired",
    "cancelled",
    "canceled",
    "failed",
];

/// Reads a batch object, or the lines of a file of results.
#[derive(Debug, Default)]
pub struct Batch {
    message: Message,
    lines: Tally,
}

/// One object or line.
#[derive(Debug, Default)]
struct Message {
    id: Option<String>,
    is_batch: bool,
    has_ended: bool,
    model: Option<String>,
    file: Option<String>,
    usage: Option<Report>,
    line_model: Option<String>,
    line_usage: Option<Report>,
}

impl Reader for Batch {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        let message = &mut self.message;
        let usage = || Some(openai_usage::report(&parse(found.raw)));
        match path {
            "id" => set_name(&mut message.id, found.raw),
            "object" => message.is_batch = name(found.raw).as_deref() == Some("batch"),
            "status" => {
                message.has_ended = name(found.raw).is_some_and(|word| is_end(&word));
            }
            "model" => set_name(&mut message.model, found.raw),
            "usage" => message.usage = usage(),
            "output_file_id" => set_name(&mut message.file, found.raw),
            "error" => said.note_error(found.raw),
            "response.body.model" => set_name(&mut message.line_model, found.raw),
            "response.body.usage" => message.line_usage = usage(),
            _ => {}
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(&mut self.message);
        if message.is_batch {
            return message.tell(said);
        }
        let line = message.line_usage.filter(Report::states_tokens);
        if let Some(report) = line {
            self.lines.add(message.line_model, report);
        }
    }

    fn body_end(&mut self, said: &mut Said) {
        let Some((model, report)) = self.lines.told() else {
            return;
        };
        said.model = model;
        said.selectors.service_tier = Some("batch".to_owned());
        // Only the end of the file tells that no line is missing.
        said.replace(report, Standing::Running);
    }
}

fn is_end(status: &str) -> bool {
    ENDED.iter().any(|end| status.eq_ignore_ascii_case(end))
}

impl Message {
    fn tell(self, said: &mut Said) {
        let (Some(model), Some(report)) = (self.model, self.usage) else {
            return;
        };
        if !self.has_ended || report.total.unwrap_or(0) == 0 {
            return;
        }
        said.model = Some(model);
        said.selectors.service_tier = Some("batch".to_owned());
        let names = [self.id, self.file].into_iter().flatten();
        said.response_id = Some(names.collect::<Vec<_>>().join(" "));
        said.replace(report, Standing::Running);
    }
}
