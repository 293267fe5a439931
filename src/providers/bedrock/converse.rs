//! Converse and ConverseStream: one shape for every model on Bedrock.
//!
//! A stream states its usage in `metadata`, the last event. No answer names the model but that of a
//! prompt router, which tells what it chose.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::super::node::{Node, parse};
use super::super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_call, push_text};
use super::super::report::Report;
use super::errors::Exception;
use super::{Units, add_guardrail_units, lay_units, model_of_arn, note_tier, report};

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "usage",
        "serviceTier.type",
        "performanceConfig.latency",
        "trace.promptRouter.invokedModelId",
        "trace.guardrail.inputAssessment",
        "trace.guardrail.outputAssessments",
        "message",
        "__type",
        "error",
        "output.message.content[].text",
        "output.message.content[].reasoningContent.reasoningText.text",
        "output.message.content[].toolUse.name",
        "output.message.content[].toolUse.input",
        "delta.text",
        "delta.reasoningContent.text",
        "start.toolUse.name",
        "delta.toolUse.input",
    ])
});

/// Reads a Converse answer and the events of a stream.
#[derive(Debug, Default)]
pub(in crate::providers) struct Converse {
    usage: Option<Report>,
    units: Units,
    exception: Exception,
}

impl Reader for Converse {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn head<'a>(&mut self, said: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        self.exception.head(said, header);
    }

    fn event<'a>(&mut self, _: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        self.exception.event(header);
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "usage" => self.usage = Some(report(Node::new(&parse(found.raw)))),
            "serviceTier.type" => note_tier(said, name(found.raw).as_deref(), None),
            "performanceConfig.latency" => note_tier(said, None, name(found.raw).as_deref()),
            "trace.promptRouter.invokedModelId" => {
                if let Some(invoked) = name(found.raw) {
                    said.model = Some(model_of_arn(&invoked).to_owned());
                }
            }
            "trace.guardrail.inputAssessment" | "trace.guardrail.outputAssessments" => {
                add_guardrail_units(&mut self.units, &parse(found.raw));
            }
            // A gateway's, in the place of Bedrock's own.
            "error" => said.note_error(found.raw),
            "message" | "__type" => self.exception.found(path, found.raw),
            "output.message.content[].toolUse.name" | "start.toolUse.name" => {
                push_call(said, found, text);
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        self.exception.settle(said);
        if let Some(report) = self.usage.take().filter(|report| report.states_tokens()) {
            said.replace(report, Standing::Final);
            said.terminal = true;
        }
        lay_units(said, &self.units);
    }
}
