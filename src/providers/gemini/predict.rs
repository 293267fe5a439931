//! Vertex's `predict`: pictures by the piece, and videos by the second.
//!
//! An answer with pictures holds each of them. One to a request for videos names an operation and nothing
//! else, and whoever asks how that is doing is told no length either; so videos are charged when they are
//! asked for, by the seconds and samples asked, and that is an estimate.

use std::sync::LazyLock;

use crate::wire::json::Found;

use crate::providers::RequestFacts;
use crate::providers::reader::{Paths, Reader, Said, Standing, TextSink, name};
use crate::providers::report::Report;

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
    ])
});

/// Reads an answer of `predict` or `predictLongRunning`.
#[derive(Debug, Default)]
pub struct Predict {
    /// The pieces that were made, by each of the fields that every piece may have.
    pieces: [u64; 3],
    begun: bool,
    seconds: Option<u64>,
    samples: u64,
}

impl Predict {
    /// A reader of the answer to a request.
    pub fn new(asked: &RequestFacts) -> Self {
        Predict {
            seconds: asked.seconds,
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
            _ => self.pieces[2] += 1,
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let images = self.pieces.into_iter().max().unwrap_or(0);
        let seconds = self.seconds.unwrap_or(VIDEO_SECONDS_DEFAULT);
        let unit = if images > 0 {
            ("images", images)
        } else if self.begun && said.status < 400 {
            said.from_request = true;
            ("video_seconds", seconds.saturating_mul(self.samples))
        } else {
            return;
        };
        said.report = Some(Report {
            units: [unit].into(),
            ..Report::default()
        });
        said.standing = Standing::Running;
    }
}
