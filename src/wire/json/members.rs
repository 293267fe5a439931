//! Where the members of a document's one object stand, so that a value can be replaced and every other byte
//! stay as it is.

use std::ops::Range;

use super::find::{blank_end, bracket_or_quote, string_end};
use super::unquote;

/// The places of the values of all members by one of these names, in the object that is the whole document;
/// a name that stands twice has two. `None` where the bytes are no such document.
///
/// As little is checked as by [`Scanner`](super::Scanner): what is skipped has its strings and brackets.
pub fn members(bytes: &[u8], names: &[&str]) -> Option<Vec<Range<usize>>> {
    let mut places = Vec::new();
    let start = bytes.strip_prefix(b"\xEF\xBB\xBF").map_or(0, |_| 3);
    let mut at = after(bytes, blank_end(bytes, start), b'{')?;
    if bytes.get(blank_end(bytes, at)) == Some(&b'}') {
        return is_over(bytes, blank_end(bytes, at) + 1).then_some(places);
    }
    loop {
        let key = blank_end(bytes, at);
        let key_end = end_of_string(bytes, key)?;
        let value = after(bytes, blank_end(bytes, key_end), b':')?;
        let value = blank_end(bytes, value);
        let value_end = end_of_value(bytes, value)?;
        if unquote(&bytes[key..key_end]).is_some_and(|key| names.contains(&key.as_str())) {
            places.push(value..value_end);
        }
        at = blank_end(bytes, value_end) + 1;
        match bytes.get(at - 1)? {
            b',' => {}
            b'}' => return is_over(bytes, at).then_some(places),
            _ => return None,
        }
    }
}

fn after(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (bytes.get(at) == Some(&byte)).then_some(at + 1)
}

fn is_over(bytes: &[u8], at: usize) -> bool {
    blank_end(bytes, at) == bytes.len()
}

fn end_of_string(bytes: &[u8], at: usize) -> Option<usize> {
    string_end(bytes, after(bytes, at, b'"')?, &mut false)
}

fn end_of_value(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => end_of_string(bytes, at),
        b'{' => end_of_container(bytes, at, *b"{}"),
        b'[' => end_of_container(bytes, at, *b"[]"),
        _ => {
            let ends = |b: &u8| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            let length = bytes[at..].iter().position(ends)?;
            (length > 0).then_some(at + length)
        }
    }
}

/// The end of a container, past its bracket: brackets of the other kind are not looked at.
fn end_of_container(bytes: &[u8], mut at: usize, brackets: [u8; 2]) -> Option<usize> {
    let mut depth = 0_u64;
    loop {
        at += bracket_or_quote(brackets, bytes.get(at..)?)?;
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at)?,
            byte if byte == brackets[0] => {
                depth += 1;
                at += 1;
            }
            _ => {
                depth -= 1;
                at += 1;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn values(text: &str) -> Option<Vec<&str>> {
        let places = members(text.as_bytes(), &["model"])?;
        Some(places.into_iter().map(|place| &text[place]).collect())
    }

    #[test]
    fn every_member_of_the_name_is_found_and_none_within_another() {
        for (text, expected) in [
            ("{}", Some(vec![])),
            (r#"{"model":"a"}"#, Some(vec![r#""a""#])),
            (
                "\u{FEFF} { \"model\" :\n null , \"x\":1 } \n",
                Some(vec!["null"]),
            ),
            (
                r#"{"x":{"model":"no"},"model":"a\"b","y":["]",{"model":1}],"mod\u0065l":[1,[2]]}"#,
                Some(vec![r#""a\"b""#, "[1,[2]]"]),
            ),
            (r#"{"y":"model","model":-1.5e3}"#, Some(vec!["-1.5e3"])),
            (r#"["model"]"#, None),
            (r#"{"model":"a""#, None),
            (r#"{"model":"a"} {"model":"b"}"#, None),
            (r#"{"model":}"#, None),
            (r#"{"model":"a",}"#, None),
            ("", None),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(Value::from),
            "[a-z\"\\\\{}\\[\\],:é\n]{0,12}".prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("(model|[a-z\"]{0,4})", inner, 0..5)
                    .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_a_parser(mut value in document(), model in document(), pretty: bool) {
            if let Some(object) = value.as_object_mut() {
                object.insert("model".to_owned(), model.clone());
            }
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let found = values(&text).map(|found| {
                found.iter().map(|raw| serde_json::from_str(raw).unwrap()).collect::<Vec<Value>>()
            });
            prop_assert_eq!(found, value.is_object().then(|| vec![model]));
            for cut in 0..text.trim_end().len() {
                prop_assert_eq!(members(&text.as_bytes()[..cut], &["model"]), None);
            }
        }

        #[test]
        fn any_bytes_are_borne(bytes: Vec<u8>) {
            members(&bytes, &["model"]);
        }
    }

    #[test]
    fn what_it_finds_is_of_several_names() {
        let text = json!({"Model": 1, "model_id": 2}).to_string();
        assert_eq!(
            members(text.as_bytes(), &["Model", "model_id"])
                .unwrap()
                .len(),
            2
        );
    }
}
