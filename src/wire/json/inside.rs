//! What the scanner does inside a value that it does not enter: strings, numbers, literals, and
//! containers that nothing is captured from.

use std::ops::Range;

use super::familiar::Captured;
use super::find::{bracket_or_quote, quote_or_backslash, string_end};
use super::{Found, Scanner, Sink, State};

impl Scanner {
    /// Reads a string from its quote. One that is all there and plain needs no capture to be begun.
    #[inline]
    pub(super) fn begin_string(
        &mut self,
        bytes: &[u8],
        at: usize,
        field: Option<usize>,
        found: &mut Sink<'_>,
    ) -> usize {
        let mark = quote_or_backslash(&bytes[at + 1..]).map(|length| at + 1 + length);
        if let Some(quote) = mark.filter(|mark| bytes[*mark] == b'"') {
            if let Some(field) = field {
                self.hand_out_plain(field, bytes, at..quote + 1, found);
            }
            self.end_value();
            return quote + 1;
        }
        if let Some(field) = field {
            self.captures.begin(field, self.frames.len(), at);
        }
        match mark {
            Some(backslash) => self.in_string(bytes, backslash, false, found),
            None => {
                self.state = State::InString { escaped: false };
                bytes.len()
            }
        }
    }

    fn hand_out_plain(
        &mut self,
        field: usize,
        bytes: &[u8],
        place: Range<usize>,
        found: &mut Sink<'_>,
    ) {
        let max = self.captures.max();
        let raw = &bytes[place.clone()];
        if self.familiar.notes() {
            let captured = Captured {
                field,
                place,
                plain: true,
            };
            let whole = (raw.len() <= max).then_some(captured);
            self.familiar.note_captured(whole);
        }
        found(Found {
            field,
            raw: &raw[..raw.len().min(max)],
            bytes: raw.len() as u64,
            cut: raw.len() > max,
            plain: true,
        });
    }

    #[inline]
    pub(super) fn in_string(
        &mut self,
        bytes: &[u8],
        at: usize,
        mut escaped: bool,
        found: &mut Sink<'_>,
    ) -> usize {
        match string_end(bytes, at, &mut escaped) {
            Some(end) => {
                self.complete(bytes, end, found);
                end
            }
            None => {
                self.state = State::InString { escaped };
                bytes.len()
            }
        }
    }

    pub(super) fn in_number(&mut self, bytes: &[u8], at: usize, found: &mut Sink<'_>) -> usize {
        let goes_on = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        match bytes[at..].iter().position(|b| !goes_on(b)) {
            Some(length) => {
                self.complete(bytes, at + length, found);
                at + length
            }
            None => bytes.len(),
        }
    }

    pub(super) fn in_literal(
        &mut self,
        bytes: &[u8],
        at: usize,
        rest: &'static [u8],
        found: &mut Sink<'_>,
    ) -> usize {
        let here = rest.len().min(bytes.len() - at);
        if bytes[at..at + here] != rest[..here] {
            self.give_up();
        } else if here == rest.len() {
            self.complete(bytes, at + here, found);
        } else {
            self.state = State::InLiteral(&rest[here..]);
        }
        at + here
    }

    pub(super) fn skip(&mut self, bytes: &[u8], mut at: usize, found: &mut Sink<'_>) -> usize {
        let State::Skip {
            brackets,
            mut depth,
            mut string,
            mut escaped,
        } = self.state
        else {
            return at;
        };
        while at < bytes.len() {
            if string {
                let Some(end) = string_end(bytes, at, &mut escaped) else {
                    break;
                };
                (at, string) = (end, false);
                continue;
            }
            let Some(length) = bracket_or_quote(brackets, &bytes[at..]) else {
                break;
            };
            at += length + 1;
            match bytes[at - 1] {
                b'"' => string = true,
                bracket if bracket == brackets[0] => depth += 1,
                _ => depth -= 1,
            }
            if depth == 0 {
                self.complete(bytes, at, found);
                return at;
            }
        }
        self.state = State::Skip {
            brackets,
            depth,
            string,
            escaped,
        };
        bytes.len()
    }
}
