//! The gzip wrapper (RFC 1952): any number of members, a header, data and a trailer each.
//!
//! Checksums are not verified: the copy is only read, and whoever gets the original checks it.

use super::coding::{Emit, Fault, Inflate};

/// A gzip stream and how far it is.
#[derive(Debug)]
pub(super) struct Gzip {
    part: Part,
    /// Flags of the header being read, without those of parts already read.
    flags: u8,
    inflate: Option<Inflate>,
    /// Whether a member was read whole: then what is no further member is padding, not a fault.
    any: bool,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// The fixed header, with how many of its bytes were read.
    Fixed(usize),
    ExtraLength {
        low: Option<u8>,
    },
    /// An extra field, name or comment, with what is left of it or up to its zero.
    Extra(u16),
    Text,
    HeaderChecksum(usize),
    Data,
    Trailer(usize),
    /// Past the last member.
    Over,
}

const FIXED: usize = 10;
const FLAGS_AT: usize = 3;
const MAGIC: [u8; 3] = [0x1F, 0x8B, 8];
const TRAILER: usize = 8;
const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

impl Default for Gzip {
    fn default() -> Self {
        Gzip {
            part: Part::Fixed(0),
            flags: 0,
            inflate: None,
            any: false,
        }
    }
}

impl Gzip {
    pub(super) fn feed(&mut self, bytes: &[u8], emit: &mut Emit<'_>) -> Result<(), Fault> {
        let mut rest = bytes;
        while let [next, after @ ..] = rest {
            match self.part {
                Part::Over => return Ok(()),
                Part::Data => {
                    let inflate = self.inflate.get_or_insert_with(|| Inflate::new(false));
                    let Some(left) = inflate.feed(rest, emit)? else {
                        return Ok(());
                    };
                    self.part = Part::Trailer(0);
                    rest = left;
                }
                _ => {
                    self.frame(*next)?;
                    rest = after;
                }
            }
        }
        Ok(())
    }

    /// Reads one byte of a header or trailer.
    fn frame(&mut self, byte: u8) -> Result<(), Fault> {
        self.part = match self.part {
            Part::Fixed(at) => {
                if MAGIC.get(at).is_some_and(|magic| *magic != byte) {
                    self.part = Part::Over;
                    return if self.any { Ok(()) } else { Err(Fault::Broken) };
                }
                if at == FLAGS_AT {
                    self.flags = byte;
                }
                if at + 1 < FIXED {
                    Part::Fixed(at + 1)
                } else {
                    self.next_part()
                }
            }
            Part::ExtraLength { low: None } => Part::ExtraLength { low: Some(byte) },
            Part::ExtraLength { low: Some(low) } => match u16::from_le_bytes([low, byte]) {
                0 => self.next_part(),
                length => Part::Extra(length),
            },
            Part::Extra(left) if left > 1 => Part::Extra(left - 1),
            Part::Text if byte != 0 => Part::Text,
            Part::HeaderChecksum(0) => Part::HeaderChecksum(1),
            Part::Extra(_) | Part::Text | Part::HeaderChecksum(_) => self.next_part(),
            Part::Trailer(read) if read + 1 < TRAILER => Part::Trailer(read + 1),
            Part::Trailer(_) => {
                self.any = true;
                if let Some(inflate) = &mut self.inflate {
                    inflate.restart();
                }
                Part::Fixed(0)
            }
            Part::Data | Part::Over => self.part,
        };
        Ok(())
    }

    /// The part of the header that the flags announce next.
    fn next_part(&mut self) -> Part {
        for (flag, part) in [
            (EXTRA, Part::ExtraLength { low: None }),
            (NAME, Part::Text),
            (COMMENT, Part::Text),
            (HEADER_CHECKSUM, Part::HeaderChecksum(0)),
        ] {
            if self.flags & flag != 0 {
                self.flags &= !flag;
                return part;
            }
        }
        Part::Data
    }
}
