//! Anthropic's messages, and hosts that speak them.
//!
//! Input, cache reads and cache writes are counted apart. A stream says its input at the start with a
//! placeholder for the output; the delta at its end replaces what it names and leaves the rest. Rounds of
//! compaction and advice are billed but lie outside the totals, in `iterations`.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text};
use super::report::{Convention, Placement, Report};

/// What is read of a message and of the events of a stream.
pub(super) const PATH_NAMES: &[&str] = &[
    "type",
    "model",
    "usage",
    "error",
    "message.model",
    "message.usage",
    "delta.stop_reason",
    "delta.text",
    "delta.thinking",
    "delta.partial_json",
    "content[].text",
    "content[].thinking",
    "content[].input",
];

static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths::new(PATH_NAMES));

/// Reads a `message` object and the events of a stream.
#[derive(Debug, Default)]
pub struct Messages {
    counts: Counts,
    /// A round answered by another model than was asked; it outranks what the start said.
    fallback: Option<String>,
    event: Option<String>,
    stopped: bool,
    has_usage: bool,
}

/// The fields as they stand after every object seen so far.
#[derive(Debug, Default)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    write_5m: Option<u64>,
    write_1h: Option<u64>,
    thinking: Option<u64>,
    web_searches: Option<u64>,
    cost: Option<crate::units::PicoUsd>,
    extra: Vec<(Option<String>, Report)>,
}

impl Reader for Messages {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "type" => self.event = name(found.raw),
            "model" | "message.model" => said.note_model(found.raw),
            "usage" | "message.usage" => self.note_usage(said, found.raw),
            "error" => said.note_error(found.raw),
            "delta.stop_reason" => self.stopped |= name(found.raw).is_some(),
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let event = self.event.take();
        let stopped = std::mem::take(&mut self.stopped);
        if std::mem::take(&mut self.has_usage) {
            let standing = match event.as_deref() {
                Some("message_start") => Standing::Opening,
                Some("message_delta") if !stopped => Standing::Running,
                _ => Standing::Final,
            };
            said.replace(self.counts.report(), standing);
            if let Some(model) = &self.fallback {
                said.model = Some(model.clone());
            }
        }
        if event.as_deref() == Some("message_stop") && said.standing == Standing::Running {
            said.standing = Standing::Final;
        }
        said.terminal |= said.report.is_some() && said.standing == Standing::Final;
    }
}

impl Messages {
    /// Overwrites what the object names; what it leaves out keeps its value.
    fn note_usage(&mut self, said: &mut Said, raw: &[u8]) {
        let value = parse(raw);
        let usage = Node::new(&value);
        if !usage.exists() {
            return;
        }
        self.has_usage = true;
        let counts = &mut self.counts;
        let split = usage.at("cache_creation");
        for (slot, stated) in [
            (&mut counts.input, usage.at("input_tokens")),
            (&mut counts.output, usage.at("output_tokens")),
            (&mut counts.cache_read, usage.at("cache_read_input_tokens")),
            (
                &mut counts.cache_write,
                usage.at("cache_creation_input_tokens"),
            ),
            (&mut counts.write_5m, split.at("ephemeral_5m_input_tokens")),
            (&mut counts.write_1h, split.at("ephemeral_1h_input_tokens")),
            (
                &mut counts.thinking,
                usage.at("output_tokens_details").at("thinking_tokens"),
            ),
            (
                &mut counts.web_searches,
                usage.at("server_tool_use").at("web_search_requests"),
            ),
        ] {
            *slot = stated.count().or(*slot);
        }
        counts.cost = openai_usage::cost(usage).or(counts.cost);
        for (slot, stated) in [
            (&mut said.selectors.service_tier, usage.at("service_tier")),
            (&mut said.selectors.speed, usage.at("speed")),
            (&mut said.selectors.geo, usage.at("inference_geo")),
        ] {
            *slot = stated.text().map(str::to_owned).or(slot.take());
        }
        if usage.at("iterations").exists() {
            self.note_iterations(usage.at("iterations"));
        }
    }

    fn note_iterations(&mut self, iterations: Node<'_>) {
        self.counts.extra.clear();
        let mut long_writes = None;
        for entry in iterations.items() {
            let model = entry.at("model").text().map(str::to_owned);
            match entry.at("type").text() {
                Some("compaction") => self.counts.extra.push((None, round(entry))),
                Some("advisor_message") => self.counts.extra.push((model, round(entry))),
                Some("fallback_message") => self.fallback = model.or(self.fallback.take()),
                _ => {
                    let written = entry.at("cache_creation").at("ephemeral_1h_input_tokens");
                    if let Some(count) = written.count() {
                        *long_writes.get_or_insert(0) += count;
                    }
                }
            }
        }
        // The final totals come without a split; the rounds have theirs.
        self.counts.write_1h = long_writes.or(self.counts.write_1h);
    }
}

/// One entry of `iterations`.
fn round(entry: Node<'_>) -> Report {
    let split = entry.at("cache_creation");
    let counts = Counts {
        input: entry.at("input_tokens").count(),
        output: entry.at("output_tokens").count(),
        cache_read: entry.at("cache_read_input_tokens").count(),
        cache_write: entry.at("cache_creation_input_tokens").count(),
        write_5m: split.at("ephemeral_5m_input_tokens").count(),
        write_1h: split.at("ephemeral_1h_input_tokens").count(),
        ..Counts::default()
    };
    counts.report()
}

impl Counts {
    fn report(&self) -> Report {
        // The split may be missing, or older than a total that grew: what it does not explain was
        // written for five minutes, the default.
        let written = self.cache_write.or_else(|| {
            let parts = [self.write_5m, self.write_1h];
            parts
                .iter()
                .any(Option::is_some)
                .then(|| parts.into_iter().flatten().sum())
        });
        let write_1h = self.write_1h.map(|count| count.min(written.unwrap_or(0)));
        let mut report = Report {
            convention: Convention {
                cache: Placement::Beside,
                reasoning: Placement::Within,
            },
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write_5m: written.map(|count| count - write_1h.unwrap_or(0)),
            cache_write_1h: write_1h,
            reasoning: self.thinking,
            cost: self.cost,
            extra: self.extra.clone(),
            ..Report::default()
        };
        report.set_web_searches(self.web_searches);
        report
    }
}
