//! What is read of requests and responses, in every dialect.

use weir::providers::request::RequestReader;
use weir::providers::{Dialect, RequestFacts};
use weir::usage::estimate::TextSample;
use weir::usage::extract::{Extractor, ResponseHead};
use weir::usage::{Extraction, StreamEnd, UsageSource};

use super::{JSON_WORDS, head_and_body, same};
use crate::engine::{Target, shade};

/// Most bytes that one reading may hold at a time; see the bound in `usage::extract`.
const HELD_BYTES_MAX: u64 = 256 << 10;

/// An input is a line with the dialect, the status, how the answer ended and the content type, then the body.
pub const EXTRACTOR: Target = Target {
    name: "usage_extractor",
    recorded: |call| {
        let head = format!(
            "{} {} whole {}\n",
            call.dialect, call.status, call.content_type
        );
        Some([head.as_bytes(), &call.response].concat())
    },
    words: JSON_WORDS,
    check: extractor,
};

fn extractor(input: &[u8]) -> u64 {
    let (head, body) = head_and_body(input);
    let mut words = head.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    let dialect = Dialect::parse(word()).unwrap_or(Dialect::OpenaiChat);
    let status = word().parse().unwrap_or(200);
    let end = match word() {
        "left" => StreamEnd::ClientClosed,
        "broke" => StreamEnd::UpstreamClosed,
        _ => StreamEnd::Complete,
    };
    let content_type = word();
    let read = |pieces: &[&[u8]]| -> Extraction {
        let header = |name: &str| (name == "content-type").then_some(content_type);
        let head = ResponseHead {
            status,
            header: &header,
        };
        let mut found = Extraction::nothing();
        let held = allocation_counter::measure(|| {
            let mut extractor = Extractor::new(dialect, head, RequestFacts::default());
            for piece in pieces {
                extractor.feed(piece);
            }
            // By its length: a vocabulary is no part of what a call holds.
            extractor.close(end);
            extractor.forget_text();
            found = extractor.extraction(end, &TextSample::default());
        });
        assert!(
            held.bytes_max <= HELD_BYTES_MAX,
            "{} bytes were held",
            held.bytes_max
        );
        found
    };
    let found = same(body, read);
    if let Some(usage) = &found.usage {
        let part = |part: Option<u64>, whole: Option<u64>| {
            part.unwrap_or(0) <= whole.unwrap_or(0) || whole.is_none()
        };
        assert!(part(usage.reasoning, usage.output), "{usage:?}");
        assert!(part(usage.audio_input, usage.input), "{usage:?}");
    } else {
        assert_eq!(found.source, UsageSource::None);
    }
    let usage = found.usage.unwrap_or_default();
    let stated = [
        usage.input,
        usage.output,
        usage.cache_read,
        usage.reasoning,
        usage.audio_input,
        usage.image_output,
    ];
    shade(&(
        dialect,
        found.source,
        found.error,
        found.model.is_some(),
        stated.map(|count| count.map(|count| count.min(1))),
        usage.sub_usages.len().min(2),
        usage.other_units.len(),
    ))
}

/// An input is a line with the dialect and the content type, then the body.
pub const REQUEST: Target = Target {
    name: "request_reader",
    recorded: |call| {
        let head = format!("{} application/json\n", call.dialect);
        Some([head.as_bytes(), &call.request].concat()).filter(|_| !call.request.is_empty())
    },
    words: &[
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "\":",
        "\"model\":\"m\"",
        "\"stream\":true",
        "\"messages\":[",
        "\"content\":[",
        "\"type\":\"image_url\"",
        "\"text\":\"",
        "\"input\":[",
        "\"prompt\":[",
        "\"tools\":[",
        "\"n\":9",
        "\"contents\":[",
        "\"parts\":[",
        "\"user\":\"u\"",
        "\"max_tokens\":1",
        "\"metadata\":{\"user_id\":\"",
        "--x\r\n",
        "form-data; name=\"",
    ],
    check: request,
};

fn request(input: &[u8]) -> u64 {
    let (head, body) = head_and_body(input);
    let (dialect, content_type) = head.split_once(' ').unwrap_or((head, ""));
    let dialect = Dialect::parse(dialect);
    let (facts, texts, bytes) = same(body, |pieces| {
        let (mut texts, mut bytes) = (Vec::new(), 0_u64);
        let mut reader = RequestReader::of(dialect, Some(content_type));
        for piece in pieces {
            reader.feed(piece, &mut |text| {
                assert!(text.part.len() <= 3 * weir::providers::request::TEXT_BYTES_MAX);
                bytes = bytes.saturating_add(text.bytes);
                texts.push((text.part.to_owned(), text.bytes));
            });
        }
        (reader.facts(), texts, bytes)
    });
    // A text stands in few enough paths that none is handed out more than a few times.
    assert!(
        bytes <= 8 * body.len() as u64 + 8,
        "{bytes} bytes of text in {}",
        body.len()
    );
    shade(&(
        dialect,
        facts.model.is_some(),
        facts.stream,
        facts.choices.min(3),
        facts.media_parts.min(3),
        texts.len().min(6),
    ))
}
