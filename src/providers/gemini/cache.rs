//! What is put into one of Google's caches: billed once as input when it is put there.
//!
//! Keeping it is billed by the hour, which no answer tells.

use std::sync::LazyLock;

use crate::wire::json::Found;

use crate::providers::node::count;
use crate::providers::reader::{Paths, Reader, Said, Standing, TextSink};
use crate::providers::report::Report;

static PATHS: LazyLock<Paths> =
    LazyLock::new(|| Paths::new(&["model", "error", "usageMetadata.totalTokenCount"]));

/// Reads a `cachedContent` as it is made.
#[derive(Debug, Default)]
pub struct Cache;

impl Reader for Cache {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "error" => said.note_error(found.raw),
            _ => {
                let report = Report {
                    input: count(found.raw),
                    output: Some(0),
                    ..Report::default()
                };
                said.replace(report, Standing::Running);
            }
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {}
}
