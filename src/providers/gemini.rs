//! Gemini's generateContent and embeddings, on Google's own hosts and on Vertex.
//!
//! A stream states usage with almost every element, cumulative for the current hop: with server tools it
//! falls back between hops, so the last whole object stands and maxima do not.

pub mod batch;
pub mod cache;
mod grounding;
pub mod interactions;
pub mod live;
pub mod predict;
mod usage;

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::RequestFacts;
use super::node::{Node, count, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text};
use super::report::Report;
use grounding::Grounding;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "error",
        "modelVersion",
        "usageMetadata",
        "candidates[].finishReason",
        "candidates[].content.parts[].text",
        "candidates[].content.parts[].functionCall",
        "candidates[].content.parts[].executableCode.code",
        "candidates[].groundingMetadata.webSearchQueries[]",
        "candidates[].groundingMetadata.groundingChunks[].maps.placeId",
        "predictions[].embeddings.statistics.token_count",
        "metadata.billableCharacterCount",
        // A stream without `alt=sse` is one array.
        "[].error",
        "[].modelVersion",
        "[].usageMetadata",
        "[].candidates[].finishReason",
        "[].candidates[].content.parts[].text",
        "[].candidates[].content.parts[].functionCall",
        "[].candidates[].content.parts[].executableCode.code",
        "[].candidates[].groundingMetadata.webSearchQueries[]",
        "[].candidates[].groundingMetadata.groundingChunks[].maps.placeId",
    ])
});

/// Reads `GenerateContentResponse`, one or many, and answers of the embedding methods.
#[derive(Debug, Default)]
pub struct Generate {
    asked_model: Option<String>,
    grounding: Grounding,
    /// The current element ends the answer, and states usage.
    finished: bool,
    has_usage: bool,
    predicted: Option<u64>,
    characters: Option<u64>,
    /// A short usage object that states no tokens: on Vertex most elements repeat it.
    tokenless: Vec<u8>,
}

/// Longest usage object that is remembered for stating no tokens.
const TOKENLESS_BYTES_MAX: usize = 128;

impl Generate {
    /// A reader of the answer to a request.
    pub fn new(asked: &RequestFacts) -> Self {
        Generate {
            asked_model: asked.model.clone(),
            ..Generate::default()
        }
    }
}

impl Reader for Generate {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path.strip_prefix("[].").unwrap_or(path) {
            "error" => said.note_error(found.raw),
            "modelVersion" => said.note_model(found.raw),
            "usageMetadata" => self.note_usage(said, found.raw),
            "candidates[].finishReason" => self.finished |= name(found.raw).is_some(),
            "candidates[].groundingMetadata.webSearchQueries[]" => {
                self.grounding.note_search(found.raw);
            }
            "candidates[].groundingMetadata.groundingChunks[].maps.placeId" => {
                self.grounding.note_maps();
            }
            "predictions[].embeddings.statistics.token_count" => {
                let tokens = count(found.raw);
                self.predicted = self.predicted.unwrap_or(0).checked_add(tokens.unwrap_or(0));
            }
            "metadata.billableCharacterCount" => {
                self.characters = count(found.raw);
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        if self.predicted.is_some() {
            let mut report = Report {
                input: self.predicted,
                ..Report::default()
            };
            report
                .units
                .extend(self.characters.map(|count| ("billable_characters", count)));
            // Only the end of the body tells that no prediction is missing from the sum.
            said.replace(report, Standing::Running);
        }
        if let Some(report) = said.report.as_mut() {
            let model = said.model.as_deref().or(self.asked_model.as_deref());
            self.grounding.fill(model, report);
            if self.has_usage && self.finished {
                said.standing = Standing::Final;
            }
        }
        (self.has_usage, self.finished) = (false, false);
    }
}

impl Generate {
    fn note_usage(&mut self, said: &mut Said, raw: &[u8]) {
        self.has_usage = true;
        if raw == self.tokenless {
            return;
        }
        let value = parse(raw);
        let usage = Node::new(&value);
        let slot = &mut said.selectors.service_tier;
        *slot = usage::tier(usage).or(slot.take());
        let report = usage::metadata(usage);
        self.tokenless.clear();
        if !report.states_tokens() && raw.len() <= TOKENLESS_BYTES_MAX {
            self.tokenless.extend_from_slice(raw);
        }
        said.replace(report, Standing::Running);
    }
}
