//! Decodes the text of a raw JSON string.
//!
//! Lenient where a strict parser would refuse the whole string, since the text is only compared and
//! counted: an emoji is sometimes split between two events, which leaves half a surrogate pair in
//! each.

use std::borrow::Cow;

use memchr::memchr2;

use super::find::plain_end;

/// Decodes a raw JSON string as [`unquote`] does, without a copy where it holds no escape.
pub fn unquoted(raw: &[u8]) -> Option<Cow<'_, str>> {
    if let [b'"', rest @ ..] = raw
        && let [text @ .., _] = rest
        && plain_end(rest) == Some(text.len())
        && let Ok(text) = std::str::from_utf8(text)
    {
        return Some(Cow::Borrowed(text));
    }
    unquote(raw).map(Cow::Owned)
}

/// Decodes a raw JSON string, quotes included, to text.
///
/// A string that was cut (it has no closing quote) is decoded up to its last whole escape and
/// character. Half a surrogate pair and bytes that are no UTF-8 become U+FFFD. `None` where `raw`
/// is no string, has an unknown escape or goes on after its closing quote.
pub fn unquote(raw: &[u8]) -> Option<String> {
    let mut rest = raw.strip_prefix(b"\"")?;
    let mut text = Vec::with_capacity(rest.len());
    loop {
        let Some(at) = memchr2(b'"', b'\\', rest) else {
            text.extend_from_slice(whole_characters(rest));
            break;
        };
        text.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        if rest[0] == b'"' {
            if rest.len() > 1 {
                return None;
            }
            break;
        }
        match escape(rest) {
            Escape::Char(decoded, length) => {
                text.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[length..];
            }
            Escape::Cut => break,
            Escape::Unknown => return None,
        }
    }
    Some(match String::from_utf8(text) {
        Ok(text) => text,
        Err(bytes) => String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
    })
}

enum Escape {
    /// The character, and how many raw bytes stood for it.
    Char(char, usize),
    Cut,
    Unknown,
}

fn escape(raw: &[u8]) -> Escape {
    let decoded = match raw.get(1) {
        None => return Escape::Cut,
        Some(b'u') => return unicode(raw),
        Some(&plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(_) => return Escape::Unknown,
    };
    Escape::Char(decoded, 2)
}

/// Decodes `\uXXXX`, or two of them that are a surrogate pair.
fn unicode(raw: &[u8]) -> Escape {
    let Some(digits) = raw.get(2..6) else {
        return Escape::Cut;
    };
    let Some(unit) = hex4(digits) else {
        return Escape::Unknown;
    };
    if let Some(decoded) = char::from_u32(unit) {
        return Escape::Char(decoded, 6);
    }
    // Half a pair: the other half must follow, and may have been cut off.
    let after = &raw[6..];
    let (low, cut) = match after.get(2..6) {
        Some(digits) if after.starts_with(b"\\u") => (hex4(digits), false),
        Some(_) => (None, false),
        None => (
            None,
            unit < 0xDC00 && (after.is_empty() || after.starts_with(b"\\")),
        ),
    };
    match low {
        Some(low @ 0xDC00..0xE000) if unit < 0xDC00 => {
            let pair = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            Escape::Char(
                char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER),
                12,
            )
        }
        _ if cut && !after.contains(&b'"') => Escape::Cut,
        _ => Escape::Char(char::REPLACEMENT_CHARACTER, 6),
    }
}

fn hex4(digits: &[u8]) -> Option<u32> {
    let mut unit = 0;
    for &digit in digits {
        unit = unit * 16 + char::from(digit).to_digit(16)?;
    }
    Some(unit)
}

/// The bytes without the beginning of a character at their end.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decodes_what_a_strict_parser_would_refuse() {
        for (raw, text) in [
            (r#""\ud83d""#, Some("\u{fffd}")),
            (r#""\ud83dx""#, Some("\u{fffd}x")),
            (r#""\ude00\ud83d\ude00""#, Some("\u{fffd}😀")),
            (r#""\ud83d\n""#, Some("\u{fffd}\n")),
            (r#""a\u00"#, Some("a")),
            (r#""a\ud83d"#, Some("a")),
            (r#""a\ud83d\ud"#, Some("a")),
            (r#""a\"#, Some("a")),
            (r#"""#, Some("")),
            (r#""\x""#, None),
            (r#""\u00zz""#, None),
            (r#""a"b"#, None),
            ("12", None),
            ("", None),
        ] {
            assert_eq!(unquote(raw.as_bytes()).as_deref(), text, "{raw}");
            assert_eq!(unquoted(raw.as_bytes()).as_deref(), text, "{raw}");
        }
        assert_eq!(unquote(b"\"a\xf0\x9f\x98").as_deref(), Some("a"));
        assert_eq!(unquote(b"\"a\xff\"").as_deref(), Some("a\u{fffd}"));
    }

    proptest! {
        #[test]
        fn decodes_what_serde_json_writes(text in any::<String>()) {
            let raw = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(unquoted(raw.as_bytes()), Some(text.as_str().into()));
            prop_assert_eq!(unquote(raw.as_bytes()), Some(text));
        }

        #[test]
        fn decodes_a_string_that_is_all_escapes(
            text in any::<String>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            let units: Vec<String> = units.collect();
            let raw = format!("\"{}\"", units.concat());
            prop_assert_eq!(unquote(raw.as_bytes()), Some(text.clone()));
            let short = unquote(&raw.as_bytes()[..1 + cut.index(raw.len() - 1)]).unwrap();
            prop_assert!(text.starts_with(&short));
        }
    }
}
