//! The values being captured: slices of the chunk where they can be, else bounded copies.

use super::Found;
use super::familiar::Captured;

/// The captures that are open, innermost last; closed ones keep their buffers for the next.
#[derive(Debug)]
pub(super) struct Captures {
    max: usize,
    open: usize,
    slots: Vec<Capture>,
}

#[derive(Debug, Default)]
struct Capture {
    field: usize,
    /// How many containers were entered when the value began.
    depth: usize,
    /// Where the value, or its rest, begins in the current chunk.
    start: usize,
    /// Bytes of the value in the chunks before.
    bytes: u64,
    /// The first of them, at most `max`.
    kept: Vec<u8>,
}

impl Captures {
    pub(super) fn new(max: usize) -> Self {
        Captures {
            max,
            open: 0,
            slots: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, field: usize, depth: usize, start: usize) {
        if self.open == self.slots.len() {
            self.slots.push(Capture::default());
        }
        let slot = &mut self.slots[self.open];
        slot.kept.clear();
        (slot.field, slot.depth, slot.start, slot.bytes) = (field, depth, start, 0);
        self.open += 1;
    }

    /// Most bytes kept of a value.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Whether a value is being captured.
    #[inline]
    pub(super) fn any_open(&self) -> bool {
        self.open > 0
    }

    /// Whether the innermost capture ends with a value that ends at this depth.
    #[inline]
    pub(super) fn ends(&self, depth: usize) -> bool {
        self.open > 0 && self.slots[self.open - 1].depth == depth
    }

    /// The innermost capture, in a document's first chunk; `None` for one that is cut.
    pub(super) fn ending(&self, end: usize) -> Option<Captured> {
        let slot = self.slots[..self.open].last()?;
        let captured = Captured {
            field: slot.field,
            place: slot.start..end,
            plain: false,
        };
        Some(captured).filter(|it| it.place.len() <= self.max)
    }

    /// Hands out the innermost capture, of which there must be one; its value ends before `end`.
    pub(super) fn hand_out(&mut self, chunk: &[u8], end: usize, found: &mut dyn FnMut(Found<'_>)) {
        self.open -= 1;
        let slot = &mut self.slots[self.open];
        let rest = &chunk[slot.start..end];
        let raw = if slot.bytes == 0 {
            &rest[..rest.len().min(self.max)]
        } else {
            slot.keep(rest, self.max);
            &slot.kept[..]
        };
        let bytes = slot.bytes + rest.len() as u64;
        found(Found {
            field: slot.field,
            raw,
            bytes,
            cut: bytes > raw.len() as u64,
            plain: false,
        });
    }

    /// Keeps what the open captures need of a chunk that ends.
    pub(super) fn leave(&mut self, chunk: &[u8]) {
        for slot in &mut self.slots[..self.open] {
            let rest = &chunk[slot.start..];
            slot.keep(rest, self.max);
            slot.bytes += rest.len() as u64;
            slot.start = 0;
        }
    }

    pub(super) fn drop_open(&mut self) {
        self.open = 0;
    }
}

impl Capture {
    /// Appends, never past `max` bytes, nor with more capacity than that.
    fn keep(&mut self, more: &[u8], max: usize) {
        let more = &more[..more.len().min(max - self.kept.len())];
        let needed = self.kept.len() + more.len();
        if needed > self.kept.capacity() {
            let capacity = needed.max(self.kept.capacity() * 2).min(max);
            self.kept.reserve_exact(capacity - self.kept.len());
        }
        self.kept.extend_from_slice(more);
    }
}

#[cfg(test)]
impl Captures {
    /// Bytes held for values that cross chunks.
    pub(super) fn kept_bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.kept.capacity()).sum()
    }
}
