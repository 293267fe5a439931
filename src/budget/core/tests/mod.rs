use super::*;
use crate::budget::facts::Spent;
use crate::budget::limits::Unknown;
use crate::budget::tests::{facts, limit, milli_usd, sizes};
use crate::units::PICO_PER_USD;

/// 2026-11-20T10:00:30Z, a Friday.
const NOW: i64 = 1_795_168_830_000;
const DAY_MS: i64 = 86_400_000;
const MILLI: i128 = PICO_PER_USD / 1_000;

fn core(limits: Vec<Limit>) -> Core {
    let mut core = Core::new(limits, TimeZone::UTC, NOW);
    core.replayed();
    core
}

fn with(name: &str, change: impl FnOnce(&mut Limit)) -> Limit {
    let mut limit = limit(name);
    change(&mut limit);
    limit
}

fn admit(core: &mut Core, user: &str, milli: i128) -> HoldId {
    let facts = Arc::new(facts("openai", "gpt-5", user));
    core.admit(&facts, &sizes(milli_usd(milli)), NOW)
        .expect("there is room")
}

/// Name, value, spent and held in thousandths of a dollar.
fn standing(core: &mut Core, now_ms: i64) -> Vec<(String, String, i128, i128)> {
    let states = core.states(now_ms).into_iter();
    let shown = states.map(|state| {
        let value = state.each_value.unwrap_or_default();
        (state.name, value, state.spent / MILLI, state.held / MILLI)
    });
    shown.collect()
}

fn line(name: &str, value: &str, spent: i128, held: i128) -> (String, String, i128, i128) {
    (name.to_owned(), value.to_owned(), spent, held)
}

/// The starts of what is owed.
fn owed(core: &Core) -> Vec<i64> {
    let mut owed: Vec<i64> = core.owed().iter().map(|past| past.since_ms).collect();
    owed.sort_unstable();
    owed
}

/// Records what one call of a day, month or the total spent.
fn record(core: &mut Core, facts: &Facts, since_ms: i64, spent: &Spent) {
    let owed = core.owed();
    let past = owed.iter().find(|past| past.since_ms == since_ms);
    core.record(past.expect("it is owed"), since_ms, facts, spent);
}

fn past(milli: i128, requests: u64) -> Spent {
    let cost = milli_usd(milli).cost.expect("a cost");
    Spent {
        cost,
        input_tokens: 10,
        output_tokens: 5,
        requests,
        latest_ms: NOW,
    }
}

#[test]
fn a_reload_keeps_what_is_spent_and_held() {
    let mut core = core(vec![limit("day"), limit("gone")]);
    let one = admit(&mut core, "alice", 300);
    let two = admit(&mut core, "alice", 200);
    core.end(one, Some(&milli_usd(100)));
    let raised = with("day", |limit| {
        limit.amount *= 2;
        limit.warn_at = vec![80];
        limit.hold = crate::budget::limits::HoldMode::WorstCase;
    });
    core.replace(vec![limit("fresh"), raised], TimeZone::UTC, NOW);
    // What is new takes the holds of calls in flight, and its past is owed.
    assert_eq!(
        standing(&mut core, NOW),
        [line("fresh", "", 0, 200), line("day", "", 100, 200)]
    );
    let today = NOW - NOW % DAY_MS;
    assert_eq!(owed(&core), [today]);
    record(
        &mut core,
        &facts("openai", "gpt-5", "alice"),
        today,
        &past(100, 1),
    );
    core.replayed();
    core.end(two, Some(&milli_usd(150)));
    assert_eq!(
        standing(&mut core, NOW),
        [line("fresh", "", 250, 0), line("day", "", 250, 0)]
    );
    assert_eq!(owed(&core), [0_i64; 0]);
}

#[test]
fn a_budget_that_counts_something_else_owes_its_past() {
    type Change = fn(&mut Limit);
    let changes: [(Change, bool); 8] = [
        (|_| {}, false),
        (|limit| limit.amount = 7, false),
        (|limit| limit.unpriced = Unknown::Block, false),
        (|limit| limit.name = "other".into(), true),
        (|limit| limit.per = Per::Month, true),
        (|limit| limit.unit = Unit::Tokens, true),
        (|limit| limit.each = Some(Dimension::User), true),
        (
            |limit| drop(limit.matches.tags.insert("env".into(), vec!["prod".into()])),
            true,
        ),
    ];
    for (n, (change, owes)) in changes.into_iter().enumerate() {
        let mut core = core(vec![limit("day")]);
        core.replace(vec![with("day", change)], TimeZone::UTC, NOW);
        assert_eq!(!owed(&core).is_empty(), owes, "change {n}");
    }
}

#[test]
fn another_time_zone_owes_only_the_windows_that_it_moves() {
    let limits = [Per::Minute, Per::Day, Per::Total].map(|per| with(per.as_str(), |l| l.per = per));
    let mut core = core(limits.to_vec());
    let call = admit(&mut core, "alice", 100);
    let berlin = TimeZone::get("Europe/Berlin").expect("the zone is known");
    core.replace(limits.to_vec(), berlin, NOW);
    assert_eq!(owed(&core), [NOW - NOW % DAY_MS - 3_600_000]);
    core.replayed();
    core.end(call, Some(&milli_usd(80)));
    let all = ["minute", "day", "total"].map(|name| line(name, "", 80, 0));
    assert_eq!(standing(&mut core, NOW), all);
}

