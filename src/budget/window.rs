//! Calendar windows: the span around an instant over which a limit holds.
//!
//! Windows of one kind tile time: each instant lies in exactly one, and later instants never lie in
//! earlier ones, whatever the zone's clocks do. Clocks that are set make windows shorter or longer:
//! a day has 23 or 25 hours, and what clocks show twice belongs to the window that had begun.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::budget::limits::Per;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// The last instant that is told apart, 9998-12-31T00:00:00Z: one year later the calendar ends.
const LATEST_MS: i64 = 253_370_678_400_000;

/// A span of Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first instant inside.
    pub start_ms: i64,
    /// The first instant after; `None` = it never ends.
    pub end_ms: Option<i64>,
}

impl Window {
    /// Whether the instant lies inside.
    pub fn contains(&self, at_ms: i64) -> bool {
        self.start_ms <= at_ms && !self.is_over(at_ms)
    }

    /// Whether the instant lies after it.
    pub fn is_over(&self, at_ms: i64) -> bool {
        self.end_ms.is_some_and(|end| end <= at_ms)
    }
}

/// The window of its kind that holds `at_ms`. Instants before 1970 are taken as 1970's first, those
/// after the year 9998 as its last. `Total` begins in 1970 and never ends. A rolling window is the time
/// before `at_ms`; it has no end, for no instant ends it for all that is in it.
pub fn window(per: Per, tz: &TimeZone, at_ms: i64) -> Window {
    let at_ms = at_ms.clamp(0, LATEST_MS);
    match per {
        Per::Minute => clock_window(tz, at_ms, MINUTE_MS),
        Per::Hour => clock_window(tz, at_ms, HOUR_MS),
        Per::Day | Per::Week | Per::Month | Per::Year => calendar_window(per, tz, at_ms),
        Per::Total => Window {
            start_ms: 0,
            end_ms: None,
        },
        Per::Rolling { minutes } => Window {
            start_ms: at_ms - i64::from(minutes) * MINUTE_MS,
            end_ms: None,
        },
    }
}

/// From one instant at which the zone's clocks show a full minute or hour to the next.
fn clock_window(tz: &TimeZone, at_ms: i64, step_ms: i64) -> Window {
    Window {
        start_ms: clock_start(tz, at_ms, step_ms),
        end_ms: Some(clock_end(tz, at_ms, step_ms)),
    }
}

fn clock_start(tz: &TimeZone, mut at_ms: i64, step_ms: i64) -> i64 {
    loop {
        let offset = offset_ms(tz, at_ms);
        let start = at_ms - (at_ms + offset).rem_euclid(step_ms);
        if offset_ms(tz, start) == offset {
            return start;
        }
        // The clocks were set since `start`, so they never showed it: look at what they showed
        // before.
        at_ms = change_after(tz, start) - 1;
    }
}

fn clock_end(tz: &TimeZone, mut at_ms: i64, step_ms: i64) -> i64 {
    loop {
        let offset = offset_ms(tz, at_ms);
        let end = at_ms - (at_ms + offset).rem_euclid(step_ms) + step_ms;
        if offset_ms(tz, end) == offset {
            return end;
        }
        let change = change_after(tz, at_ms);
        if (change + offset_ms(tz, change)).rem_euclid(step_ms) == 0 {
            return change;
        }
        at_ms = change;
    }
}

/// From the first instant of one date to the first of another.
fn calendar_window(per: Per, tz: &TimeZone, at_ms: i64) -> Window {
    let mut first = first_date(per, timestamp(at_ms).to_zoned(tz.clone()).date());
    loop {
        let next = next_date(per, first);
        let end_ms = first_instant(tz, next);
        if at_ms < end_ms {
            return Window {
                start_ms: first_instant(tz, first),
                end_ms: Some(end_ms),
            };
        }
        // Clocks that are set back across midnight show the old date again: the new one has begun.
        first = next;
    }
}

fn first_date(per: Per, date: Date) -> Date {
    match per {
        Per::Week => date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days()),
        Per::Month => date.first_of_month(),
        Per::Year => date.first_of_year(),
        _ => date,
    }
}

fn next_date(per: Per, first: Date) -> Date {
    first.saturating_add(match per {
        Per::Week => 1.week(),
        Per::Month => 1.month(),
        Per::Year => 1.year(),
        _ => 1.day(),
    })
}

/// The first instant of a date: midnight, or where the clocks skip it, what they show instead.
fn first_instant(tz: &TimeZone, date: Date) -> i64 {
    date.to_zoned(tz.clone())
        .and_then(|midnight| midnight.start_of_day())
        .expect("dates are kept inside the calendar")
        .timestamp()
        .as_millisecond()
}

fn offset_ms(tz: &TimeZone, at_ms: i64) -> i64 {
    i64::from(tz.to_offset(timestamp(at_ms)).seconds()) * 1_000
}

/// The first instant after `at_ms` at which the zone's clocks are set; the caller knows that there
/// is one.
fn change_after(tz: &TimeZone, at_ms: i64) -> i64 {
    let offset = tz.to_offset(timestamp(at_ms));
    tz.following(timestamp(at_ms))
        .find(|transition| transition.offset() != offset)
        .expect("the offset differs later")
        .timestamp()
        .as_millisecond()
}

fn timestamp(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).expect("instants are kept inside the calendar")
}

#[cfg(test)]
mod tests;
