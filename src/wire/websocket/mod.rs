//! A WebSocket's frames to messages, one direction at a time (RFC 6455).
//!
//! Messages are handed out in pieces as they come, so one of any size costs no memory: unmasked, with
//! permessage-deflate undone. What breaks the protocol ends the reading and nothing else, since the bytes
//! themselves were forwarded.
//!
//! Memory of a [`Reader`]: 4 KiB, and with compression 16 KiB and a window of 32 KiB.

mod close;
mod extensions;
mod inflate;

pub use close::{REASON_BYTES_MAX, close_frame};
pub use extensions::{Extensions, negotiated};

use inflate::MessageInflate;

/// Bytes that are unmasked at a time.
const PIECE: usize = 4 << 10;
/// The longest head of a frame: two bytes, a length of eight, a mask of four.
const HEAD_MAX: usize = 14;
/// Most bytes of a control frame's payload.
const CONTROL_MAX: u64 = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV: u8 = 0x70;
const MASKED: u8 = 0x80;

/// What a direction says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// The next bytes of the current message, of text or binary alike.
    Piece(&'a [u8]),
    /// The current message is complete.
    End,
    /// A Close frame: nothing follows it.
    Close,
}

/// How reading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All bytes fed were read.
    Ok,
    /// The bytes are no frames, or not of the compression that was negotiated; reading stopped there.
    Broken,
    /// A message grew past its bounds when it was decompressed; reading stopped there.
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opcode {
    Continuation,
    Data,
    Close,
    PingPong,
}

/// The frame whose payload is being read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    last: bool,
    mask: Option<[u8; 4]>,
    /// Payload bytes read.
    read: u64,
    left: u64,
}

/// Reads one direction of a connection, in chunks of any size.
#[derive(Debug)]
pub struct Reader {
    head: [u8; HEAD_MAX],
    head_length: usize,
    frame: Option<Frame>,
    /// Within a message of several frames.
    in_message: bool,
    /// Whether the message is compressed.
    compressed: bool,
    inflate: Option<MessageInflate>,
    state: State,
}

impl Reader {
    /// A reader at a direction's first frame. `deflate`: whether compression was negotiated, and then
    /// whether the sender begins every message with an empty window.
    pub fn new(deflate: Option<bool>) -> Self {
        Reader {
            head: [0; HEAD_MAX],
            head_length: 0,
            frame: None,
            in_message: false,
            compressed: false,
            inflate: deflate.map(MessageInflate::new),
            state: State::Ok,
        }
    }

    /// How reading stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether what was read ends with a frame's last byte, so that another frame may be put there.
    pub fn is_between_frames(&self) -> bool {
        self.state == State::Ok && self.frame.is_none() && self.head_length == 0
    }

    /// Whether a message has begun and not ended.
    pub fn is_within_message(&self) -> bool {
        self.in_message
    }

