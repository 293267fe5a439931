//! Cohere's own API, versions 1 and 2: chat, generate, embed, rerank, classify.
//!
//! What is billed stands in `billed_units`, which are fewer than the `tokens` that went through the model:
//! Cohere does not charge for its own preamble. Usage is what is billed. Tokens read from a cache are a
//! part of the other number and may be more than the billed input, so they are a unit of their own.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::ErrorType;
use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text};
use super::report::{Convention, Placement, Report};

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "model",
        "error",
        "finish_reason",
        // Version 1: a body, or the line that ends a stream.
        "meta",
        "response.meta",
        "text",
        "generations[].text",
        "tool_calls[].parameters",
        // Version 2: a body, or the event that ends a stream.
        "usage",
        "message.content[].text",
        "message.content[].thinking",
        "message.tool_plan",
        "message.tool_calls[].function.arguments",
        "delta.usage",
        "delta.error",
        "delta.finish_reason",
        "delta.message.content.text",
        "delta.message.content.thinking",
        "delta.message.tool_plan",
        "delta.message.tool_calls.function.name",
        "delta.message.tool_calls.function.arguments",
    ])
});

/// Reads bodies, the events of version 2 and the lines of version 1.
#[derive(Debug, Default)]
pub struct Cohere {
    usage: Option<Report>,
    failed: bool,
}

impl Reader for Cohere {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "error" | "delta.error" => said.note_error(found.raw),
            "meta" | "response.meta" | "usage" | "delta.usage" => {
                let value = parse(found.raw);
                self.usage = Some(report(Node::new(&value))).filter(Report::states_usage);
            }
            "finish_reason" | "delta.finish_reason" => {
                self.failed |= name(found.raw).is_some_and(|reason| reason == "ERROR");
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        if message.failed {
            said.error = said.error.or(Some(ErrorType::ServerError));
        }
        if let Some(report) = message.usage {
            said.state(report, Standing::Final);
            said.terminal = true;
        }
    }
}

/// Reads a `usage` or `meta` value.
pub(super) fn report(usage: Node<'_>) -> Report {
    let (billed, tokens) = (usage.at("billed_units"), usage.at("tokens"));
    if !billed.exists() && !tokens.exists() {
        // Gateways that rank and embed in Cohere's name state it as OpenAI does.
        return usage.value().map(openai_usage::report).unwrap_or_default();
    }
    let charged = if billed.exists() { billed } else { tokens };
    let images = charged
        .at("image_tokens")
        .count()
        .filter(|count| *count > 0);
    let input = charged.at("input_tokens").count();
    let mut report = Report {
        convention: Convention {
            cache: Placement::Apart,
            ..Convention::default()
        },
        cache_read: usage.at("cached_tokens").count(),
        input: images.map_or(input, |count| Some(input.unwrap_or(0) + count)),
        output: charged.at("output_tokens").count(),
        reasoning: tokens.at("reasoning_tokens").count(),
        image_input: images,
        ..Report::default()
    };
    for unit in ["search_units", "classifications", "images", "pages"] {
        let count = charged.at(unit).count();
        report.set_unit(unit, count.filter(|count| *count > 0));
    }
    report
}
