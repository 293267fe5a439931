use super::*;
use crate::budget::limits::{Dimension, HoldMode, Match, Models, NO_LIMIT, Per, Unit};
use crate::ledger::samples::{NOON, call as sample, hold};
use crate::units::Currency;
use crate::usage::Usage;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
const MILLI: i128 = 1_000_000_000;

fn limit(name: &str, unit: Unit, amount: i128, per: Per) -> Limit {
    Limit {
        name: name.to_owned(),
        unit,
        amount,
        currency: Currency::USD,
        per,
        matches: Match::default(),
        each: None,
        hold: HoldMode::default(),
        unpriced: Default::default(),
        unmetered: Default::default(),
        on_spent: Default::default(),
        wait: Default::default(),
        warn_at: Vec::new(),
        action: Default::default(),
        models: Models::default(),
        rollover: None,
    }
}

/// A call of a user that costs thousandths of a dollar and takes so many milliseconds.
fn past(started_at: i64, ms: i64, user: &str, milli: i128) -> Call {
    let mut call = sample(&hold(started_at));
    let head = Arc::make_mut(&mut call.head);
    head.labels.user = Some(user.to_owned());
    call.ended_at = started_at + ms;
    call.cost = Some(PicoUsd::new(milli * MILLI));
    call.usage = Some(Usage {
        input: Some(100),
        output: Some(10),
        ..Usage::default()
    });
    call
}

fn refused(started_at: i64, user: &str) -> Call {
    Call {
        outcome: Outcome::Refused,
        refused_by: Some("old".to_owned()),
        usage: None,
        ..past(started_at, 0, user, 0)
    }
}

fn run(limits: Vec<Limit>, calls: &[Call]) -> Findings {
    let mut replay = Replay::new(limits, TimeZone::UTC, calls[0].head.started_at);
    for call in calls {
        replay.call(call, &|_| Some(PicoUsd::new(MILLI)));
    }
    replay.finish()
}

#[test]
fn what_does_not_fit_a_smaller_limit_is_refused_and_spends_nothing() {
    let calls: Vec<Call> = (0..10)
        .map(|at| past(NOON + at * MINUTE, 500, "ann", 100))
        .collect();
    let found = run(
        vec![limit("day", Unit::Cost, 450 * MILLI, Per::Day)],
        &calls,
    );
    let day = &found.budgets[0];
    assert_eq!((day.refused, found.refused, found.calls), (6, 6, 10));
    assert_eq!(day.refused_cost, PicoUsd::new(600 * MILLI));
    assert_eq!(day.first_refused_at, Some(NOON + 4 * MINUTE));
    assert_eq!(day.peak, 400 * MILLI);
}

#[test]
fn a_window_that_turns_over_makes_room_and_the_peak_is_of_one_window() {
    let calls: Vec<Call> = (0..4)
        .map(|day| past(NOON + day * DAY, 500, "ann", 300))
        .collect();
    let found = run(
        vec![limit("day", Unit::Cost, 450 * MILLI, Per::Day)],
        &calls,
    );
    assert_eq!((found.refused, found.budgets[0].peak), (0, 300 * MILLI));
}

#[test]
fn what_was_in_flight_at_once_is_held_at_once() {
    let calls = [
        past(NOON, 10 * MINUTE, "ann", 300),
        past(NOON + 1, 1, "bob", 300),
        past(NOON + 11 * MINUTE, 1, "bob", 100),
    ];
    let limits = vec![
        limit("money", Unit::Cost, 500 * MILLI, Per::Day),
        limit("one", Unit::Concurrent, 1, Per::Total),
    ];
    let found = run(limits, &calls);
    // Both refuse the second; the one that turns over last is named.
    assert_eq!((found.budgets[0].refused, found.budgets[1].refused), (1, 0));
    let found = run(vec![limit("one", Unit::Concurrent, 1, Per::Total)], &calls);
    assert_eq!((found.refused, found.budgets[0].peak), (1, 0));
}

