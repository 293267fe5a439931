//! Points in time as people write them: `7d`, `90m`, `2026-11-01`, an RFC 3339 instant.

use anyhow::{Context as _, bail};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Unix milliseconds of `text`, seen from `now`; a date begins at its midnight in `zone`.
pub fn parse(text: &str, now: i64, zone: &TimeZone) -> anyhow::Result<i64> {
    if let Some(ago) = span(text) {
        return Ok(now.saturating_sub(ago));
    }
    if let Ok(date) = text.parse::<Date>() {
        let start = zone
            .to_zoned(date.at(0, 0, 0, 0))
            .context("the day does not exist")?;
        return Ok(start.timestamp().as_millisecond());
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(instant) => Ok(instant.as_millisecond()),
        Err(_) => {
            bail!("\"{text}\" is no time; write 7d, 12h, 30m, 2026-11-01 or 2026-11-01T09:00:00Z")
        }
    }
}

/// Milliseconds in `7d`, `12h`, `30m`, `45s`, `2w`.
fn span(text: &str) -> Option<i64> {
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
        let utc = TimeZone::UTC;
        assert_eq!(parse("2h", now, &utc).unwrap(), now - 7_200_000);
        assert_eq!(parse("1970-01-02", now, &utc).unwrap(), 86_400_000);
        assert_eq!(parse("1970-01-01T00:00:01Z", now, &utc).unwrap(), 1_000);
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(parse("1970-01-02", now, &berlin).unwrap(), 82_800_000);
        for bad in ["", "d", "-1d", "yesterday", "7", "99999999999999999w"] {
            assert!(parse(bad, now, &utc).is_err(), "{bad:?}");
        }
    }
}
