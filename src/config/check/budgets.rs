//! Budgets and prices, held against the providers and each other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::budget::limits::{AnyOf, Dimension, Limit, Match, Per, Unit};
use crate::pricing::Override;
use crate::units::PicoUsd;

use super::super::Provider;
use super::super::file;
use super::super::problem::{Found, Place, quoted};
use super::super::read::{At, Field, Named, OneOrMany};
use super::super::values::{Pattern, Price, ProviderName};

/// Longest wait for holds to settle: a client waits with it.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The budgets; those that lack a name or a limit are noted already, and left out.
pub(super) fn budgets(
    written: &Field<Vec<At<file::Budget>>>,
    providers: &[Arc<Provider>],
    found: &mut Found,
) -> Vec<Limit> {
    let list = written.value().map(Vec::as_slice).unwrap_or_default();
    let mut lines: HashMap<&str, usize> = HashMap::new();
    for at in list.iter().filter_map(|at| at.value.name.here()) {
        if let Some(line) = lines.insert(&at.value.0, at.place.line) {
            let message = format!(
                "{} names the budget on line {line} already",
                quoted(&at.value.0)
            );
            found.add(
                at.place
                    .problem(message, "give each budget a name of its own"),
            );
        }
    }
    list.iter()
        .filter_map(|at| budget(at, providers, found))
        .collect()
}

fn budget(at: &At<file::Budget>, providers: &[Arc<Provider>], found: &mut Found) -> Option<Limit> {
    let At {
        value: written,
        place,
    } = at;
    let per = per(written, place, found);
    let wait = written
        .wait
        .here()
        .map(|at| super::at_most(at, WAIT_MAX, found));
    let matches = matches(&written.r#match, providers, found);
    let warn_at = written
        .warn_at
        .value()
        .map(|OneOrMany(list)| list.as_slice());
    let mut warn_at: Vec<u8> = warn_at
        .unwrap_or_default()
        .iter()
        .map(|at| at.value.0)
        .collect();
    warn_at.sort_unstable();
    warn_at.dedup();
    let amount = written.limit.value()?;
    Some(Limit {
        name: written.name.value()?.0.clone(),
        unit: amount.unit,
        amount: amount.amount,
        per: per?,
        matches,
        each: written.each.value().map(|each| each.0),
        hold: written.hold.value().map(|hold| hold.0).unwrap_or_default(),
        unpriced: written
            .unpriced
            .value()
            .map(|policy| policy.0)
            .unwrap_or_default(),
        unmetered: written
            .unmetered
            .value()
            .map(|policy| policy.0)
            .unwrap_or_default(),
        on_spent: written
            .on_spent
            .value()
            .map(|policy| policy.0)
            .unwrap_or_default(),
        wait: wait.unwrap_or_default(),
        warn_at,
    })
}

/// The window: required, except for what counts calls in flight and has none.
fn per(written: &file::Budget, place: &Place, found: &mut Found) -> Option<Per> {
    let is_concurrent = written
        .limit
        .value()
        .map(|amount| amount.unit == Unit::Concurrent);
    match (is_concurrent, &written.per) {
        (Some(true), Field::Here(at)) => {
            let message = "calls in flight are counted at every moment, not over a window";
            found.add(at.place.problem(message, "remove `per`"));
            None
        }
        (Some(true), _) => Some(Per::Total),
        (Some(false), Field::Absent | Field::Blank(_)) => {
            let mut place = place.clone();
            place.key.push_str(".per");
            let remedy = "add `per: month`, or another of minute, hour, day, week, year, total";
            found.add(place.problem("required, but not written", remedy));
            None
        }
        (_, per) => per.value().map(|per| per.0),
    }
}

fn matches(written: &Field<file::Match>, providers: &[Arc<Provider>], found: &mut Found) -> Match {
    must_be_filled(written, found);
    let Some(written) = written.value() else {
        return Match::default();
    };
    let mut matches = Match::default();
    for (dimension, field) in [
        (Dimension::Provider, &written.provider),
        (Dimension::Model, &written.model),
        (Dimension::User, &written.user),
        (Dimension::Team, &written.team),
        (Dimension::Project, &written.project),
        (Dimension::Task, &written.task),
    ] {
        must_be_filled(field, found);
        if let Some(values) = field.value() {
            matches.dimensions.insert(dimension, any_of(values));
        }
    }
    must_be_filled(&written.key, found);
    if let Some(OneOrMany(keys)) = written.key.value() {
        let keys = keys.iter().map(|at| at.value.0.clone()).collect();
        matches.dimensions.insert(Dimension::Key, keys);
    }
    must_be_filled(&written.tags, found);
    for (name, values) in written
        .tags
        .value()
        .map(|Named(list)| list.as_slice())
        .unwrap_or_default()
    {
        matches.tags.insert(name.value.clone(), any_of(values));
    }
    for at in written
        .provider
        .value()
        .map(|values| values.0.as_slice())
        .unwrap_or_default()
    {
        must_name_a_provider(&at.value.0, at, providers, found);
    }
    matches
}

/// A condition that a variable left empty would cover everything: a wider budget than was meant.
fn must_be_filled<T>(field: &Field<T>, found: &mut Found) {
    if let Field::Blank(place) = field {
        let message = "expected something to match, got nothing";
        found.add(place.problem(
            message,
            "write a value, or remove the key to cover everything",
        ));
    }
}

fn any_of(OneOrMany(values): &OneOrMany<Pattern>) -> AnyOf {
    values.iter().map(|at| at.value.0.clone()).collect()
}

/// A pattern that fits no provider covers nothing, which is never what was meant.
fn must_name_a_provider<T>(
    pattern: &str,
    at: &At<T>,
    providers: &[Arc<Provider>],
    found: &mut Found,
) {
    let fits = |provider: &Arc<Provider>| match pattern.strip_suffix('*') {
        Some(prefix) => provider.name.starts_with(prefix),
        None => provider.name == pattern,
    };
    if !providers.iter().any(fits) {
        let remedy = super::known_providers(pattern, providers);
        found.add(at.place.problem(super::no_provider(pattern), remedy));
    }
}

/// The prices; those that lack a model are noted already, and left out.
pub(super) fn prices(
    written: &Field<Vec<At<file::ModelPrice>>>,
    providers: &[Arc<Provider>],
    found: &mut Found,
) -> Vec<Override> {
    let list = written.value().map(Vec::as_slice).unwrap_or_default();
    let mut seen = HashSet::new();
    let mut prices = Vec::new();
    for At { value, place } in list {
        if let Some(at) = value.provider.here() {
            must_name_a_provider(&at.value.0, at, providers, found);
        }
        let Some(price) = price(value) else { continue };
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

fn price(written: &file::ModelPrice) -> Option<Override> {
    let rate = |field: &Field<Price>| -> Option<PicoUsd> { field.value().map(|price| price.0) };
    Some(Override {
        provider: written
            .provider
            .value()
            .map(|ProviderName(name)| name.clone()),
        model: written.model.value()?.0.clone(),
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
        ..Override::default()
    };
    *price == named
}

fn has_fault(written: &file::ModelPrice) -> bool {
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
    .iter()
    .any(|field| matches!(field, Field::Faulty))
}
