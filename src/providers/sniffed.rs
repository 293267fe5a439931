//! An answer of a known provider at a path that weir does not know: what states usage is told by its keys.
//!
//! Only objects that are named like usage are taken, and only where providers put them: a prompt that is
//! echoed, or the content of an answer, may hold anything. A bare count is none: paths that count tokens
//! answer with one. Ollama and llama.cpp state theirs in the document itself, under names of their own.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::cohere;
use super::hunyuan;
use super::node::{Node, count, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink};
use super::report::{Convention, Placement, Report};

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "error",
        "model",
        "model_id",
        "modelVersion",
        "message.model",
        "response.model",
        "prompt_eval_count",
        "eval_count",
        "tokens_evaluated",
        "tokens_predicted",
        "usage",
        "usageMetadata",
        "usage_metadata",
        "usage_info",
        "Usage",
        "meta",
        "delta.usage",
        "message.usage",
        "response.usage",
        "response.meta",
        "interaction.usage",
        "data.usage",
        "result.usage",
        "output.usage",
        "payload.usage",
        "metadata.usage",
        "choices[].usage",
        "x_groq.usage",
        "Response.Usage",
        "[].usage",
        "[].usageMetadata",
    ])
});

/// Reads whatever states usage in a shape that some provider has.
#[derive(Debug, Default)]
pub struct Sniffed {
    /// What the current document states itself.
    own: Report,
}

impl Reader for Sniffed {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "error" => said.note_error(found.raw),
            "prompt_eval_count" | "tokens_evaluated" => self.own.input = count(found.raw),
            "eval_count" | "tokens_predicted" => self.own.output = count(found.raw),
            _ if path.to_ascii_lowercase().contains("model") => said.note_model(found.raw),
            _ => {
                let value = parse(found.raw);
                said.state(report(Node::new(&value)), Standing::Running);
            }
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let own = std::mem::take(&mut self.own);
        // Ahead of its last document a stream states nothing, or zeros.
        if own.output.is_some_and(|count| count > 0) {
            said.state(own, Standing::Running);
        }
    }

    fn message_cut(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        said.state(std::mem::take(&mut self.own), Standing::Opening);
    }
}

/// Reads an object by the shape that its keys tell; one that fits none gives an empty report.
pub(super) fn report(usage: Node<'_>) -> Report {
    let has = |name: &str| usage.at(name).exists();
    let Some(value) = usage.value() else {
        return Report::default();
    };
    if has("billed_units") {
        cohere::report(usage)
    } else if has("PromptTokens") {
        hunyuan::report(usage)
    } else if has("inputTokens") {
        bedrock(usage)
    } else if has("promptTokenCount") || has("totalTokenCount") {
        google(usage)
    } else if has("total_input_tokens") {
        interactions(usage)
    } else if has("input_tokens") && !has("input_tokens_details") && excludes_cache(usage) {
        anthropic(usage)
    } else if ["prompt_tokens", "input_tokens", "total_tokens"]
        .into_iter()
        .any(has)
    {
        openai_usage::report(value)
    } else {
        units(usage)
    }
}

/// Anthropic's names for what is read from and written to a cache, beside the input.
fn excludes_cache(usage: Node<'_>) -> bool {
    let names = ["cache_read_input_tokens", "cache_creation_input_tokens"];
    names.into_iter().any(|name| usage.at(name).exists())
}

const BESIDE: Convention = Convention {
    cache: Placement::Beside,
    reasoning: Placement::Within,
};

fn bedrock(usage: Node<'_>) -> Report {
    let count = |name: &str| usage.at(name).count();
    Report {
        convention: BESIDE,
        input: count("inputTokens"),
        output: count("outputTokens"),
        cache_read: count("cacheReadInputTokens"),
        cache_write_5m: count("cacheWriteInputTokens"),
        ..Report::default()
    }
}

fn anthropic(usage: Node<'_>) -> Report {
    let count = |name: &str| usage.at(name).count();
    let long = usage.at("cache_creation").at("ephemeral_1h_input_tokens");
    let long = long.count();
    let written = count("cache_creation_input_tokens");
    Report {
        convention: BESIDE,
        input: count("input_tokens"),
        output: count("output_tokens"),
        cache_read: count("cache_read_input_tokens"),
        cache_write_5m: written.map(|count| count.saturating_sub(long.unwrap_or(0))),
        cache_write_1h: long,
        cost: openai_usage::cost(usage),
        ..Report::default()
    }
}

fn google(usage: Node<'_>) -> Report {
    let count = |name: &str| usage.at(name).count();
    let (input, total) = (count("promptTokenCount"), count("totalTokenCount"));
    let output = count("candidatesTokenCount").or(count("responseTokenCount"));
    Report {
        convention: Convention {
            cache: Placement::Within,
            reasoning: Placement::Beside,
        },
        input: input.or_else(|| total.filter(|_| output.is_none())),
        output,
        total,
        cache_read: count("cachedContentTokenCount"),
        reasoning: count("thoughtsTokenCount"),
        tool_input: count("toolUsePromptTokenCount"),
        ..Report::default()
    }
}

fn interactions(usage: Node<'_>) -> Report {
    let count = |name: &str| usage.at(name).count();
    Report {
        convention: Convention {
            cache: Placement::Within,
            reasoning: Placement::Beside,
        },
        input: count("total_input_tokens"),
        output: count("total_output_tokens"),
        cache_read: count("total_cached_tokens"),
        reasoning: count("total_thought_tokens"),
        tool_input: count("total_tool_use_tokens"),
        ..Report::default()
    }
}

/// What is counted in other units than tokens.
fn units(usage: Node<'_>) -> Report {
    let mut report = Report::default();
    if usage.at("type").text() == Some("duration") {
        report.set_unit("audio_seconds", usage.at("seconds").seconds());
    }
    report.set_unit("document_pages", usage.at("pages_processed").count());
    report.set_unit("images", usage.at("image_count").count());
    report.set_unit("characters", usage.at("characters").count());
    report
}
