//! Prices of `proxy.yaml` in other currencies.

use proptest::prelude::*;

use super::lookup;
use crate::pricing::{Catalog, Override};
use crate::units::{Currency, PicoUsd};
use crate::usage::Usage;

fn currency(code: &str, usd: &str) -> Currency {
    let usd = usd.parse().expect("an amount");
    Currency::new(code.parse().expect("a code"), usd).expect("a rate")
}

fn price(currency: Currency, input: &str) -> Override {
    Override {
        model: "m".to_owned(),
        currency,
        input: input.parse().map(PicoUsd::get).ok(),
        ..Override::default()
    }
}

fn cost(price: Override, input: u64) -> Option<PicoUsd> {
    let usage = Usage {
        input: Some(input),
        ..Usage::default()
    };
    let catalog = Catalog::builtin().with_overrides(&[price]);
    catalog.cost(&lookup("qwen", "m"), &usage).amount
}

#[test]
fn a_price_in_another_currency_costs_what_it_is_worth() {
    let cny = currency("CNY", "0.14");
    // 1 000 tokens at 2.4 CNY per million, of which one is worth 0.14 USD.
    assert_eq!(cost(price(cny, "2.4"), 1_000), "0.000336".parse().ok());
    let each = Override {
        request: Some(10_000_000_000),
        ..price(cny, "0")
    };
    assert_eq!(cost(each, 0), "0.0014".parse().ok());
}

#[test]
fn the_version_changes_with_the_rate_and_with_the_currency() {
    let version = |currency| {
        let catalog = Catalog::builtin().with_overrides(&[price(currency, "2.4")]);
        catalog.version().to_owned()
    };
    let all = [
        Currency::USD,
        currency("CNY", "0.14"),
        currency("CNY", "0.15"),
        currency("EUR", "0.14"),
    ]
    .map(version);
    let distinct: std::collections::HashSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
}

proptest! {
    /// Up to 18 places together, price and rate are as exact as a price in USD.
    #[test]
    fn a_cost_is_rounded_once(micro in 0..10_i128.pow(9), rate in 1..10_i128.pow(12), count in 0..10_u64.pow(7)) {
        let code = "CNY".parse().expect("a code");
        let currency = Currency::new(code, PicoUsd::new(rate)).expect("a rate");
        let price = Override { input: Some(micro * 1_000_000), ..price(currency, "0") };
        // micro × 10⁻⁶ CNY per 10⁶ tokens, times rate × 10⁻¹² USD: in 10⁻¹² USD over 10¹².
        let exact = PicoUsd::rounded(micro * rate * i128::from(count), 10_i128.pow(12));
        prop_assert_eq!(cost(price, count), Some(exact));
    }
}
