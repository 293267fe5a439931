//! Baidu Qianfan's first API (`wenxinworkshop`).
//!
//! Every event states usage so far, and the last one stands. The output is what the total holds beyond the
//! prompt: it is not always stated by itself. Errors come under status 200 with a number.

use std::sync::LazyLock;

use crate::wire::json::Found;

use super::errors;
use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, push_text};
use super::report::Report;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "model",
        "error_code",
        "is_end",
        "result",
        "function_call.arguments",
        "usage",
    ])
});

/// Reads a body or an event.
#[derive(Debug, Default)]
pub struct Qianfan {
    usage: Option<Report>,
    is_end: bool,
}

impl Reader for Qianfan {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path {
            "model" => said.note_model(found.raw),
            "error_code" => said.error = errors::of_qianfan(found.raw).or(said.error),
            "is_end" => self.is_end = found.raw == b"true",
            "usage" => {
                let value = parse(found.raw);
                self.usage = Some(report(Node::new(&value)));
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let message = std::mem::take(self);
        if let Some(report) = message.usage {
            let standing = if message.is_end {
                Standing::Final
            } else {
                Standing::Running
            };
            said.replace(report, standing);
        }
    }
}

fn report(usage: Node<'_>) -> Report {
    let count = |name: &str| usage.at(name).count();
    let (input, total) = (count("prompt_tokens"), count("total_tokens"));
    let rest = total
        .zip(input)
        .and_then(|(total, input)| total.checked_sub(input));
    Report {
        input: input.or(total),
        output: rest.or(count("completion_tokens")),
        total,
        ..Report::default()
    }
}
