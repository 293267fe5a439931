//! A resumable JSON scanner: captures a few named fields and skips everything else.
//!
//! It keeps no tree. It enters only the containers that lie on the way to a captured field; any
//! other is skipped by looking for its own kind of bracket and for strings, and counting. So it
//! neither recurses nor allocates by the depth of a document, and most bytes are only seen by
//! `memchr`.
//!
//! Memory of a [`Scanner`]: `capture_max` for each capture that can be open at the same time (one,
//! or as many as there are paths that begin one another), and six times the longest name for a key.

mod capture;
mod familiar;
mod fields;
mod find;
mod found;
mod inside;
mod key;
mod members;
mod text;

pub use fields::Fields;
pub use found::Found;
pub use members::members;
pub use text::{unquote, unquoted};

use capture::Captures;
use familiar::Familiar;
use fields::ROOT;
use find::blank_end;

/// Reads documents in chunks of any size and hands out the values of some fields.
///
/// Several documents may follow each other, with or without white space between them; each is
/// scanned from its own root. A name that stands twice in an object is captured twice. What is
/// skipped is not checked beyond its strings and brackets, and control characters in strings are
/// let through.
#[derive(Debug)]
pub struct Scanner {
    fields: &'static Fields,
    state: State,
    /// The containers entered, outermost first: never more than the longest path has steps.
    frames: Vec<Frame>,
    /// The node of the value that follows the key just read.
    member: Option<usize>,
    /// The raw key so far, where it crosses chunks; one byte past `key_max` once it is too long to
    /// match.
    key: Vec<u8>,
    captures: Captures,
    familiar: Familiar,
    /// A document ended since the last [`Scanner::feed_document`] began.
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// An object, by its node.
    Object(usize),
    /// An array, by the node of its elements.
    Array(usize),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before a value; in an array that has just begun it may end instead.
    Value {
        or_end: bool,
    },
    /// Before a key; in an object that has just begun it may end instead.
    Key {
        or_end: bool,
    },
    InKey {
        escaped: bool,
    },
    Colon,
    InString {
        escaped: bool,
    },
    InNumber,
    /// In `true`, `false` or `null`, with what must still follow.
    InLiteral(&'static [u8]),
    /// After a value inside a container.
    After,
    /// In a container that nothing is captured from, with its brackets and how many of them are
    /// open.
    Skip {
        brackets: [u8; 2],
        depth: u64,
        string: bool,
        escaped: bool,
    },
    Broken,
}

/// Takes the captured values.
type Sink<'a> = dyn FnMut(Found<'_>) + 'a;

const DOCUMENT: State = State::Value { or_end: false };

impl Scanner {
    /// A scanner at the beginning of a document, which keeps at most `capture_max` bytes of a
    /// value.
    pub fn new(fields: &'static Fields, capture_max: usize) -> Self {
        Scanner {
            fields,
            state: DOCUMENT,
            frames: Vec::new(),
            member: None,
            key: Vec::new(),
            captures: Captures::new(capture_max),
            familiar: Familiar::default(),
            ended: false,
        }
    }

