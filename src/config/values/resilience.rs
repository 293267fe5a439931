//! Numbers of attempts and failures.

use serde_json::{Value, json};

use super::super::read::{Fault, Scalar};

fn whole(text: &str, least: u32, most: u32) -> Result<u32, Fault> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or(Fault::Unfit)
}

/// Attempts in total, the first included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Attempts(pub(in crate::config) u32);

impl Scalar for Attempts {
    const EXPECTED: &'static str = "a number of attempts from 2 to 10, the first included";
    const LIKE: &'static [&'static str] = &["3"];

    fn parse(text: &str) -> Result<Self, Fault> {
        whole(text, 2, 10).map(Attempts)
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 2, "maximum": 10 })
    }
}

/// Failures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Failures(pub(in crate::config) u32);

impl Scalar for Failures {
    const EXPECTED: &'static str = "a number of failures from 1 to 100";
    const LIKE: &'static [&'static str] = &["5"];

    fn parse(text: &str) -> Result<Self, Fault> {
        whole(text, 1, 100).map(Failures)
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 1, "maximum": 100 })
    }
}
