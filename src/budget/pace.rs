//! How time is cut for counting: into windows of the calendar, or into parts of a rolling window.

use jiff::tz::TimeZone;

use crate::budget::limits::Per;
use crate::budget::slots::Frame;
use crate::budget::window::{Window, window};

/// Parts of a rolling window. What was taken leaves it as a whole part does, so up to a sixtieth of the
/// window late and never early.
pub const ROLLING_PARTS: i64 = 60;

const MINUTE_MS: i64 = 60_000;

/// The length of a rolling window and of one of its parts, in milliseconds.
fn rolling(per: Per) -> Option<(i64, i64)> {
    let Per::Rolling { minutes } = per else {
        return None;
    };
    let span = i64::from(minutes) * MINUTE_MS;
    Some((span, span / ROLLING_PARTS))
}

/// The start of the slot in which `at_ms` lies.
pub(crate) fn slot_start(per: Per, tz: &TimeZone, at_ms: i64) -> i64 {
    match rolling(per) {
        Some((_, part)) => part_start(part, at_ms),
        None => window(per, tz, at_ms).start_ms,
    }
}

/// The first instant after the slot that begins at `start_ms`.
pub(crate) fn slot_end(per: Per, tz: &TimeZone, start_ms: i64) -> Option<i64> {
    match rolling(per) {
        Some((_, part)) => Some(start_ms + part),
        None => window(per, tz, start_ms).end_ms,
    }
}

fn part_start(part: i64, at_ms: i64) -> i64 {
    at_ms - at_ms.rem_euclid(part)
}

/// The slots that count at `at_ms`, which lies in `present`. In a rolling window those of the length before
/// it, the part that has not left as a whole included; and after a clock that stepped back those of the
/// length after it, so that no stretch of that length ever takes more than the limit.
pub(crate) fn frame(per: Per, present: &Window, at_ms: i64) -> Frame {
    match rolling(per) {
        Some((span, part)) => Frame {
            from_ms: part_start(part, at_ms.saturating_sub(span)),
            until_ms: part_start(part, at_ms.saturating_add(span - 1)).saturating_add(part),
        },
        None => Frame {
            from_ms: present.start_ms,
            until_ms: present.end_ms.unwrap_or(i64::MAX),
        },
    }
}

/// The span within which a threshold is told once: the window, or of a rolling one a stretch of its length,
/// counted from 1970, so that it is the same after a restart.
pub(crate) fn stretch(per: Per, present: &Window, at_ms: i64) -> Window {
    rolling(per).map_or(*present, |(span, _)| {
        let start_ms = part_start(span, at_ms);
        let end_ms = Some(start_ms + span);
        Window { start_ms, end_ms }
    })
}

/// The first instant at which what was taken in a slot no longer counts; `None` = it always does.
pub(crate) fn leaves_at(per: Per, tz: &TimeZone, slot_ms: i64) -> Option<i64> {
    match rolling(per) {
        Some((span, part)) => Some(part_start(part, slot_ms).saturating_add(part + span)),
        None => window(per, tz, slot_ms).end_ms,
    }
}

/// The starts of `count` windows of the calendar before the one that begins at `start_ms`, the oldest first.
pub(crate) fn starts_before(per: Per, tz: &TimeZone, start_ms: i64, count: usize) -> Vec<i64> {
    let mut starts = Vec::with_capacity(count);
    let mut next = start_ms;
    while starts.len() < count && next > 0 {
        next = window(per, tz, next - 1).start_ms;
        starts.push(next);
    }
    starts.reverse();
    starts
}

/// Most slots that one instance keeps: what counts at a time, and room for what a clock that steps finds
/// again. An account that forgets one lets no later call count before what was forgotten had left.
pub(crate) fn slots_max(per: Per, carries: bool) -> usize {
    match per {
        Per::Rolling { .. } => 128,
        Per::Minute => 64,
        Per::Hour => 48,
        _ if carries => 40,
        Per::Day | Per::Week | Per::Month | Per::Year | Per::Total => 12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE_HOURS: Per = Per::Rolling { minutes: 300 };
    const NOW: i64 = 1_795_168_830_000;

    #[test]
    fn a_part_leaves_as_a_whole_and_never_early() {
        let (span, part) = rolling(FIVE_HOURS).unwrap();
        assert_eq!((span, part), (18_000_000, 300_000));
        let utc = TimeZone::UTC;
        for at in [NOW, NOW + 1, NOW + part - 1] {
            let slot = slot_start(FIVE_HOURS, &utc, at);
            assert!(slot <= at && at < slot + part);
            let leaves = leaves_at(FIVE_HOURS, &utc, slot).unwrap();
            assert!(leaves > at + span - 1 && leaves <= at + span + part, "{at}");
            let counts = |now| frame(FIVE_HOURS, &window(FIVE_HOURS, &utc, now), now).holds(slot);
            assert!(counts(at) && counts(leaves - 1) && !counts(leaves));
            // A clock that stepped back by less than the window still sees it.
            assert!(counts(at - span + 1) && !counts(slot - span));
        }
    }

    #[test]
    fn windows_before_are_those_of_the_calendar() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let november = window(Per::Month, &berlin, NOW);
        let starts = starts_before(Per::Month, &berlin, november.start_ms, 3);
        let said: Vec<String> = starts
            .iter()
            .map(|ms| jiff::Timestamp::from_millisecond(*ms).unwrap().to_string())
            .collect();
        assert_eq!(
            said,
            [
                "2026-07-31T22:00:00Z",
                "2026-08-31T22:00:00Z",
                "2026-09-30T22:00:00Z"
            ]
        );
        assert_eq!(starts_before(Per::Year, &TimeZone::UTC, 0, 3), [0_i64; 0]);
    }
}
