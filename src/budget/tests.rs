//! What the tests of this room share, and the whole of it from outside.

use std::time::Duration;

use super::limits::{HoldMode, Limit, Match, Per, Unit, Unknown};
use super::*;
use crate::units::{PICO_PER_USD, PicoUsd};

/// A budget of 1 USD per day that covers everything.
pub(super) fn limit(name: &str) -> Limit {
    Limit {
        name: name.to_owned(),
        unit: Unit::Cost,
        amount: PICO_PER_USD,
        per: Per::Day,
        matches: Match::default(),
        each: None,
        hold: HoldMode::Expected,
        unpriced: Unknown::Allow,
        unmetered: Unknown::Allow,
        wait: Duration::ZERO,
        warn_at: Vec::new(),
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
    Sizes {
        expected: size,
        worst_case: size,
    }
}
