//! Hugging Face's servers of one's own: Text Generation Inference and Text Embeddings Inference.
//!
//! A generation states its output alone, unless it was asked for the prompt's tokens too. What only embeds
//! states its input in a header.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, push_text};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "error",
        "token.text",
        "generated_text",
        "details",
        "[].generated_text",
        "[].details",
    ])
});

/// Reads a generation, or the events of one.
#[derive(Debug, Default)]
pub struct Generation {
    /// The stream handed its tokens out; its last event repeats the whole text.
    is_stream: bool,
}

impl Reader for Generation {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn head<'a>(&mut self, said: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        compute_tokens(said, header);
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path.strip_prefix("[].").unwrap_or(path) {
            "error" => said.note_error(found.raw),
            "details" => {
                let value = parse(found.raw);
                let report = report(Node::new(&value));
                said.counts_input |= report.input.is_none() && report.states_tokens();
                said.replace(report, Standing::Final);
            }
            "token.text" => {
                self.is_stream = true;
                push_text(found, text);
            }
            _ if self.is_stream => {}
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {}
}

fn report(details: Node<'_>) -> Report {
    let prompt = details.at("prefill").items().count() as u64;
    Report {
        input: details
            .at("input_length")
            .count()
            .or(Some(prompt).filter(|count| *count > 0)),
        output: details.at("generated_tokens").count(),
        ..Report::default()
    }
}

/// What an embedding server states in its head.
pub(super) fn compute_tokens<'a>(said: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
    let count = header("x-compute-tokens").and_then(|text| text.parse().ok());
    if let Some(count) = count.filter(|_| said.status < 400) {
        let report = Report {
            input: Some(count),
            ..Report::default()
        };
        said.replace(report, Standing::Final);
    }
}
