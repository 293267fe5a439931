//! DashScope's own API: text, several media, pictures, video, speech, embeddings, and tasks that run on.
//!
//! Every event of a stream states usage so far, whether its text is cumulative or not; the last one stands.
//! Media are counted in units of their own. An error is a code and a message beside each other, in a body
//! or in an event after status 200; both are empty where all is well.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::wire::json::Found;

use super::errors;
use super::node::{Node, largest, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text, set_name};
use super::report::{Placement, Report};

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "model",
        "code",
        "message",
        "usage",
        "output.task_id",
        "output.task_status",
        "output.code",
        "output.message",
        "output.finish_reason",
        "output.text",
        "output.choices[].finish_reason",
        "output.choices[].message.content",
        "output.choices[].message.content[].text",
        "output.choices[].message.reasoning_content",
        "output.choices[].message.tool_calls[].function.arguments",
        // A WebSocket's messages: speech.
        "header.event",
        "header.task_id",
        "header.error_code",
        "header.error_message",
        "payload.usage",
    ])
});

/// Reads a body, an event or a WebSocket's message.
#[derive(Debug, Default)]
pub struct Dashscope {
    usage: Option<Value>,
    code: Option<Value>,
    message: Option<Value>,
    finished: bool,
    failed: bool,
}

impl Reader for Dashscope {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "usage" | "payload.usage" => self.usage = Some(parse(found.raw)),
            "code" | "output.code" | "header.error_code" => self.code = stated(found.raw),
            "message" | "output.message" | "header.error_message" => {
                self.message = stated(found.raw);
            }
            "output.task_id" | "header.task_id" => set_name(&mut said.response_id, found.raw),
            "output.task_status" => {
                self.failed |= name(found.raw).is_some_and(|status| status == "FAILED");
            }
            "header.event" => {
                let event = name(found.raw);
                self.failed |= event.as_deref() == Some("task-failed");
                self.finished |= event.as_deref() == Some("task-finished");
            }
            // While the model writes, the reason is the word `null`.
            "output.finish_reason" | "output.choices[].finish_reason" => {
                self.finished |= name(found.raw).is_some_and(|reason| reason != "null");
            }
            // An array's texts come one by one.
            "output.choices[].message.content" if found.raw.first() == Some(&b'[') => {}
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        if message.code.is_some() || message.failed {
            let error = json!({"code": message.code, "message": message.message});
            said.error = Some(errors::classify(said.status, &error));
        }
        let Some(usage) = message.usage else { return };
        let usage = Node::new(&usage);
        if let Some(size) = usage.at("size").text() {
            said.selectors.size = Some(size.replace('*', "x"));
        }
        let standing = if message.finished {
            Standing::Final
        } else {
            Standing::Running
        };
        said.state(report(usage), standing);
    }
}

/// A code or message that says something.
fn stated(raw: &[u8]) -> Option<Value> {
    let value = parse(raw);
    let says = match &value {
        Value::String(text) => !text.is_empty() && text != "200" && text != "Success",
        Value::Number(number) => number.as_u64().is_some_and(|code| code >= 400),
        _ => false,
    };
    says.then_some(value)
}

/// Reads a `usage` value.
fn report(usage: Node<'_>) -> Report {
    let mut report = usage.value().map(openai_usage::report).unwrap_or_default();
    report.convention.reasoning = Placement::Within;
    report.image_input = report.image_input.or(usage.at("image_tokens").count());
    report.audio_input = report.audio_input.or(usage.at("audio_tokens").count());
    let details = usage.at("input_tokens_details");
    let video = largest([
        details.at("video_tokens").count(),
        usage.at("video_tokens").count(),
    ]);
    report.set_unit("video_input_tokens", video);
    let searches = usage.at("plugins").at("search").at("count").count();
    report.set_web_searches(searches.or(report.units.get("web_searches").copied()));
    report.set_unit("images", usage.at("image_count").count());
    report.set_unit("characters", usage.at("characters").count());
    let makes_video = ["video_count", "video_duration", "video_ratio", "SR"]
        .iter()
        .any(|name| usage.at(name).exists());
    let seconds = largest([
        usage.at("output_video_duration").seconds(),
        usage.at("video_duration").seconds(),
        usage.at("duration").seconds(),
        usage.at("seconds").seconds(),
    ]);
    let unit = if makes_video {
        "video_seconds"
    } else {
        "audio_seconds"
    };
    report.set_unit(unit, seconds);
    report
}
