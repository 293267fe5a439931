//! OpenAI's chat completions and legacy completions, and every host that speaks them.
//!
//! A stream states usage only where the caller asked for it, in a last chunk without choices; other hosts
//! put it on the chunk that finishes, on every chunk (cumulative), within a choice or under `x_groq`.
//! Whatever comes last stands. Groq's compound systems add a breakdown by model, and each part has its
//! model's price; in streams its entries may each repeat the total, and then it is left alone.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::ErrorType;
use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text, set_name};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "id",
        "model",
        // A conversation of Mistral's names it with each of its outputs.
        "outputs[].model",
        "outputs[].content",
        "outputs[].content[].text",
        "service_tier",
        "error",
        "base_resp.status_code",
        "usage",
        "usage_breakdown.models",
        "x_groq.usage",
        "x_groq.usage_breakdown.models",
        "x_groq.error",
        "choices[].usage",
        "choices[].index",
        "choices[].finish_reason",
        "choices[].text",
        "choices[].delta.content",
        "choices[].delta.content[].text",
        "choices[].delta.content[].thinking[].text",
        "choices[].delta.reasoning_content",
        "choices[].delta.reasoning",
        "choices[].delta.refusal",
        "choices[].delta.audio.transcript",
        "choices[].delta.tool_calls[].function.name",
        "choices[].delta.tool_calls[].function.arguments",
        "choices[].delta.function_call.arguments",
        "choices[].message.content",
        "choices[].message.content[].text",
        "choices[].message.content[].thinking[].text",
        "choices[].message.reasoning_content",
        "choices[].message.reasoning",
        "choices[].message.refusal",
        "choices[].message.audio.transcript",
        "choices[].message.tool_calls[].function.name",
        "choices[].message.tool_calls[].function.arguments",
        "choices[].message.function_call.arguments",
    ])
});

/// Reads `chat.completion`, `chat.completion.chunk` and `text_completion`.
#[derive(Debug, Default)]
pub struct Chat {
    /// The current message's usage, and whether it stood in the place that outranks the others.
    usage: Option<(Report, bool)>,
    /// The same by model.
    parts: Vec<(Option<String>, Report)>,
    has_choice: bool,
    finished: bool,
    /// The completion is kept, and can be fetched again by its id.
    stored: bool,
}

impl Reader for Chat {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "id" if self.stored => set_name(&mut said.response_id, found.raw),
            "id" => {}
            "model" | "outputs[].model" => said.note_model(found.raw),
            "service_tier" => set_name(&mut said.selectors.service_tier, found.raw),
            "error" | "x_groq.error" => said.note_error(found.raw),
            // MiniMax says no with status 200 and a number of its own.
            "base_resp.status_code" => {
                let refused = (found.raw != b"0").then_some(ErrorType::Unknown);
                said.error = said.error.or(refused);
            }
            "usage" => self.note_usage(found.raw, true),
            "x_groq.usage" | "choices[].usage" => self.note_usage(found.raw, false),
            "usage_breakdown.models" | "x_groq.usage_breakdown.models" => {
                self.parts = parts(found.raw);
            }
            "choices[].index" => self.has_choice = true,
            "choices[].finish_reason" => {
                self.has_choice = true;
                self.finished |= name(found.raw).is_some();
            }
            // An array's texts come one by one; the array itself is not text.
            "choices[].delta.content" | "choices[].message.content" | "outputs[].content"
                if is_array(found) => {}
            "outputs[].content" | "outputs[].content[].text" => push_text(found, text),
            _ => {
                self.has_choice = true;
                push_text(found, text);
            }
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let stored = self.stored;
        let message = std::mem::replace(self, Chat::new(stored));
        let Some((report, _)) = message.usage else {
            return;
        };
        let report = by_model(report, message.parts);
        let standing = if message.has_choice && !message.finished {
            Standing::Running
        } else {
            Standing::Final
        };
        said.state(report, standing);
        // A chunk that still has choices may be followed by one that states more (Perplexity's cost).
        said.terminal |= !message.has_choice;
    }
}

impl Chat {
    /// A reader; `stored` where the completion can be fetched again.
    pub fn new(stored: bool) -> Self {
        Chat {
            stored,
            ..Chat::default()
        }
    }

    fn note_usage(&mut self, raw: &[u8], outranks: bool) {
        let report = openai_usage::report(&parse(raw));
        let held = self.usage.as_ref().is_some_and(|(_, outranks)| *outranks);
        if report.states_tokens() && (outranks || !held) {
            self.usage = Some((report, outranks));
        }
    }
}

/// A breakdown's entries; none where one of them names no model.
fn parts(raw: &[u8]) -> Vec<(Option<String>, Report)> {
    let value = parse(raw);
    let part = |entry: Node<'_>| {
        let model = entry.at("model").text()?.to_owned();
        Some((
            Some(model),
            openai_usage::report(entry.at("usage").value()?),
        ))
    };
    let parts: Option<Vec<_>> = Node::new(&value).items().map(part).collect();
    parts.unwrap_or_default()
}

/// The report in its parts, where they add up to it; else as it is.
fn by_model(report: Report, parts: Vec<(Option<String>, Report)>) -> Report {
    let sum = |count: fn(&Report) -> Option<u64>| {
        let counts = parts.iter().filter_map(|(_, part)| count(part));
        counts.reduce(u64::saturating_add)
    };
    let adds_up =
        sum(|part| part.input) == report.input && sum(|part| part.output) == report.output;
    if parts.is_empty() || !adds_up {
        return report;
    }
    Report {
        units: report.units,
        cost: report.cost,
        extra: parts,
        ..Report::default()
    }
}

fn is_array(found: &Found<'_>) -> bool {
    found.raw.first() == Some(&b'[')
}
