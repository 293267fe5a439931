//! Splits a stream of server-sent events, at any chunking, without keeping their payloads.
//!
//! Payloads are handed out in pieces as they arrive, since one event may hold megabytes of an
//! image. What is no event at all is handed out too: some providers break off a stream with a bare
//! JSON error.

use memchr::memchr2;

/// Most bytes of an event's name that are kept; the rest of a longer one is left out.
pub const NAME_MAX: usize = 256;

/// What a stream consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SseItem<'a> {
    /// The name of the current event, complete. It may come before, between or after its data.
    EventName(&'a [u8]),
    /// A piece of the current event's data, with a line feed between its data lines.
    Data(&'a [u8]),
    /// The current event ends; only one that had data or a name does.
    End,
    /// A piece of a line that is neither a field nor a comment; its line break comes as `\n`.
    Junk(&'a [u8]),
}

/// Reads a stream in chunks of any size. A line ends at LF, CR or CRLF.
///
/// Holds no more than [`NAME_MAX`] bytes.
#[derive(Debug)]
pub struct SseSplitter {
    line: Line,
    /// Bytes of a byte order mark seen so far; 3 once it is past or there is none.
    bom: usize,
    /// The last line ended with CR, so an LF belongs to it.
    after_cr: bool,
    has_data: bool,
    has_name: bool,
    /// The name being read, or the last one.
    name: Vec<u8>,
}

/// The line being read.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// Nothing yet.
    New,
    /// A part of a field's name.
    Field {
        read: [u8; FIELD_MAX],
        length: usize,
    },
    /// The value of a field, before a space that does not belong to it.
    Begin(Field),
    In(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    /// A comment, or a field that is of no interest.
    Ignored,
    Junk,
}

const FIELD_MAX: usize = 5;
const FIELDS: [(&[u8], Field); 4] = [
    (b"data", Field::Data),
    (b"event", Field::Event),
    (b"id", Field::Ignored),
    (b"retry", Field::Ignored),
];
/// How most lines begin.
const DATA: &[u8; 6] = b"data: ";
const EVENT: &[u8; 7] = b"event: ";
const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Default for SseSplitter {
    fn default() -> Self {
        SseSplitter::new()
    }
}

impl SseSplitter {
    /// A splitter at the beginning of a stream; a byte order mark is skipped there.
    pub fn new() -> Self {
        SseSplitter {
            line: Line::New,
            bom: 0,
            after_cr: false,
            has_data: false,
            has_name: false,
            name: Vec::new(),
        }
    }

    /// Feeds the next bytes, split anywhere.
    pub fn feed(&mut self, bytes: &[u8], item: &mut impl FnMut(SseItem<'_>)) {
        let mut rest = bytes;
        while self.bom < BOM.len() && !rest.is_empty() {
            if rest[0] == BOM[self.bom] {
                self.bom += 1;
                rest = &rest[1..];
            } else {
                let part = &BOM[..std::mem::replace(&mut self.bom, BOM.len())];
                if !part.is_empty() {
                    self.line = Line::In(Field::Junk);
                    item(SseItem::Junk(part));
                }
            }
        }
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let read = match self.line {
                Line::New => self.begin_line(rest, item),
                Line::Field { read, length } => self.field(rest, read, length, item),
                Line::Begin(field) => {
                    self.line = Line::In(field);
                    usize::from(rest[0] == b' ')
                }
                Line::In(field) => self.value(rest, field, item),
            };
            rest = &rest[read..];
        }
    }

    /// Ends the stream: the last line and the last event need no line break.
    pub fn finish(&mut self, item: &mut impl FnMut(SseItem<'_>)) {
        match self.line {
            Line::New => {}
            _ => self.end_line(item),
        }
        self.end_event(item);
    }

    /// Where the line with an event's name ends. Most events have the name of the one before.
    fn name_end(&mut self, value: &[u8]) -> Option<usize> {
        let same = self.name.len();
        if value.get(same) == Some(&b'\n') && value[..same] == self.name[..] {
            return Some(same);
        }
        let end = memchr2(b'\n', b'\r', value)?;
        self.name.clear();
        self.name.extend_from_slice(&value[..end.min(NAME_MAX)]);
        Some(end)
    }

    /// Reads a line that is all there, where it is what most are; gives how many bytes it used.
    #[inline]
    fn begin_line(&mut self, rest: &[u8], item: &mut impl FnMut(SseItem<'_>)) -> usize {
        if let Some((DATA, value)) = rest.split_first_chunk()
            && !self.has_data
            && let Some(end) = memchr2(b'\n', b'\r', value)
        {
            self.has_data = true;
            if end > 0 {
                item(SseItem::Data(&value[..end]));
            }
            self.after_cr = value[end] == b'\r';
            return DATA.len() + end + 1;
        }
        if let Some((EVENT, value)) = rest.split_first_chunk()
            && let Some(end) = self.name_end(value)
        {
            self.has_name = true;
            item(SseItem::EventName(&value[..end.min(NAME_MAX)]));
            self.after_cr = value[end] == b'\r';
            return EVENT.len() + end + 1;
        }
        if rest[0] == b'\n' {
            self.end_event(item);
            return 1;
        }
        self.field(rest, [0; FIELD_MAX], 0, item)
    }

    /// Reads the name of a field, or a part of it; gives how many bytes it used.
    fn field(
        &mut self,
        rest: &[u8],
        mut read: [u8; FIELD_MAX],
        length: usize,
        item: &mut impl FnMut(SseItem<'_>),
    ) -> usize {
        let next = rest[0];
        let so_far = &read[..length];
        if matches!(next, b'\n' | b'\r') {
            self.end_line(item);
            self.after_cr = next == b'\r';
            return 1;
        }
        if next == b':' && length == 0 {
            self.line = Line::In(Field::Ignored);
            return 1;
        }
        if next == b':'
            && let Some(field) = field_named(so_far)
        {
            self.begin(field, item);
            return 1;
        }
        let goes_on = |name: &[u8]| name.starts_with(so_far) && name.get(length) == Some(&next);
        if FIELDS.iter().any(|(name, _)| goes_on(name)) {
            read[length] = next;
            self.line = Line::Field {
                read,
                length: length + 1,
            };
            return 1;
        }
        if length > 0 {
            item(SseItem::Junk(so_far));
        }
        self.line = Line::In(Field::Junk);
        0
    }

    /// Begins the value of a field.
    fn begin(&mut self, field: Field, item: &mut impl FnMut(SseItem<'_>)) {
        if field == Field::Data && std::mem::replace(&mut self.has_data, true) {
            item(SseItem::Data(b"\n"));
        }
        self.name.clear();
        self.line = Line::Begin(field);
    }

    /// Reads what there is of a line's value; gives how many bytes it used.
    fn value(&mut self, rest: &[u8], field: Field, item: &mut impl FnMut(SseItem<'_>)) -> usize {
        let end = memchr2(b'\n', b'\r', rest);
        let piece = &rest[..end.unwrap_or(rest.len())];
        if !piece.is_empty() {
            match field {
                Field::Data => item(SseItem::Data(piece)),
                Field::Junk => item(SseItem::Junk(piece)),
                Field::Event => {
                    let room = NAME_MAX - self.name.len();
                    self.name.extend_from_slice(&piece[..piece.len().min(room)]);
                }
                Field::Ignored => {}
            }
        }
        let Some(end) = end else { return rest.len() };
        if field == Field::Junk {
            item(SseItem::Junk(b"\n"));
        }
        self.end_line(item);
        self.after_cr = rest[end] == b'\r';
        end + 1
    }

    fn end_line(&mut self, item: &mut impl FnMut(SseItem<'_>)) {
        match self.line {
            Line::New => self.end_event(item),
            Line::Field { read, length } => match field_named(&read[..length]) {
                Some(field) => {
                    self.begin(field, item);
                    return self.end_line(item);
                }
                None => {
                    item(SseItem::Junk(&read[..length]));
                    item(SseItem::Junk(b"\n"));
                }
            },
            Line::Begin(Field::Event) | Line::In(Field::Event) => {
                self.has_name = true;
                item(SseItem::EventName(&self.name));
            }
            Line::Begin(_) | Line::In(_) => {}
        }
        self.line = Line::New;
    }

    fn end_event(&mut self, item: &mut impl FnMut(SseItem<'_>)) {
        let had_data = std::mem::take(&mut self.has_data);
        if std::mem::take(&mut self.has_name) || had_data {
            item(SseItem::End);
        }
    }
}

fn field_named(name: &[u8]) -> Option<Field> {
    FIELDS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|&(_, field)| field)
}

#[cfg(test)]
mod tests;
