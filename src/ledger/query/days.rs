//! Calendar days of a time zone as spans of Unix milliseconds.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The day that an instant lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) date: Date,
    /// Its first millisecond.
    pub(super) start: i64,
    /// The next day's first millisecond: 23 or 25 hours on where clocks are changed.
    pub(super) end: i64,
}

/// The day around `unix_ms`. `None` beyond the years that the calendar knows (−9999 to 9999).
pub(super) fn day_of(unix_ms: i64, zone: &TimeZone) -> Option<Day> {
    let at = Timestamp::from_millisecond(unix_ms)
        .ok()?
        .to_zoned(zone.clone());
    let start = at.start_of_day().ok()?;
    let next = start
        .date()
        .checked_add(1.day())
        .ok()?
        .to_zoned(zone.clone())
        .ok()?;
    Some(Day {
        date: start.date(),
        start: start.timestamp().as_millisecond(),
        end: next.timestamp().as_millisecond(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_as_long_as_its_zone_says() {
        for (zone, instant, date, hours) in [
            ("UTC", "2026-03-29T12:00:00Z", "2026-03-29", 24),
            ("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29", 23),
            ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25", 25),
            ("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25", 25),
            (
                "America/Sao_Paulo",
                "2018-11-04T12:00:00Z",
                "2018-11-04",
                23,
            ),
            ("Asia/Kolkata", "2026-01-01T18:30:00Z", "2026-01-02", 24),
        ] {
            let at: Timestamp = instant.parse().unwrap();
            let day = day_of(at.as_millisecond(), &TimeZone::get(zone).unwrap()).unwrap();
            assert_eq!(day.date.to_string(), date, "{zone} {instant}");
            assert_eq!(day.end - day.start, hours * 3_600_000, "{zone} {instant}");
            assert!((day.start..day.end).contains(&at.as_millisecond()));
        }
        assert_eq!(day_of(i64::MAX, &TimeZone::UTC), None);
    }
}
