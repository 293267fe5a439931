//! Currencies: what one unit of each is worth in USD, and amounts restated between them.
//!
//! Money is kept in USD; another currency is a way to write an amount or to read one. A rate is a
//! whole number of pico-dollars, so a restated amount is exact but for the one rounding at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{PICO_PER_USD, PicoUsd};

/// The most that one unit of a currency may be worth: above every currency and an ounce of any
/// metal, and far from overflow.
const RATE_MAX: i128 = 1_000_000 * PICO_PER_USD;

/// A currency's code as ISO 4217 writes it: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CurrencyCode([u8; 3]);

impl CurrencyCode {
    /// The currency that all money is kept in.
    pub const USD: CurrencyCode = CurrencyCode(*b"USD");
}

/// Why a text is not a currency's code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected a currency's code, three capital letters as in CNY, got \"{0}\"")]
pub struct NoCurrency(String);

impl FromStr for CurrencyCode {
    type Err = NoCurrency;

    fn from_str(text: &str) -> Result<Self, NoCurrency> {
        let letters = text.as_bytes().try_into().ok();
        letters
            .filter(|letters: &[u8; 3]| letters.iter().all(u8::is_ascii_uppercase))
            .map(CurrencyCode)
            .ok_or_else(|| NoCurrency(text.to_owned()))
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.0.map(char::from);
        f.pad(&String::from_iter(letters))
    }
}

impl fmt::Debug for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A currency at its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency {
    code: CurrencyCode,
    /// What one unit is worth; positive.
    usd: PicoUsd,
}

impl Currency {
    /// The currency that all money is kept in.
    pub const USD: Currency = Currency {
        code: CurrencyCode::USD,
        usd: PicoUsd(PICO_PER_USD),
    };

    /// A currency of which one unit is worth `usd`. `None` where that is nothing, less, or more than a
    /// million USD, and for USD itself, which is worth 1.
    pub fn new(code: CurrencyCode, usd: PicoUsd) -> Option<Currency> {
        let is_rate = (1..=RATE_MAX).contains(&usd.get()) && code != CurrencyCode::USD;
        is_rate.then_some(Currency { code, usd })
    }

    /// Its code.
    pub fn code(self) -> CurrencyCode {
        self.code
    }

    /// What one unit is worth.
    pub fn usd(self) -> PicoUsd {
        self.usd
    }

    /// An amount of 10⁻¹² units in USD, rounded half up.
    pub fn to_usd(self, pico_units: i128) -> PicoUsd {
        PicoUsd(times(pico_units, self.usd.get(), PICO_PER_USD))
    }

    /// As [`Currency::to_usd`], in atto-dollars (10⁻¹⁸ USD): for prices, of which a call costs a small part.
    pub fn to_atto_usd(self, pico_units: i128) -> i128 {
        // Pico times pico is 10⁻²⁴.
        times(pico_units, self.usd.get(), 1_000_000)
    }

    /// An amount of USD in 10⁻¹² units, rounded half up.
    pub fn of_usd(self, amount: PicoUsd) -> i128 {
        times(amount.get(), PICO_PER_USD, self.usd.get())
    }

    /// An amount of USD as a plain decimal of units, at most twelve places: `21.4`.
    pub fn amount(self, amount: PicoUsd) -> String {
        PicoUsd(self.of_usd(amount)).to_string()
    }

    /// An amount of USD for a person: `21.4 CNY`.
    pub fn show(self, amount: PicoUsd) -> String {
        format!("{} {}", self.amount(amount), self.code)
    }
}

impl Default for Currency {
    fn default() -> Self {
        Currency::USD
    }
}

/// `amount * by / of`, rounded half up. Exact while `by` and `of` are at most [`RATE_MAX`] and the
/// result is below 10³⁸; beyond that it stays at the end of the range.
fn times(amount: i128, by: i128, of: i128) -> i128 {
    let (whole, rest) = (amount.div_euclid(of), amount.rem_euclid(of));
    let rest = PicoUsd::rounded(rest.saturating_mul(by), of).get();
    whole.saturating_mul(by).saturating_add(rest)
}

/// The currencies that amounts may be written and read in: USD, and those with a rate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Currencies(BTreeMap<CurrencyCode, Currency>);

impl Currencies {
    /// The currency of that code; `None` where it has no rate.
    pub fn get(&self, code: CurrencyCode) -> Option<Currency> {
        match code {
            CurrencyCode::USD => Some(Currency::USD),
            code => self.0.get(&code).copied(),
        }
    }

    /// Those with a rate, by code; USD, which needs none, is not among them.
    pub fn iter(&self) -> impl Iterator<Item = Currency> {
        self.0.values().copied()
    }
}

impl FromIterator<Currency> for Currencies {
    fn from_iter<I: IntoIterator<Item = Currency>>(currencies: I) -> Self {
        let rates = currencies.into_iter().filter(|one| *one != Currency::USD);
        Currencies(rates.map(|one| (one.code, one)).collect())
    }
}

#[cfg(test)]
mod tests;