    /// Feeds the next bytes, split anywhere. Calls `found` for each captured value when it is
    /// complete.
    pub fn feed(&mut self, bytes: &[u8], found: &mut dyn FnMut(Found<'_>)) {
        let mut rest = bytes;
        while let Some(length) = self.feed_document(rest, found) {
            rest = &rest[length..];
        }
    }

    /// Feeds the next bytes up to the end of a document, and gives how many these are; `None` where none
    /// ends in them. A number that is a whole document ends with the byte that follows it.
    pub fn feed_document(
        &mut self,
        bytes: &[u8],
        found: &mut dyn FnMut(Found<'_>),
    ) -> Option<usize> {
        self.ended = false;
        let mut at = 0;
        let first = bytes.get(blank_end(bytes, 0));
        self.familiar
            .begin(first.is_some_and(|first| *first == b'{'));
        while at < bytes.len() {
            at = match self.state {
                State::Value { or_end } => self.value(bytes, at, or_end, found),
                State::Key { or_end } => self.key(bytes, at, or_end, found),
                State::InKey { escaped } => self.in_key(bytes, at, escaped),
                State::Colon => self.colon(bytes, at),
                State::InString { escaped } => self.in_string(bytes, at, escaped, found),
                State::InNumber => self.in_number(bytes, at, found),
                State::InLiteral(rest) => self.in_literal(bytes, at, rest, found),
                State::After => self.after(bytes, at, found),
                State::Skip { .. } => self.skip(bytes, at, found),
                State::Broken => break,
            };
            if self.ended {
                self.familiar.end(&bytes[..at]);
                self.familiar.reset();
                return Some(at);
            }
        }
        self.captures.leave(bytes);
        self.familiar.end(bytes);
        None
    }

    /// Ends the document: a number that is the whole document is complete. Values cut off are
    /// dropped.
    pub fn finish(&mut self, found: &mut dyn FnMut(Found<'_>)) {
        if matches!(self.state, State::InNumber) && self.frames.is_empty() {
            self.complete(&[], 0, found);
        }
        self.captures.drop_open();
    }

    /// Gets ready for the next document; keeps its allocations.
    pub fn reset(&mut self) {
        self.state = DOCUMENT;
        self.frames.clear();
        self.captures.drop_open();
        self.familiar.reset();
    }

    /// Whether what was seen is not JSON; the scanner ignores what follows until it is reset.
    pub fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken)
    }

    #[inline]
    fn value(&mut self, bytes: &[u8], at: usize, or_end: bool, found: &mut Sink<'_>) -> usize {
        let at = blank_end(bytes, at);
        let Some(&first) = bytes.get(at) else {
            return at;
        };
        let node = match self.frames.last() {
            None if is_bom_part(first) => return at + 1,
            None => Some(ROOT),
            Some(Frame::Array(element)) => Some(*element),
            Some(Frame::Object(_)) => self.member,
        };
        if first == b']' && or_end {
            return self.leave(bytes, at, found);
        }
        let field = node.and_then(|node| self.fields.node(node).field);
        if first == b'"' {
            return self.begin_string(bytes, at, field, found);
        }
        if let Some(field) = field {
            self.captures.begin(field, self.frames.len(), at);
        }
        match first {
            b'{' | b'[' => {
                self.enter(first, node);
                at + 1
            }
            b'-' | b'0'..=b'9' => {
                self.state = State::InNumber;
                self.in_number(bytes, at + 1, found)
            }
            b't' => self.in_literal(bytes, at + 1, b"rue", found),
            b'f' => self.in_literal(bytes, at + 1, b"alse", found),
            b'n' => self.in_literal(bytes, at + 1, b"ull", found),
            _ => {
                self.give_up();
                at + 1
            }
        }
    }

    /// Steps into a container that a path leads through, or begins to skip one.
    fn enter(&mut self, bracket: u8, node: Option<usize>) {
        let fields = self.fields;
        let inside = node.map(|at| (at, fields.node(at)));
        self.state = match (bracket, inside) {
            (b'{', Some((at, node))) if node.has_members() => {
                self.frames.push(Frame::Object(at));
                State::Key { or_end: true }
            }
            (b'[', Some((_, node))) if let Some(element) = node.element => {
                self.frames.push(Frame::Array(element));
                State::Value { or_end: true }
            }
            _ => {
                let brackets = if bracket == b'{' { *b"{}" } else { *b"[]" };
                State::Skip {
                    brackets,
                    depth: 1,
                    string: false,
                    escaped: false,
                }
            }
        };
    }

    /// Steps out of the innermost container, whose closing bracket is at `at`.
    fn leave(&mut self, bytes: &[u8], at: usize, found: &mut Sink<'_>) -> usize {
        self.frames.pop();
        self.complete(bytes, at + 1, found);
        at + 1
    }

    /// Ends a value before `end`.
    #[inline]
    fn complete(&mut self, bytes: &[u8], end: usize, found: &mut Sink<'_>) {
        if self.captures.ends(self.frames.len()) {
            if self.familiar.notes() {
                self.familiar.note_captured(self.captures.ending(end));
            }
            self.captures.hand_out(bytes, end, found);
        }
        self.end_value();
    }

    #[inline]
    fn end_value(&mut self) {
        self.state = if self.frames.is_empty() {
            self.ended = true;
            DOCUMENT
        } else {
            State::After
        };
    }

    fn colon(&mut self, bytes: &[u8], at: usize) -> usize {
        let at = blank_end(bytes, at);
        match bytes.get(at) {
            None => {}
            Some(b':') => self.state = State::Value { or_end: false },
            Some(_) => self.give_up(),
        }
        at + 1
    }

    #[inline]
    fn after(&mut self, bytes: &[u8], mut at: usize, found: &mut Sink<'_>) -> usize {
        loop {
            at = blank_end(bytes, at);
            let Some(&next) = bytes.get(at) else {
                return at;
            };
            match (next, self.frames.last()) {
                (b'}', Some(Frame::Object(_))) | (b']', Some(Frame::Array(_))) => {
                    at = self.leave(bytes, at, found);
                    if self.frames.is_empty() {
                        return at;
                    }
                }
                (b',', Some(Frame::Object(_))) => {
                    self.state = State::Key { or_end: false };
                    return self.key(bytes, at + 1, false, found);
                }
                (b',', Some(Frame::Array(_))) => {
                    self.state = State::Value { or_end: false };
                    return at + 1;
                }
                _ => {
                    self.give_up();
                    return at + 1;
                }
            }
        }
    }

    fn give_up(&mut self) {
        self.state = State::Broken;
        self.captures.drop_open();
    }
}

/// Whether a byte can belong to a byte order mark, which is let through before a document.
fn is_bom_part(byte: u8) -> bool {
    matches!(byte, 0xEF | 0xBB | 0xBF)
}

#[cfg(test)]
mod tests;
