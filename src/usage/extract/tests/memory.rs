//! What one call holds at its worst: of any body, at any size, in every dialect.

use std::iter;

use allocation_counter::measure;

use super::*;
use crate::providers::request::RequestReader;
use crate::usage::take;

/// The promise: most bytes that a call holds at once, besides its decoder's window.
const HELD_BYTES_MAX: u64 = 256 << 10;
const CHUNK: usize = 16 << 10;
/// Enough for two of the longest events.
const SIZE: usize = 160 << 10;

/// A body that is made as it is read.
struct Endless {
    name: &'static str,
    content_type: &'static str,
    head: String,
    again: String,
}

fn stream(name: &'static str, again: String) -> Endless {
    let head = String::new();
    Endless {
        name,
        content_type: SSE,
        head,
        again,
    }
}

fn document(name: &'static str, head: &str, again: String) -> Endless {
    let head = head.to_owned();
    Endless {
        name,
        content_type: JSON,
        head,
        again,
    }
}

/// Bodies that make readers hold on to things: texts, names and objects of every length, in every place.
fn bodies() -> Vec<Endless> {
    let long = "x".repeat(40_000);
    let words = "some words and \\n \\u00e9 ".repeat(2_000);
    let numbers = "[[0],".repeat(20_000);
    let members: String = (0..9_000).map(|n| format!("\"m{n}\":[{n}],")).collect();
    let mut all = vec![
        stream(
            "a hundred thousand events",
            "data: {\"choices\":[{\"delta\":{\"content\":\"a word\"}}]}\n\n".repeat(300),
        ),
        stream(
            "events of one name each",
            format!("event: {long}\nid: {long}\n\n"),
        ),
        stream(
            "lines that are no events",
            format!("{{\"error\":{{\"message\":\"{long}\"}}}}\n"),
        ),
        stream("comments", format!(": {long}\n")),
        stream("one event without an end", format!("data: [{long}\n")),
        document("nothing but brackets", "[", "[".repeat(CHUNK)),
        document(
            "objects within objects",
            "",
            "{\"choices\":[{\"message\":{\"content\":[{\"a\":".repeat(400),
        ),
        document("a key without an end", "{\"", long.clone()),
        document(
            "usage without an end",
            "{\"usage\":{\"a\":[",
            "{\"b\":[1,2]},".repeat(1_000),
        ),
        document("names of models", "[", format!("{{\"model\":\"{long}\"}},")),
    ];
    for (place, before, after) in [
        ("chat", "{\"choices\":[{\"delta\":{\"content\":", "}}]}"),
        (
            "parts",
            "{\"choices\":[{\"delta\":{\"content\":[{\"text\":",
            "}]}}]}",
        ),
        (
            "thoughts",
            "{\"choices\":[{\"message\":{\"content\":[{\"thinking\":[{\"text\":",
            "}]}]}}]}",
        ),
        (
            "late type",
            "{\"delta\":",
            ",\"type\":\"response.output_text.delta\"}",
        ),
        (
            "anthropic",
            "{\"type\":\"content_block_delta\",\"delta\":{\"text\":",
            "}}",
        ),
        (
            "gemini",
            "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":",
            "}]}}]}",
        ),
        ("usage", "{\"usage\":", "}"),
        ("gemini's usage", "{\"usageMetadata\":", "}"),
        ("error", "{\"error\":", "}"),
        ("message", "{\"message\":{\"usage\":", "}}"),
        (
            "response",
            "{\"type\":\"response.completed\",\"response\":{\"usage\":",
            "}}",
        ),
    ] {
        let values = [
            format!("\"{long}\""),
            format!("\"{words}\""),
            format!("{numbers}0{}", "]".repeat(20_000)),
            format!("{{{}\"z\":0}}", &members[..60_000]),
            format!("[{}0]", "{\"a\":0},".repeat(3_500)),
            format!("[{}0]", "[0],".repeat(7_000)),
        ];
        all.extend(values.map(|value| stream(place, format!("data: {before}{value}{after}\n\n"))));
    }
    all
}

impl Endless {
    /// The first `size` bytes, in chunks.
    fn chunks(&self, size: usize, feed: &mut dyn FnMut(&[u8])) {
        let mut left = size;
        for part in iter::once(&self.head).chain(iter::repeat(&self.again)) {
            for chunk in part.as_bytes().chunks(CHUNK) {
                if left == 0 {
                    return;
                }
                let chunk = &chunk[..chunk.len().min(left)];
                feed(chunk);
                left -= chunk.len();
            }
        }
    }

    /// The most that is held while `size` bytes are read, and what is left once all is said.
    fn held(&self, dialect: Dialect, size: usize) -> u64 {
        let header = |name: &str| (name == "content-type").then_some(self.content_type);
        let prompt =
            "{\"model\":\"m\",\"messages\":[{\"content\":\"".to_owned() + &"y ".repeat(100_000);
        let counted = measure(|| {
            let mut input = TextSample::default();
            let mut request = RequestReader::new(Some(dialect));
            request.feed(prompt.as_bytes(), &mut |text| take(&mut input, text));
            request.feed(b"\"}]}", &mut |text| take(&mut input, text));
            let head = ResponseHead {
                status: 200,
                header: &header,
            };
            let facts = request.facts();
            drop(request);
            let mut extractor = Extractor::new(dialect, head, facts);
            self.chunks(size, &mut |chunk| {
                extractor.feed(chunk);
            });
            extractor.close(StreamEnd::Complete);
        });
        counted.bytes_max
    }
}

#[test]
fn a_call_holds_no_more_than_it_may_whatever_the_body() {
    let bodies = bodies();
    let mut most = Vec::new();
    for dialect in Dialect::ALL {
        let held = bodies
            .iter()
            .map(|body| (body.held(dialect, SIZE), body.name));
        let (bytes, name) = held.max().expect("bodies");
        most.push((bytes, dialect, name));
    }
    println!("{:<22} {:>6}  {}", "dialect", "KiB", "held at most for");
    for (bytes, dialect, name) in &most {
        println!("{:<22} {:>6}  {name}", dialect.name(), bytes.div_ceil(1024));
    }
    let over: Vec<_> = most
        .iter()
        .filter(|(bytes, ..)| *bytes > HELD_BYTES_MAX)
        .collect();
    assert!(over.is_empty(), "over {HELD_BYTES_MAX} bytes: {over:?}");
}

#[test]
fn a_longer_body_is_held_no_more_of() {
    for body in bodies().iter().take(3) {
        let [short, long] = [1, 8].map(|mib| body.held(Dialect::OpenaiChat, mib << 20));
        assert!(
            long <= short,
            "{}: {long} bytes of 8 MiB, {short} of 1 MiB",
            body.name
        );
    }
}
