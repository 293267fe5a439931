//! Finds the bytes that end a string, a blank or a skipped container.
//!
//! Most strings of an event are a few bytes long, where the call into `memchr` costs more than its
//! search; so the first bytes are searched in place, eight at a time.

use memchr::{memchr2, memchr3};

/// Finds the end of a string, past its closing quote; `None` where the chunk ends first. `escaped`
/// says whether the first byte belongs to an escape that began in the chunk before, and afterwards
/// the same for the next chunk.
#[inline]
pub(super) fn string_end(bytes: &[u8], mut at: usize, escaped: &mut bool) -> Option<usize> {
    if std::mem::take(escaped) {
        at += 1;
    }
    loop {
        let hit = at + quote_or_backslash(bytes.get(at..)?)?;
        if bytes[hit] == b'"' {
            return Some(hit + 1);
        }
        at = hit + 2;
        *escaped = at > bytes.len();
    }
}

/// The length of a string's rest, before its closing quote; `None` where it does not end here or
/// holds an escape.
#[inline]
pub(super) fn plain_end(bytes: &[u8]) -> Option<usize> {
    quote_or_backslash(bytes).filter(|at| bytes[*at] == b'"')
}

/// Finds the first `"` or bracket of the kind that is skipped.
#[inline]
pub(super) fn bracket_or_quote([open, close]: [u8; 2], bytes: &[u8]) -> Option<usize> {
    let hits = |word| equal(word, b'"') | equal(word, open) | equal(word, close);
    match near(bytes, hits) {
        Near::At(at) => Some(at),
        Near::Past(from) => memchr3(b'"', open, close, &bytes[from..]).map(|at| from + at),
    }
}

/// Finds the first quote or backslash.
#[inline]
pub(super) fn quote_or_backslash(bytes: &[u8]) -> Option<usize> {
    match near(bytes, |word| equal(word, b'"') | equal(word, b'\\')) {
        Near::At(at) => Some(at),
        Near::Past(from) => memchr2(b'"', b'\\', &bytes[from..]).map(|at| from + at),
    }
}

/// The first byte from `at` that is no white space.
#[inline]
pub(super) fn blank_end(bytes: &[u8], at: usize) -> usize {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
    let Some(rest) = bytes
        .get(at..)
        .filter(|rest| rest.first().is_some_and(is_blank))
    else {
        return at;
    };
    let length = rest.iter().position(|b| !is_blank(b));
    at + length.unwrap_or(rest.len())
}

/// Groups of eight bytes that are searched in place.
const NEAR_WORDS: usize = 4;

enum Near {
    At(usize),
    /// Not among the bytes before this one.
    Past(usize),
}

/// Searches the first bytes, where there are as many.
#[inline]
fn near(bytes: &[u8], hits: impl Fn(u64) -> u64) -> Near {
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().take(NEAR_WORDS).enumerate() {
        let found = hits(u64::from_le_bytes(*word));
        if found != 0 {
            return Near::At(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    Near::Past(words.len().min(NEAR_WORDS) * 8)
}

/// Marks the top bit of bytes that equal `byte`; the lowest mark is exact, those above it may not
/// be.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let zero_where_equal = word ^ (LOW * u64::from(byte));
    zero_where_equal.wrapping_sub(LOW) & !zero_where_equal & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_the_first_at_any_distance(
            bytes in vec(prop::sample::select(b"aab!#[]{}\"\\\xA2\xDC".to_vec()), 0..40),
            filler in 0_usize..40,
        ) {
            let bytes = [&vec![b'x'; filler][..], &bytes].concat();
            let first = |set: &[u8]| bytes.iter().position(|b| set.contains(b));
            prop_assert_eq!(quote_or_backslash(&bytes), first(b"\"\\"));
            prop_assert_eq!(bracket_or_quote(*b"[]", &bytes), first(b"\"[]"));
            prop_assert_eq!(bracket_or_quote(*b"{}", &bytes), first(b"\"{}"));
        }
    }
}
