use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Read = Vec<(String, bool, Vec<u8>, u64)>;

fn read<'a>(content_type: &str, chunks: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut form = Multipart::of(content_type, 16).expect("a form");
    let mut parts = Vec::new();
    for chunk in chunks {
        form.feed(chunk, &mut |part| {
            parts.push((
                part.name.to_owned(),
                part.is_file,
                part.value.to_vec(),
                part.bytes,
            ));
        });
    }
    parts
}

const TYPE: &str = "multipart/form-data; boundary=XX";

const FORM: &[u8] = b"--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
    --XX\r\ncontent-disposition: form-data; filename=\"a;\\\"b\\\".mp3\"; name=file\r\n\
    Content-Type: audio/mpeg\r\n\r\n\r\n\r\n--X\r--XX\n\x00\xff\r\n--XX \r\n\
    Content-Disposition: form-data; name=\"prompt\"\r\n\r\nlonger than what is kept\r\n\
    --XX\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--XX--\r\n--XX\r\n\r\nafter\r\n--XX";

fn form() -> Read {
    let file = b"\r\n\r\n--X\r--XX\n\x00\xff".len() as u64;
    vec![
        ("model".into(), false, b"whisper-1".to_vec(), 9),
        ("file".into(), true, Vec::new(), file),
        ("prompt".into(), false, b"longer than what".to_vec(), 24),
        ("empty".into(), false, Vec::new(), 0),
    ]
}

#[test]
fn fields_are_kept_and_files_are_measured() {
    assert_eq!(read(TYPE, [FORM]), form());
    assert_eq!(read(TYPE, FORM.chunks(1)), form(), "byte by byte");
    let late = [b"a preamble\r\n", FORM].concat();
    assert_eq!(read(TYPE, [&late[..]]), form());
}

#[test]
fn what_only_begins_like_a_delimiter_is_part_of_the_value() {
    let value: &[u8] = b"\r\n--XXL\r\n\r\n--XX-\r\n--XX-a--\r\n--X";
    let head = b"--XX\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n".as_slice();
    let model = b"\r\n--XX\t\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--XX--";
    let body = [head, value, model].concat();
    let whole = vec![
        ("file".to_owned(), true, Vec::new(), value.len() as u64),
        ("model".to_owned(), false, b"m".to_vec(), 1),
    ];
    assert_eq!(read(TYPE, [&body[..]]), whole);
    assert_eq!(read(TYPE, body.chunks(1)), whole, "byte by byte");
}

#[test]
fn a_form_is_told_by_its_content_type() {
    for (content_type, boundary) in [
        ("multipart/form-data; boundary=a", Some("\r\n--a")),
        (
            "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"",
            Some("\r\n--a b"),
        ),
        ("multipart/form-data;boundary=----x;", Some("\r\n------x")),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/mixed; boundary=a", None),
        ("application/json; boundary=a", None),
        ("", None),
    ] {
        let found = Multipart::of(content_type, 1).map(|form| form.delimiter);
        let wanted = boundary.map(|text| text.as_bytes().to_vec());
        assert_eq!(found, wanted, "{content_type}");
    }
}

proptest! {
    #[test]
    fn every_split_gives_the_same_parts(cuts in vec(1_usize..40, 1..80)) {
        let mut rest = FORM;
        let mut chunks = Vec::new();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        prop_assert_eq!(read(TYPE, chunks), form());
    }

    #[test]
    fn no_bytes_are_too_strange(
        bytes in vec(prop::sample::select(b"\r\n-X:;=\"\\ nam".to_vec()), 0..400),
        size in 1_usize..9,
    ) {
        let whole = read(TYPE, [&bytes[..]]);
        prop_assert_eq!(read(TYPE, bytes.chunks(size)), whole.clone());
        let kept: u64 = whole.iter().map(|part| part.3).sum();
        prop_assert!(kept <= bytes.len() as u64);
    }
}
