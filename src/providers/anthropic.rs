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
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_call, push_text};
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
    "content_block.name",
    "content[].name",
    "content[].text",
    "content[].thinking",
    "content[].input",
];

static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths::new(PATH_NAMES));

/// Reads a `message` object and the events of a stream.
#[derive(Debug, Default)]
pub struct Messages {
    counts: Counts,
    event: Event,
    stopped: bool,
    has_usage: bool,
}

/// What the current message is, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Event {
    Start,
    Delta,
    Stop,
    /// A whole answer, or an event that states no usage.
    #[default]
    Other,
}

impl Event {
    /// By its raw name, of which no sender escapes a letter.
    fn named(raw: &[u8]) -> Self {
        match raw {
            b"\"message_start\"" => Event::Start,
            b"\"message_delta\"" => Event::Delta,
            b"\"message_stop\"" => Event::Stop,
            _ => Event::Other,
        }
    }
}

impl Reader for Messages {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "type" => self.event = Event::named(found.raw),
            "model" | "message.model" => said.note_model(found.raw),
            "usage" | "message.usage" => {
                let value = parse(found.raw);
                self.has_usage |= self.counts.note(said, Node::new(&value));
            }
            "error" => said.note_error(found.raw),
            "delta.stop_reason" | "message.stop_reason" => {
                self.stopped |= name(found.raw).is_some();
            }
            "content_block.name" | "content[].name" => push_call(said, found, text),
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let event = std::mem::take(&mut self.event);
        let stopped = std::mem::take(&mut self.stopped);
        if std::mem::take(&mut self.has_usage) {
            let standing = match event {
                Event::Start if !stopped => Standing::Opening,
                // One that begins with why it stopped was made before, and no delta need follow.
                Event::Start => Standing::Running,
                Event::Delta if !stopped => Standing::Running,
                _ => Standing::Final,
            };
            said.replace(self.counts.report(), standing);
            if let Some(model) = &self.counts.fallback {
                said.model = Some(model.clone());
            }
        }
        if event == Event::Stop && said.standing == Standing::Running {
            said.standing = Standing::Final;
        }
        said.terminal |= said.report.is_some() && said.standing == Standing::Final;
    }
}
