//! Prices, held against the providers, the currencies and each other.

use std::collections::HashSet;
use std::sync::Arc;

use crate::pricing::Override;
use crate::units::{Currencies, Currency, PICO_PER_USD};

use super::super::Provider;
use super::super::file;
use super::super::problem::{Found, Place, quoted};
use super::super::read::{At, Field};
use super::super::values::{Price, ProviderName};
use super::budgets::must_name_a_provider;
use super::currencies::known;

/// Highest price, in pico-dollars per million units: far above any, and far from overflow.
const PRICE_MAX: i128 = 1_000_000 * PICO_PER_USD;

/// The prices; those that lack a model are noted already, and left out.
pub(super) fn prices(
    written: &Field<Vec<At<file::ModelPrice>>>,
    providers: &[Arc<Provider>],
    currencies: &Currencies,
    found: &mut Found,
) -> Vec<Override> {
    let list = written.value().map(Vec::as_slice).unwrap_or_default();
    let mut seen = HashSet::new();
    let mut prices = Vec::new();
    for At { value, place } in list {
        if let Some(at) = value.provider.here() {
            must_name_a_provider(&at.value.0, at, providers, found);
        }
        let Some(price) = price(value, place, currencies, found) else {
            continue;
        };
        if !seen.insert((price.provider.clone(), price.model.clone())) {
            let message = format!("{} is priced twice", quoted(&price.model));
            found.add(place.problem(message, "remove one of them"));
        }
        if is_empty(&price) && !has_fault(value) {
            let message = "expected at least one price, got none";
            found.add(place.problem(message, "add `input: 3.00`, or remove the entry"));
        }
        prices.push(price);
    }
    prices
}

fn price(
    written: &file::ModelPrice,
    place: &Place,
    currencies: &Currencies,
    found: &mut Found,
) -> Option<Override> {
    let currency = match &written.currency {
        Field::Here(at) => known(at.value.0, &at.place, currencies, found)?,
        Field::Absent | Field::Blank(_) => Currency::USD,
        Field::Faulty => return None,
    };
    let too_large = |price: &Price| currency.to_usd(price.0).get() > PRICE_MAX;
    if fields(written)
        .into_iter()
        .filter_map(Field::value)
        .any(too_large)
    {
        let message = "expected prices of at most 1000000 USD, got one that is too large";
        found.add(place.problem(message, "write the price of a million tokens"));
    }
    let rate = |field: &Field<Price>| field.value().map(|price| price.0);
    Some(Override {
        provider: written
            .provider
            .value()
            .map(|ProviderName(name)| name.clone()),
        model: written.model.value()?.0.clone(),
        currency,
        input: rate(&written.input),
        cached_input: rate(&written.cached_input),
        cache_write_5m: rate(&written.cache_write_5m),
        cache_write_1h: rate(&written.cache_write_1h),
        output: rate(&written.output),
        input_audio: rate(&written.input_audio),
        output_audio: rate(&written.output_audio),
        request: rate(&written.request),
    })
}

fn is_empty(price: &Override) -> bool {
    let named = Override {
        provider: price.provider.clone(),
        model: price.model.clone(),
        currency: price.currency,
        ..Override::default()
    };
    *price == named
}

fn has_fault(written: &file::ModelPrice) -> bool {
    fields(written)
        .iter()
        .any(|field| matches!(field, Field::Faulty))
}

fn fields(written: &file::ModelPrice) -> [&Field<Price>; 8] {
    [
        &written.input,
        &written.cached_input,
        &written.cache_write_5m,
        &written.cache_write_1h,
        &written.output,
        &written.input_audio,
        &written.output_audio,
        &written.request,
    ]
}
