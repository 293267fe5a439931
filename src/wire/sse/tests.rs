use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The items of a stream as text, pieces of the same kind joined: `e:name`, `d:data`, `.`,
/// `j:junk`.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut all: Vec<(char, Vec<u8>)> = Vec::new();
    let mut splitter = SseSplitter::new();
    let mut item = |item: SseItem<'_>| {
        let (kind, piece) = match item {
            SseItem::EventName(name) => ('e', name),
            SseItem::Data(piece) => ('d', piece),
            SseItem::End => ('.', &b""[..]),
            SseItem::Junk(piece) => ('j', piece),
        };
        match all.last_mut() {
            Some((last, joined)) if *last == kind && "dj".contains(kind) => {
                joined.extend_from_slice(piece);
            }
            _ => all.push((kind, piece.to_vec())),
        }
    };
    for chunk in chunks {
        splitter.feed(chunk, &mut item);
    }
    splitter.finish(&mut item);
    let text = |(kind, piece): (char, Vec<u8>)| match kind {
        '.' => ".".to_owned(),
        kind => format!("{kind}:{}", String::from_utf8_lossy(&piece)),
    };
    all.into_iter().map(text).collect()
}

#[track_caller]
fn check(stream: &str, expected: &[&str]) {
    for line_break in ["\n", "\r\n", "\r"] {
        let stream = stream.replace('\n', line_break);
        let bytes = stream.as_bytes();
        assert_eq!(read([bytes]), expected, "{stream:?}");
        assert_eq!(read(bytes.chunks(1)), expected, "byte by byte: {stream:?}");
        for at in 0..=bytes.len() {
            assert_eq!(
                read([&bytes[..at], &bytes[at..]]),
                expected,
                "{stream:?} split at {at}"
            );
        }
    }
}

#[test]
fn splits_events_into_names_and_data() {
    for (stream, expected) in [
        (
            "data: {\"a\":1}\n\ndata: [DONE]\n\n",
            &["d:{\"a\":1}", ".", "d:[DONE]", "."][..],
        ),
        ("data:x\n\n", &["d:x", "."]),
        ("data:  x \n\n", &["d: x ", "."]),
        (
            "event: message_stop\ndata: {}\n\n",
            &["e:message_stop", "d:{}", "."],
        ),
        ("data: {}\nevent: late\n\n", &["d:{}", "e:late", "."]),
        ("event: alone\n\n", &["e:alone", "."]),
        (
            "data: a\ndata: b\ndata:\ndata: c\n\n",
            &["d:a\nb\n\nc", "."],
        ),
        (
            "data: a\nevent: n\ndata: b\n\n",
            &["d:a", "e:n", "d:\nb", "."],
        ),
        ("event: a\nevent: b\n\n", &["e:a", "e:b", "."]),
        (": ping\n\n: still at work\ndata: x\n\n", &["d:x", "."]),
        ("id: 7\nretry: 10\nid\n\ndata: x\n\n", &["d:x", "."]),
        ("data\n\n", &["."]),
        ("event\n\n", &["e:", "."]),
        ("\u{feff}data: x\n\n", &["d:x", "."]),
        ("data: \u{feff}x\n\n", &["d:\u{feff}x", "."]),
        ("\n\n\n", &[]),
        ("", &[]),
    ] {
        check(stream, expected);
    }
}

#[test]
fn the_last_event_needs_no_line_break() {
    for (stream, expected) in [
        ("data: x", &["d:x", "."][..]),
        ("data: x\n", &["d:x", "."]),
        ("data", &["."]),
        ("event: n", &["e:n", "."]),
        ("dat", &["j:dat\n"]),
        (": comment", &[]),
    ] {
        check(stream, expected);
    }
}

#[test]
fn what_is_no_event_is_handed_out_as_it_stands() {
    let error = "[{\n  \"error\": {\n    \"code\": 429\n  }\n}\n]\n";
    check(error, &[&format!("j:{error}")]);
    check(
        &format!("data: {{}}\n\n{error}"),
        &["d:{}", ".", &format!("j:{error}")],
    );
    for line in [
        "database: x",
        "da",
        "dat: x",
        "events",
        "eventual: 1",
        "ids: 1",
        " data: x",
        "Data: x",
    ] {
        check(&format!("{line}\n"), &[&format!("j:{line}\n")]);
    }
    assert_eq!(read([&b"\xEF\xBBdata"[..]]), ["j:\u{fffd}data"]);
}

#[test]
fn a_name_is_bounded_and_a_payload_is_not_kept() {
    let long = "n".repeat(10 * NAME_MAX);
    let stream = format!("event: {long}\ndata: {}\n\n", "x".repeat(1 << 20));
    let mut splitter = SseSplitter::new();
    let (mut name, mut data) = (0, 0);
    for chunk in stream.as_bytes().chunks(1000) {
        splitter.feed(chunk, &mut |item| match item {
            SseItem::EventName(text) => name = text.len(),
            SseItem::Data(piece) => data += piece.len(),
            _ => {}
        });
        assert!(splitter.name.capacity() <= 2 * NAME_MAX);
    }
    assert_eq!((name, data), (NAME_MAX, 1 << 20));
}

proptest! {
    #[test]
    fn any_stream_gives_the_same_at_every_split(
        parts in vec(prop::sample::select(vec![
            "data", "event", "id", ":", " ", "\n", "\r", "\r\n", "\n\n", "{1}", "é", "\u{feff}", "x",
        ]), 0..30),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stream = parts.concat();
        let bytes = stream.as_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let whole = read([bytes]);
        prop_assert_eq!(&read(at.windows(2).map(|pair| &bytes[pair[0]..pair[1]])), &whole);
        prop_assert_eq!(&read(bytes.chunks(1)), &whole);
    }

    #[test]
    fn what_a_sender_writes_is_what_is_read(
        events in vec((proptest::option::of("[a-z_.]{1,8}"), vec("[^\r\n]{0,8}", 1..4)), 0..6),
    ) {
        let (mut stream, mut expected) = (String::new(), Vec::new());
        for (name, lines) in events {
            if let Some(name) = name {
                stream.push_str(&format!("event: {name}\n"));
                expected.push(format!("e:{name}"));
            }
            for line in &lines {
                stream.push_str(&format!("data: {line}\n"));
            }
            stream.push('\n');
            let data = lines.join("\n");
            expected.extend((!data.is_empty()).then(|| format!("d:{data}")));
            expected.push(".".to_owned());
        }
        prop_assert_eq!(read([stream.as_bytes()]), expected);
    }
}
