//! OpenAI's Responses API, and hosts that speak it.
//!
//! Usage stands in the body, or in the one event that ends a stream: `response.completed`, `.incomplete`
//! or `.failed`. Other events carry the response object too, with usage that is not the call's.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{
    Paths, Reader, Said, Standing, Text, TextSink, name, push_call, push_text, set_name, short,
};
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
        "output[].name",
        "item.name",
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
    event: Option<Event>,
    /// A delta that came before its event's type, and its length.
    delta: Option<(String, u64)>,
    answer: Option<Box<Answer>>,
    /// The caller asked that the response be not kept, so it cannot be fetched again.
    forgotten: bool,
}

/// What the current message is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// An item of the output begins.
    Begins,
    Ends,
    Error,
    /// A delta of it is no text.
    Media,
    Other,
}

impl Event {
    fn named(raw: &[u8]) -> Option<Self> {
        Some(match &*short(raw)? {
            "response.output_text.delta" => Event::Other,
            "response.completed" | "response.incomplete" | "response.failed" => Event::Ends,
            "response.output_item.added" => Event::Begins,
            "error" => Event::Error,
            name if name.contains("audio") || name.contains("image") => Event::Media,
            _ => Event::Other,
        })
    }
}

/// What few messages have: the response object, or parts of it.
#[derive(Debug, Default)]
struct Answer {
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
            "type" => self.event = Event::named(found.raw),
            "delta" => self.note_delta(found, text),
            "id" if !self.forgotten => set_name(&mut said.response_id, found.raw),
            "model" => said.note_model(found.raw),
            "service_tier" => set_name(&mut said.selectors.service_tier, found.raw),
            "error" => said.note_error(found.raw),
            "output[].content[].text" | "output[].arguments" => push_text(found, text),
            // Within `response.` it stood in an event before.
            "output[].name" => push_call(said, found, text),
            // It comes again when the item is done.
            "item.name" if self.event == Some(Event::Begins) => push_call(said, found, text),
            path => self.answer.get_or_insert_default().note(path, found),
        }
    }

    fn message_end(&mut self, said: &mut Said, text: &mut TextSink<'_>) {
        let event = self.event.take();
        if let Some((part, bytes)) = self.delta.take()
            && !matches!(event, Some(Event::Error | Event::Media))
        {
            text(Text { part: &part, bytes });
        }
        let answer = self.answer.take();
        if event == Some(Event::Error) {
            let code = answer.as_ref().and_then(|answer| answer.code.as_deref());
            said.error = said.error.or_else(|| error(said.status, code));
        }
        if matches!(event, None | Some(Event::Ends))
            && let Some(report) = answer.and_then(|answer| answer.report())
        {
            said.replace(report, Standing::Final);
            said.terminal |= said.report.is_some();
        }
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

    /// Hands a delta on where it is known to be text, else keeps it until that is known.
    fn note_delta(&mut self, found: &Found<'_>, text: &mut TextSink<'_>) {
        let Some(part) = found.text() else {
            return;
        };
        let bytes = if found.cut {
            found.bytes
        } else {
            part.len() as u64
        };
        match self.event {
            Some(Event::Other | Event::Begins | Event::Ends) => text(Text { part: &part, bytes }),
            Some(Event::Error | Event::Media) => {}
            None => self.delta = Some((part.into_owned(), bytes)),
        }
    }
}

impl Answer {
    fn note(&mut self, path: &str, found: &Found<'_>) {
        match path {
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
            _ => {}
        }
    }

    /// Counts an item of the output.
    fn item(&mut self, kind: &[u8]) {
        match short(kind).as_deref() {
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

    /// What the call used, where the message says so.
    fn report(mut self) -> Option<Report> {
        let mut report = self.usage.take()?;
        if !report.units.contains_key(super::report::WEB_SEARCHES) {
            let seen = self
                .searches
                .checked_sub(self.visits)
                .filter(|count| *count > 0);
            report.set_web_searches(self.tools.searches.or(seen));
        }
        self.note_calls(&mut report);
        if let Some(images) = self.tools.images {
            let model = self.tool_model.unwrap_or_else(|| IMAGE_MODEL.to_owned());
            report.extra.push((Some(model), images));
        }
        Some(report)
    }
}

/// An `error` event states its code beside its type.
fn error(status: u16, code: Option<&[u8]>) -> Option<super::ErrorType> {
    let code = code.map_or(serde_json::Value::Null, parse);
    let stated = serde_json::json!({ "code": code });
    Some(super::errors::classify(status, &stated))
}