    /// Reads up to the end of the current frame, or of `bytes`, and tells how many that took: all of them
    /// once reading stopped.
    pub fn feed(&mut self, bytes: &[u8], out: &mut dyn FnMut(Item<'_>)) -> usize {
        if self.state != State::Ok {
            return bytes.len();
        }
        match self.read(bytes, out) {
            Ok(used) => used,
            Err(state) => {
                self.state = state;
                self.inflate = None;
                bytes.len()
            }
        }
    }

    fn read(&mut self, bytes: &[u8], out: &mut dyn FnMut(Item<'_>)) -> Result<usize, State> {
        let mut used = 0;
        if self.frame.is_none() {
            used = self.head(bytes)?;
        }
        let Some(frame) = &self.frame else {
            return Ok(used);
        };
        let rest = &bytes[used..];
        let here = usize::try_from(frame.left).map_or(rest.len(), |left| left.min(rest.len()));
        self.payload(&rest[..here], out)?;
        if self.frame.is_some_and(|frame| frame.left == 0) {
            self.end(out)?;
        }
        Ok(used + here)
    }

    /// Collects the head of a frame; tells how many bytes that took.
    fn head(&mut self, bytes: &[u8]) -> Result<usize, State> {
        let mut used = 0;
        loop {
            let length = head_length(&self.head[..self.head_length]);
            if self.head_length == length {
                break;
            }
            let Some(byte) = bytes.get(used) else {
                return Ok(used);
            };
            self.head[self.head_length] = *byte;
            self.head_length += 1;
            used += 1;
        }
        let frame = self.begin()?;
        self.head_length = 0;
        self.frame = Some(frame);
        Ok(used)
    }

    /// Reads a head that is complete.
    fn begin(&mut self) -> Result<Frame, State> {
        let [first, second, ..] = self.head;
        let opcode = match first & 0x0F {
            0 => Opcode::Continuation,
            1 | 2 => Opcode::Data,
            8 => Opcode::Close,
            9 | 10 => Opcode::PingPong,
            _ => return Err(State::Broken),
        };
        let at = 2 + length_bytes(second);
        let left = match &self.head[2..at] {
            [] => u64::from(second & !MASKED),
            written => written
                .iter()
                .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
        };
        let last = first & FIN != 0;
        let compressed = first & RSV == RSV1;
        let fits = match opcode {
            Opcode::Data => {
                !self.in_message && (first & RSV == 0 || (compressed && self.inflate.is_some()))
            }
            Opcode::Continuation => self.in_message && first & RSV == 0,
            Opcode::Close | Opcode::PingPong => last && first & RSV == 0 && left <= CONTROL_MAX,
        };
        if !fits || left > i64::MAX.unsigned_abs() {
            return Err(State::Broken);
        }
        if opcode == Opcode::Data {
            self.in_message = true;
            self.compressed = compressed;
        }
        let mask = (second & MASKED != 0).then(|| {
            let mut mask = [0; 4];
            mask.copy_from_slice(&self.head[at..at + 4]);
            mask
        });
        Ok(Frame {
            opcode,
            last,
            mask,
            read: 0,
            left,
        })
    }

    /// Reads bytes of the frame's payload.
    fn payload(&mut self, bytes: &[u8], out: &mut dyn FnMut(Item<'_>)) -> Result<(), State> {
        let Some(frame) = &mut self.frame else {
            return Ok(());
        };
        let from = frame.read;
        frame.read += bytes.len() as u64;
        frame.left -= bytes.len() as u64;
        if matches!(frame.opcode, Opcode::Close | Opcode::PingPong) {
            return Ok(());
        }
        let Some(mask) = frame.mask else {
            return self.content(bytes, out);
        };
        let mut piece = [0; PIECE];
        let mut at = from;
        for part in bytes.chunks(PIECE) {
            let plain = &mut piece[..part.len()];
            plain.copy_from_slice(part);
            unmask(plain, mask, at);
            at += part.len() as u64;
            self.content(plain, out)?;
        }
        Ok(())
    }

    fn content(&mut self, bytes: &[u8], out: &mut dyn FnMut(Item<'_>)) -> Result<(), State> {
        if bytes.is_empty() {
            return Ok(());
        }
        match &mut self.inflate {
            Some(inflate) if self.compressed => {
                inflate.feed(bytes, &mut |plain| out(Item::Piece(plain)))
            }
            _ => {
                out(Item::Piece(bytes));
                Ok(())
            }
        }
    }

    /// Ends the frame, and the message with its last one.
    fn end(&mut self, out: &mut dyn FnMut(Item<'_>)) -> Result<(), State> {
        let Some(frame) = self.frame.take() else {
            return Ok(());
        };
        match frame.opcode {
            Opcode::PingPong => {}
            Opcode::Close => out(Item::Close),
            Opcode::Data | Opcode::Continuation if frame.last => {
                self.in_message = false;
                if let Some(inflate) = self.inflate.as_mut().filter(|_| self.compressed) {
                    inflate.end(&mut |plain| out(Item::Piece(plain)))?;
                }
                out(Item::End);
            }
            Opcode::Data | Opcode::Continuation => {}
        }
        Ok(())
    }
}

/// How long a head is, as far as its first bytes tell.
fn head_length(head: &[u8]) -> usize {
    match head {
        [_, second, ..] => {
            let mask = if second & MASKED != 0 { 4 } else { 0 };
            2 + length_bytes(*second) + mask
        }
        _ => 2,
    }
}

/// Bytes of an extended length.
fn length_bytes(second: u8) -> usize {
    match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

/// Undoes a mask, or puts it on; the first byte is the payload's byte `at`.
fn unmask(bytes: &mut [u8], mask: [u8; 4], at: u64) {
    let mut turned = mask;
    turned.rotate_left((at % 4) as usize);
    for (byte, key) in bytes.iter_mut().zip(turned.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests;
