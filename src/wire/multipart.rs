//! Reads `multipart/form-data` as its bytes pass: short fields by name, files by their size alone.
//!
//! Bodies with files run to tens of megabytes, so a file is searched for its end and never kept. A
//! boundary holds no carriage return, so a delimiter that fails to match can begin anew only at the byte
//! that failed it: no byte is looked at twice, whatever the chunks.

use memchr::memchr;

/// Longest boundary that is believed; the standard allows 70 bytes.
const BOUNDARY_BYTES_MAX: usize = 200;

/// Most bytes kept of a part's header line. Longer ones end in a file's name, which nobody needs.
const LINE_BYTES_MAX: usize = 1024;

/// One part of a form, once its end was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The field's name; empty where the part states none.
    pub name: &'a str,
    /// Whether it is a file, of which nothing is kept.
    pub is_file: bool,
    /// The value, or its first bytes; empty for files.
    pub value: &'a [u8],
    /// Where the value or file begins in the body.
    pub start: u64,
    /// The length of the whole value or file in bytes.
    pub bytes: u64,
}

/// Takes parts as they end.
pub type PartSink<'a> = dyn FnMut(Part<'_>) + 'a;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first delimiter, or in a part's value; so many bytes of a delimiter were matched.
    Value { matched: usize },
    /// Right behind what reads like a delimiter, and one dash if so: what follows tells whether it is one.
    Matched { dash: bool },
    /// On the rest of a delimiter's line.
    Delimited,
    /// In the header lines of a part.
    Headers,
    /// Past the last delimiter.
    Over,
}

/// Reads one form, in chunks of any size.
#[derive(Debug)]
pub struct Multipart {
    /// `CR LF - -` and the boundary.
    delimiter: Vec<u8>,
    /// Most bytes kept of a field's value.
    value_max: usize,
    state: State,
    /// The header line so far.
    line: Vec<u8>,
    /// The part whose value is read; `None` in what stands before the first.
    part: Option<Open>,
    /// Bytes of the body that were read.
    read: u64,
}

#[derive(Debug, Default)]
struct Open {
    name: String,
    is_file: bool,
    value: Vec<u8>,
    start: u64,
    bytes: u64,
}

impl Multipart {
    /// A reader of a body with this content type, which keeps at most `value_max` bytes of a field;
    /// `None` where it is no form.
    pub fn of(content_type: &str, value_max: usize) -> Option<Multipart> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameter(content_type, "boundary")?;
        if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX || boundary.contains('\r') {
            return None;
        }
        Some(Multipart {
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            value_max,
            // The first delimiter may stand at the very beginning, as after a line's end.
            state: State::Value { matched: 2 },
            line: Vec::new(),
            part: None,
            read: 0,
        })
    }

    /// Reads the next bytes and hands out the parts that end in them.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut PartSink<'_>) {
        while !bytes.is_empty() {
            let rest = match self.state {
                State::Value { matched } => self.value(bytes, matched),
                State::Matched { dash } => self.matched(bytes, dash, sink),
                State::Delimited => self.delimited(bytes),
                State::Headers => self.headers(bytes),
                State::Over => return,
            };
            self.read += (bytes.len() - rest.len()) as u64;
            bytes = rest;
        }
    }

    /// Goes on in a value; returns what follows what it took.
    fn value<'b>(&mut self, bytes: &'b [u8], mut matched: usize) -> &'b [u8] {
        let mut at = 0;
        while at < bytes.len() {
            if matched == 0 {
                let plain = memchr(b'\r', &bytes[at..]).unwrap_or(bytes.len() - at);
                self.keep(&bytes[at..at + plain]);
                at += plain;
                if at == bytes.len() {
                    break;
                }
            }
            if bytes[at] == self.delimiter[matched] {
                matched += 1;
                at += 1;
                if matched == self.delimiter.len() {
                    self.state = State::Matched { dash: false };
                    return &bytes[at..];
                }
            } else {
                self.keep_delimiter(matched);
                matched = 0;
            }
        }
        self.state = State::Value { matched };
        &[]
    }

    /// A delimiter ends in white space or in two dashes. A longer text that begins like one is part of the
    /// value, or a file could hide what follows it.
    fn matched<'b>(&mut self, bytes: &'b [u8], dash: bool, sink: &mut PartSink<'_>) -> &'b [u8] {
        match (bytes[0], dash) {
            (b'-', false) => {
                self.state = State::Matched { dash: true };
                &bytes[1..]
            }
            (b'-', true) => {
                self.end_part(sink);
                self.state = State::Over;
                &[]
            }
            (b' ' | b'\t' | b'\r' | b'\n', false) => {
                self.end_part(sink);
                self.state = State::Delimited;
                bytes
            }
            _ => {
                self.keep_delimiter(self.delimiter.len());
                if dash {
                    self.keep(b"-");
                }
                self.state = State::Value { matched: 0 };
                bytes
            }
        }
    }

    fn delimited<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(end) = memchr(b'\n', bytes) else {
            return &[];
        };
        self.line.clear();
        self.part = Some(Open::default());
        self.state = State::Headers;
        &bytes[end + 1..]
    }

    fn headers<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let end = memchr(b'\n', bytes);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        let room = LINE_BYTES_MAX - self.line.len();
        self.line.extend_from_slice(&piece[..piece.len().min(room)]);
        let Some(end) = end else { return &[] };
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() {
            self.state = State::Value { matched: 0 };
            if let Some(part) = &mut self.part {
                part.start = self.read + end as u64 + 1;
            }
        } else if let Some(part) = &mut self.part {
            part.describe(&String::from_utf8_lossy(line));
        }
        &bytes[end + 1..]
    }

    /// Keeps what was taken for the beginning of a delimiter.
    fn keep_delimiter(&mut self, matched: usize) {
        let delimiter = std::mem::take(&mut self.delimiter);
        self.keep(&delimiter[..matched]);
        self.delimiter = delimiter;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let max = self.value_max;
        if let Some(part) = &mut self.part {
            part.bytes += bytes.len() as u64;
            if !part.is_file {
                let room = max - part.value.len();
                part.value
                    .extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        }
    }

    fn end_part(&mut self, sink: &mut PartSink<'_>) {
        if let Some(part) = self.part.take() {
            sink(Part {
                name: &part.name,
                is_file: part.is_file,
                value: &part.value,
                start: part.start,
                bytes: part.bytes,
            });
        }
    }
}

impl Open {
    /// Takes a header line.
    fn describe(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else {
            return;
        };
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            self.name = parameter(value, "name").unwrap_or_default();
            let named = |key| parameter(value, key).is_some();
            self.is_file = named("filename") || named("filename*");
        }
    }
}

/// A parameter of a header's value: `; name=value` or `; name="value"`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        // What stands before a `;` without a value is no parameter.
        let key = key.rsplit(';').next().unwrap_or_default();
        if key.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next;
    }
}

/// A quoted text from behind its first quote, and what follows its last one.
fn quoted_text(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (value, &text[at + 1..]),
            _ => {
                value.push(character);
                escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests;
