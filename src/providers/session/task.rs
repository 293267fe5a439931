//! DashScope's tasks over a WebSocket: speech to text, and text to speech.
//!
//! Results state what was used so far, in seconds or characters; the last one stands.

use std::sync::LazyLock;

use crate::providers::node::{Node, parse};
use crate::providers::reader::{Paths, Reader, Said, Standing, TextSink};
use crate::providers::report::Report;
use crate::wire::json::Found;

static PATHS: LazyLock<Paths> =
    LazyLock::new(|| Paths::new(&["header.error_code", "payload.usage"]));

/// Reads the server's events.
#[derive(Debug, Default)]
pub(super) struct Task;

impl Reader for Task {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        if path == "header.error_code" {
            return said.note_error(found.raw);
        }
        let value = parse(found.raw);
        let usage = Node::new(&value);
        let mut report = Report {
            input: usage.at("input_tokens").count(),
            output: usage.at("output_tokens").count(),
            total: usage.at("total_tokens").count(),
            ..Report::default()
        };
        for (unit, count) in [
            ("characters", usage.at("characters").count()),
            ("audio_seconds", usage.at("duration").count()),
        ] {
            if let Some(count) = count {
                report.units.insert(unit, count);
            }
        }
        if report.states_tokens() || !report.units.is_empty() {
            said.report = Some(report);
            said.standing = Standing::Running;
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {}
}
