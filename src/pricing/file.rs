//! The catalogue file: providers, their models, and the prices of each under their conditions.
//!
//! It is JSON with one model per line, so that a change of price is one line of a diff. The same
//! types serve the file and the lookups; prices are written as decimals in quotes and read as
//! integers.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Error;
use super::clause::{Clause, Pattern};
use super::price::PriceSet;

/// Most bytes of a catalogue file.
const FILE_BYTES_MAX: usize = 32 << 20;

const DAY_MS: i64 = 86_400_000;

/// A whole catalogue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Where the facts come from, and under which licence.
    pub source: String,
    pub version: String,
    /// The day as of which the prices are meant.
    pub date: Day,
    pub providers: Vec<Provider>,
}

/// A provider and what it sells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    pub id: Box<str>,
    pub name: Box<str>,
    /// Found at the start of the URLs of its API.
    pub url: Pattern,
    /// Providers whose models it sells too, at their prices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<Box<str>>,
    pub models: Vec<Model>,
}

/// A model and its prices.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    pub id: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// Which names mean it; of a provider's models the first that fits counts.
    #[serde(rename = "match")]
    pub clause: Clause,
    /// Input tokens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// The last whose condition holds counts, else the first; empty where no price is known.
    pub prices: Vec<Conditional>,
    /// Prices for a tier of service, laid over those above, key by key; the first that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// When a price holds; with neither field, always.
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
        self.from.is_none_or(|day| at >= day.0) && self.daily.is_none_or(within)
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Condition::default()
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.from, self.daily) {
            (Some(day), None) => write!(f, "from {day}"),
            (None, Some((start, end))) => write!(f, "daily {start} to {end} UTC"),
            (Some(day), Some((start, end))) => write!(f, "from {day}, daily {start} to {end} UTC"),
            (None, None) => f.write_str("always"),
        }
    }
}

/// Prices and when they hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conditional {
    #[serde(default, skip_serializing_if = "Condition::is_none")]
    pub when: Condition,
    pub prices: PriceSet,
}

/// Prices for requests of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    /// All of these must be so: `service_tier`, `speed`, `processing`, `route`, `search_type`.
    #[serde(rename = "for")]
    pub context: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Condition::is_none")]
    pub when: Condition,
    pub prices: PriceSet,
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

impl File {
    /// Reads a file; patterns are left uncompiled.
    pub(super) fn read(text: &str) -> Result<File, Error> {
        if text.len() > FILE_BYTES_MAX {
            return Err(Error::Catalog(format!(
                "larger than {FILE_BYTES_MAX} bytes"
            )));
        }
        serde_json::from_str(text).map_err(|error| Error::Catalog(error.to_string()))
    }

    /// Writes it with one model per line; the same catalogue is always the same bytes.
    pub(super) fn write(&self) -> Result<String, Error> {
        let failed = |error: serde_json::Error| Error::Catalog(error.to_string());
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut out = String::with_capacity(1 << 20);
        let head = format!(
            "{{\n\"source\": {},\n\"version\": {},\n\"date\": \"{}\",\n\"providers\": [",
            json(&self.source),
            json(&self.version),
            self.date
        );
        out.push_str(&head);
        for (at, provider) in self.providers.iter().enumerate() {
            let bare = Provider {
                models: Vec::new(),
                ..provider.clone()
            };
            let bare = serde_json::to_string(&bare).map_err(failed)?;
            // The models are the last field, and empty: its closing `]}` is taken off and put back.
            let open = bare.strip_suffix("]}").unwrap_or(&bare);
            let _infallible = write!(out, "{}\n{open}", if at == 0 { "" } else { "," });
            for (at, model) in provider.models.iter().enumerate() {
                out.push_str(if at == 0 { "\n" } else { ",\n" });
                out.push_str(&serde_json::to_string(model).map_err(failed)?);
            }
            out.push_str("\n]}");
        }
        out.push_str("\n]\n}\n");
        Ok(out)
    }
}

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
}
