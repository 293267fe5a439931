//! Transcriptions and translations of speech: OpenAI's, Mistral's, Groq's.
//!
//! Models are charged by tokens or by the length of the recording, and `usage` says which. Older answers
//! state the length alone, as `duration`, and plain text, `srt` and `vtt` state nothing: their cost is
//! unknown. Lengths are taken in whole seconds, rounded up, as OpenAI states in `usage` what it bills
//! for (8.47 s are 9).

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink, name};
use super::report::{AUDIO_SECONDS, Report};

static PATHS: LazyLock<Paths> =
    LazyLock::new(|| Paths::new(&["type", "error", "model", "duration", "usage"]));

/// Reads a transcription and the events of a stream.
#[derive(Debug, Default)]
pub struct Audio {
    event: Option<String>,
    duration: Option<u64>,
    usage: Option<Report>,
}

impl Reader for Audio {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "type" => self.event = name(found.raw),
            "error" => said.note_error(found.raw),
            "model" => said.note_model(found.raw),
            "duration" => self.duration = Node::new(&parse(found.raw)).seconds(),
            _ => self.usage = Some(usage(found.raw)),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        let mut report = message.usage.unwrap_or_default();
        if let Some(duration) = message.duration.filter(|_| !report.states_tokens()) {
            report.units.entry(AUDIO_SECONDS).or_insert(duration);
        }
        let ends = message
            .event
            .as_deref()
            .is_none_or(|event| event.ends_with(".done"));
        if ends {
            said.state(report, Standing::Final);
            said.terminal |= message.event.is_some() && said.report.is_some();
        }
    }
}

/// A union: tokens, `seconds`, or Mistral's tokens with `prompt_audio_seconds`.
fn usage(raw: &[u8]) -> Report {
    let value = parse(raw);
    let mut report = openai_usage::report(&value);
    let usage = Node::new(&value);
    let stated = [usage.at("seconds"), usage.at("prompt_audio_seconds")];
    if let Some(seconds) = stated.into_iter().find_map(Node::seconds) {
        report.units.insert(AUDIO_SECONDS, seconds);
    }
    report
}
