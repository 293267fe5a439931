//! Amounts: limits, prices, percentages, durations. Read as text, exactly.

use std::time::Duration;

use serde_json::{Value, json};

use crate::budget::limits::Unit;
use crate::units::{CurrencyCode, PICO_PER_USD, PicoUsd, decimal};

use super::super::read::{Fault, Scalar};

/// Most units of a currency that one value may have: far above any, and far from overflow.
const UNITS_MAX: i128 = 1_000_000_000_000 * PICO_PER_USD;

/// Highest limit of anything that is counted.
const COUNT_MAX: i128 = 1_000_000_000_000_000;

/// Longest duration.
const SPAN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// `500 USD`, `60 requests`: the amount of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Amount {
    pub(in crate::config) unit: Unit,
    /// 10⁻¹² units of the currency, tokens, requests or calls; positive.
    pub(in crate::config) amount: i128,
    /// What money is written in; USD where it is none.
    pub(in crate::config) currency: CurrencyCode,
}

impl Scalar for Amount {
    const EXPECTED: &'static str = "a positive amount and its unit (USD or another currency, tokens, \
        input_tokens, output_tokens, requests, concurrent)";
    const LIKE: &'static [&'static str] = &["500 USD", "1_000_000 tokens", "20 concurrent"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let (number, unit) = text
            .trim()
            .split_once(char::is_whitespace)
            .ok_or(Fault::Unfit)?;
        let mut currency = CurrencyCode::USD;
        let unit = match unit.trim() {
            "tokens" => Unit::Tokens,
            "input_tokens" => Unit::InputTokens,
            "output_tokens" => Unit::OutputTokens,
            "requests" => Unit::Requests,
            "concurrent" => Unit::Concurrent,
            code => {
                currency = code.parse().map_err(|_| Fault::Unfit)?;
                Unit::Cost
            }
        };
        let (places, max) = if unit == Unit::Cost {
            (12, UNITS_MAX)
        } else {
            (0, COUNT_MAX)
        };
        let amount = decimal(&ungrouped(number)?, places).ok_or(Fault::Unfit)?;
        match amount {
            ..=0 => Err(Fault::Because("it must be more than nothing".to_owned())),
            _ if amount > max => Err(Fault::Because("it is too large".to_owned())),
            _ => Ok(Amount {
                unit,
                amount,
                currency,
            }),
        }
    }
}

/// A number without the `_` between its digits.
fn ungrouped(number: &str) -> Result<String, Fault> {
    let is_grouped = !number.starts_with('_') && !number.ends_with('_');
    if is_grouped {
        Ok(number.replace('_', ""))
    } else {
        Err(Fault::Unfit)
    }
}

/// What a million units cost, or a request: 10⁻¹² units of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Price(pub(in crate::config) i128);

impl Scalar for Price {
    const EXPECTED: &'static str = "a price, at most 12 decimal places";
    const LIKE: &'static [&'static str] = &["3.00", "0.0000375"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let pico = decimal(&ungrouped(text.trim())?, 12).ok_or(Fault::Unfit)?;
        match pico {
            ..0 => Err(Fault::Because("a price is never negative".to_owned())),
            _ if pico > UNITS_MAX => Err(Fault::Because("it is too large".to_owned())),
            _ => Ok(Price(pico)),
        }
    }

    fn schema() -> Value {
        json!({ "type": ["number", "string"], "minimum": 0 })
    }
}

/// What one unit of a currency is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct InUsd(pub(in crate::config) PicoUsd);

impl Scalar for InUsd {
    const EXPECTED: &'static str = "what one unit is worth in USD, at most 12 decimal places";
    const LIKE: &'static [&'static str] = &["0.14", "1.08"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let pico = decimal(&ungrouped(text.trim())?, 12).ok_or(Fault::Unfit)?;
        Ok(InUsd(PicoUsd::new(pico)))
    }

    fn schema() -> Value {
        json!({ "type": ["number", "string"], "exclusiveMinimum": 0 })
    }
}

/// `CNY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Code(pub(in crate::config) CurrencyCode);

impl Scalar for Code {
    const EXPECTED: &'static str = "a currency's code of three capital letters";
    const LIKE: &'static [&'static str] = &["CNY", "EUR"];

    fn parse(text: &str) -> Result<Self, Fault> {
        text.trim().parse().map(Code).map_err(|_| Fault::Unfit)
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[A-Z]{3}$" })
    }
}

/// `80%` or `80`: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Percent(pub(in crate::config) u8);

impl Scalar for Percent {
    const EXPECTED: &'static str = "a percentage from 1% to 100%";
    const LIKE: &'static [&'static str] = &["80%"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let digits = text.trim().trim_end_matches('%').trim_end();
        let is_number = digits.bytes().all(|b| b.is_ascii_digit());
        let percent = digits
            .parse()
            .ok()
            .filter(|percent| (1..=100).contains(percent));
        percent
            .filter(|_| is_number)
            .map(Percent)
            .ok_or(Fault::Unfit)
    }

    fn schema() -> Value {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 100 },
            { "type": "string", "pattern": "^[0-9]{1,3} *%?$" },
        ] })
    }
}

/// `500ms`, `30s`, `2m`, `1h`; `0s` is for its user to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Span(pub(in crate::config) Duration);

impl Scalar for Span {
    const EXPECTED: &'static str = "a duration in whole ms, s, m or h, at most 24h";
    const LIKE: &'static [&'static str] = &["500ms", "30s", "2m"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        let split = text
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(|| Fault::Because("the unit is missing".to_owned()))?;
        let (number, unit) = text.split_at(split);
        let ms_per_unit: u64 = match unit.trim_start() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(Fault::Unfit),
        };
        let ms = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(ms_per_unit));
        let span = ms
            .map(Duration::from_millis)
            .filter(|span| *span <= SPAN_MAX);
        span.map(Span).ok_or(Fault::Unfit)
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+ *(ms|s|m|h)$" })
    }
}
