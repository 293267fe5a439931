//! Tencent Hunyuan's own API.
//!
//! A body wraps everything in `Response`; the events of a stream do not. Every event states usage so far,
//! and the last one stands. Errors come under status 200.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::errors;
use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "Model",
        "Error",
        "ErrorMsg",
        "Usage",
        "Choices[].FinishReason",
        "Choices[].Delta.Content",
        "Choices[].Delta.ReasoningContent",
        "Choices[].Delta.ToolCalls[].Function.Arguments",
        "Response.Model",
        "Response.Error",
        "Response.ErrorMsg",
        "Response.Usage",
        "Response.Choices[].FinishReason",
        "Response.Choices[].Message.Content",
        "Response.Choices[].Message.ReasoningContent",
        "Response.Choices[].Message.ToolCalls[].Function.Arguments",
    ])
});

/// Reads a body or an event.
#[derive(Debug, Default)]
pub struct Hunyuan {
    usage: Option<Report>,
    is_whole: bool,
}

impl Reader for Hunyuan {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path.strip_prefix("Response.").unwrap_or(path) {
            "Model" => said.note_model(found.raw),
            "Error" | "ErrorMsg" => {
                said.error = errors::of_hunyuan(said.status, found.raw).or(said.error);
            }
            "Usage" => {
                let value = parse(found.raw);
                self.usage = Some(report(Node::new(&value)));
            }
            "Choices[].FinishReason" => self.is_whole |= name(found.raw).is_some(),
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        if let Some(report) = message.usage {
            let standing = if message.is_whole {
                Standing::Final
            } else {
                Standing::Running
            };
            said.replace(report, standing);
        }
    }
}

/// Reads a `Usage` value; its cached tokens are written as a string.
pub(super) fn report(usage: Node<'_>) -> Report {
    let count = |name: &str| usage.at(name).count();
    let (total, output) = (count("TotalTokens"), count("CompletionTokens"));
    Report {
        input: count("PromptTokens").or_else(|| total.filter(|_| output.is_none())),
        output,
        total,
        cache_read: usage.at("PromptTokensDetails").at("CachedTokens").count(),
        ..Report::default()
    }
}