#[test]
fn an_instance_has_its_own_peak_and_tells_whose_it_is() {
    let calls = [
        past(NOON, 1, "ann", 100),
        past(NOON + 10, 1, "bob", 300),
        past(NOON + 20, 1, "ann", 100),
    ];
    let mut each = limit("each", Unit::Cost, 150 * MILLI, Per::Day);
    each.each = Some(Dimension::User);
    let found = run(vec![each], &calls);
    let each = &found.budgets[0];
    assert_eq!((each.refused, each.peak), (2, 100 * MILLI));
    assert_eq!(each.peak_value.as_deref(), Some("ann"));
}

#[test]
fn a_budget_that_warns_or_sends_on_is_told_apart_from_one_that_refuses() {
    let calls: Vec<Call> = (0..5)
        .map(|at| past(NOON + at * MINUTE, 500, "ann", 100))
        .collect();
    let mut warns = limit("warns", Unit::Cost, 250 * MILLI, Per::Day);
    warns.action = crate::budget::limits::Action::Warn;
    let mut sends = limit("sends", Unit::Cost, 350 * MILLI, Per::Day);
    let models = [("gpt-4o".to_owned(), "gpt-4o-mini".to_owned())];
    sends.action = crate::budget::limits::Action::Downgrade(models.into());
    let found = run(vec![warns, sends], &calls);
    let [warns, sends] = &found.budgets[..] else {
        panic!("two budgets");
    };
    // Three at 100, then two at 1.
    assert_eq!((warns.warned, warns.peak), (3, 302 * MILLI));
    assert_eq!((sends.downgraded, found.refused), (2, 0));
    let saved = (PicoUsd::new(200 * MILLI), PicoUsd::new(2 * MILLI));
    assert_eq!(found.downgraded_cost, saved);
}

#[test]
fn a_rule_over_models_refuses_what_it_does_not_allow() {
    let mut rule = limit("rule", Unit::Requests, NO_LIMIT, Per::Total);
    rule.models.deny = vec!["gpt-4*".to_owned()];
    let found = run(vec![rule], &[past(NOON, 1, "ann", 100)]);
    assert_eq!((found.budgets[0].refused, found.budgets[0].peak), (1, 0));
}

#[test]
fn what_was_refused_then_may_pass_and_takes_what_its_model_mostly_takes() {
    let calls = [
        past(NOON, 1, "ann", 100),
        refused(NOON + 10, "ann"),
        refused(NOON + 20, "ann"),
    ];
    let found = run(
        vec![limit("day", Unit::Cost, 200 * MILLI, Per::Day)],
        &calls,
    );
    assert_eq!(
        (found.now_pass, found.still_refused, found.refused),
        (1, 1, 0)
    );
    assert_eq!(found.budgets[0].peak, 200 * MILLI);
}

#[test]
fn spending_from_before_the_span_counts_and_is_no_finding() {
    let day = limit("day", Unit::Cost, 250 * MILLI, Per::Day);
    let since = NOON + MINUTE;
    assert_eq!(
        from_when(std::slice::from_ref(&day), &TimeZone::UTC, since),
        NOON - DAY / 2
    );
    let mut replay = Replay::new(vec![day], TimeZone::UTC, NOON);
    for call in [past(NOON, 1, "ann", 200), refused(NOON + 1, "ann")] {
        replay.spent_before(&call);
    }
    replay.call(&past(since, 1, "ann", 100), &|_| None);
    let found = replay.finish();
    assert_eq!((found.calls, found.refused, found.now_pass), (1, 1, 0));
    assert_eq!(found.budgets[0].peak, 200 * MILLI);
}

#[test]
fn a_budget_over_all_time_wants_all_there_is() {
    let total = limit("all", Unit::Tokens, 1, Per::Total);
    assert_eq!(from_when(&[total], &TimeZone::UTC, NOON), 0);
    let one = limit("one", Unit::Concurrent, 1, Per::Total);
    assert_eq!(from_when(&[one], &TimeZone::UTC, NOON), NOON);
}
