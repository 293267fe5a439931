//! The parsers that are fuzzed.

mod heads;
mod settings;
mod usage;
mod wire;

use crate::engine::run;

/// A test for each target.
macro_rules! targets {
    ($($name:ident: $target:expr;)*) => {
        $(#[test]
        fn $name() {
            run(&$target);
        })*
    };
}

targets! {
    json_scanner: wire::JSON;
    event_splitter: wire::SSE;
    content_decoder: wire::ENCODING;
    aws_event_stream: wire::AWS_EVENT_STREAM;
    websocket_frames: wire::WEBSOCKET;
    multipart_form: wire::MULTIPART;
    base64_member: wire::BASE64_MEMBER;
    usage_extractor: usage::EXTRACTOR;
    request_reader: usage::REQUEST;
    request_path: heads::PATH;
    connect_head: heads::CONNECT;
    configuration: settings::CONFIGURATION;
    price_catalogue: settings::CATALOGUE;
    price_import: settings::IMPORT;
}

/// Words of JSON as providers write it.
const JSON_WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "true",
    "{\"",
    "\":",
    "\\u00e9",
    "\\ud83d",
    "\\",
    "data: ",
    "event: ",
    "\n\n",
    "\r\n",
    "[DONE]",
    "\"usage\":",
    "\"model\":",
    "\"choices\":[",
    "\"delta\":{",
    "\"content\":",
    "\"type\":",
    "\"prompt_tokens\":",
    "\"completion_tokens\":",
    "\"usageMetadata\":",
    "\"error\":",
    "\"input_tokens\":",
    "\"message_start\"",
    "\"message_delta\"",
    "\"response.completed\"",
    "\"output_tokens\":",
    "\"iterations\":[",
];

/// The input whole, byte by byte, and in pieces of 1 to 61 bytes.
fn splits(input: &[u8]) -> [Vec<&[u8]>; 3] {
    let mut ragged = Vec::new();
    let (mut rest, mut seed) = (input, input.len() as u64 | 1);
    while !rest.is_empty() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let length = usize::try_from(1 + (seed >> 33) % 61).expect("a small number");
        let (piece, after) = rest.split_at(length.min(rest.len()));
        ragged.push(piece);
        rest = after;
    }
    [vec![input], input.chunks(1).collect(), ragged]
}

/// Reads the input at every split; all must give the same, which is returned.
fn same<T: PartialEq + std::fmt::Debug>(input: &[u8], read: impl Fn(&[&[u8]]) -> T) -> T {
    let [whole, single, ragged] = splits(input).map(|pieces| read(&pieces));
    assert_eq!(single, whole, "byte by byte");
    assert_eq!(ragged, whole, "in ragged pieces");
    whole
}

/// Reads the input at every split, where a fault may show at another place; what was read before it must
/// agree. Gives what was read of the whole, and whether it has a fault.
fn same_to_the_fault(input: &[u8], read: impl Fn(&[&[u8]]) -> (Vec<u8>, bool)) -> (Vec<u8>, bool) {
    let [(whole, fault), single, ragged] = splits(input).map(|pieces| read(&pieces));
    for (other, other_fault) in [single, ragged] {
        assert_eq!(other_fault, fault);
        let agree = whole
            .iter()
            .zip(&other)
            .take_while(|(one, other)| one == other)
            .count();
        assert!(
            agree == whole.len().min(other.len()),
            "they differ at {agree}"
        );
        assert!(
            fault || whole.len() == other.len(),
            "{} and {}",
            whole.len(),
            other.len()
        );
    }
    (whole, fault)
}

/// The first line and what follows it.
fn head_and_body(input: &[u8]) -> (&str, &[u8]) {
    let end = input
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(input.len());
    let head = std::str::from_utf8(&input[..end]).unwrap_or_default();
    (head, input.get(end + 1..).unwrap_or_default())
}
