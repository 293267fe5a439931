//! Reads one response as it passes: decoded, split into messages, scanned for the fields that a dialect
//! wants, and restated at the end.
//!
//! Nothing here fails: what cannot be read is left unread, and the extraction says how little it knows.
//! Memory: the decoder's windows, and besides them at most 256 KiB, which `tests/memory.rs` measures: a few
//! captures of at most `CAPTURE_BYTES_MAX`, one of them parsed, the request's text sample and the answer's,
//! which is dropped as soon as the provider's last word is in.

use crate::providers::reader::Standing;
use crate::providers::{Dialect, RequestFacts, by_status};
use crate::wire::encoding::Decoder;

use super::body::Body;
use super::estimate::TextSample;
use super::restate::restate;
use super::{Extraction, StreamEnd, Usage, UsageSource};

/// What a response's head says of its body.
#[derive(Clone, Copy)]
pub struct ResponseHead<'a> {
    pub status: u16,
    /// A header's value by its name in lower case.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
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
            decoder: Decoder::new((head.header)("content-encoding")),
            body: Body::new(dialect, head, &request),
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
        self.close(end);
        self.extraction(end, input)
    }

    /// The first half of [`finish`](Extractor::finish): reads what is left, and tells whether the second
    /// half must count the text, which takes some 30 ms and a vocabulary to load the first time.
    pub fn close(&mut self, end: StreamEnd) -> bool {
        let body = &mut self.body;
        self.decoder.finish(&mut |bytes| body.feed(bytes));
        body.finish(end == StreamEnd::Complete);
        if self.body.said.report.is_some() {
            let said = &self.body.said;
            let counts_output = !said.counted && !self.is_whole(end) && self.body.text.is_some();
            said.counts_input || counts_output
        } else {
            self.can_be_estimated(end)
        }
    }

    /// Gives the kept text up: what is still to be counted goes by its length.
    pub fn forget_text(&mut self) {
        if let Some(text) = &mut self.body.text {
            text.forget();
        }
    }

    /// The second half of [`finish`](Extractor::finish).
    pub fn extraction(&mut self, end: StreamEnd, input: &TextSample) -> Extraction {
        let (usage, source) = self.usage(end, input);
        let said = &mut self.body.said;
        Extraction {
            usage,
            source,
            provider_cost: said.report.as_ref().and_then(|report| report.cost),
            error: said.error.or_else(|| by_status(said.status)),
            model: said.model.take(),
            selectors: std::mem::take(&mut said.selectors),
            response_id: said.response_id.take(),
        }
    }

    fn usage(&self, end: StreamEnd, input: &TextSample) -> (Option<Usage>, UsageSource) {
        let said = &self.body.said;
        let Some(report) = &said.report else {
            return self.estimated(end, input);
        };
        let mut usage = restate(report);
        if said.counts_input && usage.input.is_none() {
            usage.input = Some(input.tokens(self.model()));
            return (Some(usage), UsageSource::Estimated);
        }
        if said.counted {
            return (Some(usage), UsageSource::Estimated);
        }
        if self.is_whole(end) {
            return (Some(usage), UsageSource::Reported);
        }
        let counted = self.output_tokens();
        usage.output = usage.output.max(counted);
        (Some(usage), UsageSource::Partial)
    }

    /// Whether what was reported is all there is to report.
    fn is_whole(&self, end: StreamEnd) -> bool {
        let said = &self.body.said;
        match said.standing {
            Standing::Final => true,
            Standing::Running => end == StreamEnd::Complete && said.error.is_none(),
            Standing::Opening => false,
        }
    }

    fn embeds(&self) -> bool {
        matches!(
            self.dialect,
            Dialect::OpenaiEmbeddings | Dialect::GeminiEmbed
        )
    }

    /// Whether what is charged are pictures and sounds, of which text tells nothing.
    fn is_of_media(&self) -> bool {
        matches!(
            self.dialect,
            Dialect::OpenaiImages
                | Dialect::OpenaiAudio
                | Dialect::OpenaiSpeech
                | Dialect::OpenaiVideos
        )
    }

    /// Whether there was a successful answer, or the beginning of one, that said nothing of usage.
    fn can_be_estimated(&self, end: StreamEnd) -> bool {
        let body = &self.body;
        let answered =
            body.has_text || end != StreamEnd::Complete || (self.embeds() && body.is_json());
        let failed = body.said.status >= 400 || (body.said.error.is_some() && !body.has_text);
        // Of an answer that nobody knows how to read, no text is known either.
        answered && !failed && !self.is_of_media() && self.dialect != Dialect::Sniffed
    }

    /// What weir counts itself.
    fn estimated(&self, end: StreamEnd, input: &TextSample) -> (Option<Usage>, UsageSource) {
        if !self.can_be_estimated(end) {
            return (None, UsageSource::None);
        }
        let usage = Usage {
            input: Some(self.tokens_of_prompt(input)),
            output: self.output_tokens().filter(|_| !self.embeds()),
            ..Usage::default()
        };
        (Some(usage), UsageSource::Estimated)
    }

    fn output_tokens(&self) -> Option<u64> {
        self.body
            .text
            .as_ref()
            .map(|text| text.tokens_of_answer(self.model(), self.body.said.calls))
    }

    /// The input by its text; only chats have a template around it.
    fn tokens_of_prompt(&self, input: &TextSample) -> u64 {
        let bare = self.embeds() || self.dialect == Dialect::OpenaiCompletions;
        if bare {
            input.tokens(self.model())
        } else {
            input.tokens_of_prompt(self.model(), self.request.has_tools)
        }
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
