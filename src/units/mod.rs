//! Money and token counts as integers, and texts that are never printed.
//!
//! Money is pico-dollars (10⁻¹² USD): every published price per token is a whole number of them or of a
//! millionth of them, so sums are exact and a cost is rounded once, half up, at its end.

mod currency;
mod secret;

pub use currency::{Currencies, Currency, CurrencyCode, NoCurrency};
pub use secret::Secret;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

/// Pico-dollars in one dollar.
pub const PICO_PER_USD: i128 = 1_000_000_000_000;

/// An amount of money in pico-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(i128);

impl PicoUsd {
    /// No money.
    pub const ZERO: PicoUsd = PicoUsd(0);

    /// An amount of whole pico-dollars.
    pub const fn new(pico: i128) -> Self {
        PicoUsd(pico)
    }

    /// The amount in pico-dollars.
    pub const fn get(self) -> i128 {
        self.0
    }

    /// The amount as the ledger stores it; beyond ±9.2 million USD it is clamped.
    pub fn to_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX })
    }

    /// Divides `numerator / denominator` pico-dollars, rounding half up: the one rounding of a cost.
    pub fn rounded(numerator: i128, denominator: i128) -> Self {
        debug_assert!(denominator > 0);
        let doubled = numerator.saturating_mul(2).saturating_add(denominator);
        PicoUsd(doubled.div_euclid(denominator.saturating_mul(2)))
    }

    /// The amount in dollars as the metrics need it; never used to compute money.
    #[expect(clippy::cast_precision_loss, reason = "a Prometheus sample is a float")]
    pub fn as_usd_sample(self) -> f64 {
        self.0 as f64 / PICO_PER_USD as f64
    }
}

impl Add for PicoUsd {
    type Output = PicoUsd;
    fn add(self, other: PicoUsd) -> PicoUsd {
        PicoUsd(self.0.saturating_add(other.0))
    }
}

impl AddAssign for PicoUsd {
    fn add_assign(&mut self, other: PicoUsd) {
        *self = *self + other;
    }
}

impl Sub for PicoUsd {
    type Output = PicoUsd;
    fn sub(self, other: PicoUsd) -> PicoUsd {
        PicoUsd(self.0.saturating_sub(other.0))
    }
}

impl Sum for PicoUsd {
    fn sum<I: Iterator<Item = PicoUsd>>(iter: I) -> PicoUsd {
        iter.fold(PicoUsd::ZERO, Add::add)
    }
}

/// Decimal USD without trailing zeros, at most twelve places: `0.0000415`.
impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let pico = self.0.unsigned_abs();
        let per_usd = PICO_PER_USD.unsigned_abs();
        let (whole, fraction) = (pico / per_usd, pico % per_usd);
        let digits = format!("{fraction:012}");
        let digits = digits.trim_end_matches('0');
        let text = if digits.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{digits}")
        };
        f.pad(&text)
    }
}

/// Why a text is not an amount of money.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a decimal amount with at most 12 places, got \"{0}\"")]
pub struct ParseError(String);

impl FromStr for PicoUsd {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        decimal(text, 12)
            .map(PicoUsd)
            .ok_or_else(|| ParseError(text.to_owned()))
    }
}

/// Reads a plain decimal as an integer scaled by 10^`places`; `None` where it is no number or has more places.
pub fn decimal(text: &str, places: usize) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if digits.is_empty()
        || digits == "."
        || !plain(whole)
        || !plain(fraction)
        || fraction.len() > places
    {
        return None;
    }
    let scaled: i128 = format!("0{whole}{fraction:0<places$}").parse().ok()?;
    Some(if negative { -scaled } else { scaled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_and_reads_dollars() {
        for (pico, text) in [
            (0, "0"),
            (1, "0.000000000001"),
            (41_500_000, "0.0000415"),
            (5 * PICO_PER_USD, "5"),
            (-PICO_PER_USD / 2, "-0.5"),
        ] {
            assert_eq!(PicoUsd::new(pico).to_string(), text);
            assert_eq!(text.parse(), Ok(PicoUsd::new(pico)));
        }
    }

    #[test]
    fn refuses_what_is_no_decimal() {
        for text in [
            "",
            ".",
            "-",
            "1e6",
            "1,5",
            "0.0000000000001",
            "1.2.3",
            " 1",
            "٣",
        ] {
            assert!(text.parse::<PicoUsd>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_amount_survives_text(pico in -10_i128.pow(24)..10_i128.pow(24)) {
            prop_assert_eq!(PicoUsd::new(pico).to_string().parse(), Ok(PicoUsd::new(pico)));
        }

        #[test]
        fn rounds_half_up(numerator in -10_i128.pow(20)..10_i128.pow(20), denominator in 1_i128..10_i128.pow(12)) {
            let rounded = PicoUsd::rounded(numerator, denominator).get();
            let twice_the_error = 2 * (numerator - rounded * denominator);
            prop_assert!(-denominator <= twice_the_error && twice_the_error < denominator);
        }
    }
}
