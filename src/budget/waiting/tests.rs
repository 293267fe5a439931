use std::sync::Arc;

use super::*;
use crate::budget::facts::{Size, Sizes};
use crate::budget::limits::{Limit, Per, Unit};
use crate::budget::refusal::Reason;
use crate::budget::tests::{facts, limit, opened};
use crate::clock::{Clock, ManualClock};

const HOUR: Duration = Duration::from_secs(3_600);

fn one_at_a_time(wait: Duration) -> Limit {
    let mut limit = limit("flight");
    (limit.unit, limit.amount, limit.wait) = (Unit::Concurrent, 1, wait);
    limit
}

#[tokio::test]
async fn passes_as_soon_as_a_hold_ends() {
    let budgets = opened(vec![one_at_a_time(HOUR)]);
    let (clock, facts) = (
        ManualClock::at(0),
        Arc::new(facts("openai", "gpt-5", "alice")),
    );
    let first = budgets
        .admit(&facts, &Sizes::FREE, 0)
        .expect("the first passes");
    let waiting = budgets.admit_waiting(&*clock, &facts, &Sizes::FREE, clock.unix_ms());
    tokio::pin!(waiting);
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("there is no room yet"),
        () = std::future::ready(()) => first.settle(&Size::FREE),
    }
    waiting.await.expect("there is room").release();
    assert_eq!(budgets.lobby.waiting.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn every_waiting_call_passes_in_its_turn() {
    let budgets = opened(vec![one_at_a_time(HOUR)]);
    let first = budgets.admit(&facts("openai", "gpt-5", "alice"), &Sizes::FREE, 0);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let budgets = Arc::clone(&budgets);
            tokio::spawn(async move {
                let facts = Arc::new(facts("openai", "gpt-5", "alice"));
                let permit = budgets
                    .admit_waiting(&*ManualClock::at(0), &facts, &Sizes::FREE, 0)
                    .await;
                tokio::task::yield_now().await;
                permit.expect("its turn comes").settle(&Size::FREE);
            })
        })
        .collect();
    tokio::task::yield_now().await;
    first.expect("the first passes").settle(&Size::FREE);
    for call in calls {
        call.await.expect("no panic");
    }
    assert_eq!(budgets.in_flight(), 0);
}

#[tokio::test]
async fn refuses_when_the_wait_is_over() {
    for wait in [Duration::ZERO, Duration::from_millis(20)] {
        let budgets = opened(vec![one_at_a_time(wait)]);
        let (clock, facts) = (
            ManualClock::at(0),
            Arc::new(facts("openai", "gpt-5", "alice")),
        );
        let _first = budgets
            .admit(&facts, &Sizes::FREE, 0)
            .expect("the first passes");
        let refusal = budgets
            .admit_waiting(&*clock, &facts, &Sizes::FREE, clock.unix_ms())
            .await;
        assert_eq!(refusal.expect_err("nobody leaves").reason, Reason::Held);
    }
}

#[tokio::test]
async fn does_not_wait_for_what_cannot_come() {
    let mut spent = limit("day");
    (spent.unit, spent.amount, spent.wait) = (Unit::Requests, 1, HOUR);
    let budgets = opened(vec![spent]);
    let (clock, facts) = (
        ManualClock::at(0),
        Arc::new(facts("openai", "gpt-5", "alice")),
    );
    budgets
        .admit(&facts, &Sizes::FREE, 0)
        .expect("the first passes")
        .settle(&Size::FREE);
    let refusal = budgets
        .admit_waiting(&*clock, &facts, &Sizes::FREE, clock.unix_ms())
        .await;
    assert_eq!(refusal.expect_err("the day is long").reason, Reason::Spent);
}

#[tokio::test]
async fn refuses_at_once_when_too_many_wait() {
    let budgets = opened(vec![one_at_a_time(HOUR)]);
    let (clock, facts) = (
        ManualClock::at(0),
        Arc::new(facts("openai", "gpt-5", "alice")),
    );
    let _first = budgets
        .admit(&facts, &Sizes::FREE, 0)
        .expect("the first passes");
    budgets.lobby.waiting.store(WAITING_MAX, Ordering::Relaxed);
    let refusal = budgets
        .admit_waiting(&*clock, &facts, &Sizes::FREE, clock.unix_ms())
        .await;
    assert_eq!(refusal.expect_err("no seat").reason, Reason::Held);
    assert_eq!(budgets.lobby.waiting.load(Ordering::Relaxed), WAITING_MAX);
}

#[tokio::test]
async fn passes_when_the_window_turns_over() {
    let mut spent = limit("minute");
    (spent.unit, spent.amount, spent.per) = (Unit::Requests, 1, Per::Minute);
    spent.wait = HOUR;
    let budgets = opened(vec![spent]);
    let late = 1_795_168_859_999;
    let (clock, facts) = (
        ManualClock::at(late),
        Arc::new(facts("openai", "gpt-5", "alice")),
    );
    budgets
        .admit(&facts, &Sizes::FREE, late)
        .expect("the first passes")
        .settle(&Size::FREE);
    let waiting = budgets.admit_waiting(&*clock, &facts, &Sizes::FREE, clock.unix_ms());
    tokio::pin!(waiting);
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("the minute is not over"),
        () = std::future::ready(()) => clock.advance(Duration::from_millis(1)),
    }
    waiting.await.expect("a new minute").release();
}
