//! OpenAI's chat completions and legacy completions, and every host that speaks them.
//!
//! A stream states usage only where the caller asked for it, in a last chunk without choices; other hosts
//! put it on the chunk that finishes, on every chunk (cumulative), within a choice or under `x_groq`.
//! Whatever comes last stands. Groq's compound systems add a breakdown by model, and each part has its
//! model's price; in streams its entries may each repeat the total, and then it is left alone. What other
//! single hosts add (headers, timings, errors with status 200) is in `extras`.

mod extras;

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::reader::{
    Paths, Reader, Said, Standing, TextSink, name, push_call, push_text, set_name,
};
use super::report::Report;
use super::{errors, llamacpp, openai_usage};
use extras::Extras;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "id",
        "model",
        "service_tier",
        "error",
        "type",
        "object",
        "code",
        "message",
        "base_resp.status_code",
        "usage",
        "timings",
        "perf_metrics",
        "web_search[]",
        "usage_breakdown.models",
        "x_groq.usage",
        "x_groq.usage_breakdown.models",
        "x_groq.error",
        "bot_usage",
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
        // Mistral's conversations.
        "content",
        "outputs[].model",
        "outputs[].content",
        "outputs[].content[].text",
        // Cloudflare's `ai/run`.
        "response",
        "result.response",
        "result.usage",
    ])
});

/// Reads `chat.completion`, `chat.completion.chunk`, `text_completion` and `conversation.response`.
#[derive(Debug, Default)]
pub struct Chat {
    message: Message,
    extras: Extras,
    /// The completion is kept, and can be fetched again by its id.
    stored: bool,
}

/// What the current message says.
#[derive(Debug, Default)]
struct Message {
    /// Usage, and whether it stood in the place that outranks the others.
    usage: Option<(Report, bool)>,
    /// The same by model.
    parts: Vec<(Option<String>, Report)>,
    has_choice: bool,
    finished: bool,
}

impl Reader for Chat {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn head<'a>(&mut self, _: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        self.extras.head(header);
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        let message = &mut self.message;
        match path {
            "id" if self.stored => set_name(&mut said.response_id, found.raw),
            "id" => {}
            "model" | "outputs[].model" => said.note_model(found.raw),
            "service_tier" => set_name(&mut said.selectors.service_tier, found.raw),
            "error" | "x_groq.error" => said.note_error(found.raw),
            "base_resp.status_code" => {
                said.error = said.error.or_else(|| errors::of_minimax(found.raw));
            }
            "usage" | "result.usage" => message.note_usage(said, found.raw, true),
            "x_groq.usage" | "choices[].usage" => message.note_usage(said, found.raw, false),
            "usage_breakdown.models" | "x_groq.usage_breakdown.models" => {
                message.parts = parts(found.raw);
            }
            "timings" => message.note(llamacpp::timings(&parse(found.raw)), false),
            "choices[].index" => message.has_choice = true,
            "choices[].finish_reason" => {
                message.has_choice = true;
                message.finished |= name(found.raw).is_some();
            }
            "type" | "object" | "code" | "message" | "perf_metrics" | "web_search[]"
            | "bot_usage" => {
                self.extras.found(path, found.raw);
            }
            // An array's texts come one by one; the array itself is not text.
            _ if is_array(found) && path.ends_with("content") => {}
            "content" | "outputs[].content" | "outputs[].content[].text" => push_text(found, text),
            "response" | "result.response" => push_text(found, text),
            "choices[].delta.tool_calls[].function.name"
            | "choices[].message.tool_calls[].function.name" => push_call(said, found, text),
            _ => {
                message.has_choice = true;
                push_text(found, text);
            }
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(&mut self.message);
        let extras = self.extras.message_end();
        if !message.has_choice && message.usage.is_none() {
            said.error = said.error.or_else(|| extras.error(said.status));
        }
        let stated = message.usage.map(|(report, _)| report);
        let Some(report) = stated.or_else(|| extras.bots()) else {
            return;
        };
        let report = by_model(extras.complete(report), message.parts);
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
}

impl Message {
    fn note_usage(&mut self, said: &mut Said, raw: &[u8], outranks: bool) {
        let value = parse(raw);
        let usage = Node::new(&value);
        let cached = usage.at("prompt_tokens_details").at("cache_type");
        for (slot, stated) in [
            (&mut said.selectors.cache_type, cached),
            (
                &mut said.selectors.search_context,
                usage.at("search_context_size"),
            ),
            (&mut said.selectors.service_tier, usage.at("service_tier")),
        ] {
            *slot = stated.text().map(str::to_owned).or(slot.take());
        }
        self.note(openai_usage::report(&value), outranks);
    }

    fn note(&mut self, report: Report, outranks: bool) {
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
