//! The room `wire`: bytes to messages, the same at every split.

use std::io::Read as _;
use std::sync::LazyLock;

use serde_json::Value;

use weir::wire::aws_eventstream::{EventStreamItem, EventStreamSplitter};
use weir::wire::base64_member::Base64Member;
use weir::wire::encoding::{DecodeState, Decoder, OUTPUT_MAX};
use weir::wire::json::{Fields, Found, Scanner};
use weir::wire::multipart::Multipart;
use weir::wire::sse::{NAME_MAX, SseItem, SseSplitter};
use weir::wire::websocket::{self, Reader, State};

use super::{JSON_WORDS, head_and_body, same, same_to_the_fault};
use crate::engine::{Target, shade};

pub const JSON: Target = Target {
    name: "json_scanner",
    recorded: |call| Some(call.response.clone()).filter(|body| body.starts_with(b"{")),
    words: JSON_WORDS,
    check: json,
};

const PATHS: [&str; 9] = [
    "usage",
    "type",
    "model",
    "choices[].delta.content",
    "choices[].delta.content[].text",
    "choices[].finish_reason",
    "a.b",
    "b[].c",
    "[].a",
];
static FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::new(&PATHS));
/// Short, so that captures are cut.
const CAPTURE_MAX: usize = 256;
/// Parts the documents of one input.
const BETWEEN: u8 = 0x1E;

#[derive(Clone, Debug, PartialEq)]
struct Captured(usize, Vec<u8>, u64, bool, bool);

fn scan(scanner: &mut Scanner, pieces: &[&[u8]]) -> (Vec<Captured>, bool) {
    let mut all = Vec::new();
    let mut found = |it: Found<'_>| {
        assert!(
            it.raw.len() <= CAPTURE_MAX,
            "a capture of {} bytes",
            it.raw.len()
        );
        // What is called plain must read the same decoded.
        if it.plain && !it.cut {
            let decoded = weir::wire::json::unquote(it.raw);
            assert_eq!(it.text().as_deref(), decoded.as_deref());
        }
        all.push(Captured(it.field, it.raw.to_vec(), it.bytes, it.cut, false));
    };
    pieces
        .iter()
        .for_each(|piece| scanner.feed(piece, &mut found));
    scanner.finish(&mut found);
    (all, scanner.is_broken())
}

fn json(input: &[u8]) -> u64 {
    let fresh = || Scanner::new(&FIELDS, CAPTURE_MAX);
    let documents: Vec<&[u8]> = input.split(|byte| *byte == BETWEEN).collect();
    let alone: Vec<_> = documents
        .iter()
        .map(|document| same(document, |pieces| scan(&mut fresh(), pieces)))
        .collect();
    // What a scanner remembers of one document must not show in the next.
    for round in 1..=3 {
        let mut scanner = fresh();
        for (document, alone) in documents
            .iter()
            .cycle()
            .zip(alone.iter().cycle())
            .take(documents.len() * round + 1)
        {
            let pieces: Vec<&[u8]> = document
                .chunks(if round == 3 { 40 } else { usize::MAX })
                .collect();
            assert_eq!(scan(&mut scanner, &pieces), *alone, "after other documents");
            scanner.reset();
        }
    }
    for (document, (captured, broken)) in documents.iter().zip(&alone) {
        if let Ok(tree) = serde_json::from_slice::<Value>(document) {
            assert!(!broken, "valid JSON");
            as_the_tree_says(&tree, captured);
        }
    }
    let fields: Vec<(usize, bool)> = alone
        .iter()
        .flat_map(|(all, _)| all.iter().map(|it| (it.0, it.3)))
        .take(12)
        .collect();
    shade(&(
        fields,
        alone.iter().map(|(_, broken)| *broken).collect::<Vec<_>>(),
    ))
}

/// Everything that a parsed tree holds was captured. The tree keeps the last of members of one name, so
/// there may be more captures.
fn as_the_tree_says(tree: &Value, captured: &[Captured]) {
    for (field, path) in PATHS.iter().enumerate() {
        let mut wanted = Vec::new();
        walk(tree, path, &mut wanted);
        for value in wanted {
            let is_it = |it: &&Captured| {
                it.0 == field
                    && (it.3 || serde_json::from_slice::<Value>(&it.1).ok().as_ref() == Some(value))
            };
            assert!(
                captured.iter().any(|it| is_it(&it)),
                "{path} is {value}, captured {captured:?}"
            );
        }
    }
}

fn walk<'v>(value: &'v Value, path: &str, found: &mut Vec<&'v Value>) {
    if let Some(rest) = path.strip_prefix("[]") {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        value
            .as_array()
            .into_iter()
            .flatten()
            .for_each(|item| walk(item, rest, found));
    } else if path.is_empty() {
        found.push(value);
    } else {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let rest = path[end..].strip_prefix('.').unwrap_or(&path[end..]);
        if let Some(member) = value
            .as_object()
            .and_then(|object| object.get(&path[..end]))
        {
            walk(member, rest, found);
        }
    }
}

