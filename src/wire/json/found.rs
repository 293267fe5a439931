//! A value that a scanner captured.

use std::borrow::Cow;

use super::unquote;

/// One captured value: raw JSON text, strings with their quotes and escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The index of its path in [`Fields::new`].
    pub field: usize,
    /// The value, or its first `capture_max` bytes.
    pub raw: &'a [u8],
    /// The length of the whole value in bytes.
    pub bytes: u64,
    /// Whether `raw` is not all of it.
    pub cut: bool,
    /// Whether it is known to be a string in which nothing is escaped.
    pub plain: bool,
}

impl<'a> Found<'a> {
    /// The text of a string, decoded as [`unquote`] does.
    #[inline]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.raw {
            [b'"', text @ .., b'"'] if self.plain && !self.cut => match std::str::from_utf8(text) {
                Ok(text) => Some(Cow::Borrowed(text)),
                Err(_) => Some(String::from_utf8_lossy(text)),
            },
            raw => unquote(raw).map(Cow::Owned),
        }
    }
}
