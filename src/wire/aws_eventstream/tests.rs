use proptest::prelude::*;

use super::*;

const WANTED: &[&str] = &[":message-type", ":event-type"];

/// A header's kind and its value as it stands on the wire.
type Header<'a> = (&'a str, u8, Vec<u8>);

fn text(value: &str) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&length.to_be_bytes(), value.as_bytes()].concat()
}

fn message(headers: &[Header<'_>], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, kind, value) in headers {
        head.push(u8::try_from(name.len()).unwrap());
        head.extend_from_slice(name.as_bytes());
        head.push(*kind);
        head.extend_from_slice(value);
    }
    framed(&head, payload)
}

fn framed(head: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let mut out = length(head.len() + payload.len() + 16).to_vec();
    out.extend(length(head.len()));
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(head);
    out.extend_from_slice(payload);
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}

/// The wanted headers of a message, and its payload.
type Message = (Vec<(String, String)>, Vec<u8>);

/// A stream as readers see it: headers and payload of each whole message, and whether it broke.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Message>, bool) {
    let mut splitter = EventStreamSplitter::new(WANTED);
    let (mut messages, mut broken) = (Vec::new(), false);
    let (mut headers, mut payload) = (Vec::new(), Vec::new());
    for chunk in chunks {
        splitter.feed(chunk, &mut |item| {
            assert!(!broken, "{item:?} after the break");
            match item {
                EventStreamItem::Header(name, value) => {
                    headers.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()))
                }
                EventStreamItem::Payload(piece) => payload.extend_from_slice(piece),
                EventStreamItem::End => {
                    messages.push((std::mem::take(&mut headers), std::mem::take(&mut payload)))
                }
                EventStreamItem::Broken => broken = true,
            }
        });
    }
    assert_eq!(splitter.is_broken(), broken);
    (messages, broken)
}

fn event(name: &str) -> Vec<(String, String)> {
    vec![
        (":message-type".to_owned(), "event".to_owned()),
        (":event-type".to_owned(), name.to_owned()),
    ]
}

/// Two messages: headers of every kind before a payload, and an empty one.
fn sample() -> Vec<u8> {
    let every_kind: [Header<'_>; 12] = [
        ("t", 0, vec![]),
        ("f", 1, vec![]),
        ("b", 2, vec![7]),
        ("s", 3, vec![0; 2]),
        ("i", 4, vec![0; 4]),
        ("l", 5, vec![0; 8]),
        (":message-type", 7, text("event")),
        ("y", 6, text("ab")),
        ("d", 8, vec![0; 8]),
        ("u", 9, vec![0; 16]),
        ("other", 7, text("x")),
        (":event-type", 7, text("chunk")),
    ];
    let empty = message(
        &[
            (":message-type", 7, text("event")),
            (":event-type", 7, text("")),
        ],
        b"",
    );
    [message(&every_kind, b"{\"bytes\":\"e30=\"}"), empty].concat()
}

#[test]
fn every_split_gives_the_same_messages() {
    let stream = sample();
    let (messages, broken) = read([&stream[..]]);
    assert!(!broken);
    assert_eq!(
        messages,
        [
            (event("chunk"), b"{\"bytes\":\"e30=\"}".to_vec()),
            (event(""), Vec::new())
        ]
    );
    assert_eq!(read(stream.chunks(1)), (messages.clone(), false));
    for cut in 0..stream.len() {
        let (start, end) = stream.split_at(cut);
        assert_eq!(
            read([start, end]),
            (messages.clone(), false),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_stream_cut_anywhere_ends_only_whole_messages() {
    let stream = sample();
    let first = message(&[], b"").len();
    let whole = read([&stream[..]]).0;
    for cut in 0..stream.len() {
        let (messages, broken) = read([&stream[..cut]]);
        assert!(!broken);
        assert_eq!(messages, whole[..messages.len()]);
        assert!(cut >= first || messages.is_empty());
    }
}

#[test]
fn any_flipped_bit_leaves_its_message_and_the_rest_unread() {
    let stream = sample();
    let second = u32::from_be_bytes(stream[..4].try_into().unwrap()) as usize;
    for at in 0..stream.len() {
        let mut wrong = stream.clone();
        wrong[at] ^= 0x10;
        let (messages, broken) = read([&wrong[..]]);
        let whole = usize::from(at >= second);
        assert_eq!((messages.len(), broken), (whole, true), "byte {at}");
        assert_eq!(read(wrong.chunks(3)).0, messages);
    }
}

#[test]
fn what_no_client_would_take_is_broken() {
    let lengths = |total: u32, headers: u32| {
        let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
        read([&prelude[..]])
    };
    let headers = HEADERS_BYTES_MAX;
    for (total, headers, broken) in [
        (16, 0, false),
        (15, 0, true),
        (16, 1, true),
        (headers + 16, headers, false),
        (headers + 17, headers + 1, true),
        (PAYLOAD_BYTES_MAX + 16, 0, false),
        (PAYLOAD_BYTES_MAX + 17, 0, true),
        (u32::MAX, 0, true),
    ] {
        assert_eq!(
            lengths(total, headers),
            (vec![], broken),
            "{total}, {headers}"
        );
    }
    assert_eq!(read([&b"data: {\"usage\":1}\n\n"[..]]), (vec![], true));
    // A kind that does not exist, and a header that ends after the headers do.
    for head in [&b"\x01a\x0a"[..], b"\x01a\x07\x00\x02b", b"\x05ab"] {
        assert_eq!(read([&framed(head, b"{}")[..]]), (vec![], true), "{head:?}");
    }
}

#[test]
fn an_overlong_value_is_left_out_and_the_message_read() {
    let long = "x".repeat(VALUE_BYTES_MAX + 1);
    let fits = "x".repeat(VALUE_BYTES_MAX);
    let stream = message(
        &[
            (":event-type", 7, text(&long)),
            (":message-type", 7, text(&fits)),
        ],
        b"{}",
    );
    let (messages, broken) = read([&stream[..]]);
    assert!(!broken);
    assert_eq!(messages[0].0, [(":message-type".to_owned(), fits)]);
    assert_eq!(messages[0].1, b"{}");
}

proptest! {
    #[test]
    fn payloads_come_back_at_any_chunking(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5),
        size in 1..40usize,
    ) {
        let frames = payloads.iter().map(|payload| {
            message(&[(":event-type", 7, text("x"))], payload)
        });
        let stream: Vec<u8> = frames.flatten().collect();
        let (messages, broken) = read(stream.chunks(size));
        prop_assert!(!broken);
        let found: Vec<_> = messages.into_iter().map(|(_, payload)| payload).collect();
        prop_assert_eq!(found, payloads);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), size in 1..40usize) {
        let (messages, _) = read(bytes.chunks(size));
        prop_assert!(messages.is_empty());
    }
}
