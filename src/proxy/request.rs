//! The request's side of a call: what a copy of its body says, and the body itself while it is withheld.

use bytes::Bytes;
use pingora::proxy::Session;

use super::answer::content_length;
use super::gate::Held;
use super::route::Target;
use crate::providers::RequestFacts;
use crate::providers::reader::Text;
use crate::providers::request::RequestReader;
use crate::usage;
use crate::usage::estimate::TextSample;
use crate::wire::encoding::{DecodeState, Decoder};

/// What was read of the request's body.
pub struct RequestSide {
    reader: RequestReader,
    decoder: Decoder,
    pub text: TextSample,
    pub bytes: u64,
    /// Bytes with the content encoding undone.
    decoded: u64,
    is_encoded: bool,
    /// Its end was seen.
    pub is_over: bool,
    /// The whole body was read before it was forwarded; what passes the filter was counted already.
    pub known: bool,
    /// The length that the head states; 0 where it states none.
    pub stated: u64,
    /// Body bytes that wait for admission.
    pub withheld: Held,
    /// What is sent in the body's place.
    pub replaced: Option<Bytes>,
    /// The model that is sent in the place of the client's.
    sent: Option<String>,
    /// The model that the path names.
    named: Option<String>,
    /// The head names a guardrail.
    is_guarded: bool,
}

/// The header by which a call of Bedrock names its guardrail, where its body is the model's own.
const GUARDRAIL: &str = "x-amzn-bedrock-guardrailidentifier";

impl RequestSide {
    /// A reader for the body of `target`'s dialect.
    pub fn new(target: &Target, session: &Session) -> Self {
        let headers = &session.req_header().headers;
        let encoding = headers
            .get(http::header::CONTENT_ENCODING)
            .and_then(|value| value.to_str().ok());
        let content_type = headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        RequestSide {
            reader: RequestReader::of(target.endpoint.dialect, content_type),
            decoder: Decoder::new(encoding),
            text: TextSample::default(),
            bytes: 0,
            decoded: 0,
            is_encoded: encoding.is_some(),
            is_over: false,
            known: false,
            stated: content_length(session).unwrap_or(0),
            withheld: Held::default(),
            replaced: None,
            sent: None,
            named: target.endpoint.model.clone(),
            is_guarded: headers.contains_key(GUARDRAIL),
        }
    }

    /// Nothing to read: what was asked for came in a session's messages.
    pub fn unread() -> Self {
        RequestSide {
            reader: RequestReader::new(None),
            decoder: Decoder::new(None),
            text: TextSample::default(),
            bytes: 0,
            decoded: 0,
            is_encoded: false,
            is_over: true,
            known: true,
            stated: 0,
            withheld: Held::default(),
            replaced: None,
            sent: None,
            named: None,
            is_guarded: false,
        }
    }

    /// Another model is asked for than what the client said.
    pub fn rename(&mut self, to: &str) {
        self.sent = Some(to.to_owned());
    }

    /// Reads a copy of the next body bytes.
    pub fn watch(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        let RequestSide {
            reader,
            decoder,
            text,
            decoded,
            ..
        } = self;
        let mut sample = |piece: Text<'_>| usage::take(text, piece);
        decoder.feed(chunk, &mut |plain| {
            *decoded += plain.len() as u64;
            reader.feed(plain, &mut sample);
        });
    }

    /// The body's size without its content encoding, at least: what a hold is sized by.
    pub fn size(&self) -> u64 {
        let unread = if self.known { 0 } else { self.stated };
        self.decoded.max(unread)
    }

    /// Whether the size is known: the coding was undone, and the end was seen or stated.
    fn is_sized(&self) -> bool {
        let read = self.known || self.is_over;
        self.decoder.state() == DecodeState::Ok && (read || (self.stated > 0 && !self.is_encoded))
    }

    /// Whether the body asks for a stream, as far as it was read.
    pub fn streams(&self) -> Option<bool> {
        self.reader.streams()
    }

    /// The model that the body names where the path names another.
    pub fn other_model(&self) -> Option<&str> {
        let named = self.named.as_deref()?;
        self.reader.model().filter(|model| *model != named)
    }

    /// The models that the body names besides the last one, where the path names none.
    pub fn other_models(&self) -> &[String] {
        match self.sent.as_ref().or(self.named.as_ref()) {
            Some(_) => &[],
            None => self.reader.other_models(),
        }
    }

    /// What the body said, as far as it was read. A model that the path names is the one that runs, whatever
    /// the body calls it: a client could else choose its price, and the budgets that it falls under.
    pub fn facts(&self) -> RequestFacts {
        let mut facts = self.reader.facts();
        let named = self.sent.as_ref().or(self.named.as_ref());
        facts.model = named.cloned().or(facts.model);
        facts.is_guarded |= self.is_guarded;
        // What cannot be measured is as large as the model takes.
        facts.refers_outside |= !self.is_sized();
        facts
    }
}
