//! Points in time as people write them: `7d`, `90m`, `2026-11-01`, an RFC 3339 instant.

use std::str::FromStr;

use anyhow::Context as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A point in time as it was written; which one it is depends on the clock and the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Milliseconds ago.
    Ago(i64),
    /// The midnight with which a day begins.
    Day(Date),
    /// Unix milliseconds.
    Instant(i64),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(ago) = span(text) {
            return Ok(When::Ago(ago));
        }
        if let Ok(date) = text.parse() {
            return Ok(When::Day(date));
        }
        match text.parse::<jiff::Timestamp>() {
            Ok(instant) => Ok(When::Instant(instant.as_millisecond())),
            Err(_) => {
                Err("no time; write 7d, 12h, 30m, 2026-11-01 or 2026-11-01T09:00:00Z".to_owned())
            }
        }
    }
}

impl When {
    /// The same for a time to come: `90d` is in 90 days.
    pub fn ahead(self, now: i64, zone: &TimeZone) -> anyhow::Result<i64> {
        match self {
            When::Ago(span) => Ok(now.saturating_add(span)),
            other => other.unix_ms(now, zone),
        }
    }

    /// Unix milliseconds, seen from `now`; a day begins in `zone`.
    pub fn unix_ms(self, now: i64, zone: &TimeZone) -> anyhow::Result<i64> {
        match self {
            When::Ago(ago) => Ok(now.saturating_sub(ago)),
            When::Instant(instant) => Ok(instant),
            When::Day(date) => {
                let start = zone.to_zoned(date.at(0, 0, 0, 0));
                let start = start.with_context(|| format!("{date} does not exist"))?;
                Ok(start.timestamp().as_millisecond())
            }
        }
    }
}

/// Milliseconds in `7d`, `12h`, `30m`, `45s`, `2w`.
pub fn span(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: i64 = digits.parse().ok().filter(|count| *count >= 0)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    count.checked_mul(seconds)?.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans_dates_and_instants() {
        let now = 1_795_000_000_000;
        let parse = |text: &str, zone: &TimeZone| {
            let when: When = text.parse().unwrap();
            when.unix_ms(now, zone).unwrap()
        };
        let utc = TimeZone::UTC;
        assert_eq!(parse("2h", &utc), now - 7_200_000);
        assert_eq!(parse("1970-01-02", &utc), 86_400_000);
        assert_eq!(parse("1970-01-01T00:00:01Z", &utc), 1_000);
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(parse("1970-01-02", &berlin), 82_800_000);
        for bad in ["", "d", "-1d", "yesterday", "7", "zz", "99999999999999999w"] {
            assert!(bad.parse::<When>().is_err(), "{bad:?}");
        }
    }
}
