//! The tee: watches response bytes pass and never touches them.
//!
//! Pingora lends each chunk on its way downstream. A chunk is shared, so watching costs no copy. Nothing here
//! awaits or returns an error: a filter that fails would fail the caller's request, and an accounting fault is
//! weir's, not theirs.

use pingora::http::ResponseHeader;

use super::call::Call;
use super::engine::Engine;
use crate::providers::Metering;
use crate::usage::StreamEnd;
use crate::usage::extract::{Extractor, ResponseHead};

/// Headers in which providers name a request, the first that is present wins.
const REQUEST_ID_HEADERS: [&str; 6] = [
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-goog-request-id",
    "mistral-correlation-id",
    "x-generation-id",
];

impl Call {
    /// Reads the head of the upstream's answer.
    pub fn watch_head(&mut self, head: &ResponseHeader) {
        let status = head.status.as_u16();
        if head.status.is_informational() && status != 101 {
            return;
        }
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        self.response.status = Some(status);
        self.response.upstream_request_id = REQUEST_ID_HEADERS
            .iter()
            .find_map(|name| header(name))
            .and_then(super::identify::clean);
        if let Some(dialect) = self.target.endpoint.dialect
            && status != 101
        {
            let head = ResponseHead {
                status,
                header: &header,
            };
            let mut extractor = Extractor::new(dialect, head, self.request.facts());
            if self.target.endpoint.metering == Metering::Fetched {
                // What another call made is counted as reported, or not at all.
                extractor.forget_text();
            }
            self.response.extractor = Some(extractor);
        }
    }

    /// Reads a copy of the next bytes of the answer; settles the budgets as soon as usage is final.
    pub fn watch_body(&mut self, engine: &Engine, chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        if self.response.first_byte.is_none() {
            self.response.first_byte = Some(engine.clock.monotonic());
        }
        self.response.bytes += chunk.len() as u64;
        if let Some(extractor) = &mut self.response.extractor
            && extractor.feed(chunk)
        {
            let extraction = extractor.finish(StreamEnd::Complete, &self.request.text);
            self.response.extractor = None;
            self.response.extraction = Some(self.count_once(engine, extraction));
            self.usage_is_final();
        }
    }
}
