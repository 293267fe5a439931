//! Undoes `Content-Encoding` on a copy of a body, as its bytes arrive.
//!
//! What a sender flushed comes out at once, so an event of a compressed stream is read when it
//! passes. A fault here is never the caller's: the bytes themselves were forwarded, and only
//! reading them stops.
//!
//! Memory of a [`Decoder`]: 16 KiB and a window for each coding. The window is 32 KiB for gzip and
//! deflate, at most 8 MiB for zstd (what RFC 9659 lets a sender use) and at most 16 MiB for br, and
//! only as large as the sender chose.

mod coding;
mod gzip;

use coding::Coding;

pub(in crate::wire) use coding::{Fault, Inflate};

/// Most bytes that one body may decode to.
pub const OUTPUT_MAX: u64 = 64 << 20;
/// Most times that a body may grow when it is decoded, once it is past [`RATIO_FREE`].
pub const RATIO_MAX: u64 = 200;
/// Decoded bytes that are let through at any ratio.
pub const RATIO_FREE: u64 = 1 << 20;
/// Most codings that may be listed; more are unsupported.
const CODINGS_MAX: usize = 4;

/// How decoding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeState {
    /// All bytes fed were decoded.
    Ok,
    /// A coding is listed that is not known here; nothing is decoded.
    Unsupported,
    /// The bytes are not of the coding, or need a larger window than is allowed; decoding stopped
    /// there.
    Broken,
    /// The body grew past [`OUTPUT_MAX`] or [`RATIO_MAX`]; decoding stopped there.
    TooLarge,
}

/// Decodes one body in chunks of any size.
#[derive(Debug)]
pub struct Decoder {
    /// The codings to undo, the last one applied first.
    stages: Vec<Stage>,
    state: DecodeState,
    fed: u64,
    over: bool,
}

#[derive(Debug)]
struct Stage {
    coding: Coding,
    made: u64,
}

impl Decoder {
    /// A decoder for the value of a `Content-Encoding` header; `None` and `identity` pass bytes
    /// through.
    pub fn new(content_encoding: Option<&str>) -> Self {
        let names = content_encoding
            .unwrap_or_default()
            .split(',')
            .map(str::trim);
        let names = names.filter(|n| !n.is_empty() && !n.eq_ignore_ascii_case("identity"));
        let stages: Option<Vec<Stage>> = names
            .rev()
            .map(|name| {
                Some(Stage {
                    coding: Coding::named(name)?,
                    made: 0,
                })
            })
            .collect();
        let stages = stages.filter(|stages| stages.len() <= CODINGS_MAX);
        let state = if stages.is_some() {
            DecodeState::Ok
        } else {
            DecodeState::Unsupported
        };
        Decoder {
            stages: stages.unwrap_or_default(),
            state,
            fed: 0,
            over: false,
        }
    }

    /// Feeds the next bytes and hands out what they decode to, in pieces. Once [`Self::state`] is
    /// not [`DecodeState::Ok`], and after [`Self::finish`], bytes are ignored.
    pub fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8])) {
        if self.state != DecodeState::Ok || self.over {
            return;
        }
        self.fed += bytes.len() as u64;
        self.state = match decode(&mut self.stages, self.fed, bytes, out) {
            Ok(()) => return,
            Err(Fault::Broken) => DecodeState::Broken,
            Err(Fault::TooLarge) => DecodeState::TooLarge,
        };
        self.stages = Vec::new();
    }

    /// Ends the body and frees the windows. Nothing is held back, so a body that was cut off has
    /// already given what it held, and is no fault.
    pub fn finish(&mut self, _out: &mut dyn FnMut(&[u8])) {
        self.stages = Vec::new();
        self.over = true;
    }

    /// How decoding stands.
    pub fn state(&self) -> DecodeState {
        self.state
    }
}

fn decode(
    stages: &mut [Stage],
    fed: u64,
    bytes: &[u8],
    out: &mut dyn FnMut(&[u8]),
) -> Result<(), Fault> {
    let Some((Stage { coding, made }, rest)) = stages.split_first_mut() else {
        out(bytes);
        return Ok(());
    };
    coding.feed(bytes, &mut |piece| {
        *made += piece.len() as u64;
        if *made > OUTPUT_MAX || (*made > RATIO_FREE && *made > fed * RATIO_MAX) {
            return Err(Fault::TooLarge);
        }
        decode(rest, fed, piece, out)
    })
}

#[cfg(test)]
mod tests;
