//! The rules of `identify`: each must go by something and say something.

use super::super::file;
use super::super::identify::Rule;
use super::super::problem::Found;
use super::super::read::{At, Field, OneOrMany};
use super::budgets::must_be_filled;
use crate::ledger::Labels;

/// The rules, in the order of the file.
pub(super) fn rules(written: &Field<Vec<At<file::Identify>>>, found: &mut Found) -> Vec<Rule> {
    let list = written.value().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|at| rule(at, found)).collect()
}

fn rule(at: &At<file::Identify>, found: &mut Found) -> Rule {
    let At { value, place } = at;
    must_be_filled(&value.r#match, found);
    let mut rule = Rule {
        labels: super::labels(value.labels.value()),
        ..Rule::default()
    };
    if rule.labels == Labels::default() && value.labels.here().is_some() {
        let remedy = "add `team: …`, or another of user, project, task, tags";
        found.add(place.problem("a rule that gives no label", remedy));
    }
    let Some(origin) = value.r#match.here() else {
        return rule;
    };
    let At { value, place } = origin;
    for is_left_empty in [
        blank(&value.key, found),
        blank(&value.source, found),
        blank(&value.listener, found),
        blank(&value.via, found),
    ] {
        if is_left_empty {
            return rule;
        }
    }
    rule.keys = all(&value.key, |key| key.0.clone());
    rule.sources = all(&value.source, |source| source.0);
    rule.listeners = all(&value.listener, |own| own.0);
    rule.ways = all(&value.via, |way| way.0);
    let is_written = !(value.key.is_absent()
        && value.source.is_absent()
        && value.listener.is_absent()
        && value.via.is_absent());
    if !is_written {
        let message = "a rule for every call";
        let remedy = "add key, source, listener or via; labels for all calls stand in `labels`";
        found.add(place.problem(message, remedy));
    }
    rule
}

/// Whether a variable left it empty, which is noted.
fn blank<T>(field: &Field<T>, found: &mut Found) -> bool {
    must_be_filled(field, found);
    matches!(field, Field::Blank(_))
}

fn all<T, U>(field: &Field<OneOrMany<T>>, value: impl Fn(&T) -> U) -> Vec<U> {
    let list = field.value().map(|OneOrMany(list)| list.as_slice());
    let list = list.unwrap_or_default().iter();
    list.map(|at| value(&at.value)).collect()
}
