//! When a delivery that failed is tried again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

/// Attempts before a delivery is given up: with the waits below, some fourteen hours after the first.
pub const ATTEMPTS_MAX: u32 = 15;

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(5);

/// Longest wait, whatever a webhook asks for.
pub(super) const LONGEST: Duration = Duration::from_secs(4 * 60 * 60);

/// Shortest wait, whatever a webhook asks for.
const SHORTEST: Duration = Duration::from_secs(1);

/// The wait after so many failed attempts: what the webhook asks for, else a doubled wait of which a
/// random half is left out, so that many weirs do not come back at once.
pub(super) fn wait(attempts: u32, asked: Option<Duration>) -> Duration {
    if let Some(asked) = asked {
        return asked.clamp(SHORTEST, LONGEST);
    }
    let doubled = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    let half = doubled.min(LONGEST) / 2;
    // Keyed anew each time: as good as chance.
    let chance = RandomState::new().hash_one(attempts);
    let part = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
    half + Duration::from_millis(chance % part.saturating_add(1))
}

/// `Retry-After`: seconds, or a date.
pub(super) fn asked(header: &str, now_ms: i64) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_timestamp(header).ok()?;
    let ms = at.as_millisecond().saturating_sub(now_ms);
    Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_bounds() {
        for attempts in 1..=ATTEMPTS_MAX {
            let whole = (FIRST * 2_u32.pow(attempts - 1)).min(LONGEST);
            for _ in 0..50 {
                let wait = wait(attempts, None);
                assert!(
                    whole / 2 <= wait && wait <= whole,
                    "{wait:?} after {attempts}"
                );
            }
        }
        assert!(wait(u32::MAX, None) <= LONGEST);
    }

    #[test]
    fn a_webhook_may_ask_for_a_wait() {
        let now = 1_445_412_420_000;
        for (header, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(60)),
            ("Wed, 21 Oct 2015 07:20:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(
                asked(header, now),
                seconds.map(Duration::from_secs),
                "{header}"
            );
        }
        assert_eq!(wait(1, Some(Duration::ZERO)), SHORTEST);
        assert_eq!(wait(1, Some(Duration::from_secs(u64::MAX))), LONGEST);
    }
}
