//! A decoded response body: told apart into messages, scanned, handed to its dialect's reader.
//!
//! The first byte tells more than the content type: errors of streaming endpoints are bare JSON under
//! `text/event-stream`, and some hosts call everything `application/octet-stream`.

use crate::providers::reader::{
    CAPTURE_BYTES_MAX, Paths, Reader, Said, Standing, Text, failure, reader,
};
use crate::providers::{Dialect, RequestFacts};
use crate::wire::aws_eventstream::{EventStreamItem, EventStreamSplitter};
use crate::wire::base64_member::Base64Member;
use crate::wire::json::Scanner;
use crate::wire::sse::{SseItem, SseSplitter};

use super::estimate::TextSample;
use super::extract::ResponseHead;
use super::held::{HEADERS, Held};

/// The sentinel that ends an OpenAI stream.
const DONE: &[u8] = b"[DONE]";

/// How a body is divided into messages.
#[derive(Debug)]
enum Framing {
    /// Nothing but white space so far. `events`: the head promises events.
    Unknown { events: bool },
    /// Server-sent events, one message each.
    Events(SseSplitter),
    /// Documents one after the other, a message each; mostly one, which may be an array of messages.
    Json,
    /// AWS's binary events.
    Binary(Box<Binary>),
    /// None of these: a page of HTML, audio.
    Other,
}

/// A binary stream, whose messages count once their checksum was seen.
#[derive(Debug)]
struct Binary {
    splitter: EventStreamSplitter,
    held: Held,
    /// Where each event holds the message in base64.
    wrapped: Option<Base64Member>,
}

/// The decoded body of one response.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) said: Said,
    /// The answer's text, while usage may still be missing.
    pub(super) text: Option<TextSample>,
    /// Whether the model wrote anything that was seen.
    pub(super) has_text: bool,
    framing: Framing,
    scanner: Scanner,
    /// What is no event, between events: some providers break off with a bare JSON error.
    junk: Scanner,
    /// The first bytes of the current event's data, to know the sentinel by.
    data_head: Vec<u8>,
    /// A document has begun and not ended.
    in_document: bool,
    reader: Box<dyn Reader>,
    paths: &'static Paths,
}

impl Body {
    pub(super) fn new(dialect: Dialect, head: ResponseHead<'_>, asked: &RequestFacts) -> Self {
        let mut reader = if head.status >= 400 {
            failure(dialect, asked)
        } else {
            reader(dialect, asked)
        };
        let paths = reader.paths();
        let fields = paths.fields();
        let mut said = Said {
            status: head.status,
            ..Said::default()
        };
        reader.head(&mut said, head.header);
        let content_type = (head.header)("content-type");
        Body {
            said,
            text: Some(TextSample::default()),
            has_text: false,
            framing: Framing::Unknown {
                events: content_type.is_some_and(|kind| kind.contains("event-stream")),
            },
            scanner: Scanner::new(fields, CAPTURE_BYTES_MAX),
            junk: Scanner::new(fields, CAPTURE_BYTES_MAX),
            data_head: Vec::new(),
            in_document: false,
            reader,
            paths,
        }
    }

    /// Whether the body began as a JSON document.
    pub(super) fn is_json(&self) -> bool {
        matches!(self.framing, Framing::Json)
    }

