//! An answer of a known provider at a path that weir does not know: what states usage is told by its keys.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::parse;
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink};

static PATHS: LazyLock<Paths> =
    LazyLock::new(|| Paths::new(&["model", "usage", "error", "response.usage"]));

/// Reads whatever states usage in a shape that some provider has.
#[derive(Debug, Default)]
pub struct Sniffed;

impl Reader for Sniffed {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "error" => said.note_error(found.raw),
            _ => said.replace(openai_usage::report(&parse(found.raw)), Standing::Running),
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {}
}
