//! Frames written and read by hand, a scripted upstream that speaks them, and a client.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::client::{H1, Request, Way};
use super::gate::Gate;
use super::message::Head;
use super::upstream::{Transport, Upstream};
use super::weir::Weir;
use super::wire::Wire;

/// A frame as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub is_masked: bool,
    /// Without its mask.
    pub payload: Vec<u8>,
    pub raw: Vec<u8>,
}

impl Frame {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// The status and the reason of a Close.
    pub fn close(&self) -> (u16, String) {
        assert_eq!(self.opcode, 8, "a Close: {self:?}");
        let (status, reason) = self.payload.split_at(2);
        let status = u16::from_be_bytes([status[0], status[1]]);
        (status, String::from_utf8_lossy(reason).into_owned())
    }
}

/// Writes a frame: `first` is its first byte, FIN, reserved bits and opcode.
pub fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match (payload.len(), u16::try_from(payload.len())) {
        (0..126, Ok(length)) => bytes.push(masked | length.to_be_bytes()[1]),
        (_, Ok(length)) => {
            bytes.push(masked | 126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        (length, Err(_)) => {
            bytes.push(masked | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let key = mask.unwrap_or_default();
    if mask.is_some() {
        bytes.extend_from_slice(&key);
    }
    bytes.extend(
        payload
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ key[at % 4]),
    );
    bytes
}

/// A server's text.
pub fn says(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes(), None)
}

/// A client's text.
pub fn asks(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes(), Some([7, 1, 9, 3]))
}

/// What permessage-deflate makes of a message that keeps nothing of others.
pub fn deflated(text: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(text.as_bytes())
        .expect("memory takes all");
    encoder.flush().expect("memory takes all");
    let mut bytes = encoder.get_ref().clone();
    assert!(bytes.ends_with(&[0, 0, 0xFF, 0xFF]));
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// What permessage-deflate makes of messages that refer to those before them.
pub struct Deflater(DeflateEncoder<Vec<u8>>);

impl Deflater {
    pub fn new() -> Deflater {
        Deflater(DeflateEncoder::new(Vec::new(), Compression::default()))
    }

    /// A server's text, compressed.
    pub fn says(&mut self, text: &str) -> Vec<u8> {
        self.0.write_all(text.as_bytes()).expect("memory takes all");
        self.0.flush().expect("memory takes all");
        let bytes = std::mem::take(self.0.get_mut());
        let payload = bytes.strip_suffix(&[0, 0, 0xFF, 0xFF]);
        frame(0xC1, payload.expect("a flush ends so"), None)
    }
}

/// What a server proves with that it read a handshake's key.
fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    STANDARD.encode(digest)
}

/// Reads one frame; `None` where the stream ends.
pub async fn read_frame(wire: &mut Wire) -> Option<Frame> {
    let mut raw = wire.read_exactly(2).await.ok()?;
    let is_masked = raw[1] & 0x80 != 0;
    let more = match raw[1] & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    raw.extend(wire.read_exactly(more).await.ok()?);
    let length = match &raw[2..] {
        [] => usize::from(raw[1] & 0x7F),
        bytes => bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | usize::from(*byte)),
    };
    let mask = wire
        .read_exactly(if is_masked { 4 } else { 0 })
        .await
        .ok()?;
    let body = wire.read_exactly(length).await.ok()?;
    let key = |at: usize| mask.get(at % 4).copied().unwrap_or(0);
    let payload = body.iter().enumerate().map(|(at, byte)| byte ^ key(at));
    let payload = payload.collect();
    raw.extend_from_slice(&mask);
    raw.extend_from_slice(&body);
    Some(Frame {
        opcode: raw[0] & 0x0F,
        is_masked,
        payload,
        raw,
    })
}

/// What a scripted upstream does next.
#[derive(Clone)]
pub enum Act {
    /// Hears so many frames.
    Hear(usize),
    Say(Vec<u8>),
    /// Says it byte by byte.
    Spell(Vec<u8>),
    Wait(Gate),
    /// Ends the connection.
    HangUp,
}

/// An upstream that opens a session and plays its script; what it heard is its exchange's body.
pub async fn upstream(
    transport: Transport,
    extensions: &'static str,
    script: Vec<Act>,
) -> Upstream {
    Upstream::driven(transport, move |mut wire: Wire, record, connection| {
        let script = script.clone();
        async move {
            let Ok(Some(head)) = wire.read_head().await else {
                return;
            };
            let key = head.get("sec-websocket-key").unwrap_or_default();
            let mut answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
                accept(key)
            );
            let at = record.begin(connection, head);
            if !extensions.is_empty() {
                answer.push_str(&format!("Sec-WebSocket-Extensions: {extensions}\r\n"));
            }
            answer.push_str("\r\n");
            wire.write(answer.as_bytes()).await.expect("it is taken");
            for act in script {
                match act {
                    Act::Hear(frames) => {
                        for _ in 0..frames {
                            let Some(frame) = read_frame(&mut wire).await else {
                                record.note(at, |entry| entry.cut = true);
                                return;
                            };
                            record.note(at, |entry| entry.body.data.extend(frame.raw));
                        }
                    }
                    // A client that left is not told.
                    Act::Say(bytes) => drop(wire.write(&bytes).await),
                    Act::Spell(bytes) => {
                        for byte in bytes {
                            drop(wire.write(&[byte]).await);
                        }
                    }
                    Act::Wait(gate) => gate.passed().await,
                    Act::HangUp => return,
                }
            }
            record.note(at, |entry| entry.answered = true);
            while let Some(frame) = read_frame(&mut wire).await {
                record.note(at, |entry| entry.body.data.extend(frame.raw));
            }
            record.note(at, |entry| entry.cut = true);
        }
    })
    .await
}

/// A client's end of a session.
pub struct Client {
    pub wire: Wire,
    pub head: Head,
}

impl Client {
    /// Opens a session through weir; the answer may be a refusal.
    pub async fn open(weir: &Weir, way: Way, request: Request) -> Client {
        Client::open_at(weir, way, "openai", request).await
    }

    /// The same to another provider.
    pub async fn open_at(weir: &Weir, way: Way, provider: &str, request: Request) -> Client {
        let mut h1: H1 = weir.h1(way, provider).await;
        h1.start(&request).await;
        let (_, head) = h1.head().await;
        Client {
            wire: h1.wire,
            head,
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.wire.write(bytes).await.expect("weir takes bytes");
    }

    /// The next frame.
    pub async fn frame(&mut self) -> Frame {
        read_frame(&mut self.wire).await.expect("a frame")
    }

    /// The frames up to one that holds a text.
    pub async fn until(&mut self, text: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            let found = frame.text().contains(text);
            frames.push(frame);
            if found {
                return frames;
            }
        }
    }
}

/// A handshake.
pub fn handshake(path: &str) -> Request {
    Request::get(path)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}
