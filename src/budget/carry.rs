//! What windows leave to those that follow: the unspent part of a limit with `rollover`.
//!
//! It is worked out anew from what the windows took, never kept, so it is the same after a restart, and a
//! call that is settled after the turn gives back, or takes, what it held too much or too little.

use crate::budget::slots::Slots;

/// How many windows before the present one count. What was left unspent before them has lapsed; the first
/// of them in which something was taken begins the chain, and nothing is left to it.
pub const CARRIED_WINDOWS: usize = 24;

/// What is left to the present window: `starts` are those of the windows before it, the oldest first, and
/// `present_ms` is its own. A window that takes more than it has leaves nothing, and no debt.
pub(crate) fn carry(
    limit: i128,
    most: i128,
    starts: &[i64],
    present_ms: i64,
    slots: &Slots,
) -> i128 {
    let mut slots = slots.iter().peekable();
    let mut left: Option<i128> = None;
    let ends = starts.iter().skip(1).copied().chain([present_ms]);
    for (&start_ms, end_ms) in starts.iter().zip(ends) {
        let mut took: i128 = 0;
        while let Some(slot) = slots.next_if(|slot| slot.start_ms < end_ms) {
            if slot.start_ms >= start_ms {
                took = took.saturating_add(slot.took());
            }
        }
        if took == 0 && left.is_none() {
            continue;
        }
        let had = limit.saturating_add(left.unwrap_or(0));
        left = Some(had.saturating_sub(took).clamp(0, most));
    }
    left.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(limit: i128, most: i128, took: &[i128]) -> i128 {
        let mut slots = Slots::default();
        let starts: Vec<i64> = (0..).step_by(10).take(took.len()).collect();
        for (start, took) in starts.iter().zip(took) {
            if *took > 0 {
                slots.at(*start).spent = *took;
            }
        }
        let present = i64::try_from(10 * took.len()).unwrap();
        // What lies after is not asked.
        slots.at(present).spent = 5;
        carry(limit, most, &starts, present, &slots)
    }

    #[test]
    fn carries_what_is_unspent_from_the_first_window_that_took_something() {
        for (took, expected) in [
            (&[][..], 0),
            (&[0, 0], 0),
            (&[30], 70),
            (&[0, 30], 70),
            (&[30, 0], 100),
            (&[30, 150], 20),
            (&[30, 150, 120], 0),
            (&[200, 60], 40),
            (&[100, 100, 100], 0),
        ] {
            assert_eq!(carried(100, 100, took), expected, "{took:?}");
        }
        assert_eq!(carried(100, 250, &[1, 0, 0, 0]), 250);
        assert_eq!(carried(100, 10, &[1, 105]), 5);
    }

    #[test]
    fn an_open_hold_counts_as_spent_until_it_is_settled() {
        let mut slots = Slots::default();
        slots.at(0).held = 90;
        assert_eq!(carry(100, 100, &[0], 10, &slots), 10);
        let slot = slots.at(0);
        (slot.spent, slot.held) = (20, 0);
        assert_eq!(carry(100, 100, &[0], 10, &slots), 80);
    }
}
