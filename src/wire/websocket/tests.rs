use flate2::{Compress, Compression, FlushCompress};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What a direction said, messages joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    messages: Vec<Vec<u8>>,
    open: Vec<u8>,
    closes: usize,
    /// Offsets at which another frame may be put.
    boundaries: Vec<usize>,
}

fn hear(reader: &mut Reader, chunks: &[&[u8]]) -> Heard {
    let mut heard = Heard::default();
    let mut offset = 0;
    for chunk in chunks {
        let mut rest = *chunk;
        loop {
            let used = reader.feed(rest, &mut |item| match item {
                Item::Piece(piece) => heard.open.extend_from_slice(piece),
                Item::End => heard.messages.push(std::mem::take(&mut heard.open)),
                Item::Close => heard.closes += 1,
            });
            offset += used;
            rest = &rest[used..];
            if used > 0 && reader.is_between_frames() {
                heard.boundaries.push(offset);
            }
            if rest.is_empty() {
                break;
            }
        }
    }
    heard
}

/// Writes one frame, in the shortest form of its length.
fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(masked | u8::try_from(length).unwrap()),
        length @ 126..0x1_0000 => {
            bytes.push(masked | 126);
            bytes.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(masked | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mask_bytes = mask.unwrap_or_default();
    bytes.extend_from_slice(mask.as_ref().map_or(&[], |mask| &mask[..]));
    let covered = payload.iter().enumerate();
    bytes.extend(covered.map(|(at, byte)| byte ^ mask_bytes[at % 4]));
    bytes
}

/// A sender's compressor.
struct Deflate {
    state: Compress,
    forgets: bool,
}

impl Deflate {
    fn new(forgets: bool) -> Self {
        Deflate {
            state: Compress::new(Compression::default(), false),
            forgets,
        }
    }

    fn message(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len() + 1024);
        let before = self.state.total_in();
        loop {
            let used = usize::try_from(self.state.total_in() - before).unwrap();
            out.reserve(1024);
            self.state
                .compress_vec(&plain[used..], &mut out, FlushCompress::Sync)
                .unwrap();
            if self.state.total_in() - before == plain.len() as u64 && out.len() < out.capacity() {
                break;
            }
        }
        if self.forgets {
            self.state.reset();
        }
        if out.is_empty() {
            // Nothing since the last flush: an empty block.
            return vec![0];
        }
        assert!(out.ends_with(&[0, 0, 0xFF, 0xFF]));
        out.truncate(out.len() - 4);
        out
    }
}

/// One message and how it is sent.
#[derive(Clone, Debug)]
struct Sent {
    payload: Vec<u8>,
    binary: bool,
    compressed: bool,
    /// Where it is cut into frames.
    cuts: Vec<prop::sample::Index>,
    ping_between: bool,
}

fn any_message() -> impl Strategy<Value = Sent> {
    let payload = prop_oneof![
        vec(any::<u8>(), 0..300),
        (vec(any::<u8>(), 1..9), 1_usize..9_000).prop_map(|(unit, times)| unit.repeat(times)),
    ];
    let cuts = vec(any::<prop::sample::Index>(), 0..4);
    (payload, any::<bool>(), any::<bool>(), cuts, any::<bool>()).prop_map(
        |(payload, binary, compressed, cuts, ping_between)| Sent {
            payload,
            binary,
            compressed,
            cuts,
            ping_between,
        },
    )
}

/// The frames of `messages` as a peer sends them.
fn written(messages: &[Sent], mask: Option<[u8; 4]>, deflate: Option<bool>) -> Vec<Vec<u8>> {
    let mut compressor = deflate.map(Deflate::new);
    let mut frames = Vec::new();
    for message in messages {
        let compressor = compressor.as_mut().filter(|_| message.compressed);
        let rsv = if compressor.is_some() { 0x40 } else { 0 };
        let payload = compressor.map_or_else(
            || message.payload.clone(),
            |compressor| compressor.message(&message.payload),
        );
        let mut ends: Vec<usize> = message
            .cuts
            .iter()
            .map(|cut| cut.index(payload.len() + 1))
            .collect();
        ends.push(payload.len());
        ends.sort_unstable();
        let mut from = 0;
        for (at, end) in ends.iter().enumerate() {
            let opcode = match (at, message.binary) {
                (0, false) => rsv | 1,
                (0, true) => rsv | 2,
                _ => 0,
            };
            let fin = if at + 1 == ends.len() { 0x80 } else { 0 };
            frames.push(frame(fin | opcode, &payload[from..*end], mask));
            from = *end;
            if message.ping_between {
                frames.push(frame(0x89, b"still there?", mask));
            }
        }
    }
    frames
}

