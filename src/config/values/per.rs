//! The window of a budget: a word of the calendar, or a duration that rolls.

use serde_json::{Value, json};

use crate::budget::limits::{Per, ROLLING_MINUTES_MAX};

use super::super::read::{Fault, Scalar};

/// `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct PerName(pub(in crate::config) Per);

const CALENDAR: [Per; 7] = [
    Per::Minute,
    Per::Hour,
    Per::Day,
    Per::Week,
    Per::Month,
    Per::Year,
    Per::Total,
];

/// What is said of a rolling window that cannot be read.
const ROLLING: &str = "a rolling window has a length in whole m, h or d, from 1m to 31d";

impl Scalar for PerName {
    const EXPECTED: &'static str = "a window";
    const LIKE: &'static [&'static str] = &["month", "rolling 5h"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let mut words = text.split_whitespace();
        let per = match (words.next(), words.next(), words.next()) {
            (Some("rolling"), Some(length), None) => rolling(length),
            (Some("rolling"), _, _) => None,
            (Some(word), None, _) => {
                let word = CALENDAR.into_iter().find(|per| per.as_str() == word);
                return word.map(PerName).ok_or_else(unknown);
            }
            _ => return Err(unknown()),
        };
        per.map(PerName)
            .ok_or_else(|| Fault::Because(ROLLING.to_owned()))
    }

    fn schema() -> Value {
        json!({ "anyOf": [
            { "enum": CALENDAR.map(Per::as_str) },
            { "type": "string", "pattern": "^rolling [0-9]+[mhd]$" },
        ] })
    }
}

fn unknown() -> Fault {
    let calendar = CALENDAR.map(Per::as_str);
    Fault::OneOf(calendar.into_iter().chain(["rolling 5h"]).collect())
}

fn rolling(length: &str) -> Option<Per> {
    let unit = length.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = length.split_at(unit);
    let minutes_each: u16 = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    let minutes = number.parse::<u16>().ok()?.checked_mul(minutes_each)?;
    (1..=ROLLING_MINUTES_MAX)
        .contains(&minutes)
        .then_some(Per::Rolling { minutes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_shows() {
        for text in [
            "minute",
            "total",
            "rolling 1m",
            "rolling 90m",
            "rolling 5h",
            "rolling 31d",
        ] {
            let per = PerName::parse(text).unwrap().0;
            assert_eq!(per.to_string(), text);
        }
        let week = PerName::parse("rolling 168h").unwrap().0;
        assert_eq!(week.to_string(), "rolling 7d");
    }

    #[test]
    fn a_rolling_window_is_a_minute_to_31_days() {
        for text in [
            "rolling",
            "rolling 0m",
            "rolling 5",
            "rolling 90s",
            "rolling 1.5h",
            "rolling 32d",
            "rolling 44641m",
            "rolling 99999999h",
            "rolling -5h",
            "rolling 5 h",
        ] {
            let fault = PerName::parse(text).unwrap_err();
            assert_eq!(fault, Fault::Because(ROLLING.to_owned()), "{text}");
        }
        for text in ["", "monthly", "month day"] {
            assert!(
                matches!(PerName::parse(text), Err(Fault::OneOf(_))),
                "{text}"
            );
        }
    }
}