pub const SSE: Target = Target {
    name: "event_splitter",
    recorded: |call| {
        Some(call.response.clone())
            .filter(|body| body.starts_with(b"data") || body.starts_with(b"event"))
    },
    words: &[
        "data:",
        "data: ",
        "event: ",
        "id: ",
        "retry: 1",
        ":",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        "\u{feff}",
        "{\"error\":1}",
    ],
    check: sse,
};

/// Data and junk in one piece each.
#[derive(Clone, Debug, Hash, PartialEq)]
enum Item {
    Name(Vec<u8>),
    Data(Vec<u8>),
    End,
    Junk(Vec<u8>),
}

fn sse(input: &[u8]) -> u64 {
    let items = same(input, |pieces| {
        let mut items = Vec::new();
        let mut splitter = SseSplitter::new();
        let mut take = |item: SseItem<'_>| match (item, items.last_mut()) {
            (SseItem::Data(more), Some(Item::Data(data))) => data.extend_from_slice(more),
            (SseItem::Junk(more), Some(Item::Junk(junk))) => junk.extend_from_slice(more),
            (SseItem::Data(data), _) => items.push(Item::Data(data.to_vec())),
            (SseItem::Junk(junk), _) => items.push(Item::Junk(junk.to_vec())),
            (SseItem::EventName(name), _) => {
                assert!(name.len() <= NAME_MAX);
                items.push(Item::Name(name.to_vec()));
            }
            (SseItem::End, _) => items.push(Item::End),
        };
        pieces
            .iter()
            .for_each(|piece| splitter.feed(piece, &mut take));
        splitter.finish(&mut take);
        items
    });
    let told: usize = items
        .iter()
        .map(|item| match item {
            Item::Name(bytes) | Item::Data(bytes) | Item::Junk(bytes) => bytes.len(),
            Item::End => 0,
        })
        .sum();
    assert!(told <= input.len() + 1, "{told} bytes of {}", input.len());
    shade(
        &items
            .iter()
            .map(std::mem::discriminant)
            .take(12)
            .collect::<Vec<_>>(),
    )
}

pub const ENCODING: Target = Target {
    name: "content_decoder",
    recorded: |_| None,
    words: &[
        "gzip\n",
        "br\n",
        "zstd\n",
        "deflate\n",
        "gzip, br\n",
        "\u{1f}\u{8b}\u{8}",
        "\0\0\0\0",
    ],
    check: encoding,
};

fn encoding(input: &[u8]) -> u64 {
    let (coding, body) = head_and_body(input);
    let (plain, fault) = same_to_the_fault(body, |pieces| {
        let mut plain = Vec::new();
        let mut decoder = Decoder::new(Some(coding));
        pieces
            .iter()
            .for_each(|piece| decoder.feed(piece, &mut |more| plain.extend_from_slice(more)));
        decoder.finish(&mut |more| plain.extend_from_slice(more));
        (plain, decoder.state() != DecodeState::Ok)
    });
    assert!(plain.len() as u64 <= OUTPUT_MAX);
    let mut reference = Vec::new();
    let decoded = match coding.trim() {
        "gzip" => flate2::read::MultiGzDecoder::new(body)
            .read_to_end(&mut reference)
            .is_ok(),
        "zstd" => zstd::Decoder::new(body)
            .and_then(|mut it| it.read_to_end(&mut reference))
            .is_ok(),
        _ => false,
    };
    // Empty input is a whole body here, and to the references none or a broken one.
    if decoded && !body.is_empty() && !fault {
        assert_eq!(plain, reference, "as the reference decodes");
    }
    shade(&(coding.len().min(16), fault, plain.len().min(64)))
}

pub const AWS_EVENT_STREAM: Target = Target {
    name: "aws_event_stream",
    recorded: |call| Some(call.response.clone()).filter(|body| body.starts_with(b"\0\0")),
    words: &[
        "\0\0\0\u{10}",
        ":event-type",
        ":message-type",
        "\u{7}\0\u{5}event",
        "{\"p\":\"a\"}",
    ],
    check: aws,
};

fn aws(input: &[u8]) -> u64 {
    let items = same(input, |pieces| {
        let mut items: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut splitter = EventStreamSplitter::new(&[":event-type", ":message-type"]);
        for piece in pieces {
            splitter.feed(piece, &mut |item| match (item, items.last_mut()) {
                (EventStreamItem::Payload(more), Some((1, payload))) => {
                    payload.extend_from_slice(more)
                }
                (EventStreamItem::Payload(payload), _) => items.push((1, payload.to_vec())),
                (EventStreamItem::Header(name, value), _) => {
                    items.push((0, [name.as_bytes(), value].concat()))
                }
                (EventStreamItem::End, _) => items.push((2, Vec::new())),
                (EventStreamItem::Broken, _) => items.push((3, Vec::new())),
            });
        }
        items
    });
    let broken = items.iter().position(|(kind, _)| *kind == 3);
    assert!(
        broken.is_none_or(|at| at + 1 == items.len()),
        "nothing follows what is broken"
    );
    shade(
        &items
            .iter()
            .map(|(kind, _)| *kind)
            .take(12)
            .collect::<Vec<_>>(),
    )
}

