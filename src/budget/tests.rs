//! The whole of the room from outside.

use super::limits::{Dimension, Limit, Per, Unit, Unknown};
pub(super) use super::samples::{facts, limit, milli_usd, sizes};
use super::*;
use crate::units::PICO_PER_USD;

/// 2026-11-20T10:00:30Z, a Friday.
const NOW: i64 = 1_795_168_830_000;
const DAY_MS: i64 = 86_400_000;

/// Budgets in UTC whose past is recorded.
pub(super) fn opened(limits: Vec<Limit>) -> Arc<Budgets> {
    let budgets = Budgets::new(limits, TimeZone::UTC, NOW);
    budgets.replayed();
    budgets
}

fn alice() -> Facts {
    facts("openai", "gpt-5", "alice")
}

/// Spent and held of the one instance.
fn standing(budgets: &Budgets, now_ms: i64) -> (i128, i128) {
    match &budgets.snapshot(now_ms)[..] {
        [state] => (state.spent, state.held),
        states => panic!("one instance: {states:?}"),
    }
}

const MILLI: i128 = PICO_PER_USD / 1_000;

#[test]
fn holds_until_a_call_is_settled_or_released() {
    let budgets = opened(vec![limit("day")]);
    let held = |size| budgets.admit(&alice(), &sizes(milli_usd(size)), NOW);
    let one = held(600).expect("there is room");
    assert_eq!(one.worth().expected, milli_usd(600));
    let refusal = held(500).expect_err("the first call holds too much");
    assert_eq!(
        (refusal.reason, refusal.held, refusal.spent),
        (Reason::Held, 600 * MILLI, 0)
    );
    one.settle(&milli_usd(300));
    assert_eq!(standing(&budgets, NOW), (300 * MILLI, 0));
    held(700).expect("a hold may fill the limit").release();
    assert_eq!(standing(&budgets, NOW), (300 * MILLI, 0));
    let refusal = held(701).expect_err("more than is left");
    assert_eq!(
        (refusal.reason, refusal.needed),
        (Reason::Spent, 701 * MILLI)
    );
    assert_eq!(
        held(1_001).expect_err("more than the limit").reason,
        Reason::TooLarge
    );
    assert_eq!((budgets.in_flight(), budgets.dropped_permits()), (0, 0));
}

#[test]
fn releases_and_counts_a_permit_that_is_dropped_open() {
    let budgets = opened(vec![limit("day")]);
    drop(
        budgets
            .admit(&alice(), &sizes(milli_usd(600)), NOW)
            .expect("there is room"),
    );
    assert_eq!(standing(&budgets, NOW), (0, 0));
    assert_eq!((budgets.in_flight(), budgets.dropped_permits()), (0, 1));
}

#[test]
fn holds_on_all_budgets_or_on_none() {
    let mut calls = limit("calls");
    (calls.unit, calls.amount) = (Unit::Requests, 10);
    let mut tiny = limit("tiny");
    tiny.amount = MILLI;
    let budgets = opened(vec![calls, tiny]);
    let refusal = budgets
        .admit(&alice(), &sizes(milli_usd(2)), NOW)
        .expect_err("tiny is tiny");
    assert_eq!(refusal.budget, "tiny");
    assert!(
        budgets
            .snapshot(NOW)
            .iter()
            .all(|state| (state.spent, state.held) == (0, 0))
    );
}

#[test]
fn names_the_budget_that_stands_longest() {
    let with = |name: &str, per, unit| {
        let mut limit = limit(name);
        (limit.per, limit.unit, limit.amount) = (per, unit, 1);
        limit
    };
    let budgets = opened(vec![
        with("flight", Per::Total, Unit::Concurrent),
        with("minute", Per::Minute, Unit::Requests),
        with("month", Per::Month, Unit::Requests),
        with("day", Per::Day, Unit::Requests),
    ]);
    let _open = budgets
        .admit(&alice(), &Sizes::FREE, NOW)
        .expect("the first passes");
    let refusal = budgets
        .admit(&alice(), &Sizes::FREE, NOW)
        .expect_err("the second does not");
    assert_eq!(refusal.budget, "month");
}

#[test]
fn no_budget_means_not_blocked() {
    let budgets = opened(Vec::new());
    let huge = milli_usd(PICO_PER_USD);
    budgets
        .admit(&alice(), &sizes(huge), NOW)
        .expect("nothing forbids")
        .settle(&huge);
    assert_eq!(
        budgets.preview(&alice(), Pending::NOTHING, true, NOW),
        Preview::AdmitNow
    );
}

