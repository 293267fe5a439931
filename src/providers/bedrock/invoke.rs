//! InvokeModel and its stream: every model in its own words.
//!
//! What the model itself states wins. An unstreamed answer has the counts in its headers besides, a stream
//! in the metrics of its last chunk; both are the same for every model, and say what the body leaves out.
//! Headers do not split cache writes.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::super::anthropic;
use super::super::node::{Node, parse};
use super::super::reader::{Paths, Reader, Said, Standing, TextSink, push_text};
use super::super::report::{Placement, Report};
use super::errors::Exception;
use super::native::{self, Native, is_anthropic};
use super::{Units, add_guardrail_units, apart, lay_units, note_tier, report};

/// Besides those of Anthropic's messages and of `native`.
const OWN: &[&str] = &[
    METRICS,
    "amazon-bedrock-trace.guardrail.input",
    "amazon-bedrock-trace.guardrail.outputs",
    "stop_reason",
    "message",
    "__type",
    // Texts.
    "generation",
    "completion",
    "outputText",
    "results[].outputText",
    "generations[].text",
    "text",
    "outputs[].text",
    "output.message.content[].text",
    "output.message.content[].toolUse.input",
    "contentBlockDelta.delta.text",
    "contentBlockDelta.delta.toolUse.input",
    "choices[].text",
    "choices[].message.content",
    "choices[].message.reasoning_content",
    "choices[].delta.content",
    "choices[].delta.reasoning_content",
];

const METRICS: &str = "amazon-bedrock-invocationMetrics";

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    let all = [anthropic::PATH_NAMES, native::PATHS, OWN].concat();
    // Once in the life of the process.
    Paths::new(Vec::leak(all))
});

/// Reads an InvokeModel answer and the decoded chunks of a stream.
#[derive(Debug, Default)]
pub(in crate::providers) struct Invoke {
    anthropic: anthropic::Messages,
    native: Native,
    exception: Exception,
    /// The counts of the response's headers.
    headers: Option<Report>,
    /// The metrics of the current message.
    metrics: Option<Report>,
    units: Units,
}

impl Reader for Invoke {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn head<'a>(&mut self, said: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        self.exception.head(said, header);
        note_tier(
            said,
            header("x-amzn-bedrock-service-tier"),
            header("x-amzn-bedrock-performanceconfig-latency"),
        );
        let counts = of_headers(header);
        if counts.states_tokens() {
            // The body may still split the cache writes; the rest is exact, however little of it is read.
            let standing = match counts.cache_write_5m {
                None | Some(0) => Standing::Final,
                Some(_) => Standing::Running,
            };
            said.replace(counts.clone(), standing);
            self.headers = Some(counts);
        }
    }

    fn wrapped_in(&self) -> Option<&'static str> {
        Some("bytes")
    }

    fn event<'a>(&mut self, _: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        self.exception.event(header);
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            METRICS => self.metrics = Some(report(Node::new(&parse(found.raw)))),
            "amazon-bedrock-trace.guardrail.input" | "amazon-bedrock-trace.guardrail.outputs" => {
                add_guardrail_units(&mut self.units, &parse(found.raw));
            }
            // Anthropic's stream has an object of this name.
            "message" if found.raw.first() == Some(&b'{') => {}
            "message" | "__type" => self.exception.found(path, found.raw),
            "stop_reason" => self.native.stop(found.raw),
            "usage" => {
                let usage = parse(found.raw);
                if is_anthropic(&usage) {
                    self.anthropic.found(said, path, found, text);
                } else {
                    self.native.usage(&usage);
                }
            }
            _ if self.native.found(path, found.raw) => {}
            _ if anthropic::PATH_NAMES.contains(&path) => {
                self.anthropic.found(said, path, found, text);
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, text: &mut TextSink<'_>) {
        self.exception.settle(said);
        // What the headers said is no part of what the body says.
        let before = match &self.headers {
            Some(_) => said.report.take().map(|report| (report, said.standing)),
            None => None,
        };
        self.anthropic.message_end(said, text);
        self.native.message_end(said);
        if let Some((headers, standing)) = before {
            match &mut said.report {
                Some(stated) => fill(stated, &headers),
                None => said.replace(headers, standing),
            }
        }
        if let Some(metrics) = self.metrics.take() {
            match &mut said.report {
                Some(stated) if said.standing == Standing::Final => fill(stated, &metrics),
                _ => said.replace(metrics, Standing::Final),
            }
            said.terminal |= said.report.is_some();
        }
        lay_units(said, &self.units);
    }
}

/// Takes what a body leaves out. One whose cache lies within its input counts otherwise, so it gets only
/// what does not depend on that.
fn fill(stated: &mut Report, model_independent: &Report) {
    stated.output = stated.output.or(model_independent.output);
    if stated.convention.cache != Placement::Beside {
        return;
    }
    stated.input = stated.input.or(model_independent.input);
    stated.cache_read = stated.cache_read.or(model_independent.cache_read);
    let writes = [
        stated.cache_write_5m,
        stated.cache_write_1h,
        stated.cache_write_other,
    ];
    if writes.iter().all(Option::is_none) {
        stated.cache_write_5m = model_independent.cache_write_5m;
    }
}

fn of_headers<'a>(header: &dyn Fn(&str) -> Option<&'a str>) -> Report {
    let count = |what: &str| -> Option<u64> {
        let name = format!("x-amzn-bedrock-{what}-token-count");
        Node::new(&header(&name)?.into()).count()
    };
    Report {
        cache_write_5m: count("cache-write-input"),
        ..apart(count("input"), count("output"), count("cache-read-input"))
    }
}
