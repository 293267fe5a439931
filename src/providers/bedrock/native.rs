//! The usage that models state in their own words, where they are not Anthropic's.
//!
//! Amazon's Nova has the shape of Converse, Mistral and others that of OpenAI. Llama and Titan write plain
//! counts, which in a stream are cumulative and not on every chunk.

use serde_json::Value;

use super::super::node::{Node, count, parse};
use super::super::openai_usage;
use super::super::reader::{Said, Standing, name};
use super::super::report::Report;
use super::{apart, report};

/// The paths of this module.
pub(super) const PATHS: &[&str] = &[
    "metadata.usage",
    "prompt_token_count",
    "generation_token_count",
    "inputTextTokenCount",
    "totalOutputTextTokenCount",
    "results[].tokenCount",
    "completionReason",
    "meta.billed_units",
    "choices[].finish_reason",
];

/// What models but Anthropic's said.
#[derive(Debug, Default)]
pub(super) struct Native {
    /// A whole object of the current message, and whether nothing can follow it.
    usage: Option<(Report, Standing)>,
    /// Plain counts; what a chunk leaves out keeps its value.
    input: Option<u64>,
    output: Option<u64>,
    /// Summed over the results of the current message.
    results: Option<u64>,
    has_counts: bool,
    /// The current message says why the model stopped.
    stopped: bool,
}

/// Whether a usage object is Anthropic's.
pub(super) fn is_anthropic(usage: &Value) -> bool {
    let usage = Node::new(usage);
    ["input_tokens", "output_tokens"]
        .iter()
        .any(|name| usage.at(name).exists())
}

impl Native {
    /// A usage object at the place where every shape but Nova's stream has it.
    pub(super) fn usage(&mut self, usage: &Value) {
        let stated = report(Node::new(usage));
        if stated.states_tokens() && stated.input.or(stated.output).is_some() {
            self.usage = Some((stated, Standing::Running));
            return;
        }
        let stated = openai_usage::report(usage);
        if stated.states_tokens() {
            self.usage = Some((stated, Standing::Running));
        }
    }

    /// Whether the path is one of this module's, which is then read.
    pub(super) fn found(&mut self, path: &str, raw: &[u8]) -> bool {
        match path {
            "metadata.usage" => {
                self.usage = Some((report(Node::new(&parse(raw))), Standing::Final));
            }
            "prompt_token_count" | "inputTextTokenCount" => self.note(count(raw), None),
            "generation_token_count" | "totalOutputTextTokenCount" => self.note(None, count(raw)),
            "results[].tokenCount" => {
                if let Some(count) = count(raw) {
                    self.results = Some(self.results.unwrap_or(0) + count);
                }
            }
            "meta.billed_units" => {
                let value = parse(raw);
                let billed = Node::new(&value);
                let count = |name| billed.at(name).count();
                self.note(count("input_tokens"), count("output_tokens"));
            }
            "completionReason" | "choices[].finish_reason" => self.stop(raw),
            _ => return false,
        }
        true
    }

    /// Why the model stopped; `null` says that it goes on.
    pub(super) fn stop(&mut self, raw: &[u8]) {
        self.stopped |= name(raw).is_some();
    }

    fn note(&mut self, input: Option<u64>, output: Option<u64>) {
        self.has_counts |= input.or(output).is_some();
        self.input = input.or(self.input);
        self.output = output.or(self.output);
    }

    pub(super) fn message_end(&mut self, said: &mut Said) {
        let stopped = std::mem::take(&mut self.stopped);
        let results = self.results.take();
        self.note(None, results);
        if std::mem::take(&mut self.has_counts) {
            let standing = if stopped {
                Standing::Final
            } else {
                Standing::Running
            };
            said.replace(apart(self.input, self.output, None), standing);
        }
        if let Some((usage, standing)) = self.usage.take() {
            let standing = if stopped { Standing::Final } else { standing };
            said.replace(usage, standing);
        }
    }
}
