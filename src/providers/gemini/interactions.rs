//! Gemini's interactions: an object with its usage, or events of which the one that completes has it.
//!
//! Events on the way may hold the usage so far. Where the usage counts no searches, the steps tell which
//! were made. An interaction is kept by the provider and can be fetched
//! again by its id, which repeats its usage.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::grounding::{Grounding, by_prompt};
use super::usage::{MAPS_SEARCHES, interaction};
use crate::providers::RequestFacts;
use crate::providers::node::{Node, parse};
use crate::providers::reader::{
    Paths, Reader, Said, Standing, TextSink, name, push_text, set_name,
};
use crate::providers::report::{Report, WEB_SEARCHES};

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "id",
        "model",
        "status",
        "usage",
        "service_tier",
        "error",
        "steps[]",
        "steps[].content[].text",
        "outputs[]",
        "outputs[].text",
        "event_type",
        "delta",
        "delta.text",
        "delta.arguments",
        "metadata.usage",
        "interaction.id",
        "interaction.model",
        "interaction.status",
        "interaction.usage",
        "interaction.service_tier",
        "interaction.error",
    ])
});

/// What an interaction is while it still runs; any other status ends it.
const RUNNING: [&str; 3] = ["in_progress", "queued", "created"];

/// Reads an interaction, and the events of a stream.
#[derive(Debug, Default)]
pub struct Interactions {
    asked_model: Option<String>,
    usage: Option<Report>,
    status: Option<String>,
    event: Option<String>,
    grounding: Grounding,
}

impl Interactions {
    /// A reader of the answer to a request.
    pub fn new(asked: &RequestFacts) -> Self {
        Interactions {
            asked_model: asked.model.clone(),
            ..Interactions::default()
        }
    }
}

impl Interactions {
    /// Notes what a step searched for. One that was cut holds a picture, or more than a search has.
    fn note_step(&mut self, found: &Found<'_>) {
        if found.cut {
            return;
        }
        let value = parse(found.raw);
        let step = Node::new(&value);
        match step.at("type").text() {
            Some("google_search_call") => {
                let queries = step.at("arguments").at("queries").items();
                for query in queries.filter_map(Node::value) {
                    self.grounding.note_search(query.to_string().as_bytes());
                }
            }
            Some("google_maps_call") => self.grounding.note_maps(),
            _ => {}
        }
    }
}

impl Reader for Interactions {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path.strip_prefix("interaction.").unwrap_or(path) {
            "id" => set_name(&mut said.response_id, found.raw),
            "model" => said.note_model(found.raw),
            "status" => self.status = name(found.raw),
            "service_tier" => set_name(&mut said.selectors.service_tier, found.raw),
            "error" => said.note_error(found.raw),
            "event_type" => self.event = name(found.raw),
            "usage" | "metadata.usage" => {
                let value = parse(found.raw);
                self.usage = Some(interaction(Node::new(&value)));
            }
            "steps[]" | "outputs[]" | "delta" => self.note_step(found),
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let (event, status) = (self.event.take(), self.status.take());
        let status = status.unwrap_or_default();
        let completes = match event.as_deref() {
            Some(event) => matches!(event, "interaction.completed" | "interaction.complete"),
            None => !status.is_empty() && !RUNNING.contains(&status.as_str()),
        };
        let runs = event.is_none() && RUNNING.contains(&status.as_str());
        let Some(mut report) = self.usage.take().filter(|_| !runs) else {
            return;
        };
        let model = said.model.as_deref().or(self.asked_model.as_deref());
        let counted = [WEB_SEARCHES, MAPS_SEARCHES];
        if counted.iter().any(|unit| report.units.contains_key(unit)) {
            by_prompt(model, &mut report);
        } else {
            self.grounding.fill(model, &mut report);
        }
        let standing = if completes {
            Standing::Final
        } else {
            Standing::Running
        };
        said.replace(report, standing);
        said.terminal |= completes && said.report.is_some();
    }
}
