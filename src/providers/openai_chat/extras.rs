//! What single hosts add to OpenAI's chat completions.
//!
//! Volcengine's bots state their usage by model alone. Fireworks tells what was cached in places of its own.
//! Many state an error as the message itself, under status 200.

use serde_json::{Value, json};

use crate::providers::node::{Node, parse};
use crate::providers::report::{Report, WEB_SEARCHES};
use crate::providers::{ErrorType, errors, openai_usage};

/// Fireworks' count of what was read from its cache, in the head of a body.
const CACHED_HEADER: &str = "fireworks-cached-prompt-tokens";

/// What was met beside usage and choices.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// Stated by the head, for every message.
    cached: Option<u64>,
    message: Met,
}

/// What the current message has.
#[derive(Debug, Default)]
pub(super) struct Met {
    cached: Option<u64>,
    bots: Option<Value>,
    /// Zhipu lists what its search found, and charges the search.
    searched: bool,
    kind: Option<Value>,
    code: Option<Value>,
    text: Option<Value>,
}

impl Extras {
    pub(super) fn head<'a>(&mut self, header: &dyn Fn(&str) -> Option<&'a str>) {
        self.cached = header(CACHED_HEADER).and_then(|text| text.parse().ok());
    }

    pub(super) fn found(&mut self, path: &str, raw: &[u8]) {
        // Every event names its kind of object, and hardly ever this one.
        if path == "object" && raw != b"\"error\"" {
            return;
        }
        let met = &mut self.message;
        let value = parse(raw);
        match path {
            "perf_metrics" => {
                let stated = Node::new(&value).at("cached-prompt-tokens").count();
                met.cached = stated.or(met.cached);
            }
            "web_search[]" => met.searched = true,
            "bot_usage" => met.bots = Some(value),
            "code" => met.code = Some(value),
            "message" => met.text = Some(value),
            "type" => met.kind = Some(value),
            // `object: error` is vLLM's way to say that the rest is one.
            "object" => met.kind = met.kind.take().or(Some(value)),
            _ => {}
        }
    }

    /// Ends the message and gives what it had.
    pub(super) fn message_end(&mut self) -> Met {
        let met = std::mem::take(&mut self.message);
        Met {
            cached: met.cached.or(self.cached),
            ..met
        }
    }
}

impl Met {
    /// An error whose parts are the message itself. A code alone may be `200`, or none.
    pub(super) fn error(&self, status: u16) -> Option<ErrorType> {
        let text = self.text.as_ref().filter(|text| text.is_string())?;
        let kind = self.kind.as_ref().and_then(Value::as_str).unwrap_or("");
        let code = self.code.as_ref().filter(|code| errors::says(code));
        let fails = kind.contains("error") || code.is_some_and(|code| code != 200 && code != "200");
        fails.then(|| {
            errors::classify(
                status,
                &json!({"type": kind, "code": code, "message": text}),
            )
        })
    }

    /// The sum of what a bot's models used, each at its own model.
    pub(super) fn bots(&self) -> Option<Report> {
        let bots = Node::new(self.bots.as_ref()?);
        let mut report = Report::default();
        for part in bots.at("model_usage").items() {
            let model = part.at("name").text().or(part.at("model").text());
            let used = part.value().map(openai_usage::report)?;
            report.extra.push((model.map(str::to_owned), used));
        }
        let searches = bots.at("action_usage").items();
        let searches = searches
            .filter_map(|action| action.at("count").count())
            .sum();
        report.set_unit("bot_actions", Some(searches).filter(|count| *count > 0));
        Some(report).filter(|report| !report.extra.is_empty())
    }

    /// Lays what stands elsewhere over the message's usage.
    pub(super) fn complete(&self, mut report: Report) -> Report {
        if report.cache_read.is_none() {
            let fits = |count: &u64| report.input.is_some_and(|input| *count <= input);
            report.cache_read = self.cached.filter(fits);
        }
        if self.searched {
            report.units.entry(WEB_SEARCHES).or_insert(1);
        }
        report
    }
}