    /// Reads the next decoded bytes, split anywhere.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let bytes = match self.framing {
            Framing::Unknown { events } => {
                let rest = after_blank(bytes);
                let Some(first) = rest.first() else { return };
                self.framing = self.framing(*first, events);
                rest
            }
            _ => bytes,
        };
        match &mut self.framing {
            Framing::Json => self.documents(bytes),
            Framing::Events(splitter) => {
                let mut splitter = std::mem::take(splitter);
                splitter.feed(bytes, &mut |item| {
                    if !matches!(item, SseItem::EventName(_)) {
                        self.item(item);
                    }
                });
                self.framing = Framing::Events(splitter);
            }
            Framing::Binary(_) => {
                let Framing::Binary(mut binary) =
                    std::mem::replace(&mut self.framing, Framing::Other)
                else {
                    return;
                };
                let Binary {
                    splitter,
                    held,
                    wrapped,
                } = &mut *binary;
                splitter.feed(bytes, &mut |item| self.binary(item, held, wrapped.as_mut()));
                self.framing = Framing::Binary(binary);
            }
            Framing::Unknown { .. } | Framing::Other => {}
        }
    }

    fn framing(&self, first: u8, events: bool) -> Framing {
        match first {
            b'{' | b'[' => Framing::Json,
            // `data`, `event`, `id`, `retry` or a comment, whatever the head calls it.
            b'd' | b'e' | b'i' | b'r' | b':' => Framing::Events(SseSplitter::new()),
            _ if events => Framing::Events(SseSplitter::new()),
            // The length of a message has 25 bits, and its prelude a checksum.
            0 | 1 => Framing::Binary(Box::new(Binary {
                splitter: EventStreamSplitter::new(HEADERS),
                held: Held::default(),
                wrapped: self.reader.wrapped_in().map(Base64Member::new),
            })),
            _ => Framing::Other,
        }
    }

    /// Ends the body. A last event without its empty line counts as whole only where the body is
    /// `complete`: in one that was cut, the fields that would tell what its usage means may be missing.
    pub(super) fn finish(&mut self, complete: bool) {
        self.finish_messages(complete);
        self.reader.body_end(&mut self.said);
    }

    fn finish_messages(&mut self, complete: bool) {
        let splitter = match &mut self.framing {
            Framing::Events(splitter) => splitter,
            // A message without its checksum is none.
            Framing::Binary(_) => return,
            _ => return self.cut_message(),
        };
        let mut splitter = std::mem::take(splitter);
        let before = self.said.standing;
        splitter.finish(&mut |item| self.item(item));
        if !complete && before != Standing::Final {
            self.said.standing = self.said.standing.min(Standing::Running);
        }
    }

    fn item(&mut self, item: SseItem<'_>) {
        match item {
            SseItem::EventName(_) => {}
            SseItem::Data(piece) => {
                // One byte more than the sentinel, so that a longer text is not taken for it.
                let room = (DONE.len() + 1).saturating_sub(self.data_head.len());
                // A document is told from it by its first byte.
                let room = if piece.first() == Some(&b'{') {
                    room.min(1)
                } else {
                    room
                };
                if room > 0 {
                    self.data_head
                        .extend_from_slice(&piece[..piece.len().min(room)]);
                }
                self.scan_all(piece, false);
            }
            SseItem::Junk(piece) => self.scan_all(piece, true),
            SseItem::End => {
                let head = &self.data_head;
                let done = head.len() >= DONE.len() && head.trim_ascii() == DONE;
                self.data_head.clear();
                self.end_message();
                if done && self.said.report.is_some() {
                    self.said.standing = Standing::Final;
                    self.said.terminal = true;
                }
            }
        }
    }

    fn binary(
        &mut self,
        item: EventStreamItem<'_>,
        held: &mut Held,
        wrapped: Option<&mut Base64Member>,
    ) {
        match item {
            EventStreamItem::Header(name, value) => held.header(name, value),
            EventStreamItem::Payload(piece) => match wrapped.filter(|_| held.is_event()) {
                Some(member) => member.feed(piece, &mut |plain| self.hold(plain, held)),
                None => self.hold(piece, held),
            },
            EventStreamItem::End => {
                let Body {
                    said,
                    text,
                    has_text,
                    reader,
                    ..
                } = self;
                let paths = reader.paths();
                held.tell(reader.as_mut(), paths, said, &mut |piece| {
                    keep(text, has_text, piece);
                });
                self.end_message();
                wrapped.into_iter().for_each(Base64Member::reset);
            }
            EventStreamItem::Broken => {
                held.clear();
                // Whatever was said before, what should have followed may have been more.
                if self.said.standing != Standing::Final {
                    self.said.standing = Standing::Opening;
                }
            }
        }
    }

    /// Scans a piece of a message whose checksum is still to come.
    fn hold(&mut self, bytes: &[u8], held: &mut Held) {
        self.scanner.feed(bytes, &mut |found| held.push(&found));
    }

    /// Reads documents, each of which is a message.
    fn documents(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty()
            && let Some(length) = self.scan(rest, false)
        {
            self.end_message();
            self.in_document = false;
            rest = &rest[length..];
        }
        self.in_document |= !after_blank(rest).is_empty();
    }

    /// Scans all of it: within an event, the event's end is the message's.
    fn scan_all(&mut self, bytes: &[u8], junk: bool) {
        let mut rest = bytes;
        while !rest.is_empty()
            && let Some(length) = self.scan(rest, junk)
        {
            rest = &rest[length..];
        }
    }

    /// Scans up to the end of a document and gives how many bytes these are; `None` where none ends.
    fn scan(&mut self, bytes: &[u8], junk: bool) -> Option<usize> {
        let Body {
            said,
            text,
            has_text,
            reader,
            paths,
            ..
        } = self;
        let scanner = if junk {
            &mut self.junk
        } else {
            &mut self.scanner
        };
        scanner.feed_document(bytes, &mut |found| {
            let path = paths.name(found.field);
            reader.found(said, path, &found, &mut |piece| keep(text, has_text, piece));
        })
    }

    fn end_message(&mut self) {
        let Body {
            said,
            text,
            has_text,
            reader,
            ..
        } = self;
        reader.message_end(said, &mut |piece| keep(text, has_text, piece));
        self.scanner.reset();
        self.forget_text();
    }

    /// Ends a body that is no stream of events, mostly between two documents.
    fn cut_message(&mut self) {
        let Body {
            said,
            text,
            has_text,
            reader,
            ..
        } = self;
        let keep = &mut |piece: Text<'_>| keep(text, has_text, piece);
        if self.in_document {
            reader.message_cut(said, keep);
        } else {
            reader.message_end(said, keep);
        }
        self.forget_text();
    }

    /// Gives the kept text up once nothing is left to be counted.
    fn forget_text(&mut self) {
        if self.said.standing == Standing::Final {
            self.text = None;
        }
    }
}

/// The bytes from the first that is neither white space nor of a byte order mark.
fn after_blank(bytes: &[u8]) -> &[u8] {
    let blank = |b: &&u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | 0xEF | 0xBB | 0xBF);
    &bytes[bytes.iter().take_while(blank).count()..]
}

/// Takes a piece of the answer's text, where it may still be wanted.
fn keep(text: &mut Option<TextSample>, has_text: &mut bool, piece: Text<'_>) {
    *has_text |= !piece.part.is_empty();
    if let Some(sample) = text {
        take(sample, piece);
    }
}

/// Adds a text that a reader handed out to a sample.
pub fn take(sample: &mut TextSample, text: Text<'_>) {
    sample.push(text.part);
    sample.push_unkept(text.bytes.saturating_sub(text.part.len() as u64));
}
