//! Anthropic's text completions, the API before messages.
//!
//! They state no usage, so only the text is read, to be counted; a host that states some all the same is
//! believed.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::usage::Counts;
use crate::providers::node::{Node, parse};
use crate::providers::reader::{Paths, Reader, Said, Standing, TextSink, push_text};

static PATHS: LazyLock<Paths> =
    LazyLock::new(|| Paths::new(&["model", "completion", "usage", "error"]));

/// Reads a `completion` object and the events of a stream, each of which holds one.
#[derive(Debug, Default)]
pub struct Complete {
    counts: Counts,
}

impl Reader for Complete {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "error" => said.note_error(found.raw),
            "usage" => {
                let value = parse(found.raw);
                if self.counts.note(said, Node::new(&value)) {
                    said.replace(self.counts.report(), Standing::Running);
                }
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {}
}
