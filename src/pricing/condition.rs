//! When a price holds: from a day on, at a time of day, on days of the week.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(super) const DAY_MS: i64 = 86_400_000;

/// Beijing is eight hours ahead of UTC all year. The providers whose prices know weekdays are there
/// and count them by their own date.
const BEIJING_MS: i64 = 8 * 3_600_000;

/// When a price holds; with no field, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    /// From the start of this day, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// Every day from the first time up to the second, UTC; over midnight where the second is
    /// earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<(TimeOfDay, TimeOfDay)>,
    /// On these days of the week only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Weekdays>,
}

impl Condition {
    /// Whether it holds at an instant, in Unix milliseconds.
    pub(super) fn holds(&self, at: i64) -> bool {
        let time = at.rem_euclid(DAY_MS);
        let within = |(start, end): (TimeOfDay, TimeOfDay)| {
            let (after, before) = (start.0 <= time, time < end.0);
            if end.0 < start.0 {
                after || before
            } else {
                after && before
            }
        };
        self.from.is_none_or(|day| at >= day.0)
            && self.daily.is_none_or(within)
            && self.days.is_none_or(|days| days.hold(at))
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Condition::default()
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let from = self.from.map(|day| format!("from {day}"));
        let daily = self
            .daily
            .map(|(start, end)| format!("daily {start} to {end} UTC"));
        let days = self.days.map(|days| days.to_string());
        let parts: Vec<String> = [from, daily, days].into_iter().flatten().collect();
        match parts.is_empty() {
            true => f.write_str("always"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}

/// Days of the week by the date in Beijing: 1 is Monday, 7 is Sunday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub(super) struct Weekdays(u8);

impl Weekdays {
    /// Monday to Friday.
    pub(super) const WORKING: Weekdays = Weekdays(0b0001_1111);

    /// Saturday and Sunday, whatever else.
    pub(super) fn has_weekend(self) -> bool {
        self.0 & !Self::WORKING.0 == 0b0110_0000
    }

    /// Whether an instant, in Unix milliseconds, is on one of them.
    fn hold(self, at: i64) -> bool {
        // The first of January 1970 was a Thursday.
        let day = (at.saturating_add(BEIJING_MS).div_euclid(DAY_MS) + 3).rem_euclid(7);
        self.0 & (1 << day) != 0
    }
}

impl TryFrom<Vec<u8>> for Weekdays {
    type Error = String;

    fn try_from(days: Vec<u8>) -> Result<Self, String> {
        days.iter().try_fold(Weekdays(0), |sum, day| match day {
            1..=7 => Ok(Weekdays(sum.0 | 1 << (day - 1))),
            _ => Err(format!("{day} is no day of the week from 1 to 7")),
        })
    }
}

impl From<Weekdays> for Vec<u8> {
    fn from(days: Weekdays) -> Self {
        (1..=7).filter(|day| days.0 & 1 << (day - 1) != 0).collect()
    }
}

impl std::fmt::Display for Weekdays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let days: Vec<u8> = (*self).into();
        let names: Vec<&str> = days.iter().map(|day| NAMES[usize::from(day - 1)]).collect();
        write!(f, "{} in Beijing", names.join(" "))
    }
}

/// A day, as the Unix milliseconds at which it begins in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub i64);

impl std::str::FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Day, jiff::Error> {
        let date: Date = text.parse()?;
        Ok(Day(date
            .to_zoned(TimeZone::UTC)?
            .timestamp()
            .as_millisecond()))
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        write!(f, "{}", instant.to_zoned(TimeZone::UTC).date())
    }
}

/// A time of day in UTC, as milliseconds since midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeOfDay(i64);

impl std::str::FromStr for TimeOfDay {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<TimeOfDay, jiff::Error> {
        let time: Time = text.parse()?;
        let seconds = i64::from(time.hour()) * 3600
            + i64::from(time.minute()) * 60
            + i64::from(time.second());
        Ok(TimeOfDay(seconds * 1000))
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0 / 1000;
        write!(
            f,
            "{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

/// Text in the file, an integer in memory.
macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <&str>::deserialize(deserializer)?;
                text.parse()
                    .map_err(|error| de::Error::custom(format_args!("\"{text}\": {error}")))
            }
        }
    };
}

as_text!(Day);
as_text!(TimeOfDay);

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(json: &str) -> Condition {
        serde_json::from_str(json).expect("a condition")
    }

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>()
            .expect("an instant")
            .as_millisecond()
    }

    #[test]
    fn a_date_begins_at_midnight_utc() {
        let from = condition(r#"{"from":"2026-08-21"}"#);
        assert!(!from.holds(at("2026-08-20T23:59:59.999Z")));
        assert!(from.holds(at("2026-08-21T00:00:00Z")));
        assert_eq!(from.to_string(), "from 2026-08-21");
    }

    #[test]
    fn a_daily_window_holds_its_start_and_not_its_end() {
        let day = condition(r#"{"daily":["01:00:00","04:00:00"]}"#);
        let holds =
            |condition: &Condition, time: &str| condition.holds(at(&format!("2026-11-20T{time}Z")));
        assert_eq!(
            ["00:59:59", "01:00:00", "03:59:59", "04:00:00"].map(|t| holds(&day, t)),
            [false, true, true, false]
        );
        let night = condition(r#"{"daily":["16:30:00","00:30:00"]}"#);
        assert_eq!(
            ["16:29:59", "16:30:00", "00:29:59", "00:30:00"].map(|t| holds(&night, t)),
            [false, true, true, false]
        );
    }

    #[test]
    fn the_day_of_the_week_is_the_one_in_beijing() {
        let peak = condition(r#"{"daily":["01:00:00","04:00:00"],"days":[1,2,3,4,5]}"#);
        assert!(peak.holds(at("2026-11-20T01:00:00Z")), "a Friday");
        assert!(!peak.holds(at("2026-11-21T01:00:00Z")), "a Saturday");
        assert!(peak.holds(at("2026-11-23T01:00:00Z")), "a Monday");
        let days = condition(r#"{"days":[1,2,3,4,5]}"#);
        assert!(days.holds(at("2026-11-20T15:59:59Z")));
        assert!(
            !days.holds(at("2026-11-20T16:00:00Z")),
            "Saturday has begun in Beijing"
        );
        assert!(days.holds(at("2026-11-22T16:00:00Z")), "and Monday");
        assert_eq!(days.to_string(), "Mon Tue Wed Thu Fri in Beijing");
        assert!(serde_json::from_str::<Condition>(r#"{"days":[0]}"#).is_err());
    }
}
