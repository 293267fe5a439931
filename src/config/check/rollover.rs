//! `rollover`, held against the limit and the window that it is written with.

use crate::budget::limits::{Per, Unit};
use crate::units::Currencies;

use super::super::file;
use super::super::problem::Found;
use super::super::read::At;
use super::super::values::Carry;

/// The most of the limit's unit that a window leaves to the next; `None` where it leaves nothing.
pub(super) fn rollover(
    written: &file::Budget,
    limit: (Unit, i128),
    per: Per,
    currencies: &Currencies,
    found: &mut Found,
) -> Option<i128> {
    let (unit, amount) = limit;
    let at = written.rollover.here()?;
    if at.value == Carry::Flag(false) {
        return None;
    }
    if matches!(unit, Unit::Requests | Unit::Concurrent) {
        let message = "only money and tokens are carried over";
        found.add(at.place.problem(message, "remove `rollover`"));
        return None;
    }
    if !per.is_calendar() || per == Per::Minute {
        let message = format!("nothing is carried over from `per: {per}`");
        let remedy = "remove it, or choose one of hour, day, week, month, year";
        found.add(at.place.problem(message, remedy));
        return None;
    }
    let Carry::AtMost(most) = at.value else {
        return Some(amount);
    };
    if most.unit != unit {
        let message = format!(
            "expected an amount in the limit's own unit, {}, got {}",
            unit.as_str(),
            most.unit.as_str()
        );
        found.add(
            at.place
                .problem(message, "write `rollover: true`, or such an amount"),
        );
        return None;
    }
    let most = At {
        value: most,
        place: at.place.clone(),
    };
    super::budgets::amount(&most, currencies, found).map(|(most, _)| most)
}
