use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const PATHS: [&str; 9] = [
    "a", "a.b", "b[].c", "b[]", "c.a.b", "[].a", "c[][].a", "naïve", "",
];
static FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::new(&PATHS));

/// A captured value as a test compares it.
#[derive(Clone, Debug, PartialEq)]
struct Got {
    field: usize,
    raw: Vec<u8>,
    bytes: u64,
    cut: bool,
}

fn scan<'a>(
    fields: &'static Fields,
    max: usize,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Got>, bool) {
    let mut scanner = Scanner::new(fields, max);
    let mut all = Vec::new();
    let mut found = |f: Found<'_>| {
        all.push(Got {
            field: f.field,
            raw: f.raw.to_vec(),
            bytes: f.bytes,
            cut: f.cut,
        });
    };
    for chunk in chunks {
        scanner.feed(chunk, &mut found);
    }
    scanner.finish(&mut found);
    (all, scanner.is_broken())
}

/// What is captured from one document, as `path=raw`.
#[track_caller]
fn check(fields: &'static Fields, paths: &[&str], document: &str, expected: &[&str]) {
    let bytes = document.as_bytes();
    let name = |g: &Got| format!("{}={}", paths[g.field], String::from_utf8_lossy(&g.raw));
    let (whole, broken) = scan(fields, 1 << 20, [bytes]);
    assert!(!broken, "{document}");
    assert_eq!(
        whole.iter().map(name).collect::<Vec<_>>(),
        expected,
        "{document}"
    );
    for at in 0..=bytes.len() {
        let (split, _) = scan(fields, 1 << 20, [&bytes[..at], &bytes[at..]]);
        assert_eq!(split, whole, "split at {at} of {document}");
    }
    assert_eq!(
        scan(fields, 1 << 20, bytes.chunks(1)).0,
        whole,
        "byte by byte: {document}"
    );
}

#[test]
fn captures_the_named_fields_and_nothing_else() {
    const PATHS: [&str; 5] = [
        "usage",
        "usage.input",
        "choices[].delta.content",
        "[].model",
        "stream_options.include",
    ];
    static FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::new(&PATHS));
    for (document, expected) in [
        (
            r#"{"x":{"usage":1},"usage":{"input":12,"o":[3]},"y":[]}"#,
            &["usage.input=12", r#"usage={"input":12,"o":[3]}"#][..],
        ),
        (
            r#"{"choices":[{"delta":{"content":"a\"}"}},{"delta":{}},7,{"delta":{"content":null}}]}"#,
            &[
                r#"choices[].delta.content="a\"}""#,
                "choices[].delta.content=null",
            ],
        ),
        (
            r#" [ {"model" : "m" } , [{"model":"n"}], {"usage":1} ] "#,
            &[r#"[].model="m""#],
        ),
        ("\u{feff}\r\n\n {\"us\\u0061ge\":true}", &["usage=true"]),
        (
            r#"{"usage":-1.5e+3}{"usage":null}"#,
            &["usage=-1.5e+3", "usage=null"],
        ),
        ("{\"usage\":1}\n\n{\"usage\":2}\n", &["usage=1", "usage=2"]),
        (
            r#"{"choices":{"delta":{"content":1}},"stream_options":{"include":false}}"#,
            &["stream_options.include=false"],
        ),
        (
            r#"{"choices":[],"usage":{},"usag":1,"usagee":2,"\\usage":3,"":4}"#,
            &["usage={}"],
        ),
        (
            r#"{"skipped":["]","\\",{"a":"\"}"}],"usage":[1,[2]]}"#,
            &["usage=[1,[2]]"],
        ),
        ("", &[]),
        ("12 true null \"usage\" []", &[]),
    ] {
        check(&FIELDS, &PATHS, document, expected);
    }
}

#[test]
fn captures_documents_that_are_one_value() {
    for document in ["12", "-0.5", "true", "\"a\"", "[]", "{\"x\":[1]}"] {
        check(&FIELDS, &PATHS, document, &[&format!("={document}")]);
    }
}

#[test]
fn a_long_value_is_cut_and_its_length_told() {
    let document = format!(
        r#"{{"a":{{"b":"{}","c":[{}1]}}}}"#,
        "x".repeat(100),
        "1,".repeat(100)
    );
    static FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::new(&["a", "a.b"]));
    let value = &document[5..document.len() - 1];
    for size in [1, 3, 7, 1000] {
        let (got, _) = scan(&FIELDS, 10, document.as_bytes().chunks(size));
        let cut = |field, raw: &str, bytes| Got {
            field,
            raw: raw.into(),
            bytes,
            cut: true,
        };
        let outer = cut(0, &value[..10], value.len() as u64);
        assert_eq!(got, [cut(1, "\"xxxxxxxxx", 102), outer], "{size}");
    }
}

