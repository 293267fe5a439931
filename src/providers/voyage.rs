//! Embeddings and rankings of Voyage, Jina and servers of one's own: most state one total, which is input.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::cohere;
use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink};
use super::report::Report;
use super::tgi;

static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths::new(&["model", "error", "usage", "meta"]));

/// Reads a list of embeddings or ranks.
#[derive(Debug, Default)]
pub struct Ranks {
    has_usage: bool,
}

impl Reader for Ranks {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn head<'a>(&mut self, said: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        tgi::compute_tokens(said, header);
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        let report = match path {
            "model" => return said.note_model(found.raw),
            "error" => return said.note_error(found.raw),
            "usage" => usage(&parse(found.raw)),
            _ if self.has_usage => return,
            _ => cohere::report(Node::new(&parse(found.raw))),
        };
        self.has_usage |= path == "usage" && report.states_usage();
        said.state(report, Standing::Final);
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {}
}

fn usage(value: &serde_json::Value) -> Report {
    let mut report = openai_usage::report(value);
    for unit in ["image_pixels", "video_pixels"] {
        report.set_unit(unit, Node::new(value).at(unit).count());
    }
    report
}
