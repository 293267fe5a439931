//! Currencies: codes that are codes, rates that are rates, and amounts in none but these.

use crate::units::{Currencies, Currency, CurrencyCode};

use super::super::problem::{Found, Place, quoted};
use super::super::read::{Field, Named};
use super::super::values::InUsd;

/// The currencies; what is no code or no rate is noted and left out.
pub(super) fn check(written: &Field<Named<InUsd>>, found: &mut Found) -> Currencies {
    let Some(Named(list)) = written.value() else {
        return Currencies::default();
    };
    let mut currency = |key: &super::At<String>, usd: InUsd| {
        let Ok(code) = key.value.parse::<CurrencyCode>() else {
            let upper = key.value.to_ascii_uppercase();
            let remedy = match upper.parse::<CurrencyCode>() {
                Ok(code) => format!("write `{code}`"),
                Err(_) => "write it like `CNY` or `EUR`".to_owned(),
            };
            let got = quoted(&key.value);
            let message = format!("expected a currency's code of three capital letters, got {got}");
            found.add(key.place.problem(message, remedy));
            return None;
        };
        if code == CurrencyCode::USD {
            let message = "USD is what the others are measured in, and worth 1";
            found.add(key.place.problem(message, "remove it"));
            return None;
        }
        let currency = Currency::new(code, usd.0);
        if currency.is_none() {
            let message = format!(
                "expected what one {code} is worth in USD, more than 0 and at most 1000000, got {}",
                usd.0
            );
            found.add(key.place.problem(message, "write it like `0.14`"));
        }
        currency
    };
    list.iter()
        .filter_map(|(key, usd)| currency(key, *usd))
        .collect()
}

/// The currency of that code; where it has no rate, that is noted.
pub(super) fn known(
    code: CurrencyCode,
    place: &Place,
    currencies: &Currencies,
    found: &mut Found,
) -> Option<Currency> {
    let currency = currencies.get(code);
    if currency.is_none() {
        let message = format!("no rate is known for the currency {code}");
        let remedy =
            format!("write what one {code} is worth in USD, as `currencies: {{ {code}: 0.14 }}`");
        found.add(place.problem(message, remedy));
    }
    currency
}
