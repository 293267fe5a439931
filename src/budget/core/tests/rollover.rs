//! What windows leave to those that follow.

use super::*;

fn carrying(most: i128) -> Core {
    core(vec![with("day", |limit| {
        limit.rollover = Some(most * MILLI)
    })])
}

fn spend(core: &mut Core, milli: i128, day: i64) -> bool {
    let facts = Arc::new(facts("openai", "gpt-5", "alice"));
    let at = NOW + day * DAY_MS;
    let Ok(id) = core.admit(&facts, &sizes(milli_usd(milli)), at) else {
        return false;
    };
    core.end(id, Some(&milli_usd(milli)));
    true
}

/// The limit in force on a day, and what of it was carried, in thousandths of a dollar.
fn limit_on(core: &mut Core, day: i64) -> (i128, i128) {
    let [state] = &core.states(NOW + day * DAY_MS)[..] else {
        panic!("one instance")
    };
    (state.limit / MILLI, state.carried / MILLI)
}

#[test]
fn what_is_left_is_added_to_the_next_window() {
    let mut core = carrying(1_000);
    assert_eq!(limit_on(&mut core, 0), (1_000, 0));
    assert!(spend(&mut core, 300, 0));
    assert_eq!(limit_on(&mut core, 1), (1_700, 700));
    assert!(!spend(&mut core, 1_701, 1) && spend(&mut core, 1_700, 1));
    assert_eq!(limit_on(&mut core, 2), (1_000, 0));
    assert_eq!(limit_on(&mut core, 3), (2_000, 1_000));
    assert_eq!(limit_on(&mut core, 9), (2_000, 1_000));
    // What was left more than 24 windows ago has lapsed.
    assert_eq!(limit_on(&mut core, 25), (2_000, 1_000));
    assert_eq!(limit_on(&mut core, 26), (1_000, 0));
}

#[test]
fn no_more_is_carried_than_the_cap_and_no_debt() {
    let mut core = carrying(100);
    assert!(spend(&mut core, 300, 0));
    assert_eq!(limit_on(&mut core, 1), (1_100, 100));
    let call = admit(&mut core, "alice", 0);
    core.end(call, Some(&milli_usd(9_000)));
    assert_eq!(limit_on(&mut core, 1), (1_000, 0));
}

#[test]
fn a_call_that_is_open_at_the_turn_counts_its_hold_until_it_is_settled() {
    let mut core = carrying(1_000);
    let gives = admit(&mut core, "alice", 600);
    let takes = admit(&mut core, "alice", 100);
    assert_eq!(limit_on(&mut core, 1), (1_300, 300));
    core.end(gives, Some(&milli_usd(50)));
    assert_eq!(limit_on(&mut core, 1), (1_850, 850));
    core.end(takes, Some(&milli_usd(400)));
    assert_eq!(limit_on(&mut core, 1), (1_550, 550));
    assert!(!spend(&mut core, 1_551, 1) && spend(&mut core, 1_550, 1));
}

#[test]
fn a_call_larger_than_the_limit_may_come_with_what_was_left() {
    let mut core = carrying(500);
    let facts = Arc::new(facts("openai", "gpt-5", "alice"));
    let mut reason = |milli| {
        let refused = core.admit(&facts, &sizes(milli_usd(milli)), NOW);
        refused.expect_err("there is no room").reason
    };
    assert_eq!(
        (reason(1_500), reason(1_501)),
        (Reason::Spent, Reason::TooLarge)
    );
}
