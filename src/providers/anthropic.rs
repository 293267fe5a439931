//! Anthropic's messages, and hosts that speak them.
//!
//! Input, cache reads and cache writes are counted apart. A stream says its input at the start with a
//! placeholder for the output; the delta at its end replaces what it names and leaves the rest.

pub mod batch;
pub mod complete;
mod usage;

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text};
use usage::Counts;

/// What is read of a message and of the events of a stream.
pub(super) const PATH_NAMES: &[&str] = &[
    "type",
    "model",
    "usage",
    "error",
    "message.model",
    "message.stop_reason",
    "message.usage",
    "delta.stop_reason",
    "delta.text",
    "delta.thinking",
    "delta.partial_json",
    "content[].text",
    "content[].thinking",
    "content[].input",
];

static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths::new(PATH_NAMES));

/// Reads a `message` object and the events of a stream.
#[derive(Debug, Default)]
pub struct Messages {
    counts: Counts,
    event: Option<String>,
    stopped: bool,
    has_usage: bool,
}

impl Reader for Messages {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "type" => self.event = name(found.raw),
            "model" | "message.model" => said.note_model(found.raw),
            "usage" | "message.usage" => {
                let value = parse(found.raw);
                self.has_usage |= self.counts.note(said, Node::new(&value));
            }
            "error" => said.note_error(found.raw),
            "delta.stop_reason" | "message.stop_reason" => {
                self.stopped |= name(found.raw).is_some()
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let event = self.event.take();
        let stopped = std::mem::take(&mut self.stopped);
        if std::mem::take(&mut self.has_usage) {
            let standing = match event.as_deref() {
                Some("message_start") if !stopped => Standing::Opening,
                // One that begins with why it stopped was made before, and no delta need follow.
                Some("message_start") => Standing::Running,
                Some("message_delta") if !stopped => Standing::Running,
                _ => Standing::Final,
            };
            said.replace(self.counts.report(), standing);
            if let Some(model) = &self.counts.fallback {
                said.model = Some(model.clone());
            }
        }
        if event.as_deref() == Some("message_stop") && said.standing == Standing::Running {
            said.standing = Standing::Final;
        }
        said.terminal |= said.report.is_some() && said.standing == Standing::Final;
    }
}
