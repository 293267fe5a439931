//! Splits AWS's binary event stream into messages, at any chunking, without keeping their payloads.
//!
//! A message is a prelude with two lengths and a checksum of its own, headers, a payload and a checksum
//! of it all. The lengths are trusted once the prelude's checksum is right, and what a payload said
//! counts once its message's is: a reader must hold it back until [`EventStreamItem::End`]. After a
//! message that is wrong nothing can be found again, so the rest is left unread.

mod headers;

use crc32fast::Hasher;

use headers::Headers;

/// Most bytes of one message's headers: the limit of AWS's own clients.
pub const HEADERS_BYTES_MAX: u32 = 128 * 1024;
/// Most bytes of one message's payload: the limit of AWS's own clients.
pub const PAYLOAD_BYTES_MAX: u32 = 24 * 1024 * 1024;
/// Longest value of a wanted header that is handed out; a longer one is left out.
pub const VALUE_BYTES_MAX: usize = 256;

const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;
/// Bytes of a message besides its headers and its payload.
const FRAME_BYTES: u32 = 16;

/// What a stream consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStreamItem<'a> {
    /// A wanted header of the current message, whose value is a text; headers come before the payload.
    Header(&'static str, &'a [u8]),
    /// A piece of the current message's payload.
    Payload(&'a [u8]),
    /// The current message ends and is as it was sent.
    End,
    /// The current message is not as it was sent, or is none; no other item follows.
    Broken,
}

/// Reads a stream in chunks of any size.
///
/// Holds the prelude, the name of one header (255 bytes) and one value ([`VALUE_BYTES_MAX`]).
#[derive(Debug)]
pub struct EventStreamSplitter {
    part: Part,
    headers: Headers,
    /// Of everything in the message before its own checksum.
    checksum: Hasher,
    /// The prelude or the checksum, as far as it was read.
    held: [u8; PRELUDE_BYTES],
    held_bytes: usize,
}

/// The part of a message being read, with how many of its bytes are left.
#[derive(Clone, Copy, Debug)]
enum Part {
    Prelude,
    Headers { left: u32, payload: u32 },
    Payload { left: u32 },
    Checksum,
    Broken,
}

impl EventStreamSplitter {
    /// A splitter at the beginning of a stream, which hands out the headers of these names.
    pub fn new(wanted: &'static [&'static str]) -> Self {
        EventStreamSplitter {
            part: Part::Prelude,
            headers: Headers::new(wanted),
            checksum: Hasher::new(),
            held: [0; PRELUDE_BYTES],
            held_bytes: 0,
        }
    }

    /// Feeds the next bytes, split anywhere.
    pub fn feed(&mut self, bytes: &[u8], item: &mut dyn FnMut(EventStreamItem<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let read = match self.part {
                Part::Prelude => self.prelude(rest),
                Part::Headers { left, payload } => self.headers(rest, left, payload, item),
                Part::Payload { left } => self.payload(rest, left, item),
                Part::Checksum => self.end(rest, item),
                Part::Broken => return,
            };
            if let Part::Broken = self.part {
                item(EventStreamItem::Broken);
                return;
            }
            rest = &rest[read..];
        }
    }

    /// Whether a message was found that is not as it was sent.
    pub fn is_broken(&self) -> bool {
        matches!(self.part, Part::Broken)
    }

    fn prelude(&mut self, bytes: &[u8]) -> usize {
        let (read, whole) = self.hold(bytes, PRELUDE_BYTES);
        if whole {
            self.part = self.begin().unwrap_or(Part::Broken);
        }
        read
    }

    /// The part that follows a whole prelude; `None` where it cannot be one.
    fn begin(&mut self) -> Option<Part> {
        let [total, headers, checksum] = [0, 4, 8].map(|at| word(&self.held[at..]));
        if crc32fast::hash(&self.held[..8]) != checksum || headers > HEADERS_BYTES_MAX {
            return None;
        }
        let payload = total.checked_sub(headers)?.checked_sub(FRAME_BYTES)?;
        if payload > PAYLOAD_BYTES_MAX {
            return None;
        }
        self.checksum = Hasher::new();
        self.checksum.update(&self.held);
        self.headers.reset();
        Some(after_headers(headers, payload))
    }

    fn headers(
        &mut self,
        bytes: &[u8],
        left: u32,
        payload: u32,
        item: &mut dyn FnMut(EventStreamItem<'_>),
    ) -> usize {
        let (piece, left) = take(bytes, left);
        self.checksum.update(piece);
        let sound = self.headers.feed(piece, item) && (left > 0 || self.headers.are_whole());
        self.part = if sound {
            after_headers(left, payload)
        } else {
            Part::Broken
        };
        piece.len()
    }

    fn payload(
        &mut self,
        bytes: &[u8],
        left: u32,
        item: &mut dyn FnMut(EventStreamItem<'_>),
    ) -> usize {
        let (piece, left) = take(bytes, left);
        self.checksum.update(piece);
        item(EventStreamItem::Payload(piece));
        self.part = after_headers(0, left);
        piece.len()
    }

    fn end(&mut self, bytes: &[u8], item: &mut dyn FnMut(EventStreamItem<'_>)) -> usize {
        let (read, whole) = self.hold(bytes, CHECKSUM_BYTES);
        if whole {
            let computed = std::mem::take(&mut self.checksum).finalize();
            if computed == word(&self.held) {
                self.part = Part::Prelude;
                item(EventStreamItem::End);
            } else {
                self.part = Part::Broken;
            }
        }
        read
    }

    /// Keeps bytes until there are `wanted`; how many were taken, and whether that is all.
    fn hold(&mut self, bytes: &[u8], wanted: usize) -> (usize, bool) {
        let read = bytes.len().min(wanted - self.held_bytes);
        self.held[self.held_bytes..][..read].copy_from_slice(&bytes[..read]);
        self.held_bytes = (self.held_bytes + read) % wanted;
        (read, self.held_bytes == 0)
    }
}

fn after_headers(headers: u32, payload: u32) -> Part {
    match (headers, payload) {
        (0, 0) => Part::Checksum,
        (0, left) => Part::Payload { left },
        (left, payload) => Part::Headers { left, payload },
    }
}

/// The bytes that belong to the part, and how many it lacks after them.
fn take(bytes: &[u8], left: u32) -> (&[u8], u32) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(left);
    (&bytes[..length as usize], left - length)
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests;
