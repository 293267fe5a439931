//! The text of a key that weir gives out: `weir_`, 34 characters of chance, 6 that check them.
//!
//! The check tells a slip of the pen from a key that is not known, without asking anything.

use std::fmt;

use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};

/// How every key begins.
pub const PREFIX: &str = "weir_";
/// Characters of chance: 202 bits.
const CHANCE: usize = 34;
/// Characters that check them.
const CHECK: usize = 6;
/// Bytes of a key.
const LENGTH: usize = PREFIX.len() + CHANCE + CHECK;
/// Characters of a key that may be shown, so that its owner knows it again.
const HINT: usize = 9;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// SHA-256 of a key.
pub type Digest = [u8; 32];

/// A key as its owner has it; it is never kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}

/// What a text is that a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing of weir's.
    Other,
    /// It begins like a key and is none.
    Misspelt,
    /// A key, given out or not.
    Key(Digest),
}

impl Token {
    /// Draws a key.
    pub fn draw() -> Self {
        let mut chance = String::with_capacity(LENGTH);
        chance.push_str(PREFIX);
        while chance.len() < PREFIX.len() + CHANCE {
            let mut bytes = [0; 64];
            fill(&mut bytes);
            // Four times 62 is 248: what is above would make some characters likelier.
            let fair = bytes.iter().filter(|byte| **byte < 248);
            let left = PREFIX.len() + CHANCE - chance.len();
            chance.extend(fair.take(left).map(|byte| letter(u32::from(*byte))));
        }
        chance.push_str(&check(&chance));
        Token(chance)
    }

    /// The key itself, for its owner alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        sha256(&self.0)
    }

    /// Its first characters.
    pub fn hint(&self) -> String {
        self.0.chars().take(HINT).collect()
    }
}

/// What `text` is.
pub fn look(text: &str) -> Look {
    let Some(body) = text.strip_prefix(PREFIX) else {
        return Look::Other;
    };
    let is_whole = text.len() == LENGTH && body.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_whole {
        return Look::Misspelt;
    }
    let (chance, checked) = text.split_at(PREFIX.len() + CHANCE);
    match check(chance) == checked {
        true => Look::Key(sha256(text)),
        false => Look::Misspelt,
    }
}

/// Twelve hex digits of chance: a key's id.
pub(super) fn draw_id() -> String {
    let mut bytes = [0; 6];
    fill(&mut bytes);
    hex(&bytes)
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The digest that its hex digits write; `None` where they write none.
pub(super) fn digest_of(hex: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    if hex.len() != 2 * digest.len() || !hex.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}

fn fill(bytes: &mut [u8]) {
    SystemRandom::new()
        .fill(bytes)
        .expect("the system has random numbers");
}

fn letter(number: u32) -> char {
    let at = usize::try_from(number % 62).unwrap_or(0);
    char::from(ALPHABET[at])
}

fn sha256(text: &str) -> Digest {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The characters that check `text`: 32 bits of a digest apart from the one that is kept.
fn check(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, format!("check {text}").as_bytes());
    let mut four = [0; 4];
    four.copy_from_slice(&digest.as_ref()[..4]);
    let mut number = u32::from_be_bytes(four);
    let mut letters = ['0'; CHECK];
    for slot in letters.iter_mut().rev() {
        *slot = letter(number);
        number /= 62;
    }
    letters.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_look_and_shown_by_its_hint_alone() {
        let (one, other) = (Token::draw(), Token::draw());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), LENGTH);
        assert_eq!(look(one.expose()), Look::Key(one.digest()));
        assert_eq!(one.hint(), one.expose()[..9]);
        assert!(!format!("{one:?}").contains(&one.expose()[5..12]));
    }

    #[test]
    fn a_slip_of_the_pen_is_told_from_an_unknown_key() {
        let token = Token::draw();
        let text = token.expose();
        for at in PREFIX.len()..text.len() {
            let mut slipped = text.as_bytes().to_vec();
            slipped[at] = if slipped[at] == b'a' { b'b' } else { b'a' };
            let slipped = String::from_utf8(slipped).unwrap();
            assert_eq!(look(&slipped), Look::Misspelt, "at {at}");
        }
        assert_eq!(look(&text[..text.len() - 1]), Look::Misspelt);
        assert_eq!(look(&format!("{text}x")), Look::Misspelt);
        assert_eq!(look("weir_"), Look::Misspelt);
        for other in ["", "sk-1", "Weir_", "aweir_"] {
            assert_eq!(look(other), Look::Other, "{other:?}");
        }
    }

    #[test]
    fn digests_are_written_and_read_in_hex() {
        let digest = Token::draw().digest();
        assert_eq!(digest_of(&hex(&digest)), Some(digest));
        assert_eq!(digest_of("00"), None);
        assert_eq!(digest_of(&"é".repeat(32)), None);
        assert_eq!(draw_id().len(), 12);
    }
}