pub const WEBSOCKET: Target = Target {
    name: "websocket_frames",
    recorded: |_| None,
    words: &[
        "\u{1}\u{5}hello",
        "\0\u{2}hi",
        "{\"type\":\"response.done\"}",
        "\u{7e}",
        "\u{7f}",
    ],
    check: frames,
};

/// The first byte tells whether there is compression, and whether its window lasts.
fn frames(input: &[u8]) -> u64 {
    let Some((first, frames)) = input.split_first() else {
        return 0;
    };
    let deflate = [None, Some(true), Some(false)][usize::from(first % 3)];
    let read = |pieces: &[&[u8]]| {
        let mut items: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut reader = Reader::new(deflate);
        let mut take = |item: websocket::Item<'_>| match (item, items.last_mut()) {
            (websocket::Item::Piece(more), Some((0, message))) => message.extend_from_slice(more),
            (websocket::Item::Piece(piece), _) => items.push((0, piece.to_vec())),
            (websocket::Item::End, _) => items.push((1, Vec::new())),
            (websocket::Item::Close, _) => items.push((2, Vec::new())),
        };
        for mut piece in pieces.iter().copied() {
            while !piece.is_empty() {
                let read = reader.feed(piece, &mut take);
                assert!(read > 0 || reader.state() != State::Ok, "it stands still");
                piece = &piece[if read == 0 { piece.len() } else { read }..];
            }
        }
        let state = reader.state();
        // How much of a broken message is handed out before the fault depends on the split.
        if state != State::Ok && matches!(items.last(), Some((0, _))) {
            items.pop();
        }
        (items, state)
    };
    let (items, state) = same(frames, read);
    let kinds = items.iter().map(|(kind, _)| *kind).take(12);
    let mut kinds: Vec<u8> = kinds.collect();
    kinds.push(state as u8);
    shade(&kinds)
}

pub const MULTIPART: Target = Target {
    name: "multipart_form",
    recorded: |call| {
        let boundary = call
            .request
            .strip_prefix(b"--")?
            .split(|byte| *byte == b'\r')
            .next()?;
        let head = format!(
            "multipart/form-data; boundary={}\n",
            String::from_utf8_lossy(boundary)
        );
        Some([head.as_bytes(), &call.request].concat())
    },
    words: &[
        "multipart/form-data; boundary=x\n",
        "--x",
        "\r\n",
        "\r\n--x--",
        "content-disposition: form-data; name=\"a\"",
        "; filename=\"b\"",
    ],
    check: multipart,
};

fn multipart(input: &[u8]) -> u64 {
    let (head, body) = head_and_body(input);
    if Multipart::of(head, 64).is_none() {
        return 0;
    }
    let parts = same(body, |pieces| {
        let mut parts = Vec::new();
        let mut form = Multipart::of(head, 64).expect("a form");
        for piece in pieces {
            form.feed(piece, &mut |part| {
                assert!(part.value.len() <= 64 && (!part.is_file || part.value.is_empty()));
                parts.push((
                    part.name.to_owned(),
                    part.is_file,
                    part.value.to_vec(),
                    part.bytes,
                ));
            });
        }
        parts
    });
    assert!(parts.iter().map(|part| part.3).sum::<u64>() <= body.len() as u64);
    shade(
        &parts
            .iter()
            .map(|part| (part.1, part.0.len().min(8), part.3.min(8)))
            .take(8)
            .collect::<Vec<_>>(),
    )
}

pub const BASE64_MEMBER: Target = Target {
    name: "base64_member",
    recorded: |_| None,
    words: &[
        "{\"bytes\":\"",
        "\"}",
        "eyJhIjoxfQ==",
        "\\u002b",
        "\\/",
        "{\"p\":\"x\",",
        "=",
    ],
    check: base64_member,
};

fn base64_member(input: &[u8]) -> u64 {
    // A broken quad says nothing of where it broke.
    let (plain, _) = same_to_the_fault(input, |pieces| {
        let mut plain = Vec::new();
        let mut member = Base64Member::new("bytes");
        pieces
            .iter()
            .for_each(|piece| member.feed(piece, &mut |more| plain.extend_from_slice(more)));
        (plain, true)
    });
    assert!(plain.len() <= input.len());
    shade(&plain.len().min(64))
}
