//! What the scanner does before and inside a key.

use super::familiar::Place;
use super::find::{blank_end, plain_end, string_end};
use super::{Frame, Scanner, Sink, State, unquote};

impl Scanner {
    #[inline]
    pub(super) fn key(
        &mut self,
        bytes: &[u8],
        at: usize,
        or_end: bool,
        found: &mut Sink<'_>,
    ) -> usize {
        let at = blank_end(bytes, at);
        match bytes.get(at) {
            None => {}
            Some(b'"') => {
                return match self.step(bytes, at, found) {
                    (at, Place::Key) => self.begin_key(bytes, at + 1, found),
                    (at, Place::Value(member)) => self.begin_value(bytes, at, member, found),
                };
            }
            Some(b'}') if or_end => return self.leave(bytes, at, found),
            Some(_) => self.give_up(),
        }
        at + 1
    }

    /// Steps over what a document that came before said from this key on; gives what comes then.
    #[inline]
    fn step(&mut self, bytes: &[u8], at: usize, found: &mut Sink<'_>) -> (usize, Place) {
        if self.captures.any_open() {
            return (at, Place::Key);
        }
        if self.familiar.notes() {
            self.familiar.note(at, Place::Key, &self.frames);
            return (at, Place::Key);
        }
        let Some(repeated) = self.familiar.repeated(&bytes[at..], &self.frames) else {
            return (at, Place::Key);
        };
        repeated.captured().for_each(&mut *found);
        self.frames.clear();
        self.frames.extend_from_slice(repeated.frames);
        (at + repeated.length, repeated.place)
    }

    /// Reads a key from behind its quote, and goes on to its value where all of it is here and plain.
    #[inline]
    fn begin_key(&mut self, bytes: &[u8], at: usize, found: &mut Sink<'_>) -> usize {
        let Some(length) = plain_end(&bytes[at..]) else {
            self.key.clear();
            return self.in_key(bytes, at, false);
        };
        let end = at + length;
        let member = match self.frames.last() {
            Some(Frame::Object(node)) => self.fields.node(*node).member(&bytes[at..end]),
            _ => None,
        };
        if bytes.get(end + 1) != Some(&b':') {
            (self.member, self.state) = (member, State::Colon);
            return end + 1;
        }
        if self.familiar.notes() && !self.captures.any_open() {
            self.familiar
                .note(end + 2, Place::Value(member), &self.frames);
        }
        self.begin_value(bytes, end + 2, member, found)
    }

    #[inline]
    fn begin_value(
        &mut self,
        bytes: &[u8],
        at: usize,
        member: Option<usize>,
        found: &mut Sink<'_>,
    ) -> usize {
        (self.member, self.state) = (member, State::Value { or_end: false });
        self.value(bytes, at, false, found)
    }

    pub(super) fn in_key(&mut self, bytes: &[u8], at: usize, mut escaped: bool) -> usize {
        let end = string_end(bytes, at, &mut escaped);
        let part = &bytes[at..end.map_or(bytes.len(), |end| end - 1)];
        let Some(end) = end else {
            self.keep_key(part);
            self.state = State::InKey { escaped };
            return bytes.len();
        };
        let fields = self.fields;
        self.member = match self.frames.last() {
            Some(Frame::Object(node)) => {
                let node = fields.node(*node);
                if self.key.is_empty() {
                    named(part, |name| node.member(name))
                } else {
                    self.keep_key(part);
                    let fits = self.key.len() <= fields.key_max();
                    fits.then(|| named(&self.key, |name| node.member(name)))
                        .flatten()
                }
            }
            _ => None,
        };
        self.state = State::Colon;
        end
    }

    /// Keeps a part of a key that crosses chunks, up to one byte more than one that matches can
    /// have.
    fn keep_key(&mut self, part: &[u8]) {
        let room = self.fields.key_max() + 1 - self.key.len();
        self.key.extend_from_slice(&part[..part.len().min(room)]);
    }
}

/// Calls with the name that a raw key stands for; a key that cannot be decoded is none.
fn named(raw: &[u8], lookup: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
    if !raw.contains(&b'\\') {
        return lookup(raw);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    lookup(unquote(&quoted)?.as_bytes())
}
