//! The pause before another attempt: doubled each time, with chance, and never shorter than the upstream asks for.

use std::time::Duration;

use uuid::Uuid;

use crate::config::resilience::Retry;

/// What an upstream asks for in its answer's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// To wait.
    Wait(Duration),
    /// Not to try again.
    Never,
}

impl Asked {
    /// Reads `x-should-retry`, `retry-after-ms` and `retry-after`, the latter in seconds or as a date against
    /// `now_ms`. What cannot be read asks for nothing.
    pub fn of<'h>(header: impl Fn(&str) -> Option<&'h str>, now_ms: i64) -> Asked {
        if header("x-should-retry").is_some_and(|value| value.eq_ignore_ascii_case("false")) {
            return Asked::Never;
        }
        let ms = header("retry-after-ms").and_then(|value| value.trim().parse().ok());
        let wait = ms.map(Duration::from_millis).or_else(|| {
            let value = header("retry-after")?.trim();
            value.parse().ok().map(Duration::from_secs).or_else(|| {
                let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
                let ms = at.as_millisecond().saturating_sub(now_ms);
                Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
            })
        });
        wait.map_or(Asked::Nothing, Asked::Wait)
    }
}

/// How long to pause after `made` attempts; `None` where the upstream asks for more than the settings allow.
///
/// `by` is the call's id: its chance spreads the calls that failed at the same moment.
pub fn pause(retry: &Retry, made: u32, asked: Asked, by: Uuid) -> Option<Duration> {
    let doubled = 2_u32.saturating_pow(made.saturating_sub(1).min(16));
    let whole = retry.first.saturating_mul(doubled).min(retry.most);
    let half = whole / 2;
    // The low half of such an id is random; each attempt takes other bits of it.
    let (_, low) = by.as_u64_pair();
    let chance = u32::from(low.rotate_left(made.wrapping_mul(11)).to_be_bytes()[7]);
    let own = half + half * chance / 255;
    match asked {
        Asked::Never => None,
        Asked::Wait(wait) if wait > retry.most => None,
        Asked::Wait(wait) => Some(wait.max(own)),
        Asked::Nothing => Some(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &'static str, value: &'static str) -> Asked {
        Asked::of(
            |header| (header == name).then_some(value),
            1_000_000_000_000,
        )
    }

    #[test]
    fn reads_what_an_upstream_asks_for() {
        assert_eq!(
            asked("retry-after", "7"),
            Asked::Wait(Duration::from_secs(7))
        );
        assert_eq!(
            asked("retry-after-ms", "120"),
            Asked::Wait(Duration::from_millis(120))
        );
        // 1,000,000,000,000 ms is Sun, 09 Sep 2001 01:46:40 GMT.
        let date = "Sun, 09 Sep 2001 01:46:43 GMT";
        assert_eq!(
            asked("retry-after", date),
            Asked::Wait(Duration::from_secs(3))
        );
        let past = "Sun, 09 Sep 2001 01:46:00 GMT";
        assert_eq!(asked("retry-after", past), Asked::Wait(Duration::ZERO));
        assert_eq!(asked("x-should-retry", "false"), Asked::Never);
        for (name, value) in [
            ("retry-after", "soon"),
            ("retry-after", "-1"),
            ("x-should-retry", "true"),
            ("date", "7"),
        ] {
            assert_eq!(asked(name, value), Asked::Nothing, "{name}: {value}");
        }
    }

    #[test]
    fn doubles_up_to_the_longest_and_spreads() {
        let retry = Retry::default();
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..200_u128 {
            let id = Uuid::from_u128(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834));
            for made in 1..=10 {
                let whole = (retry.first * 2_u32.pow(made - 1)).min(retry.most);
                let pause = pause(&retry, made, Asked::Nothing, id).expect("a pause");
                assert!(pause >= whole / 2 && pause <= whole, "{made}: {pause:?}");
                seen.insert((made, pause));
            }
        }
        assert!(seen.len() > 1_000, "{} different pauses", seen.len());
    }

    #[test]
    fn what_the_upstream_asks_for_holds_up_to_the_longest() {
        let retry = Retry::default();
        let wait = |asked| pause(&retry, 1, asked, Uuid::nil());
        let three = Duration::from_secs(3);
        assert_eq!(wait(Asked::Wait(three)), Some(three));
        assert!(wait(Asked::Wait(Duration::ZERO)) >= Some(retry.first / 2));
        assert_eq!(
            wait(Asked::Wait(retry.most + Duration::from_millis(1))),
            None
        );
        assert_eq!(wait(Asked::Never), None);
    }
}
