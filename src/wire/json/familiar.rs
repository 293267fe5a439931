//! Remembers a document, so that what the next one repeats of it is not read again.
//!
//! The events of a stream differ in a word or two. Where two documents stand before a key inside the
//! same containers, and nothing is being captured, the same bytes take both to the same place. So
//! what a document repeats of the one remembered is stepped over, up to the last such key, and what
//! was captured on the way is handed out again.

use std::ops::Range;

use super::{Found, Frame};

/// Most bytes of a document that are remembered.
const BYTES_MAX: usize = 1024;
/// Most keys and values, and most captured values, whose places are remembered of it.
const MARKS_MAX: usize = 64;
/// Fewest bytes that agree where a key is taken for the one remembered.
const KEY_LIKE: usize = 3;
/// Most places that a document may leave out at once.
const AHEAD_MAX: usize = 12;
/// Of documents that repeat little, one in so many is remembered in place of the one before.
const POOR_FOR_ANOTHER: u32 = 16;

/// The document remembered, and how far the current one repeats it.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// The containers around each mark, one mark after the other.
    frames: Vec<Frame>,
    captured: Vec<Captured>,
    /// The first mark that the current document has not passed.
    next: usize,
    /// Bytes of the current document, and how many of them were stepped over.
    seen: usize,
    stepped: usize,
    /// Documents that repeated little.
    poor: u32,
    noting: Noting,
}

/// Whether the current document is being remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Noting {
    /// The next one is.
    #[default]
    Next,
    Now,
    /// It is, but nothing more of it.
    Full,
    No,
}

/// A key, or the value behind its colon, before which nothing was being captured.
#[derive(Debug)]
struct Mark {
    /// Where the key's quote stands, or where the colon ends.
    at: usize,
    /// How much of the document leads to it: a key's own quote must be there too.
    needs: usize,
    place: Place,
    /// The containers around it, among `frames`.
    frames: Range<usize>,
    /// How many values were captured before it.
    captured: usize,
}

/// Where in an object something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before a key.
    Key,
    /// Before the value of a member with this node.
    Value(Option<usize>),
}

/// A value that was captured whole.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    pub(super) field: usize,
    /// Where it stands in the document.
    pub(super) place: Range<usize>,
    pub(super) plain: bool,
}

/// What a document repeats from a key on.
#[derive(Debug)]
pub(super) struct Repeated<'a> {
    /// How many bytes, up to the last key or value whose place is known.
    pub(super) length: usize,
    pub(super) place: Place,
    /// The containers around it.
    pub(super) frames: &'a [Frame],
    captured: &'a [Captured],
    bytes: &'a [u8],
}

impl Repeated<'_> {
    /// The values captured on the way.
    pub(super) fn captured(&self) -> impl Iterator<Item = Found<'_>> {
        self.captured.iter().map(|captured| {
            let raw = &self.bytes[captured.place.clone()];
            Found {
                field: captured.field,
                raw,
                bytes: raw.len() as u64,
                cut: false,
                plain: captured.plain,
            }
        })
    }
}

impl Familiar {
    /// Begins a piece of a document; `is_object` if it begins with an object.
    #[inline]
    pub(super) fn begin(&mut self, is_object: bool) {
        if is_object && self.noting == Noting::Next && self.seen == 0 {
            self.noting = Noting::Now;
            self.bytes.clear();
            self.marks.clear();
            self.frames.clear();
            self.captured.clear();
        }
    }

    /// Ends a piece of a document; only its first piece is remembered.
    #[inline]
    pub(super) fn end(&mut self, piece: &[u8]) {
        self.seen = self.seen.saturating_add(piece.len());
        if matches!(self.noting, Noting::Now | Noting::Full) {
            self.noting = Noting::No;
            self.bytes
                .extend_from_slice(&piece[..piece.len().min(BYTES_MAX)]);
        }
    }

    /// Ends the document.
    #[inline]
    pub(super) fn reset(&mut self) {
        if self.stepped * 2 < self.seen {
            self.poor = self.poor.wrapping_add(1);
            if self.poor.is_power_of_two() || self.poor.is_multiple_of(POOR_FOR_ANOTHER) {
                self.noting = Noting::Next;
            }
        }
        (self.next, self.seen, self.stepped) = (0, 0, 0);
    }

    /// Whether keys and captured values are to be noted.
    #[inline]
    pub(super) fn notes(&self) -> bool {
        self.noting == Noting::Now
    }

    /// Notes a key or a value of the document's first piece.
    pub(super) fn note(&mut self, at: usize, place: Place, frames: &[Frame]) {
        if at >= BYTES_MAX || self.marks.len() == MARKS_MAX {
            self.noting = Noting::Full;
            return;
        }
        let before = self.frames.len();
        self.frames.extend_from_slice(frames);
        self.marks.push(Mark {
            at,
            needs: at + usize::from(place == Place::Key),
            place,
            frames: before..self.frames.len(),
            captured: self.captured.len(),
        });
    }

    /// Notes a value captured in the document's first piece; one that is too long, `None`, ends
    /// what can be stepped over.
    pub(super) fn note_captured(&mut self, captured: Option<Captured>) {
        match captured {
            Some(captured) if self.captured.len() < MARKS_MAX => self.captured.push(captured),
            _ => self.noting = Noting::Full,
        }
    }

    /// What the document repeats from a key inside these containers on, where `rest` begins.
    #[inline]
    pub(super) fn repeated(&mut self, rest: &[u8], frames: &[Frame]) -> Option<Repeated<'_>> {
        let alike =
            |mark: &Mark| mark.place == Place::Key && self.frames[mark.frames.clone()] == *frames;
        let ahead = self.marks.get(self.next..)?;
        let from = self.next + ahead.iter().take(AHEAD_MAX).position(alike)?;
        let at = self.marks[from].at;
        let end = at + agreement(rest, self.bytes.get(at..)?);
        let to = from + self.marks[from + 1..].partition_point(|mark| mark.needs <= end);
        if to == from {
            self.next = from + usize::from(end >= at + KEY_LIKE);
            return None;
        }
        let (began, mark) = (&self.marks[from], &self.marks[to]);
        let length = mark.at - at;
        (self.next, self.stepped) = (to + 1, self.stepped + length);
        Some(Repeated {
            length,
            place: mark.place,
            frames: &self.frames[mark.frames.clone()],
            captured: &self.captured[began.captured..mark.captured],
            bytes: &self.bytes,
        })
    }
}

/// How many bytes two texts have in common at their beginning.
#[inline]
fn agreement(one: &[u8], other: &[u8]) -> usize {
    let (blocks, others) = (one.as_chunks::<32>().0, other.as_chunks::<32>().0);
    let alike = blocks
        .iter()
        .zip(others)
        .take_while(|(one, other)| one == other);
    let alike = alike.count() * 32;
    alike + agreement_by_words(&one[alike..], &other[alike..])
}

#[inline]
fn agreement_by_words(one: &[u8], other: &[u8]) -> usize {
    let (words, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    for (index, (word, other)) in words.iter().zip(others).enumerate() {
        let differ = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
        if differ != 0 {
            return index * 8 + differ.trailing_zeros() as usize / 8;
        }
    }
    let past = words.len().min(others.len()) * 8;
    let rest = one[past..].iter().zip(&other[past..]);
    past + rest.take_while(|(one, other)| one == other).count()
}
