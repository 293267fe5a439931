//! What one instance took, by the time at which it was admitted.
//!
//! A slot is a window of the calendar, or a part of a rolling one. What is asked for is always the sum over
//! a span of slots, so a clock that steps finds each window as it was left.

/// What calls admitted in one stretch of time took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) start_ms: i64,
    /// When the last of it was taken.
    pub(crate) latest_ms: i64,
    pub(crate) spent: i128,
    /// The sum of its open holds.
    pub(crate) held: i128,
    /// What calls took beyond their holds.
    pub(crate) beyond: i128,
}

impl Slot {
    pub(crate) const EMPTY: Slot = Slot {
        start_ms: 0,
        latest_ms: 0,
        spent: 0,
        held: 0,
        beyond: 0,
    };

    /// What it has taken, holds included.
    pub(crate) fn took(&self) -> i128 {
        self.spent.saturating_add(self.held)
    }
}

/// Slots that begin in a span: from its first instant to before its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) from_ms: i64,
    pub(crate) until_ms: i64,
}

impl Frame {
    pub(crate) fn holds(&self, start_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&start_ms)
    }
}

/// The slots of one instance, in the order of time. Nothing is allocated before something is taken.
#[derive(Debug, Default)]
pub(crate) struct Slots(Vec<Slot>);

impl Slots {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The slot that begins then, made where there is none.
    pub(crate) fn at(&mut self, start_ms: i64) -> &mut Slot {
        // Mostly the newest.
        let place = match self.0.last() {
            Some(last) if last.start_ms == start_ms => self.0.len() - 1,
            Some(last) if last.start_ms > start_ms => {
                self.0.partition_point(|slot| slot.start_ms < start_ms)
            }
            _ => self.0.len(),
        };
        if self
            .0
            .get(place)
            .is_none_or(|slot| slot.start_ms != start_ms)
        {
            let empty = Slot {
                start_ms,
                ..Slot::EMPTY
            };
            self.0.insert(place, empty);
        }
        &mut self.0[place]
    }

    /// The slot that begins then.
    pub(crate) fn find(&mut self, start_ms: i64) -> Option<&mut Slot> {
        let place = self.0.binary_search_by_key(&start_ms, |slot| slot.start_ms);
        place.ok().map(|place| &mut self.0[place])
    }

    /// The slots in a span, the newest first.
    pub(crate) fn within(&self, frame: Frame) -> impl Iterator<Item = &Slot> {
        let newest = self.0.iter().rev();
        newest
            .skip_while(move |slot| slot.start_ms >= frame.until_ms)
            .take_while(move |slot| slot.start_ms >= frame.from_ms)
    }

    /// All slots, the oldest first.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Slot> {
        self.0.iter()
    }

    /// All that was taken in a span.
    pub(crate) fn sum(&self, frame: Frame) -> Slot {
        let add = |sum: Slot, slot: &Slot| Slot {
            start_ms: slot.start_ms,
            latest_ms: sum.latest_ms.max(slot.latest_ms),
            spent: sum.spent.saturating_add(slot.spent),
            held: sum.held.saturating_add(slot.held),
            beyond: sum.beyond.saturating_add(slot.beyond),
        };
        self.within(frame).fold(Slot::EMPTY, add)
    }

    /// Forgets the oldest, and says when it began.
    pub(crate) fn forget_oldest(&mut self) -> Option<i64> {
        (!self.0.is_empty()).then(|| self.0.remove(0).start_ms)
    }

    /// The first instant from `from_ms` on that parts no slot: what was taken in one lies before it or
    /// after it.
    pub(crate) fn gap_from(&self, from_ms: i64) -> i64 {
        let past = |gap_ms: i64, slot: &Slot| {
            if slot.start_ms < gap_ms {
                gap_ms.max(slot.latest_ms + 1)
            } else {
                gap_ms
            }
        };
        self.0.iter().fold(from_ms, past)
    }

    /// Forgets what began before.
    pub(crate) fn forget_before(&mut self, start_ms: i64) {
        self.0.retain(|slot| slot.start_ms >= start_ms);
    }

    /// Forgets what lies outside a span.
    pub(crate) fn keep(&mut self, frame: Frame) {
        self.0.retain(|slot| frame.holds(slot.start_ms));
    }

    /// Forgets slots that stand for nothing; to be asked where no hold is open.
    pub(crate) fn tidy(&mut self) {
        self.0.retain(|slot| (slot.spent, slot.held) != (0, 0));
    }
}
