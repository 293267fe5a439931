//! One message of a binary stream, held back until its checksum tells that it is as it was sent.
//!
//! What its payload says is kept as captured fields, so that nothing of a message that turns out wrong
//! has to be taken back.

use crate::providers::reader::{Paths, Reader, Said, TextSink};
use crate::wire::json::Found;

/// Most bytes of captured fields that are held; what does not fit is cut, as an overlong field is.
pub(super) const HELD_BYTES_MAX: usize = 32 * 1024;
/// Most fields that are held: a message has a handful.
const FIELDS_MAX: usize = 256;
/// Most headers that are held: as many as are asked for, unless one stands twice.
const HEADERS_MAX: usize = 16;

/// The headers that readers are told of.
pub(super) const HEADERS: &[&str] = &[
    MESSAGE_TYPE,
    ":event-type",
    ":exception-type",
    ":error-code",
    ":error-message",
];
const MESSAGE_TYPE: &str = ":message-type";

/// What the current message said so far.
#[derive(Debug, Default)]
pub(super) struct Held {
    headers: Vec<(&'static str, String)>,
    fields: Vec<Field>,
    bytes: usize,
}

#[derive(Debug)]
struct Field {
    field: usize,
    raw: Vec<u8>,
    bytes: u64,
    cut: bool,
}

impl Held {
    pub(super) fn header(&mut self, name: &'static str, value: &[u8]) {
        if self.headers.len() < HEADERS_MAX {
            let value = String::from_utf8_lossy(value).into_owned();
            self.headers.push((name, value));
        }
    }

    /// Whether it is an event, not an error in the place of one.
    pub(super) fn is_event(&self) -> bool {
        header(&self.headers, MESSAGE_TYPE).is_none_or(|kind| kind == "event")
    }

    pub(super) fn push(&mut self, found: &Found<'_>) {
        if self.fields.len() == FIELDS_MAX {
            return;
        }
        let kept = found.raw.len().min(HELD_BYTES_MAX - self.bytes);
        self.bytes += kept;
        self.fields.push(Field {
            field: found.field,
            raw: found.raw[..kept].to_vec(),
            bytes: found.bytes,
            cut: found.cut || kept < found.raw.len(),
        });
    }

    /// Tells the reader of all of it, in order, and forgets it.
    pub(super) fn tell(
        &mut self,
        reader: &mut dyn Reader,
        paths: &'static Paths,
        said: &mut Said,
        text: &mut TextSink<'_>,
    ) {
        reader.event(said, &|name| header(&self.headers, name));
        for held in &self.fields {
            let found = Found {
                field: held.field,
                raw: &held.raw,
                bytes: held.bytes,
                cut: held.cut,
                plain: false,
            };
            reader.found(said, paths.name(held.field), &found, text);
        }
        self.clear();
    }

    pub(super) fn clear(&mut self) {
        self.headers.clear();
        self.fields.clear();
        self.bytes = 0;
    }
}

fn header<'a>(headers: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
    let mut found = headers.iter().filter(|(key, _)| *key == name);
    found.next().map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_and_told_so() {
        let mut held = Held::default();
        let raw = vec![b'x'; HELD_BYTES_MAX / 2 + 1];
        for _ in 0..2 * FIELDS_MAX {
            held.push(&Found {
                field: 0,
                raw: &raw,
                bytes: raw.len() as u64,
                cut: false,
                plain: false,
            });
        }
        let kept: usize = held.fields.iter().map(|field| field.raw.len()).sum();
        assert_eq!((kept, held.fields.len()), (HELD_BYTES_MAX, FIELDS_MAX));
        assert!(!held.fields[0].cut && held.fields[1].cut);
        held.header(MESSAGE_TYPE, b"exception");
        assert!(!held.is_event());
        held.clear();
        assert!(held.is_event());
    }
}
