//! Vertex's `predict`: pictures by the piece, and videos by the second.
//!
//! An answer with pictures holds each of them. One to a request for videos names an operation and nothing
//! else, and whoever asks how that is doing is told no length either; so videos are charged when they are
//! asked for, by the seconds and samples asked, and that is an estimate.

use std::sync::LazyLock;

use crate::wire::json::Found;

use crate::providers::RequestFacts;
use crate::providers::reader::{Paths, Reader, Said, Standing, TextSink, name};
use crate::providers::report::{IMAGES, Report, VIDEO_SECONDS};

/// What a video lasts where the request does not say.
const VIDEO_SECONDS_DEFAULT: u64 = 8;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "error",
        "name",
        "modelVersion",
        "predictions[].mimeType",
        "predictions[].bytesBase64Encoded",
        "predictions[].gcsUri",
        "predictions[].raiFilteredReason",
    ])
});

/// Reads an answer of `predict` or `predictLongRunning`.
#[derive(Debug, Default)]
pub struct Predict {
    /// The pieces that were made, by each of the fields that every piece may have.
    pieces: [u64; 3],
    /// Pieces that were withheld, which cost nothing.
    withheld: u64,
    begun: bool,
    /// Of all samples together.
    seconds: Option<u64>,
    samples: u64,
}

impl Predict {
    /// A reader of the answer to a request.
    pub fn new(asked: &RequestFacts) -> Self {
        Predict {
            seconds: asked.units.get(VIDEO_SECONDS).copied(),
            samples: asked.choices.max(1),
            ..Predict::default()
        }
    }
}

impl Reader for Predict {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "error" => said.note_error(found.raw),
            "modelVersion" => said.note_model(found.raw),
            "name" => {
                self.begun |= name(found.raw).is_some_and(|name| name.contains("operations/"))
            }
            "predictions[].mimeType" => self.pieces[0] += 1,
            "predictions[].bytesBase64Encoded" => self.pieces[1] += 1,
            "predictions[].gcsUri" => self.pieces[2] += 1,
            _ => self.withheld += 1,
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let images = self.pieces.into_iter().max().unwrap_or(0);
        if images > 0 || self.withheld > 0 {
            let report = Report {
                units: [(IMAGES, images)].into(),
                ..Report::default()
            };
            said.state(report, Standing::Running);
        } else if self.begun && said.status < 400 {
            let unasked = || self.samples.saturating_mul(VIDEO_SECONDS_DEFAULT);
            let seconds = self.seconds.unwrap_or_else(unasked);
            said.count([(VIDEO_SECONDS, seconds)].into(), Standing::Running);
        }
    }
}
