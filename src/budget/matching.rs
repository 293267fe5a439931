//! Whether a budget covers a call.

use crate::budget::facts::{Facts, Pending};
use crate::budget::limits::{AnyOf, Limit, Match, Models, fits};

/// Whether a budget covers a call, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Yes,
    No,
    /// The body decides.
    Maybe,
}

/// Whether `limit` covers the call, and by which of its instances: `Maybe` where either is open. What is
/// pending is open even if the head says a value, for the body may say another.
pub(crate) fn fit(limit: &Limit, facts: &Facts, pending: Pending) -> Fit {
    let each_open = limit.each.is_some_and(|dimension| pending.has(dimension));
    match selects(&limit.matches, facts, pending) {
        Fit::Yes if each_open => Fit::Maybe,
        fit => fit,
    }
}

fn selects(matches: &Match, facts: &Facts, pending: Pending) -> Fit {
    let mut fit = Fit::Yes;
    for (&dimension, patterns) in &matches.dimensions {
        match facts.value(dimension) {
            _ if pending.has(dimension) => fit = Fit::Maybe,
            Some(value) if any_fits(patterns, value) => {}
            _ => return Fit::No,
        }
    }
    for (tag, patterns) in &matches.tags {
        if !facts
            .labels
            .tags
            .get(tag)
            .is_some_and(|value| any_fits(patterns, value))
        {
            return Fit::No;
        }
    }
    fit
}

/// Whether the calls that `limit` covers may ask for the model; a call that names none asks for none.
pub(crate) fn may_ask(limit: &Limit, model: Option<&str>) -> bool {
    let Some(model) = model else {
        return true;
    };
    let Models { allow, deny } = &limit.models;
    !any_fits(deny, model) && allow.as_ref().is_none_or(|allow| any_fits(allow, model))
}

fn any_fits(patterns: &AnyOf, value: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, value))
}

#[cfg(test)]
mod tests;
