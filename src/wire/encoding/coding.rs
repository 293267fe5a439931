//! One content coding, undone push by push.
//!
//! Each loops until its input is used up and its output is not full, so nothing that could be
//! decoded stays behind.

use std::fmt;

use brotli::writer::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Operation};

use super::gzip::Gzip;

/// Why decoding stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum Fault {
    Broken,
    TooLarge,
}

/// Takes decoded bytes; its fault stops the decoding.
pub(in crate::wire) type Emit<'a> = dyn FnMut(&[u8]) -> Result<(), Fault> + 'a;

/// Decoded bytes handed out at a time.
const PIECE: usize = 16 << 10;
/// The largest zstd window: 2^23 bytes.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A coding and how far it is.
#[derive(Debug)]
pub(super) enum Coding {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Brotli),
    Zstd(Zstd),
}

impl Coding {
    /// The coding of this name, in any case; `None` where it is not known.
    pub(super) fn named(name: &str) -> Option<Coding> {
        Some(match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Coding::Gzip(Gzip::default()),
            "deflate" => Coding::Deflate(Deflate::default()),
            "br" => Coding::Brotli(Brotli::new()),
            "zstd" => Coding::Zstd(Zstd::new()?),
            _ => return None,
        })
    }

    pub(super) fn feed(&mut self, bytes: &[u8], emit: &mut Emit<'_>) -> Result<(), Fault> {
        match self {
            Coding::Gzip(gzip) => gzip.feed(bytes, emit),
            Coding::Deflate(deflate) => deflate.feed(bytes, emit),
            Coding::Brotli(brotli) => brotli.feed(bytes, emit),
            Coding::Zstd(zstd) => zstd.feed(bytes, emit),
        }
    }
}

/// Compressed data of RFC 1951, bare or in the zlib wrapper.
pub(in crate::wire) struct Inflate {
    state: Decompress,
    piece: Box<[u8]>,
}

impl Inflate {
    pub(in crate::wire) fn new(zlib_header: bool) -> Self {
        Inflate {
            state: Decompress::new(zlib_header),
            piece: vec![0; PIECE].into(),
        }
    }

    /// Begins another stream without a wrapper.
    pub(in crate::wire) fn restart(&mut self) {
        self.state.reset(false);
    }

    /// Decodes; gives the bytes left over where the stream ended, `None` where it goes on.
    pub(in crate::wire) fn feed<'b>(
        &mut self,
        mut bytes: &'b [u8],
        emit: &mut Emit<'_>,
    ) -> Result<Option<&'b [u8]>, Fault> {
        loop {
            let before = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(bytes, &mut self.piece, FlushDecompress::None);
            let status = status.map_err(|_| Fault::Broken)?;
            let used = usize::try_from(self.state.total_in() - before.0).unwrap_or(bytes.len());
            let made = usize::try_from(self.state.total_out() - before.1).unwrap_or(PIECE);
            bytes = &bytes[used..];
            if made > 0 {
                emit(&self.piece[..made])?;
            }
            if status == Status::StreamEnd {
                return Ok(Some(bytes));
            }
            if made < PIECE && bytes.is_empty() {
                return Ok(None);
            }
            if used + made == 0 {
                return Err(Fault::Broken);
            }
        }
    }
}

impl fmt::Debug for Inflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflate")
            .field("made", &self.state.total_out())
            .finish_non_exhaustive()
    }
}

/// `deflate`: means the zlib wrapper, but some senders leave it out.
#[derive(Debug, Default)]
pub(super) struct Deflate {
    /// The first byte, while the second that tells the wrapper is still to come.
    first: Option<u8>,
    inflate: Option<Inflate>,
    over: bool,
}

impl Deflate {
    fn feed(&mut self, bytes: &[u8], emit: &mut Emit<'_>) -> Result<(), Fault> {
        let mut bytes = bytes;
        if self.inflate.is_none() {
            let (first, rest) = match (self.first, bytes) {
                (Some(first), rest) => (first, rest),
                (None, [first, rest @ ..]) => (*first, rest),
                (None, []) => return Ok(()),
            };
            self.first = Some(first);
            let Some(second) = rest.first() else {
                return Ok(());
            };
            // RFC 1950 2.2: the method is 8, and the two bytes are a multiple of 31.
            let zlib = first & 0x0F == 8 && u16::from_be_bytes([first, *second]) % 31 == 0;
            let mut inflate = Inflate::new(zlib);
            self.over = inflate.feed(&[first], emit)?.is_some();
            self.inflate = Some(inflate);
            bytes = rest;
        }
        if let Some(inflate) = &mut self.inflate
            && !self.over
        {
            self.over = inflate.feed(bytes, emit)?.is_some();
        }
        Ok(())
    }
}

/// `br`, without the large windows that a browser would refuse too.
pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    piece: Box<[u8]>,
    over: bool,
}

impl Brotli {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        let state = BrotliState::new_strict(alloc(), alloc(), alloc());
        Brotli {
            state: Box::new(state),
            piece: vec![0; PIECE].into(),
            over: false,
        }
    }

    fn feed(&mut self, bytes: &[u8], emit: &mut Emit<'_>) -> Result<(), Fault> {
        let (mut left, mut used) = (bytes.len(), 0);
        while !self.over {
            let (mut room, mut made, mut total) = (PIECE, 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut used,
                bytes,
                &mut room,
                &mut made,
                &mut self.piece,
                &mut total,
                &mut self.state,
            );
            if made > 0 {
                emit(&self.piece[..made])?;
            }
            match result {
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultSuccess => self.over = true,
                BrotliResult::ResultFailure => return Err(Fault::Broken),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Brotli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brotli")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

/// `zstd`, any number of frames.
pub(super) struct Zstd {
    state: zstd::stream::raw::Decoder<'static>,
    piece: Box<[u8]>,
}

impl Zstd {
    /// `None` where there is no memory for it.
    fn new() -> Option<Self> {
        let mut state = zstd::stream::raw::Decoder::new().ok()?;
        state
            .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))
            .ok()?;
        Some(Zstd {
            state,
            piece: vec![0; PIECE].into(),
        })
    }

    fn feed(&mut self, mut bytes: &[u8], emit: &mut Emit<'_>) -> Result<(), Fault> {
        loop {
            let status = self.state.run_on_buffers(bytes, &mut self.piece);
            let status = status.map_err(|_| Fault::Broken)?;
            bytes = &bytes[status.bytes_read..];
            if status.bytes_written > 0 {
                emit(&self.piece[..status.bytes_written])?;
            }
            if status.bytes_written < PIECE && bytes.is_empty() {
                return Ok(());
            }
            if status.bytes_read + status.bytes_written == 0 {
                return Err(Fault::Broken);
            }
        }
    }
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zstd").finish_non_exhaustive()
    }
}
