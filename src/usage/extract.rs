//! Reads one response as it passes: decoded, split into messages, scanned for the fields that a dialect
//! wants, and restated at the end.
//!
//! Nothing here fails: what cannot be read is left unread, and the extraction says how little it knows.
//! Memory: the decoder's windows, a few captures of at most `CAPTURE_BYTES_MAX`, and the text sample,
//! which is dropped as soon as the provider's last word is in.

use crate::providers::reader::Standing;
use crate::providers::{Dialect, RequestFacts, by_status};
use crate::wire::encoding::Decoder;

use super::body::Body;
use super::estimate::TextSample;
use super::restate::restate;
use super::{Extraction, StreamEnd, Usage, UsageSource};

/// What a response's head says of its body.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    pub status: u16,
    pub content_type: Option<&'a str>,
    pub content_encoding: Option<&'a str>,
}

/// Reads one response's usage.
#[derive(Debug)]
pub struct Extractor {
    decoder: Decoder,
    body: Body,
    dialect: Dialect,
    request: RequestFacts,
}

impl Extractor {
    /// An extractor at the beginning of a body.
    pub fn new(dialect: Dialect, head: ResponseHead<'_>, request: RequestFacts) -> Self {
        Extractor {
            decoder: Decoder::new(head.content_encoding),
            body: Body::new(dialect, head.status, head.content_type),
            dialect,
            request,
        }
    }

    /// Reads a copy of the next body bytes. Returns true once the provider's terminal usage was seen:
    /// settle then, since clients close right after it.
    pub fn feed(&mut self, chunk: &[u8]) -> bool {
        let body = &mut self.body;
        self.decoder.feed(chunk, &mut |bytes| body.feed(bytes));
        body.said.terminal
    }

    /// Ends the reading. `input` is the request's text, for the estimate.
    pub fn finish(&mut self, end: StreamEnd, input: &TextSample) -> Extraction {
        let body = &mut self.body;
        self.decoder.finish(&mut |bytes| body.feed(bytes));
        body.finish(end == StreamEnd::Complete);
        let (usage, source) = self.usage(end, input);
        let said = &mut self.body.said;
        Extraction {
            usage,
            source,
            provider_cost: said.report.as_ref().and_then(|report| report.cost),
            error: said.error.or_else(|| by_status(said.status)),
            model: said.model.take(),
            service_tier: said.service_tier.take(),
            speed: said.speed.take(),
            geo: said.geo.take(),
        }
    }

    fn usage(&self, end: StreamEnd, input: &TextSample) -> (Option<Usage>, UsageSource) {
        let said = &self.body.said;
        let Some(report) = &said.report else {
            return self.estimated(end, input);
        };
        let mut usage = restate(report);
        let whole = match said.standing {
            Standing::Final => true,
            Standing::Running => end == StreamEnd::Complete && said.error.is_none(),
            Standing::Opening => false,
        };
        if whole {
            return (Some(usage), UsageSource::Reported);
        }
        let counted = self.output_tokens();
        usage.output = usage.output.max(counted);
        (Some(usage), UsageSource::Partial)
    }

    /// What weir counts itself, where a successful answer said nothing.
    fn estimated(&self, end: StreamEnd, input: &TextSample) -> (Option<Usage>, UsageSource) {
        let body = &self.body;
        let embeds = matches!(
            self.dialect,
            Dialect::OpenaiEmbeddings | Dialect::GeminiEmbed
        );
        let answered = body.has_text || end != StreamEnd::Complete || (embeds && body.is_json());
        let failed = body.said.status >= 400 || (body.said.error.is_some() && !body.has_text);
        if failed || !answered {
            return (None, UsageSource::None);
        }
        let model = self.model();
        let usage = Usage {
            input: Some(input.tokens(model)),
            output: self.output_tokens().filter(|_| !embeds),
            ..Usage::default()
        };
        (Some(usage), UsageSource::Estimated)
    }

    fn output_tokens(&self) -> Option<u64> {
        self.body
            .text
            .as_ref()
            .map(|text| text.tokens(self.model()))
    }

    fn model(&self) -> Option<&str> {
        self.body
            .said
            .model
            .as_deref()
            .or(self.request.model.as_deref())
    }
}

#[cfg(test)]
mod tests;