#[test]
fn a_free_call_passes_a_spent_money_budget() {
    let budgets = opened(vec![limit("day")]);
    let spend = budgets
        .admit(&alice(), &sizes(milli_usd(900)), NOW)
        .expect("there is room");
    spend.settle(&milli_usd(2_000));
    assert!(budgets.admit(&alice(), &sizes(milli_usd(1)), NOW).is_err());
    budgets
        .admit(&alice(), &Sizes::FREE, NOW)
        .expect("it costs nothing")
        .release();
}

#[test]
fn policy_decides_what_cannot_be_priced_or_metered() {
    let unpriced = sizes(Size {
        cost: None,
        input_tokens: 10,
        output_tokens: 5,
    });
    let mut unmetered = alice();
    unmetered.metered = false;
    for policy in [Unknown::Allow, Unknown::Block] {
        let mut limit = limit("day");
        (limit.unpriced, limit.unmetered) = (policy, policy);
        let mut calls = limit.clone();
        (calls.name, calls.unit, calls.amount) = ("calls".into(), Unit::Requests, 100);
        let budgets = opened(vec![limit, calls]);
        let reason = |facts: &Facts, sizes: &Sizes| match budgets.admit(facts, sizes, NOW) {
            Ok(permit) => {
                permit.settle(&Size {
                    cost: None,
                    input_tokens: 10,
                    output_tokens: 5,
                });
                None
            }
            Err(refusal) => Some(refusal.reason),
        };
        let blocked = policy == Unknown::Block;
        assert_eq!(
            reason(&alice(), &unpriced),
            blocked.then_some(Reason::Unpriced)
        );
        assert_eq!(
            reason(&unmetered, &unpriced),
            blocked.then_some(Reason::Unmetered)
        );
        let spent: Vec<i128> = budgets
            .snapshot(NOW)
            .iter()
            .map(|state| state.spent)
            .collect();
        assert_eq!(spent, [0, if blocked { 0 } else { 2 }]);
        let preview = budgets.preview(&unmetered, Pending::NOTHING, true, NOW);
        assert_eq!(
            matches!(preview, Preview::Refuse(_)),
            blocked,
            "{preview:?}"
        );
    }
}

#[test]
fn charges_each_unit_what_it_counts() {
    let actual = Size {
        cost: None,
        input_tokens: 70,
        output_tokens: 30,
    };
    for (unit, hold, spent) in [
        (Unit::Cost, 0, 0),
        (Unit::Tokens, 15, 100),
        (Unit::InputTokens, 10, 70),
        (Unit::OutputTokens, 5, 30),
        (Unit::Requests, 1, 1),
        (Unit::Concurrent, 1, 0),
    ] {
        let mut limit = limit("b");
        limit.unit = unit;
        let budgets = opened(vec![limit]);
        let size = Size {
            cost: None,
            ..milli_usd(1)
        };
        let permit = budgets
            .admit(&alice(), &sizes(size), NOW)
            .expect("there is room");
        assert_eq!(standing(&budgets, NOW), (0, hold), "{unit:?}");
        permit.settle(&actual);
        assert_eq!(standing(&budgets, NOW), (spent, 0), "{unit:?}");
    }
}

#[test]
fn a_cost_below_zero_grants_nothing() {
    let budgets = opened(vec![limit("day")]);
    for milli in [100, -50] {
        let permit = budgets.admit(&alice(), &Sizes::FREE, NOW);
        permit.expect("it costs nothing").settle(&milli_usd(milli));
    }
    assert_eq!(standing(&budgets, NOW), (100 * MILLI, 0));
}

#[test]
fn each_value_has_a_budget_and_those_without_share_one() {
    let mut limit = limit("each");
    (limit.unit, limit.amount, limit.each) = (Unit::Requests, 1, Some(Dimension::User));
    let budgets = opened(vec![limit]);
    let passes = |facts: &Facts| match budgets.admit(facts, &Sizes::FREE, NOW) {
        Ok(permit) => {
            permit.settle(&Size::FREE);
            true
        }
        Err(_) => false,
    };
    let (mut nobody, bob) = (alice(), facts("openai", "gpt-5", "bob"));
    nobody.labels.user = None;
    let calls = [&alice(), &bob, &alice(), &nobody, &nobody];
    assert_eq!(calls.map(passes), [true, true, false, true, false]);
    let states = budgets.snapshot(NOW);
    let values: Vec<_> = states
        .iter()
        .map(|state| state.each_value.as_deref())
        .collect();
    assert_eq!(values, [Some(""), Some("alice"), Some("bob")]);
}