proptest! {
    #[test]
    fn any_split_of_any_frames_gives_the_messages(
        messages in vec(any_message(), 1..6),
        mask in any::<Option<[u8; 4]>>(),
        deflate in any::<Option<bool>>(),
        cuts in vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let frames = written(&messages, mask, deflate);
        let bytes = frames.concat();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for end in ends {
            chunks.push(&bytes[from..end]);
            from = end;
        }
        chunks.push(&bytes[from..]);
        let mut reader = Reader::new(deflate);
        let heard = hear(&mut reader, &chunks);
        let sent: Vec<Vec<u8>> = messages.into_iter().map(|message| message.payload).collect();
        prop_assert_eq!(heard.messages, sent);
        prop_assert_eq!(reader.state(), State::Ok);
        let mut ends = Vec::new();
        for frame in &frames {
            ends.push(ends.last().copied().unwrap_or(0) + frame.len());
        }
        prop_assert_eq!(heard.boundaries, ends);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..400), deflate in any::<Option<bool>>()) {
        let mut reader = Reader::new(deflate);
        let one_by_one: Vec<&[u8]> = bytes.chunks(1).collect();
        let slowly = hear(&mut reader, &one_by_one);
        let mut reader = Reader::new(deflate);
        let at_once = hear(&mut reader, &[&bytes]);
        prop_assert_eq!(slowly.messages, at_once.messages);
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    for (bytes, deflate, message) in [
        (&b"\x81\x05Hello"[..], None, "Hello"),
        (
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
            None,
            "Hello",
        ),
        (b"\x01\x03Hel\x80\x02lo", None, "Hello"),
        (
            b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
            Some(false),
            "Hello",
        ),
        (
            b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00",
            Some(true),
            "Hello",
        ),
        // A block without compression, and one that ends the sender's stream.
        (
            b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
            Some(false),
            "Hello",
        ),
        (
            b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
            Some(false),
            "Hello",
        ),
    ] {
        let mut reader = Reader::new(deflate);
        let heard = hear(&mut reader, &[bytes]);
        assert_eq!(heard.messages, [message.as_bytes()], "{bytes:02x?}");
    }
    // The second of two with the window of the first.
    let mut reader = Reader::new(Some(false));
    let first = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let second = b"\xc1\x05\xf2\x00\x11\x00\x00";
    let heard = hear(&mut reader, &[first, second]);
    assert_eq!(heard.messages, [b"Hello", b"Hello"]);
}

#[test]
fn what_breaks_the_protocol_ends_the_reading() {
    for (what, bytes) in [
        ("a reserved opcode", frame(0x83, b"", None)),
        ("a reserved bit", frame(0xA1, b"", None)),
        ("compression that was not agreed", frame(0xC1, b"", None)),
        ("a continuation of nothing", frame(0x80, b"", None)),
        (
            "a message within a message",
            [frame(0x01, b"a", None), frame(0x81, b"b", None)].concat(),
        ),
        ("a control frame in parts", frame(0x09, b"", None)),
        ("a long control frame", frame(0x89, &[0; 126], None)),
        (
            "a length beyond all bounds",
            [&[0x82, 127][..], &[0xFF; 8]].concat(),
        ),
    ] {
        let mut reader = Reader::new(None);
        hear(&mut reader, &[&bytes]);
        assert_eq!(reader.state(), State::Broken, "{what}");
        assert!(!reader.is_between_frames(), "{what}");
        let heard = hear(&mut reader, &[&frame(0x81, b"more", None)]);
        assert_eq!(heard, Heard::default(), "{what}");
    }
    let mut reader = Reader::new(Some(false));
    hear(&mut reader, &[&frame(0xC1, &[0xFF; 20], None)]);
    assert_eq!(reader.state(), State::Broken, "no deflate at all");
}

#[test]
fn a_message_that_explodes_ends_the_reading() {
    let payload = Deflate::new(false).message(&vec![b'a'; 8 << 20]);
    let mut reader = Reader::new(Some(false));
    let heard = hear(&mut reader, &[&frame(0xC1, &payload, None)]);
    assert_eq!(reader.state(), State::TooLarge);
    assert!(heard.open.len() < 4 << 20, "{}", heard.open.len());
}

#[test]
fn a_close_frame_reads_as_one() {
    for mask in [None, Some([1, 2, 3, 4])] {
        let bytes = close_frame(1008, &"budget ü spent".repeat(20), mask);
        assert!(bytes.len() <= 2 + 4 + 125);
        let mut reader = Reader::new(None);
        let heard = hear(&mut reader, &[&bytes]);
        assert_eq!((heard.closes, heard.boundaries), (1, vec![bytes.len()]));
        let mut plain = bytes[if mask.is_some() { 6 } else { 2 }..].to_vec();
        unmask(&mut plain, mask.unwrap_or_default(), 0);
        assert_eq!(plain[..2], 1008_u16.to_be_bytes());
        assert!(
            std::str::from_utf8(&plain[2..])
                .unwrap()
                .starts_with("budget ü spent")
        );
    }
}