#[test]
fn text_that_is_no_json_breaks_the_scanner_until_it_is_reset() {
    for text in [
        "not json",
        "nul1",
        "{,}",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "[1,]",
        "{\"a\":1]",
        "[1}",
        "]",
        "}",
        "{\"a\":}",
        "<html>",
        "data: 1",
        "{1:2}",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        ":",
        ",",
    ] {
        for size in [1, 100] {
            static FIELDS: LazyLock<Fields> = LazyLock::new(|| Fields::new(&["a", "[]"]));
            let mut scanner = Scanner::new(&FIELDS, 100);
            text.as_bytes()
                .chunks(size)
                .for_each(|chunk| scanner.feed(chunk, &mut |_| {}));
            assert!(scanner.is_broken(), "{text}");
            scanner.feed(b" {\"a\":1}", &mut |_| panic!("captured after {text}"));
            scanner.finish(&mut |_| panic!("captured after {text}"));
            scanner.reset();
            let mut raw = Vec::new();
            scanner.feed(b"{\"a\":1}", &mut |found| raw.extend_from_slice(found.raw));
            assert_eq!(
                (raw.as_slice(), scanner.is_broken()),
                (&b"1"[..], false),
                "{text}"
            );
        }
    }
}

#[test]
fn depth_costs_no_memory_and_no_stack() {
    let deep = "[{\"k\":".repeat(100_000);
    let close = "}]".repeat(100_000);
    let document = format!(r#"{{"x":{deep}1{close},"a":{deep}2{close},"c":{{"a":{{"b":3}}}}}}"#);
    let (got, broken) = scan(&FIELDS, 16, document.as_bytes().chunks(4096));
    assert!(!broken);
    let seen: Vec<(&str, u64)> = got.iter().map(|g| (PATHS[g.field], g.bytes)).collect();
    let whole = document.len() as u64;
    assert_eq!(seen, [("a", 800_001), ("c.a.b", 1), ("", whole)]);
}

#[test]
fn buffers_stay_within_their_bounds() {
    let mut scanner = Scanner::new(&FIELDS, 1000);
    let document = format!(
        r#"{{"{}":1,"a":"{}"}}"#,
        "k".repeat(99_999),
        "v".repeat(99_999)
    );
    for _ in 0..3 {
        for chunk in document.as_bytes().chunks(7) {
            scanner.feed(chunk, &mut |_| {});
        }
        scanner.reset();
    }
    assert!(
        scanner.captures.kept_bytes() <= 2 * 1000,
        "{}",
        scanner.captures.kept_bytes()
    );
    assert!(scanner.key.capacity() <= 128, "{}", scanner.key.capacity());
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        ".{0,12}".prop_map(Value::from),
        r#"[\\"{}\[\]\n,:]{0,6}"#.prop_map(Value::from),
    ];
    let key = prop_oneof![4 => "[abc]", 1 => Just("naïve".to_owned()), 1 => ".{0,4}"];
    leaf.prop_recursive(5, 60, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Writes a value with white space and escapes as `style` tells, which a writer may choose freely.
fn write(value: &Value, style: &mut impl Iterator<Item = u8>, out: &mut String) {
    let blank = |style: u8| ["", "", "", " ", "\n", "\r\n\t"][usize::from(style) % 6];
    let mut next = || style.next().unwrap_or(0);
    match value {
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(blank(next()));
                let (before, after) = (next(), next());
                write(element, &mut [before].into_iter().cycle(), out);
                out.push_str(blank(after));
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(blank(next()));
                if next() % 3 == 0 {
                    out.push('"');
                    key.encode_utf16()
                        .for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
                    out.push('"');
                } else {
                    out.push_str(&Value::from(key.as_str()).to_string());
                }
                let (colon, before, after) = (next(), next(), next());
                out.push_str(&[blank(colon), ":", blank(after)].concat());
                write(member, &mut [before].into_iter().cycle(), out);
                out.push_str(blank(colon));
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// What a reader of the whole tree finds: inner values before outer ones.
fn expected(value: &Value, path: &str, out: &mut Vec<(usize, Value)>) {
    match value {
        Value::Array(elements) => {
            elements
                .iter()
                .for_each(|element| expected(element, &format!("{path}[]"), out));
        }
        Value::Object(members) => {
            let dot = if path.is_empty() { "" } else { "." };
            members
                .iter()
                .filter(|(key, _)| !key.is_empty())
                .for_each(|(key, member)| {
                    expected(member, &format!("{path}{dot}{key}"), out);
                });
        }
        _ => {}
    }
    if let Some(field) = PATHS.iter().position(|known| *known == path) {
        out.push((field, value.clone()));
    }
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn finds_what_a_reader_of_the_whole_tree_finds_at_every_split(
        values in vec(json(), 1..3),
        style in vec(any::<u8>(), 1..20),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let (mut text, mut all) = (String::new(), Vec::new());
        for value in &values {
            write(value, &mut style.iter().copied().cycle(), &mut text);
            text.push('\n');
            expected(value, "", &mut all);
        }
        let (whole, broken) = scan(&FIELDS, 1 << 20, [text.as_bytes()]);
        prop_assert!(!broken, "{}", text);
        let read: Vec<(usize, Value)> = whole
            .iter()
            .map(|got| (got.field, serde_json::from_slice(&got.raw).unwrap()))
            .collect();
        prop_assert_eq!(&read, &all, "{}", text);
        prop_assert_eq!(&scan(&FIELDS, 1 << 20, pieces(text.as_bytes(), &cuts)).0, &whole);
        prop_assert_eq!(&scan(&FIELDS, 1 << 20, text.as_bytes().chunks(1)).0, &whole);
        for got in scan(&FIELDS, 5, pieces(text.as_bytes(), &cuts)).0.iter().zip(&whole) {
            prop_assert_eq!(&got.0.raw[..], &got.1.raw[..got.1.raw.len().min(5)]);
            prop_assert_eq!((got.0.bytes, got.0.cut), (got.1.bytes, got.1.raw.len() > 5));
        }
    }

    #[test]
    fn any_bytes_give_the_same_at_every_split(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..60),
            vec(prop::sample::select(br#"{}[]",:\abcu0-1etrufalsn "#.to_vec()), 0..60),
        ],
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = scan(&FIELDS, 1 << 20, [&bytes[..]]);
        prop_assert_eq!(&scan(&FIELDS, 1 << 20, pieces(&bytes, &cuts)), &whole);
        prop_assert_eq!(&scan(&FIELDS, 1 << 20, bytes.chunks(1)), &whole);
    }

    #[test]
    fn a_document_cut_off_gives_a_part_of_its_captures(value in json()) {
        let text = value.to_string();
        let (whole, _) = scan(&FIELDS, 1 << 20, [text.as_bytes()]);
        for end in 0..text.len() {
            let (part, broken) = scan(&FIELDS, 1 << 20, [&text.as_bytes()[..end]]);
            prop_assert!(!broken);
            // A number cut off is a number still, where it is the whole document.
            if !value.is_number() {
                prop_assert_eq!(&part[..], &whole[..part.len()]);
            }
        }
    }
}
