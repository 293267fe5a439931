//! OpenAI's Responses API, and hosts that speak it.
//!
//! Usage stands in the body, or in the one event that ends a stream: `response.completed`, `.incomplete`
//! or `.failed`. Other events carry the response object too, with usage that is not the call's.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::wire::json::{Found, unquote};

use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, Text, TextSink, name, push_text, set_name};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "id",
        "type",
        "delta",
        "error",
        "code",
        "model",
        "service_tier",
        "usage",
        "tool_usage",
        "tools[].model",
        "output[].type",
        "output[].action.type",
        "output[].container_id",
        "output[].environment.container_id",
        "output[].content[].text",
        "output[].arguments",
        "response.id",
        "response.model",
        "response.service_tier",
        "response.usage",
        "response.tool_usage",
        "response.tools[].model",
        "response.error",
        "response.output[].type",
        "response.output[].action.type",
        "response.output[].container_id",
        "response.output[].environment.container_id",
    ])
});

/// The image model of the provider's tool, where the response names none: the one that the API documents.
const IMAGE_MODEL: &str = "gpt-image-1";

/// Most containers of one response that are told apart.
const CONTAINERS_MAX: usize = 64;

/// What a `web_search_call` does besides searching; only searches are charged.
const VISITS: &[&str] = &["open_page", "find_in_page", "find"];

/// Reads a `response` object, a `response.compaction` and the events of a stream.
#[derive(Debug, Default)]
pub struct Responses {
    event: Option<String>,
    delta: Option<(String, u64)>,
    usage: Option<Report>,
    tools: ToolUsage,
    /// The model behind a tool; of the provider's tools only image generation has one.
    tool_model: Option<String>,
    /// Search calls among the output's items, and those that only opened or read a page.
    searches: u64,
    visits: u64,
    /// Calls of the other tools that are charged by the call.
    files: u64,
    drawings: u64,
    code_runs: u64,
    /// The containers that code or a shell ran in: each is charged once.
    containers: BTreeSet<String>,
    code: Option<Vec<u8>>,
    /// The caller asked that the response be not kept, so it cannot be fetched again.
    forgotten: bool,
}

/// What the provider's own tools used, beside the response's usage.
#[derive(Debug, Default)]
struct ToolUsage {
    searches: Option<u64>,
    /// Tokens of the image model, where it ran; it has prices of its own.
    images: Option<Report>,
}

impl ToolUsage {
    fn read(tools: Node<'_>) -> Self {
        let images = tools.at("image_gen").value().map(openai_usage::report);
        ToolUsage {
            searches: tools.at("web_search").at("num_requests").count(),
            images: images.filter(|report| report.total.or(report.output).unwrap_or(0) > 0),
        }
    }
}

impl Reader for Responses {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path.strip_prefix("response.").unwrap_or(path) {
            "type" => self.event = name(found.raw),
            "delta" => self.delta = unquote(found.raw).map(|part| (part, found.bytes)),
            "id" if !self.forgotten => set_name(&mut said.response_id, found.raw),
            "model" => said.note_model(found.raw),
            "service_tier" => set_name(&mut said.selectors.service_tier, found.raw),
            "error" => said.note_error(found.raw),
            "code" => self.code = Some(found.raw.to_vec()),
            "usage" => self.usage = Some(openai_usage::report(&parse(found.raw))),
            "tool_usage" => {
                let value = parse(found.raw);
                self.tools = ToolUsage::read(Node::new(&value));
            }
            "tools[].model" => set_name(&mut self.tool_model, found.raw),
            "output[].type" => self.item(found.raw),
            // Where code or a shell ran: a container of the provider's, never the caller's machine.
            "output[].container_id" | "output[].environment.container_id" => {
                let id = name(found.raw).filter(|_| self.containers.len() < CONTAINERS_MAX);
                self.containers.extend(id);
            }
            "output[].action.type" => {
                let visit =
                    matches!(name(found.raw).as_deref(), Some(kind) if VISITS.contains(&kind));
                self.visits += u64::from(visit);
            }
            "output[].content[].text" | "output[].arguments" => push_text(found, text),
            _ => {}
        }
    }

    fn message_end(&mut self, said: &mut Said, text: &mut TextSink<'_>) {
        let forgotten = self.forgotten;
        let mut message = std::mem::replace(self, Responses::new(forgotten));
        let usage = message.usage.take();
        let event = message.event.as_deref();
        match event {
            Some("error") => said.error = said.error.or_else(|| message.error(said.status)),
            Some(name) if name.contains("audio") || name.contains("image") => {}
            _ => {
                if let Some((part, bytes)) = &message.delta {
                    text(Text {
                        part,
                        bytes: *bytes,
                    });
                }
            }
        }
        let ends = matches!(
            event,
            None | Some("response.completed" | "response.incomplete" | "response.failed")
        );
        let Some(mut report) = usage.filter(|_| ends) else {
            return;
        };
        if !report.units.contains_key(super::report::WEB_SEARCHES) {
            let seen = message
                .searches
                .checked_sub(message.visits)
                .filter(|count| *count > 0);
            report.set_web_searches(message.tools.searches.or(seen));
        }
        message.note_calls(&mut report);
        if let Some(images) = message.tools.images {
            let model = message.tool_model.unwrap_or_else(|| IMAGE_MODEL.to_owned());
            report.extra.push((Some(model), images));
        }
        said.replace(report, Standing::Final);
        said.terminal |= said.report.is_some();
    }
}

impl Responses {
    /// A reader; `forgotten` where the response cannot be fetched again.
    pub fn new(forgotten: bool) -> Self {
        Responses {
            forgotten,
            ..Responses::default()
        }
    }

    /// Counts an item of the output.
    fn item(&mut self, kind: &[u8]) {
        match name(kind).as_deref() {
            Some("web_search_call") => self.searches += 1,
            Some("file_search_call") => self.files += 1,
            Some("code_interpreter_call") => self.code_runs += 1,
            Some("image_generation_call") => self.drawings += 1,
            _ => {}
        }
    }

    /// Notes what is charged by the call, besides searches of the web. Images are only told: their
    /// tokens, where stated, have the image model's price.
    fn note_calls(&self, report: &mut Report) {
        let containers = self.containers.len() as u64;
        for (unit, count) in [
            ("file_searches", self.files),
            ("code_exec_sessions", containers.max(self.code_runs.min(1))),
            ("image_generation_calls", self.drawings),
        ] {
            if count > 0 {
                report.units.entry(unit).or_insert(count);
            }
        }
    }

    /// An `error` event states its code beside its type.
    fn error(&self, status: u16) -> Option<super::ErrorType> {
        let code = self.code.as_deref().map_or(serde_json::Value::Null, parse);
        let stated = serde_json::json!({ "code": code });
        Some(super::errors::classify(status, &stated))
    }
}
