//! Budgets that count anew from an instant inside their window.

use super::*;
use crate::budget::Budgets;
use crate::budget::tests::opened;
use crate::ledger::Reset;

const HOUR_MS: i64 = 3_600_000;

/// Resets, and gives back from when on.
fn reset(budgets: &Budgets, name: &str, each_value: Option<&str>, now_ms: i64) -> i64 {
    let done = budgets.reset(name, each_value, now_ms, |_| Ok::<(), ()>(()));
    done.unwrap().expect("it counts something").at
}

fn by(user: &str) -> Facts {
    facts("openai", "gpt-5", user)
}

fn spend(budgets: &Arc<Budgets>, user: &str, milli: i128, now_ms: i64) -> bool {
    match budgets.admit(&by(user), &sizes(milli_usd(milli)), now_ms) {
        Ok(permit) => {
            permit.settle(&milli_usd(milli));
            true
        }
        Err(_) => false,
    }
}

fn spent(budgets: &Budgets, now_ms: i64) -> Vec<(String, i128, i128)> {
    let states = budgets.snapshot(now_ms).into_iter();
    let of = |state: BudgetState| {
        let value = state.each_value.unwrap_or_default();
        (value, state.spent / MILLI, state.held / MILLI)
    };
    states.map(of).collect()
}

#[test]
fn counts_anew_inside_its_window_whatever_the_window() {
    let kinds = [
        (Per::Day, None),
        (Per::Total, None),
        (Per::Rolling { minutes: 300 }, None),
        (Per::Day, Some(PICO_PER_USD)),
    ];
    for (per, rollover) in kinds {
        let mut limit = limit("b");
        (limit.per, limit.rollover) = (per, rollover);
        let budgets = opened(vec![limit]);
        assert!(spend(&budgets, "alice", 1_000, NOW) && !spend(&budgets, "alice", 1, NOW));
        let flying = budgets.hold_anyway(&Arc::new(by("alice")), &sizes(milli_usd(200)), NOW);
        let from = reset(&budgets, "b", None, NOW);
        assert!(from > NOW, "{per}");
        assert_eq!(spent(&budgets, NOW), [(String::new(), 0, 0)], "{per}");
        // In the same millisecond: it counts after the reset.
        let permit = budgets.admit(&by("alice"), &sizes(milli_usd(900)), NOW);
        let permit = permit.expect("there is room");
        assert_eq!(permit.counted_apart_from(NOW), Some(from), "{per}");
        flying.settle(&milli_usd(5_000));
        assert_eq!(spent(&budgets, NOW), [(String::new(), 0, 900)], "{per}");
        permit.settle(&milli_usd(800));
        assert_eq!(spent(&budgets, NOW + 1), [(String::new(), 800, 0)], "{per}");
        assert!(!spend(&budgets, "alice", 201, NOW + HOUR_MS), "{per}");
        assert!(spend(&budgets, "alice", 200, NOW + HOUR_MS), "{per}");
    }
}

#[test]
fn one_instance_is_reset_and_the_others_are_not() {
    let mut limit = limit("each");
    limit.each = Some(Dimension::User);
    let budgets = opened(vec![limit]);
    for user in ["ann", "bob"] {
        assert!(spend(&budgets, user, 700, NOW));
    }
    reset(&budgets, "each", Some("ann"), NOW);
    reset(&budgets, "each", Some("never seen"), NOW);
    assert_eq!(spent(&budgets, NOW + 9), [("bob".to_owned(), 700, 0)]);
    assert!(spend(&budgets, "ann", 1_000, NOW + 9) && !spend(&budgets, "bob", 301, NOW + 9));
    reset(&budgets, "each", None, NOW + 10);
    assert_eq!(spent(&budgets, NOW + 20), []);
}

#[test]
fn nothing_is_lost_where_a_reset_cannot_be_put_on_record() {
    let budgets = opened(vec![limit("day")]);
    assert!(spend(&budgets, "alice", 600, NOW));
    let failed = budgets.reset("day", None, NOW, |_| {
        // Meanwhile calls go on.
        assert!(spend(&budgets, "alice", 300, NOW + 2));
        Err("the disk is full")
    });
    assert_eq!(failed.unwrap_err(), "the disk is full");
    assert_eq!(spent(&budgets, NOW + 3), [(String::new(), 900, 0)]);
    let done = budgets.reset("day", None, NOW + 3, |_| {
        assert!(spend(&budgets, "alice", 100, NOW + 5));
        Ok::<(), ()>(())
    });
    assert!(done.unwrap().is_some());
    assert_eq!(spent(&budgets, NOW + 6), [(String::new(), 100, 0)]);
}

#[test]
fn what_counts_nothing_cannot_be_reset() {
    let mut rule = limit("rule");
    rule.amount = crate::budget::limits::NO_LIMIT;
    let budgets = opened(vec![rule]);
    for name in ["rule", "no such budget"] {
        let done = budgets.reset(name, None, NOW, |_| -> Result<(), ()> { panic!("{name}") });
        assert_eq!(done, Ok(None));
    }
}

#[test]
fn a_reset_that_was_made_by_a_wrong_clock_grants_nothing() {
    let budgets = opened(vec![limit("day")]);
    let ahead = NOW + 30 * DAY_MS;
    assert!(spend(&budgets, "alice", 1_000, NOW));
    let from = reset(&budgets, "day", None, ahead);
    assert!(from > ahead);
    // Where the budget counts from is still to come: it stands there, also after a restart.
    let again = Budgets::new(vec![limit("day")], TimeZone::UTC, NOW + 1);
    again.recall_resets(&[Reset {
        budget: "day".to_owned(),
        each_value: None,
        at: from,
    }]);
    again.replayed();
    for budgets in [budgets, again] {
        let permit = budgets.admit(&by("alice"), &sizes(milli_usd(1_000)), NOW + 1);
        let permit = permit.expect("the day of the reset has room");
        assert_eq!(permit.counted_apart_from(NOW + 1), Some(from));
        permit.settle(&milli_usd(1_000));
        assert!(!spend(&budgets, "alice", 1, NOW + 2 * DAY_MS));
        assert!(!spend(&budgets, "alice", 1, ahead) && spend(&budgets, "alice", 1, ahead + DAY_MS));
    }
}
