use serde_json::{Value, json};

use crate::providers::ErrorType;
use crate::units::PicoUsd;

use super::*;

mod anthropic;
mod bedrock;
mod china;
mod claude;
mod gemini;
mod google;
mod media;
mod memory;
mod mistral;
mod openai;
mod sniffed;
mod tools;
mod vendors;

const JSON: &str = "application/json";
const SSE: &str = "text/event-stream";

/// One answer and how it ended.
struct Case {
    dialect: Dialect,
    status: u16,
    content_type: &'static str,
    body: String,
    end: StreamEnd,
}

impl Case {
    /// A whole JSON body under status 200.
    fn json(dialect: Dialect, body: &Value) -> Self {
        let (content_type, end) = (JSON, StreamEnd::Complete);
        Case {
            dialect,
            status: 200,
            content_type,
            body: body.to_string(),
            end,
        }
    }

    /// A whole stream of `data` events under status 200.
    fn events(dialect: Dialect, events: &[Value]) -> Self {
        let body = events
            .iter()
            .map(|event| format!("data: {event}\n\n"))
            .collect();
        Case {
            dialect,
            status: 200,
            content_type: SSE,
            body,
            end: StreamEnd::Complete,
        }
    }

    fn status(self, status: u16) -> Self {
        Case { status, ..self }
    }

    fn end(self, end: StreamEnd) -> Self {
        Case { end, ..self }
    }

    fn then(mut self, raw: &str) -> Self {
        self.body.push_str(raw);
        self
    }

    /// Feeds the body byte by byte; gives the bytes after which it could be settled, and the extraction.
    fn read(&self) -> (Option<usize>, Extraction) {
        self.read_for(RequestFacts::default())
    }

    /// The same, as the answer to a request.
    fn read_for(&self, asked: RequestFacts) -> (Option<usize>, Extraction) {
        let head = ResponseHead {
            status: self.status,
            header: &|name| (name == "content-type").then_some(self.content_type),
        };
        let mut extractor = Extractor::new(self.dialect, head, asked);
        let mut settled = None;
        for (at, byte) in self.body.bytes().enumerate() {
            if extractor.feed(&[byte]) && settled.is_none() {
                settled = Some(at + 1);
            }
        }
        let mut input = TextSample::default();
        input.push("twelve words of a prompt that was sent by somebody once upon time");
        (settled, extractor.finish(self.end, &input))
    }

    fn reported(&self) -> Usage {
        let (_, found) = self.read();
        assert_eq!(found.source, UsageSource::Reported, "{}", self.body);
        found.usage.expect("reported usage")
    }
}

/// Input, cache reads, output, reasoning.
fn counts(usage: &Usage) -> [Option<u64>; 4] {
    [usage.input, usage.cache_read, usage.output, usage.reasoning]
}

#[test]
fn a_page_of_html_says_nothing() {
    let case = Case {
        dialect: Dialect::OpenaiChat,
        status: 200,
        content_type: "text/html",
        body: "<html>{\"usage\":{\"prompt_tokens\":1}}</html>".to_owned(),
        end: StreamEnd::Complete,
    };
    let (_, found) = case.read();
    assert_eq!((found.usage, found.source), (None, UsageSource::None));
}

#[test]
fn broken_bodies_say_nothing_and_break_nothing() {
    for dialect in Dialect::ALL {
        for body in [
            "",
            "{",
            "[",
            "data:",
            "data: {\n\n",
            "\u{feff}",
            "nul",
            "{\"usage\":",
            "[[[[",
            "]",
        ] {
            for content_type in [JSON, SSE] {
                let body = body.to_owned();
                let case = Case {
                    dialect,
                    status: 200,
                    content_type,
                    body,
                    end: StreamEnd::Complete,
                };
                let (settled, found) = case.read();
                assert_eq!(settled, None);
                assert_ne!(found.source, UsageSource::Reported, "{}", case.body);
            }
        }
    }
}

#[test]
fn an_error_is_classified_and_not_charged() {
    let error = json!({"error": {"code": "model_not_found", "type": "invalid_request_error"}});
    for dialect in Dialect::ALL {
        let (_, found) = Case::json(dialect, &error).status(404).read();
        assert_eq!((found.usage, found.source), (None, UsageSource::None));
        assert_eq!(found.error, Some(ErrorType::ModelNotFound));
        let (_, found) = Case::json(dialect, &json!("no")).status(529).read();
        assert_eq!(found.error, Some(ErrorType::ServerError));
    }
}

#[test]
fn an_error_that_states_usage_is_recorded_with_it() {
    let body = json!({"error": {"message": "filtered"}, "usage": {"prompt_tokens": 3, "completion_tokens": 0}});
    let (_, found) = Case::json(Dialect::OpenaiChat, &body).status(400).read();
    assert_eq!(found.usage.and_then(|usage| usage.input), Some(3));
    assert_eq!(found.error, Some(ErrorType::InvalidRequest));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        prefix in proptest::sample::select(vec!["", "data: ", "{\"usage\":", "[{", "event: error\ndata: "]),
        coding in proptest::sample::select(vec![None, Some("gzip"), Some("br"), Some("zstd"), Some("x")]),
    ) {
        for dialect in Dialect::ALL {
            let header = |name: &str| coding.filter(|_| name == "content-encoding");
            let head = ResponseHead { status: 200, header: &header };
            let mut extractor = Extractor::new(dialect, head, RequestFacts::default());
            extractor.feed(prefix.as_bytes());
            extractor.feed(&bytes);
            let found = extractor.finish(StreamEnd::UpstreamClosed, &TextSample::default());
            proptest::prop_assert!(found.provider_cost.is_none_or(|cost| cost >= PicoUsd::ZERO));
        }
    }
}
