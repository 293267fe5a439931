//! The body under a status of 400 or more, in whichever shape: it says why, and seldom what was used.
//!
//! Every API has the reason in one of a few places, so one reader serves all. Providers bill no error, but
//! what one states of tokens is kept.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::wire::json::Found;

use super::errors;
use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, name};
use super::sniffed;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        // An object or a string that is the error.
        "error",
        "[].error",
        "errors[]",
        "Response.Error",
        "Response.ErrorMsg",
        // The parts of an error that is the body itself.
        "code",
        "error_code",
        "status",
        "type",
        "__type",
        "error_type",
        "message",
        "Message",
        "error_msg",
        "msg",
        "detail",
        "base_resp.status_code",
        "base_resp.status_msg",
        "header.code",
        "header.message",
        "model",
        "usage",
    ])
});

/// Reads why a request failed.
#[derive(Debug, Default)]
pub struct Failed {
    parts: Map<String, Value>,
    has_error: bool,
}

impl Reader for Failed {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn head<'a>(&mut self, said: &mut Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        // AWS names the kind in the head; the body may have nothing but a message.
        if let Some(kind) = header("x-amzn-errortype") {
            let kind = kind.split(':').next().unwrap_or_default();
            self.parts.insert("type".to_owned(), kind.into());
            said.error = Some(errors::classify(
                said.status,
                &Value::from(self.parts.clone()),
            ));
        }
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        let key = match path {
            "model" => {
                // Some say of what kind the error is under that name.
                if name(found.raw).is_some() {
                    said.note_model(found.raw);
                }
                return;
            }
            "usage" => {
                let value = parse(found.raw);
                return said.state(sniffed::report(Node::new(&value)), Standing::Running);
            }
            "error" | "[].error" | "errors[]" | "Response.Error" | "Response.ErrorMsg" => {
                self.has_error |= errors::says(&parse(found.raw));
                return said.note_error(found.raw);
            }
            "code" | "error_code" | "base_resp.status_code" | "header.code" => "code",
            "type" | "__type" | "error_type" => "type",
            "status" => "status",
            _ => "message",
        };
        let value = parse(found.raw);
        if errors::says(&value) {
            self.parts.entry(key).or_insert(value);
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let parts = std::mem::take(&mut self.parts);
        if !parts.is_empty() && !self.has_error {
            said.error = Some(errors::classify(said.status, &Value::from(parts)));
        }
    }
}
