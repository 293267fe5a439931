//! Gemini Live: the messages that a server sends through a session.
//!
//! A message is one JSON document. The one that ends a turn states the turn's usage, in which the context
//! so far is counted as prompt once more; each is charged for itself. Thoughts come on top, although this
//! API's total leaves them out.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::grounding::Grounding;
use super::usage::{metadata, tier};
use crate::providers::RequestFacts;
use crate::providers::node::{Node, parse};
use crate::providers::reader::{Paths, Reader, Said, Standing, TextSink, push_text};
use crate::providers::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "error",
        "usageMetadata",
        "serverContent.modelTurn.parts[].text",
        "serverContent.outputTranscription.text",
        "serverContent.groundingMetadata.webSearchQueries[]",
        "toolCall.functionCalls[].args",
    ])
});

/// Reads the messages of one session, one after another.
#[derive(Debug, Default)]
pub struct Live {
    model: Option<String>,
    /// The searches of the current turn.
    grounding: Grounding,
    usage: Option<Report>,
}

impl Live {
    /// A reader for a session with the model that the client's `setup` named.
    pub fn new(asked: &RequestFacts) -> Self {
        Live {
            model: asked.model.clone(),
            ..Live::default()
        }
    }
}

impl Reader for Live {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "error" => said.note_error(found.raw),
            "usageMetadata" => {
                let value = parse(found.raw);
                let usage = Node::new(&value);
                let slot = &mut said.selectors.service_tier;
                *slot = tier(usage).or(slot.take());
                self.usage = Some(metadata(usage));
            }
            "serverContent.groundingMetadata.webSearchQueries[]" => {
                self.grounding.note_search(found.raw);
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let Some(mut report) = self.usage.take().filter(Report::states_tokens) else {
            return;
        };
        let turn = std::mem::take(&mut self.grounding);
        turn.fill(self.model.as_deref(), &mut report);
        said.replace(report, Standing::Final);
        said.terminal = true;
    }
}
