//! Videos: jobs that are queued by one call and looked at by others.
//!
//! A job is charged by its length once it is done, and costs nothing where it fails. So the call that
//! queues it states nothing, and the first look that finds it done does; later looks repeat that, and are
//! told apart by the job's id. A job that nobody looks at through weir stays without a cost.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, set_name};
use super::report::{Report, VIDEO_SECONDS};

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "id",
        "request_id",
        "model",
        "status",
        "seconds",
        "duration",
        "video.duration",
        "n_seconds",
        "generations[]",
        "size",
        "quality",
        "error",
        "usage",
    ])
});

/// How jobs that are done are called; all other words are of jobs that are not, or that failed.
const DONE: &[&str] = &["completed", "done", "succeeded"];

/// Reads one job.
#[derive(Debug, Default)]
pub struct Videos {
    is_done: bool,
    seconds: Option<u64>,
    /// Videos that one job made (Azure).
    variants: u64,
    usage: Option<Report>,
}

impl Reader for Videos {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "id" | "request_id" => set_name(&mut said.response_id, found.raw),
            "model" => said.note_model(found.raw),
            "status" => self.is_done = name(found.raw).is_some_and(|word| DONE.contains(&&*word)),
            "size" => set_name(&mut said.selectors.size, found.raw),
            "quality" => set_name(&mut said.selectors.quality, found.raw),
            "error" => said.note_error(found.raw),
            "generations[]" => self.variants += 1,
            "usage" => self.usage = Some(openai_usage::report(&parse(found.raw))),
            _ => self.seconds = Node::new(&parse(found.raw)).seconds().or(self.seconds),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let job = std::mem::take(self);
        if !job.is_done {
            return;
        }
        let mut report = job.usage.unwrap_or_default();
        if let Some(seconds) = job.seconds {
            let seconds = seconds.saturating_mul(job.variants.max(1));
            report.units.insert(VIDEO_SECONDS, seconds);
        }
        said.state(report, Standing::Final);
    }
}
