//! Realtime sessions of OpenAI, and of those who speak it: Azure, Voice Live, xAI, Qwen.
//!
//! Each `response.done` states its own usage, in which the conversation so far counts as input again. What
//! transcribes the caller's speech is another model, and states its usage apart; OpenAI's Live sessions
//! state the seconds so far.

use std::sync::LazyLock;

use serde_json::Value;

use crate::wire::json::{Found, unquote};

use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, Text, TextSink, name, set_name};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "type",
        "delta",
        "error",
        "usage",
        "session.model",
        "response.model",
        "response.service_tier",
        "response.usage",
        "response.status_details.error",
    ])
});

/// Units of what was read from a cache, by kind.
const CACHED_AUDIO: &str = "cache_read_audio_tokens";
const CACHED_IMAGE: &str = "cache_read_image_tokens";
/// Seconds of audio, where they are what is billed.
const AUDIO_SECONDS: &str = "audio_seconds";

/// Reads the server's events.
#[derive(Debug, Default)]
pub struct Realtime {
    event: Option<String>,
    delta: Option<(String, u64)>,
    usage: Option<Report>,
}

impl Reader for Realtime {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "type" => self.event = name(found.raw),
            // Sound comes as megabytes of base64, and its event says so first.
            "delta" if self.event.as_deref().is_some_and(is_sound) => {}
            "delta" => self.delta = unquote(found.raw).map(|part| (part, found.bytes)),
            "error" | "response.status_details.error" => said.note_error(found.raw),
            "session.model" | "response.model" => said.note_model(found.raw),
            "response.service_tier" => set_name(&mut said.selectors.service_tier, found.raw),
            _ => {
                let report = report(&parse(found.raw));
                if states_something(&report) {
                    self.usage = Some(report);
                }
            }
        }
    }

    fn message_end(&mut self, said: &mut Said, text: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        let event = message.event.unwrap_or_default();
        if let Some((part, bytes)) = message.delta.filter(|_| !is_sound(&event)) {
            text(Text {
                part: &part,
                bytes: bytes.max(part.len() as u64),
            });
        }
        if let Some(report) = message.usage {
            said.report = Some(report);
            said.standing = Standing::Final;
            said.terminal = true;
        }
    }
}

/// Whether an event's `delta` is sound: `response.audio.delta`, `response.output_audio.delta`.
fn is_sound(event: &str) -> bool {
    event.ends_with("audio.delta")
}

/// Whether it states tokens or seconds; an empty object states neither.
fn states_something(report: &Report) -> bool {
    report.states_tokens() || !report.units.is_empty()
}

/// Reads a usage object of a session: of a response, a transcription, or the session as a whole.
fn report(usage: &Value) -> Report {
    let node = Node::new(usage);
    let input = either(node, "input_token_details", "input_tokens_details");
    let output = either(node, "output_token_details", "output_tokens_details");
    let cached = input.at("cached_tokens_details");
    let mut report = Report {
        input: node.at("input_tokens").count(),
        output: node.at("output_tokens").count(),
        total: node.at("total_tokens").count(),
        cache_read: input.at("cached_tokens").count(),
        reasoning: output.at("reasoning_tokens").count(),
        audio_input: input.at("audio_tokens").count(),
        image_input: input.at("image_tokens").count(),
        audio_output: output.at("audio_tokens").count(),
        image_output: output.at("image_tokens").count(),
        cost: openai_usage::cost(node),
        ..Report::default()
    };
    let seconds = either(node, "billable_audio_seconds", "seconds").count();
    for (unit, count) in [
        (CACHED_AUDIO, cached.at("audio_tokens").count()),
        (CACHED_IMAGE, cached.at("image_tokens").count()),
        (AUDIO_SECONDS, seconds),
    ] {
        if let Some(count) = count {
            report.units.insert(unit, count);
        }
    }
    report
}

fn either<'a>(node: Node<'a>, name: &str, other: &str) -> Node<'a> {
    let first = node.at(name);
    if first.exists() {
        first
    } else {
        node.at(other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_token_is_told_apart() {
        let usage = json!({"total_tokens": 250, "input_tokens": 150, "output_tokens": 100,
            "input_token_details": {"text_tokens": 50, "audio_tokens": 70, "image_tokens": 30,
                "cached_tokens": 40,
                "cached_tokens_details": {"text_tokens": 10, "audio_tokens": 25, "image_tokens": 5}},
            "output_token_details": {"text_tokens": 20, "audio_tokens": 80}});
        let report = report(&usage);
        assert_eq!((report.input, report.output), (Some(150), Some(100)));
        assert_eq!(
            (report.audio_input, report.image_input),
            (Some(70), Some(30))
        );
        assert_eq!(
            (report.audio_output, report.cache_read),
            (Some(80), Some(40))
        );
        assert_eq!(
            report.units,
            [
                ("cache_read_audio_tokens", 25),
                ("cache_read_image_tokens", 5)
            ]
            .into()
        );
    }

    #[test]
    fn seconds_are_read_where_they_are_billed() {
        for (usage, seconds) in [
            (json!({"type": "duration", "seconds": 9.0}), 9),
            (
                json!({"input_tokens": 5, "output_tokens": 42, "output_audio_seconds": 3,
                "billable_audio_seconds": 1}),
                1,
            ),
        ] {
            assert_eq!(report(&usage).units[AUDIO_SECONDS], seconds, "{usage}");
        }
        assert!(!states_something(&report(&json!({}))));
        assert!(!states_something(&report(&json!(null))));
    }
}
