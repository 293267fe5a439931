//! The headers of one message of an AWS event stream, read byte by byte.
//!
//! Only texts under a wanted name are kept, and only until they are handed out.

use super::{EventStreamItem, VALUE_BYTES_MAX};

/// Reads the headers of one message after the other.
#[derive(Debug)]
pub(super) struct Headers {
    wanted: &'static [&'static str],
    part: Part,
    name: Vec<u8>,
    value: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// Between headers, or at the first.
    NameLength,
    Name {
        left: u8,
    },
    Kind,
    /// The two bytes of a value's length, the first of which may be known.
    Length {
        kind: u8,
        high: Option<u8>,
    },
    Value {
        left: u16,
        /// The wanted name, where the value is a text under one.
        keep: Option<&'static str>,
    },
}

/// A text; the one kind that is handed out.
const TEXT: u8 = 7;

impl Headers {
    pub(super) fn new(wanted: &'static [&'static str]) -> Self {
        Headers {
            wanted,
            part: Part::NameLength,
            name: Vec::new(),
            value: Vec::new(),
        }
    }

    pub(super) fn reset(&mut self) {
        self.part = Part::NameLength;
    }

    /// Whether the last header is complete.
    pub(super) fn are_whole(&self) -> bool {
        matches!(self.part, Part::NameLength)
    }

    /// Reads on; false where a header has a kind that does not exist.
    pub(super) fn feed(&mut self, bytes: &[u8], item: &mut dyn FnMut(EventStreamItem<'_>)) -> bool {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            self.part = match self.part {
                Part::NameLength => {
                    self.name.clear();
                    named(byte)
                }
                Part::Name { left } => {
                    self.name.push(byte);
                    named(left - 1)
                }
                Part::Kind => match self.of_kind(byte) {
                    Some(part) => part,
                    None => return false,
                },
                Part::Length { kind, high: None } => Part::Length {
                    kind,
                    high: Some(byte),
                },
                Part::Length {
                    kind,
                    high: Some(high),
                } => self.value(kind, u16::from_be_bytes([high, byte]), item),
                Part::Value { left, keep } => {
                    if keep.is_some() && self.value.len() <= VALUE_BYTES_MAX {
                        self.value.push(byte);
                    }
                    self.valued(left - 1, keep, item)
                }
            };
        }
        true
    }

    /// What follows the byte that tells a value's kind.
    fn of_kind(&mut self, kind: u8) -> Option<Part> {
        let fixed = |left| Part::Value { left, keep: None };
        Some(match kind {
            // True and false have no value besides.
            0 | 1 => Part::NameLength,
            2 => fixed(1),
            3 => fixed(2),
            4 => fixed(4),
            5 | 8 => fixed(8),
            6 | TEXT => Part::Length { kind, high: None },
            9 => fixed(16),
            _ => return None,
        })
    }

    fn value(&mut self, kind: u8, left: u16, item: &mut dyn FnMut(EventStreamItem<'_>)) -> Part {
        self.value.clear();
        let is_this = |name: &&&str| name.as_bytes() == self.name;
        let keep = self.wanted.iter().find(is_this).copied();
        self.valued(left, keep.filter(|_| kind == TEXT), item)
    }

    fn valued(
        &mut self,
        left: u16,
        keep: Option<&'static str>,
        item: &mut dyn FnMut(EventStreamItem<'_>),
    ) -> Part {
        if left > 0 {
            return Part::Value { left, keep };
        }
        if let Some(name) = keep
            && self.value.len() <= VALUE_BYTES_MAX
        {
            item(EventStreamItem::Header(name, &self.value));
        }
        Part::NameLength
    }
}

fn named(left: u8) -> Part {
    if left > 0 {
        Part::Name { left }
    } else {
        Part::Kind
    }
}
