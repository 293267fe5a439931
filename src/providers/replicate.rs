//! Replicate's predictions: what they used is known once they are done, mostly to whoever fetches them.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::ErrorType;
use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, set_name};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths::new(&["id", "model", "status", "metrics"]));

/// Reads a prediction.
#[derive(Debug, Default)]
pub struct Prediction {
    metrics: Option<Report>,
    is_over: bool,
}

impl Reader for Prediction {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "id" => set_name(&mut said.response_id, found.raw),
            "model" => said.note_model(found.raw),
            "status" => {
                let status = name(found.raw);
                let status = status.as_deref();
                self.is_over |= matches!(status, Some("succeeded" | "failed" | "canceled"));
                if status == Some("failed") {
                    said.error = said.error.or(Some(ErrorType::ServerError));
                }
            }
            _ => {
                let value = parse(found.raw);
                self.metrics = Some(report(Node::new(&value)));
            }
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        if let Some(report) = message.metrics.filter(|_| message.is_over) {
            said.state(report, Standing::Final);
        }
    }
}

fn report(metrics: Node<'_>) -> Report {
    let mut report = Report {
        input: metrics.at("input_token_count").count(),
        output: metrics.at("output_token_count").count(),
        ..Report::default()
    };
    report.set_unit("images", metrics.at("image_count").count());
    report.set_unit("compute_seconds", metrics.at("predict_time").seconds());
    report
}
