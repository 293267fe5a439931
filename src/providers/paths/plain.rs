//! A path as an upstream may understand it, whichever way it is written.
//!
//! Upstreams differ in what they decode, cut and resolve, and a path that weir reads more narrowly than
//! they do would be a way around a budget. What goes upstream stays as it came: only this copy is read.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A path's segments: percent-decoded once, without `;parameters`, empty ones, `.` and `..`.
pub(super) struct Plain {
    /// As they are written, for names.
    names: Vec<String>,
    /// In lower case, for the words of operations.
    words: Vec<String>,
    /// Upstreams may disagree on what it means: what is found in it may cost money.
    pub(super) doubtful: bool,
}

impl Plain {
    /// Reads a path; its query and fragment are left out.
    pub(super) fn of(path: &str) -> Plain {
        let path = path.split('?').next().unwrap_or_default();
        let before_fragment = path.split('#').next().unwrap_or_default();
        let decoded = percent_decode_str(before_fragment).decode_utf8_lossy();
        let mut doubtful =
            path.len() > before_fragment.len() || decodes(&decoded) || decoded.contains(is_odd);
        let mut names: Vec<String> = Vec::new();
        for segment in decoded.split(['/', '\\']) {
            match segment.split(';').next().unwrap_or_default() {
                "" | "." => {}
                ".." => {
                    doubtful = true;
                    names.pop();
                }
                name => names.push(name.to_owned()),
            }
        }
        let words = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Plain {
            names,
            words,
            doubtful,
        }
    }

    /// The segments in lower case, for patterns.
    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// The segments from `at` on as they are written, joined by slashes.
    pub(super) fn names_from(&self, at: usize) -> String {
        self.names.get(at..).unwrap_or_default().join("/")
    }

    /// Some segments as they are written, joined by slashes.
    pub(super) fn names_in(&self, at: std::ops::Range<usize>) -> String {
        self.names.get(at).unwrap_or_default().join("/")
    }

    /// One segment as it is written.
    pub(super) fn name(&self, at: usize) -> Option<&str> {
        self.names.get(at).map(String::as_str)
    }
}

/// Whether percent-decoding would change the text.
fn decodes(text: &str) -> bool {
    matches!(Cow::from(percent_decode_str(text)), Cow::Owned(_))
}

/// Characters at which upstreams cut or split, or that were no UTF-8.
fn is_odd(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            ';' | '\\' | '?' | '#' | char::REPLACEMENT_CHARACTER
        )
}
