//! Mistral's OCR, which is charged by the page: more for pages that are annotated as well.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "model",
        "usage_info",
        "document_annotation",
        "pages[].images[].image_annotation",
    ])
});

/// Reads an OCR's result.
#[derive(Debug, Default)]
pub struct Ocr {
    report: Report,
    annotated: bool,
}

impl Reader for Ocr {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "usage_info" => {
                let value = parse(found.raw);
                let usage = Node::new(&value);
                let stated = usage.at("pages_processed_annotation").count();
                self.report.set_unit("annotated_pages", stated);
                let pages = usage.at("pages_processed").count();
                self.report.set_unit("document_pages", pages);
            }
            _ => self.annotated |= found.raw != b"null" && !found.raw.is_empty(),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let mut message = std::mem::take(self);
        if message.annotated {
            // An annotation reads the whole document.
            let pages = message.report.units.get("document_pages").copied();
            if let Some(pages) = pages {
                message
                    .report
                    .units
                    .entry("annotated_pages")
                    .or_insert(pages);
            }
        }
        said.state(message.report, Standing::Final);
    }

    fn message_cut(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        said.state(std::mem::take(self).report, Standing::Opening);
    }
}
