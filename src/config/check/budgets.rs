//! Budgets, held against the providers, the currencies and each other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::budget::limits::{
    self, Action, AnyOf, Dimension, Limit, Match, Models, NO_LIMIT, Per, Unit,
};
use crate::units::{Currencies, Currency, PICO_PER_USD};

use super::super::Provider;
use super::super::file;
use super::super::problem::{Found, Place, quoted};
use super::super::read::{AnyNumber, At, Field, Named, OneOrMany};
use super::super::values::{Amount, Pattern, Percent};
use super::currencies::known;

/// Longest wait for holds to settle: a client waits with it.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Highest money limit, in pico-dollars: what the ledger's 64-bit sums can reach.
const MONEY_MAX: i128 = 9_000_000 * PICO_PER_USD;

/// Percentages at which a budget is told of, where none are written.
const WARN_AT: [u8; 2] = [80, 95];

/// The budgets; those that lack a name or a limit are noted already, and left out.
pub(super) fn budgets(
    written: &Field<Vec<At<file::Budget>>>,
    providers: &[Arc<Provider>],
    currencies: &Currencies,
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
        .filter_map(|at| budget(at, providers, currencies, found))
        .collect()
}

fn budget(
    at: &At<file::Budget>,
    providers: &[Arc<Provider>],
    currencies: &Currencies,
    found: &mut Found,
) -> Option<Limit> {
    let At {
        value: written,
        place,
    } = at;
    let models = models(&written.models, found);
    let action = action(&written.action, found);
    let (unit, amount, currency, per) = match rules_only(written, place, found) {
        true => (Unit::Requests, NO_LIMIT, Currency::USD, Some(Per::Total)),
        false => {
            let per = per(written, place, found);
            let (amount, currency) = amount(written.limit.here()?, currencies, found)?;
            (written.limit.value()?.unit, amount, currency, per)
        }
    };
    let rollover = per
        .and_then(|per| super::rollover::rollover(written, (unit, amount), per, currencies, found));
    let wait = written
        .wait
        .here()
        .map(|at| super::at_most(at, WAIT_MAX, found));
    let matches = matches(&written.r#match, providers, found);
    Some(Limit {
        name: written.name.value()?.0.clone(),
        unit,
        amount,
        currency,
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
        warn_at: warn_at(&written.warn_at, unit, per?),
        action,
        models,
        rollover,
    })
}

/// The percentages; where none are written, those of money and tokens in windows in which somebody can
/// still act on them.
fn warn_at(written: &Field<AnyNumber<Percent>>, unit: Unit, per: Per) -> Vec<u8> {
    let Some(AnyNumber(list)) = written.value() else {
        let is_told = !matches!(unit, Unit::Requests | Unit::Concurrent) && per != Per::Minute;
        return if is_told {
            WARN_AT.to_vec()
        } else {
            Vec::new()
        };
    };
    let mut warn_at: Vec<u8> = list.iter().map(|at| at.value.0).collect();
    warn_at.sort_unstable();
    warn_at.dedup();
    warn_at
}

/// Whether the budget limits nothing and only rules models; one that does neither is noted.
fn rules_only(written: &file::Budget, place: &Place, found: &mut Found) -> bool {
    if !written.limit.is_absent() {
        return false;
    }
    let missing = |key: &str| {
        let mut place = place.clone();
        place.key.push_str(key);
        place
    };
    if written.models.is_absent() {
        let remedy = "add `limit: 500 USD`, or `models` where only they are to be ruled";
        found.add(missing(".limit").problem("required, but not written", remedy));
        return false;
    }
    if let Field::Here(at) = &written.per {
        let message = "a window of nothing: there is no `limit`";
        found.add(at.place.problem(message, "add `limit`, or remove `per`"));
    }
    true
}

fn models(written: &Field<file::Models>, found: &mut Found) -> Models {
    must_be_filled(written, found);
    let Some(written) = written.value() else {
        return Models::default();
    };
    must_be_filled(&written.allow, found);
    must_be_filled(&written.deny, found);
    Models {
        allow: written.allow.value().map(any_of),
        deny: written.deny.value().map(any_of).unwrap_or_default(),
    }
}

fn action(written: &Field<file::WhenFull>, found: &mut Found) -> Action {
    let named = match written.value() {
        None => return Action::Block,
        Some(file::WhenFull::Word(word)) => return word.0.clone(),
        Some(file::WhenFull::Mapping(mapping)) => mapping.downgrade.value(),
    };
    let list = named.map(|Named(list)| list.as_slice()).unwrap_or_default();
    let mut models = std::collections::BTreeMap::new();
    for (from, to) in list {
        models.insert(from.value.clone(), to.0.clone());
    }
    let action = Action::Downgrade(models);
    for (from, to) in list {
        if action.downgrade(&to.0).is_some() {
            let message = format!("{} is itself sent to another model", quoted(&to.0));
            found.add(
                from.place
                    .problem(message, "name the model that is meant in the end"),
            );
        }
    }
    action
}

/// The limit in its unit, money in pico-dollars; and what it is shown in.
pub(super) fn amount(
    at: &At<Amount>,
    currencies: &Currencies,
    found: &mut Found,
) -> Option<(i128, Currency)> {
    let written = &at.value;
    if written.unit != Unit::Cost {
        return Some((written.amount, Currency::USD));
    }
    let currency = known(written.currency, &at.place, currencies, found)?;
    let usd = currency.to_usd(written.amount).get();
    if usd > MONEY_MAX || usd == 0 {
        let size = if usd == 0 { "small" } else { "large" };
        let message = format!(
            "expected a limit from 0.000000000001 to 9000000 USD, got one that is too {size}"
        );
        found.add(at.place.problem(message, "write another amount"));
        return None;
    }
    Some((usd, currency))
}

/// The same for a key's budget, which stands in no file; else what is wrong with it.
pub(in crate::config) fn key_amount(
    amount: Amount,
    currencies: &Currencies,
) -> Result<(i128, Currency), String> {
    let mut found = Found::default();
    let at = At {
        value: amount,
        place: Place::default(),
    };
    let read = self::amount(&at, currencies, &mut found);
    let problems = found.into_result("").err();
    let why = problems.and_then(|problems| problems.list.into_iter().next());
    read.ok_or_else(|| why.map_or_else(String::new, |why| why.to_string()))
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
            let remedy =
                "add `per: month`, or another of minute, hour, day, week, year, total, rolling 5h";
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
pub(super) fn must_be_filled<T>(field: &Field<T>, found: &mut Found) {
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
pub(super) fn must_name_a_provider<T>(
    pattern: &str,
    at: &At<T>,
    providers: &[Arc<Provider>],
    found: &mut Found,
) {
    let mut names = providers.iter().map(|provider| &provider.name);
    if !names.any(|name| limits::fits(pattern, name)) {
        let remedy = super::known_providers(pattern, providers);
        found.add(at.place.problem(super::no_provider(pattern), remedy));
    }
}
