//! iFlytek Spark's chat over a WebSocket: one message of the server at a time.
//!
//! Usage stands in the last message of a request, which says so in its header. The version in the path is
//! the model; messages name none.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::errors;
use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, push_text, set_name};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "header.code",
        "header.status",
        "header.sid",
        "payload.choices.text[].content",
        "payload.choices.text[].reasoning_content",
        "payload.usage.text",
    ])
});

/// The models behind the versions of the path.
const VERSIONS: &[(&str, &str)] = &[
    ("v1.1", "Spark-Lite"),
    ("v3.1", "Spark-Pro"),
    ("v3.5", "Spark-Max"),
    ("v4.0", "Spark-4.0-Ultra"),
];

/// The model that a version in the path stands for; one that is not known stands for itself.
pub(super) fn model(version: &str) -> &str {
    let known = VERSIONS.iter().find(|(path, _)| *path == version);
    known.map_or(version, |(_, model)| model)
}

/// Reads the messages of one request.
#[derive(Debug, Default)]
pub struct Spark {
    usage: Option<Report>,
    is_last: bool,
}

impl Reader for Spark {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "header.code" => said.error = errors::of_spark(found.raw).or(said.error),
            "header.status" => self.is_last = found.raw == b"2",
            "header.sid" => set_name(&mut said.response_id, found.raw),
            "payload.usage.text" => {
                let value = parse(found.raw);
                let usage = Node::new(&value);
                let count = |name: &str| usage.at(name).count();
                self.usage = Some(Report {
                    input: count("prompt_tokens"),
                    output: count("completion_tokens"),
                    total: count("total_tokens"),
                    ..Report::default()
                });
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        if let Some(report) = message.usage {
            let standing = if message.is_last {
                Standing::Final
            } else {
                Standing::Running
            };
            said.replace(report, standing);
        }
        said.terminal |= message.is_last && said.report.is_some();
    }
}
