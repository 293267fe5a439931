//! Decodes the base64 text under one name of a small JSON object, as its bytes pass.
//!
//! Some streams wrap each message in an object that holds it in base64. Only the object's own level is
//! looked at; whatever else it holds is passed over. Memory is the name being read, up to one byte more
//! than the wanted one has, and some 8 KiB of base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr2;

/// Most base64 characters that are decoded in one go.
const DECODED_AT_ONCE: usize = 4 * 1024;

/// Reads one object after the other, with [`reset`](Base64Member::reset) between them.
#[derive(Debug)]
pub struct Base64Member {
    name: &'static str,
    depth: u32,
    text: Text,
    /// The last name or text at the object's own level.
    key: Vec<u8>,
    /// A name of the object's own level was read and its value follows.
    is_wanted: bool,
    escape: Escape,
    /// Base64 that is not decoded yet.
    quad: Vec<u8>,
    /// A character stood where none of base64 can, so the rest is left unread.
    is_broken: bool,
}

/// The string being read, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Outside,
    /// At the object's own level: its name, if what follows is a colon.
    Kept,
    Wanted,
    /// Of no interest.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    /// `\u` and how many digits of it were read, with their value.
    Unicode(u8, u32),
}

impl Base64Member {
    /// A decoder at the beginning of an object.
    pub fn new(name: &'static str) -> Self {
        Base64Member {
            name,
            depth: 0,
            text: Text::Outside,
            key: Vec::new(),
            is_wanted: false,
            escape: Escape::None,
            quad: Vec::new(),
            is_broken: false,
        }
    }

    /// Gets ready for the next object.
    pub fn reset(&mut self) {
        *self = Base64Member::new(self.name);
    }

    /// Feeds the next bytes of the object, split anywhere; hands out what was decoded.
    pub fn feed(&mut self, bytes: &[u8], decoded: &mut dyn FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if self.text == Text::Outside {
                self.structure(byte);
                rest = &rest[1..];
                continue;
            }
            let plain = match self.escape {
                Escape::None => memchr2(b'"', b'\\', rest).unwrap_or(rest.len()),
                _ => 0,
            };
            for piece in rest[..plain].chunks(DECODED_AT_ONCE) {
                self.push(piece, decoded);
            }
            rest = &rest[plain..];
            if let Some((&byte, after)) = rest.split_first() {
                self.mark(byte, decoded);
                rest = after;
            }
        }
        // Of the last whole characters nothing is kept back.
        self.decode(decoded);
    }

    fn structure(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.text = match self.depth {
                    1 if self.is_wanted => Text::Wanted,
                    1 => Text::Kept,
                    _ => Text::Other,
                };
                if self.text == Text::Kept {
                    self.key.clear();
                }
            }
            b':' if self.depth == 1 => self.is_wanted = self.key == self.name.as_bytes(),
            b',' if self.depth == 1 => {
                self.is_wanted = false;
                self.key.clear();
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// A byte in a string that ends it, begins an escape or belongs to one.
    fn mark(&mut self, byte: u8, decoded: &mut dyn FnMut(&[u8])) {
        match self.escape {
            Escape::None if byte == b'\\' => self.escape = Escape::Begun,
            Escape::None => {
                self.decode(decoded);
                self.quad.clear();
                self.text = Text::Outside;
            }
            Escape::Begun if byte == b'u' => self.escape = Escape::Unicode(0, 0),
            Escape::Begun => {
                self.escape = Escape::None;
                self.push(&[byte], decoded);
            }
            Escape::Unicode(read, value) => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                let value = value * 16 + digit;
                self.escape = Escape::Unicode(read + 1, value);
                if read == 3 {
                    self.escape = Escape::None;
                    // What is beyond ASCII stands neither in base64 nor in the name.
                    self.push(&[u8::try_from(value).unwrap_or(0)], decoded);
                }
            }
        }
    }

    /// A part of the string's text.
    fn push(&mut self, text: &[u8], decoded: &mut dyn FnMut(&[u8])) {
        match self.text {
            Text::Kept => {
                let room = (self.name.len() + 1).saturating_sub(self.key.len());
                self.key.extend_from_slice(&text[..text.len().min(room)]);
            }
            Text::Wanted => {
                self.quad.extend_from_slice(text);
                if self.quad.len() >= DECODED_AT_ONCE {
                    self.decode(decoded);
                }
            }
            Text::Outside | Text::Other => {}
        }
    }

    /// Decodes the whole groups of four characters.
    fn decode(&mut self, decoded: &mut dyn FnMut(&[u8])) {
        let whole = self.quad.len() / 4 * 4;
        if whole == 0 || self.is_broken {
            return;
        }
        match STANDARD.decode(&self.quad[..whole]) {
            Ok(plain) => decoded(&plain),
            // What follows would be decoded out of step.
            Err(_) => self.is_broken = true,
        }
        self.quad.drain(..whole);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut member = Base64Member::new("bytes");
        let mut out = Vec::new();
        for chunk in chunks {
            member.feed(chunk, &mut |plain| out.extend_from_slice(plain));
        }
        out
    }

    #[test]
    fn only_the_objects_own_member_is_decoded() {
        for (object, plain) in [
            (r#"{"bytes":"aGk="}"#, "hi"),
            (r#" { "p" : "bytes" , "bytes" : "aGk=" }"#, "hi"),
            (r#"{"p":"a\"bytes\":\"","bytes":"aGk=","q":"eHg="}"#, "hi"),
            (
                r#"{"a":{"bytes":"eHg="},"b":["bytes","eHg="],"bytes":"aGk="}"#,
                "hi",
            ),
            (r#"{"\u0062ytes":"aG\u006b\u003d"}"#, "hi"),
            (r#"{"bytes":"Pz8\/"}"#, "???"),
            (r#"{"bytess":"aGk=","byte":"aGk="}"#, ""),
            (r#"{"bytes":null,"x":"aGk="}"#, ""),
            (r#"{"bytes":"a!k="}"#, ""),
            ("", ""),
        ] {
            assert_eq!(decode([object.as_bytes()]), plain.as_bytes(), "{object}");
            assert_eq!(
                decode(object.as_bytes().chunks(1)),
                plain.as_bytes(),
                "{object}"
            );
        }
    }

    #[test]
    fn the_next_object_starts_afresh() {
        let mut member = Base64Member::new("bytes");
        let mut out = Vec::new();
        for object in [r#"{"bytes":"aG!"#, r#"{"bytes":"aGk="}"#] {
            member.feed(object.as_bytes(), &mut |plain| out.extend_from_slice(plain));
            member.reset();
        }
        assert_eq!(out, b"hi");
    }

    proptest! {
        #[test]
        fn any_message_comes_back_at_any_chunking(
            message in prop::collection::vec(any::<u8>(), 0..9000),
            size in 1..5000usize,
        ) {
            let object = format!(r#"{{"p":"abc","bytes":"{}"}}"#, STANDARD.encode(&message));
            prop_assert_eq!(decode(object.as_bytes().chunks(size)), message);
        }
    }
}
