//! Names, labels, patterns, paths and secrets.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::Secret;
use super::super::read::{Fault, Scalar};

/// Longest name, label or pattern.
const WORD_BYTES_MAX: usize = 256;

/// Longest name of a budget or a provider: it stands in headers, paths and metrics.
const NAME_BYTES_MAX: usize = 64;

fn is_name(text: &str, is_letter: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= NAME_BYTES_MAX
        && bytes.first().is_some_and(|b| is_letter(*b))
        && bytes.iter().all(|b| is_letter(*b) || b"._-".contains(b))
}

/// `v1`, `v1beta`, `v2`: how the paths of APIs begin.
fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| {
        let kind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        kind.len() < rest.len() && ["", "alpha", "beta"].contains(&kind)
    })
}

fn is_word(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= WORD_BYTES_MAX && !text.chars().any(char::is_control)
}

/// A budget's name: it is sent in a header and stands in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Name(pub(in crate::config) String);

impl Scalar for Name {
    const EXPECTED: &'static str = "a name of at most 64 letters, digits, `.`, `_` and `-`";
    const LIKE: &'static [&'static str] = &["team-month"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let fits = is_name(text, |b| b.is_ascii_alphanumeric());
        if fits {
            Ok(Name(text.to_owned()))
        } else {
            Err(Fault::Unfit)
        }
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" })
    }
}

/// A provider's name: the first segment of a base URL's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct ProviderName(pub(in crate::config) String);

impl Scalar for ProviderName {
    const EXPECTED: &'static str =
        "a provider's name: at most 64 lower-case letters, digits, `.`, `_` and `-`";
    const LIKE: &'static [&'static str] = &["openai", "local-vllm"];

    fn parse(text: &str) -> Result<Self, Fault> {
        if is_version(text) {
            let why = "it would take the paths of a base URL that names no provider";
            return Err(Fault::Because(why.to_owned()));
        }
        let fits = is_name(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if fits {
            Ok(ProviderName(text.to_owned()))
        } else {
            Err(Fault::Unfit)
        }
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$" })
    }
}

/// The value of a label, or the name of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Label(pub(in crate::config) String);

impl Scalar for Label {
    const EXPECTED: &'static str = "a text of at most 256 bytes on one line";
    const LIKE: &'static [&'static str] = &["search"];

    fn parse(text: &str) -> Result<Self, Fault> {
        if is_word(text) {
            Ok(Label(text.to_owned()))
        } else {
            Err(Fault::Unfit)
        }
    }

    fn schema() -> Value {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// A value to match: exact, or a prefix that ends in `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Pattern(pub(in crate::config) String);

impl Scalar for Pattern {
    const EXPECTED: &'static str = "a text of at most 256 bytes, or a prefix that ends in `*`";
    const LIKE: &'static [&'static str] = &["gpt-4o", "claude-*"];

    fn parse(text: &str) -> Result<Self, Fault> {
        match text.strip_suffix('*').unwrap_or(text).contains('*') {
            true => Err(Fault::Because("a `*` may only stand at the end".to_owned())),
            false if is_word(text) => Ok(Pattern(text.to_owned())),
            false => Err(Fault::Unfit),
        }
    }

    fn schema() -> Value {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

/// A key to match, by its hash: a credential here would never match, and would be kept in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct KeyPattern(pub(in crate::config) String);

impl Scalar for KeyPattern {
    const EXPECTED: &'static str =
        "a key's 12 hex digits as the ledger shows them, or a prefix with `*`";
    const LIKE: &'static [&'static str] = &["3fa94c01b77e", "3fa9*"];
    const SHOWN: bool = false;

    fn parse(text: &str) -> Result<Self, Fault> {
        let (digits, is_prefix) = match text.strip_suffix('*') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let is_hex = digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let fits = digits.len() == 12 || is_prefix && digits.len() < 12;
        if is_hex && fits {
            Ok(KeyPattern(text.to_owned()))
        } else {
            Err(Fault::Unfit)
        }
    }

    fn schema() -> Value {
        json!({ "type": ["string", "number"] })
    }
}

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Folder(pub(in crate::config) PathBuf);

impl Scalar for Folder {
    const EXPECTED: &'static str = "a path";
    const LIKE: &'static [&'static str] = &["./weir-data", "/var/lib/weir"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let fits = !text.is_empty() && text.len() <= 4096 && !text.chars().any(char::is_control);
        if fits {
            Ok(Folder(PathBuf::from(text)))
        } else {
            Err(Fault::Unfit)
        }
    }
}

/// An IANA time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct TimeZoneName(pub(in crate::config) TimeZone);

impl Scalar for TimeZoneName {
    const EXPECTED: &'static str = "an IANA time zone";
    const LIKE: &'static [&'static str] = &["UTC", "Europe/Berlin"];

    fn parse(text: &str) -> Result<Self, Fault> {
        TimeZone::get(text)
            .map(TimeZoneName)
            .map_err(|_| Fault::Unfit)
    }
}

/// A secret that clients send in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Token(pub(in crate::config) Secret);

impl Scalar for Token {
    const EXPECTED: &'static str = "a token of visible ASCII characters";
    const LIKE: &'static [&'static str] = &["${WEIR_ADMIN_TOKEN}"];
    const SHOWN: bool = false;

    fn parse(text: &str) -> Result<Self, Fault> {
        let fits =
            !text.is_empty() && text.len() <= 4096 && text.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(Token(Secret::new(text.to_owned())))
        } else {
            Err(Fault::Unfit)
        }
    }
}