#[test]
fn inventing_users_does_not_escape_a_limit() {
    let mut limit = limit("each");
    (limit.unit, limit.amount, limit.each) = (Unit::Requests, 3, Some(Dimension::User));
    let budgets = opened(vec![limit]);
    let call = |user: &str, at| budgets.admit(&facts("openai", "gpt-5", user), &Sizes::FREE, at);
    for n in 0..EACH_MAX {
        call(&format!("user-{n}"), NOW)
            .expect("its first call")
            .settle(&Size::FREE);
    }
    let long = "x".repeat(EACH_VALUE_BYTES_MAX + 1);
    for user in ["late", &long, OTHER] {
        call(user, NOW)
            .expect("the shared instance has room for three")
            .settle(&Size::FREE);
    }
    let refusal = call("later", NOW).expect_err("the shared instance is spent");
    assert_eq!(refusal.each, Some((Dimension::User, OTHER.to_owned())));
    call("user-7", NOW)
        .expect("its own instance has room")
        .settle(&Size::FREE);
    assert_eq!(budgets.snapshot(NOW).len(), EACH_MAX + 1);
    let tomorrow = NOW + DAY_MS;
    assert_eq!(budgets.snapshot(tomorrow), []);
    call("later", tomorrow)
        .expect("the next window has room")
        .settle(&Size::FREE);
    assert_eq!(budgets.snapshot(tomorrow).len(), 1);
}

#[test]
fn settles_into_the_window_of_the_admission() {
    let budgets = opened(vec![limit("day")]);
    let late = budgets
        .admit(&alice(), &sizes(milli_usd(900)), NOW)
        .expect("there is room");
    let tomorrow = NOW + DAY_MS;
    assert_eq!(standing(&budgets, tomorrow), (0, 0));
    let next = budgets
        .admit(&alice(), &sizes(milli_usd(900)), tomorrow)
        .expect("a new day");
    late.settle(&milli_usd(900));
    assert_eq!(standing(&budgets, tomorrow), (0, 900 * MILLI));
    next.settle(&milli_usd(100));
    assert_eq!(standing(&budgets, tomorrow), (100 * MILLI, 0));
}

#[test]
fn a_clock_that_steps_grants_nothing_twice_and_skips_nothing() {
    let budgets = opened(vec![limit("day")]);
    let spend = |at| match budgets.admit(&alice(), &sizes(milli_usd(1_000)), at) {
        Ok(permit) => {
            permit.settle(&milli_usd(1_000));
            true
        }
        Err(_) => false,
    };
    // A day that was never granted is granted when the clock comes back to it; what was before the start
    // is not known, and counts on the first day.
    let steps = [
        (0, true),
        (1, true),
        (-1, false),
        (1, false),
        (0, false),
        (2, true),
        (1, false),
        (30, true),
        (2, false),
        (3, true),
        (29, true),
        (3, false),
        (30, false),
        (31, true),
        (-400, false),
    ];
    for (days, passes) in steps {
        assert_eq!(spend(NOW + days * DAY_MS), passes, "day {days}");
    }
}

#[test]
fn warns_once_per_window_and_instance() {
    let mut limit = limit("each");
    (limit.each, limit.warn_at) = (Some(Dimension::User), vec![50, 80]);
    let mut core = Core::new(vec![limit], TimeZone::UTC, NOW);
    let mut percents = |user: &str, milli: i128, now| {
        let facts = Arc::new(facts("openai", "gpt-5", user));
        let id = core
            .admit(&facts, &Sizes::FREE, now)
            .expect("it costs nothing");
        let crossings = core.end(id, Some(&milli_usd(milli)));
        crossings
            .iter()
            .map(|crossing| crossing.percent)
            .collect::<Vec<_>>()
    };
    assert_eq!(percents("alice", 499, NOW), [0_u8; 0]);
    assert_eq!(percents("alice", 1, NOW), [50]);
    assert_eq!(percents("alice", 100, NOW), [0_u8; 0]);
    assert_eq!(percents("bob", 900, NOW), [80]);
    assert_eq!(percents("alice", 399, NOW), [80]);
    assert_eq!(percents("alice", 1, NOW), [EXCEEDED]);
    assert_eq!(percents("alice", 900, NOW), [0_u8; 0]);
    assert_eq!(percents("alice", 500, NOW + DAY_MS), [50]);
}

#[test]
fn exactly_as_many_threads_pass_as_there_is_room() {
    let budgets = opened(vec![limit("day"), {
        let mut each = limit("each");
        each.each = Some(Dimension::User);
        each
    }]);
    let start = std::sync::Barrier::new(200);
    let permits: Vec<Permit> = std::thread::scope(|scope| {
        let race = || {
            start.wait();
            budgets.admit(&alice(), &sizes(milli_usd(50)), NOW).ok()
        };
        let threads: Vec<_> = (0..200).map(|_| scope.spawn(race)).collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert_eq!(permits.len(), 20);
    permits.into_iter().for_each(Permit::release);
    assert_eq!(
        budgets
            .snapshot(NOW)
            .iter()
            .map(|state| state.held)
            .sum::<i128>(),
        0
    );
}