#[test]
fn rebuilds_every_window_from_sums_over_the_ledger() {
    let limits = vec![
        with("day", |limit| limit.each = Some(Dimension::User)),
        with("month", |limit| limit.per = Per::Month),
        with("gpt", |limit| {
            limit.per = Per::Month;
            limit
                .matches
                .dimensions
                .insert(Dimension::Model, vec!["gpt-*".into()]);
        }),
        with("flight", |limit| limit.unit = Unit::Concurrent),
        with("calls", |limit| {
            (limit.unit, limit.per) = (Unit::Requests, Per::Total)
        }),
    ];
    let mut core = Core::new(limits, TimeZone::UTC, NOW);
    let today = NOW - NOW % DAY_MS;
    let november = today - 19 * DAY_MS;
    assert_eq!(owed(&core), [0, november, today]);
    let rows = [
        (0, "gpt-5", "alice", 700, 9),
        (0, "claude", "bob", 400, 5),
        (november, "gpt-5", "alice", 300, 4),
        (november, "claude", "bob", 200, 3),
        (today, "gpt-5", "alice", 100, 2),
        (today, "claude", "bob", 50, 1),
    ];
    for (since, model, user, milli, requests) in rows {
        record(
            &mut core,
            &facts("openai", model, user),
            since,
            &past(milli, requests),
        );
    }
    let late = core.owed();
    core.replayed();
    assert!(core.owed().is_empty());
    core.record(
        &late[0],
        today,
        &facts("openai", "gpt-5", "alice"),
        &past(999, 1),
    );
    assert_eq!(
        standing(&mut core, NOW)[..4],
        [
            line("day", "alice", 100, 0),
            line("day", "bob", 50, 0),
            line("month", "", 500, 0),
            line("gpt", "", 300, 0),
        ]
    );
    let counts: Vec<i128> = core.states(NOW)[4..]
        .iter()
        .map(|state| state.spent)
        .collect();
    assert_eq!(counts, [0, 14]);
}

#[test]
fn what_a_window_took_that_turned_over_during_the_replay_is_not_in_the_next() {
    let mut core = Core::new(vec![limit("day")], TimeZone::UTC, NOW);
    let [day] = &core.owed()[..] else {
        panic!("one window")
    };
    core.states(NOW + DAY_MS);
    core.record(
        day,
        day.since_ms,
        &facts("openai", "gpt-5", "alice"),
        &past(100, 1),
    );
    assert_eq!(standing(&mut core, NOW + DAY_MS), [line("day", "", 0, 0)]);
}

#[test]
fn the_head_alone_refuses_only_what_is_sure() {
    let spent = |name: &str, change: fn(&mut Limit)| {
        let mut core = core(vec![with(name, change)]);
        let facts = Arc::new(facts("openai", "gpt-5", "alice"));
        let id = core
            .admit(&facts, &Sizes::FREE, NOW)
            .expect("it costs nothing");
        core.end(id, Some(&milli_usd(2_000)));
        core
    };
    let mut head = facts("openai", "gpt-5", "alice");
    head.model = None;
    let pending = Pending {
        model: true,
        user: false,
    };
    let tell = |core: &mut Core, sure| match core.preview(&head, pending, sure, NOW) {
        Preview::Refuse(refusal) => {
            assert_eq!(
                (refusal.reason, refusal.needed > 0),
                (Reason::Spent, refusal.unit == Unit::Requests)
            );
            "refuse"
        }
        Preview::AdmitNow => "admit",
        Preview::NeedBody => "body",
    };
    let gpt = |limit: &mut Limit| {
        drop(
            limit
                .matches
                .dimensions
                .insert(Dimension::Model, vec!["gpt-*".into()]),
        );
    };
    let bob = |limit: &mut Limit| {
        drop(
            limit
                .matches
                .dimensions
                .insert(Dimension::User, vec!["bob".into()]),
        );
    };
    for (n, (core, sure, unsure)) in [
        (core(vec![]), "admit", "admit"),
        (core(vec![limit("money")]), "body", "body"),
        (spent("money", |_| {}), "refuse", "body"),
        (
            spent("tokens", |limit| {
                (limit.unit, limit.amount) = (Unit::Tokens, 15)
            }),
            "refuse",
            "refuse",
        ),
        (
            spent("calls", |limit| {
                (limit.unit, limit.amount) = (Unit::Requests, 1)
            }),
            "refuse",
            "refuse",
        ),
        (
            spent("calls", |limit| {
                (limit.unit, limit.amount) = (Unit::Requests, 2)
            }),
            "admit",
            "admit",
        ),
        (
            spent("flight", |limit| {
                (limit.unit, limit.amount) = (Unit::Concurrent, 1)
            }),
            "admit",
            "admit",
        ),
        (spent("model", gpt), "body", "body"),
        (
            spent("each model", |limit| limit.each = Some(Dimension::Model)),
            "body",
            "body",
        ),
        (
            spent("each user", |limit| limit.each = Some(Dimension::User)),
            "refuse",
            "body",
        ),
        (core(vec![with("other user", bob)]), "admit", "admit"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut core = core;
        assert_eq!(
            (tell(&mut core, true), tell(&mut core, false)),
            (sure, unsure),
            "case {n}"
        );
    }
}

#[test]
fn the_head_alone_does_not_refuse_a_call_that_may_wait() {
    let waits = |unit| {
        with("b", |limit| {
            (limit.unit, limit.amount) = (unit, 1);
            limit.wait = std::time::Duration::from_secs(2);
        })
    };
    let mut core = core(vec![waits(Unit::Concurrent)]);
    let facts = facts("openai", "gpt-5", "alice");
    core.admit(&Arc::new(facts.clone()), &Sizes::FREE, NOW)
        .expect("the first passes");
    assert_eq!(
        core.preview(&facts, Pending::NOTHING, true, NOW),
        Preview::AdmitNow
    );
}

mod actions;
mod model;
mod reset;
mod rolling;
mod rollover;
