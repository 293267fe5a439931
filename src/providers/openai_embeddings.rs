//! OpenAI's embeddings, and hosts that speak them: usage is input alone.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::parse;
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink};

static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths::new(&["model", "error", "usage"]));

/// Reads a list of embeddings.
#[derive(Debug, Default)]
pub struct Embeddings;

impl Reader for Embeddings {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "error" => said.note_error(found.raw),
            _ => said.replace(openai_usage::report(&parse(found.raw)), Standing::Final),
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {}
}
