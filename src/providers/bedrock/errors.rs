//! Bedrock's exceptions: under an HTTP status, and as frames inside a stream that began with 200.

use serde_json::json;

use super::super::ErrorType;
use super::super::errors::classify;
use super::super::node::{Node, parse};
use super::super::reader::Said;

/// Most bytes of a message that are looked at; it is never kept past its frame.
const MESSAGE_BYTES_MAX: usize = 2048;

/// Words of exceptions' names, in lower case; the first that is contained counts.
const WORDS: [(&str, ErrorType); 15] = [
    ("throttl", ErrorType::RateLimit),
    ("toomanyrequests", ErrorType::RateLimit),
    ("quotaexceeded", ErrorType::RateLimit),
    ("notready", ErrorType::RateLimit),
    ("timeout", ErrorType::Timeout),
    ("accessdenied", ErrorType::Auth),
    ("unrecognizedclient", ErrorType::Auth),
    ("expiredtoken", ErrorType::Auth),
    ("signature", ErrorType::Auth),
    ("authenticationtoken", ErrorType::Auth),
    ("resourcenotfound", ErrorType::ModelNotFound),
    ("modelerror", ErrorType::ServerError),
    ("streamerror", ErrorType::ServerError),
    ("internal", ErrorType::ServerError),
    ("unavailable", ErrorType::ServerError),
];

/// The exception of the current message, or of the whole answer.
#[derive(Debug, Default)]
pub(super) struct Exception {
    name: Option<String>,
    message: Option<String>,
}

impl Exception {
    /// The head of an HTTP answer; the name may be followed by a colon and a URL.
    pub(super) fn head<'a>(&mut self, said: &Said, header: &dyn Fn(&str) -> Option<&'a str>) {
        if said.status >= 400 {
            self.name = header("x-amzn-errortype").map(str::to_owned);
        }
    }

    /// The headers of a frame.
    pub(super) fn event<'a>(&mut self, header: &dyn Fn(&str) -> Option<&'a str>) {
        let kind = header(":message-type");
        if matches!(kind, Some("exception" | "error")) {
            let name = header(":exception-type").or_else(|| header(":error-code"));
            self.name = Some(name.unwrap_or("unknown").to_owned());
            self.message = header(":error-message").map(str::to_owned);
        }
    }

    /// `message` or `__type` of a body that states an error.
    pub(super) fn found(&mut self, path: &str, raw: &[u8]) {
        let value = parse(raw);
        let Some(text) = Node::new(&value).text() else {
            return;
        };
        let text = || text.chars().take(MESSAGE_BYTES_MAX).collect();
        match path {
            "__type" => self.name = Some(self.name.take().unwrap_or_else(text)),
            _ => self.message = Some(text()),
        }
    }

    /// Judges what was found, once the message ends.
    pub(super) fn settle(&mut self, said: &mut Said) {
        let Exception { name, message } = std::mem::take(self);
        if let Some(name) = name {
            said.error = Some(kind(said.status, &name, message.as_deref()));
        } else if said.status >= 400 && message.is_some() {
            let error = json!({ "message": message });
            said.error = Some(classify(said.status, &error));
        }
    }
}

fn kind(status: u16, name: &str, message: Option<&str>) -> ErrorType {
    let name = name.split(':').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    // A model that is asked for by a wrong name is refused as invalid.
    let names_model = message.is_some_and(|text| text.contains("model identifier"));
    match WORDS.iter().find(|(word, _)| lower.contains(word)) {
        Some((_, kind)) => *kind,
        None if lower.contains("validation") && names_model => ErrorType::ModelNotFound,
        None if lower.contains("validation") => {
            classify(status, &json!({"type": "invalid", "message": message}))
        }
        None => classify(status, &json!({"type": name, "message": message})),
    }
}
