//! Budgets and calls for tests.

use std::time::Duration;

use crate::budget::facts::{Facts, Size, Sizes};
use crate::budget::limits::{Action, HoldMode, Limit, Match, Models, OnSpent, Per, Unit, Unknown};
use crate::units::{Currency, PICO_PER_USD, PicoUsd};

/// A budget of 1 USD per day that covers everything.
pub(crate) fn limit(name: &str) -> Limit {
    Limit {
        name: name.to_owned(),
        unit: Unit::Cost,
        amount: PICO_PER_USD,
        currency: Currency::USD,
        per: Per::Day,
        matches: Match::default(),
        each: None,
        hold: HoldMode::Expected,
        unpriced: Unknown::Allow,
        unmetered: Unknown::Allow,
        on_spent: OnSpent::Close,
        wait: Duration::ZERO,
        warn_at: Vec::new(),
        action: Action::Block,
        models: Models::default(),
        rollover: None,
    }
}

/// A metered call.
pub(super) fn facts(provider: &str, model: &str, user: &str) -> Facts {
    let mut facts = Facts {
        provider: provider.to_owned(),
        metered: true,
        ..Facts::default()
    };
    facts.model = Some(model.to_owned());
    facts.labels.user = Some(user.to_owned());
    facts
}

/// A size of so many thousandths of a dollar.
pub(super) fn milli_usd(milli: i128) -> Size {
    let cost = PicoUsd::new(milli * PICO_PER_USD / 1_000);
    Size {
        cost: Some(cost),
        input_tokens: 10,
        output_tokens: 5,
    }
}

/// Both sizes alike.
pub(super) fn sizes(size: Size) -> Sizes {
    Sizes::alike(size)
}
