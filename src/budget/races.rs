//! A thousand calls race for the last dollar, on real threads: how far a budget is overshot, and by how much it
//! may be.

use std::sync::{Arc, Barrier};
use std::thread;

use super::limits::{HoldMode, Limit};
use super::simulation::draw::Random;
use super::tests::{facts, limit, opened};
use super::{Budgets, Permit, Size, Sizes};
use crate::units::{PICO_PER_USD, PicoUsd};

/// 2026-11-20T10:00:30Z.
const NOW: i64 = 1_795_168_830_000;
const SEEDS: u64 = 50;
const CALLS: usize = 1_000;
const THREADS: usize = 8;
const MILLI: u64 = 1_000_000_000;

/// One call of the race.
#[derive(Debug)]
struct Racer {
    sizes: Sizes,
    actual: Size,
    /// Whether it ends while others still race.
    is_quick: bool,
}

/// What came of one race, in pico-dollars.
#[derive(Debug, Default)]
struct Outcome {
    admitted: usize,
    spent: i128,
    /// What calls took beyond their holds, summed over the admitted ones, less what they took short of them.
    /// Only where all of them were in flight at once does it bound the overshoot.
    net: i128,
    /// The same where only what was taken beyond counts: it bounds the overshoot in any case.
    beyond: i128,
}

impl Outcome {
    fn overshoot(&self) -> i128 {
        (self.spent - PICO_PER_USD).max(0)
    }

    fn and(&mut self, taken: i128, held: i128) {
        self.admitted += 1;
        self.net += taken - held;
        self.beyond += (taken - held).max(0);
    }
}

fn money(pico: u64) -> Size {
    Size {
        cost: Some(PicoUsd::new(i128::from(pico))),
        ..Size::FREE
    }
}

/// Calls that are expected to cost up to 20 thousandths of a dollar, and cost up to four times that.
fn racers(seed: u64, some_are_quick: bool) -> Vec<Racer> {
    let mut random = Random(seed);
    let racer = |_| {
        let expected = 1 + random.below(20 * MILLI);
        let worst = expected * (1 + random.below(4));
        Racer {
            sizes: Sizes {
                expected: money(expected),
                worst_case: money(worst),
                unpriced: PicoUsd::ZERO,
            },
            actual: money(random.below(worst + 1)),
            is_quick: some_are_quick && random.one_in(2),
        }
    };
    (0..CALLS).map(racer).collect()
}

fn pico(size: &Size) -> i128 {
    size.cost.map_or(0, PicoUsd::get)
}

/// Lets the calls race on several threads; those that are not quick end when all were decided.
fn race(budgets: &Arc<Budgets>, hold: HoldMode, racers: Vec<Racer>) -> Outcome {
    let start = Arc::new(Barrier::new(THREADS));
    let mut lanes: Vec<Vec<Racer>> = (0..THREADS).map(|_| Vec::new()).collect();
    for (at, racer) in racers.into_iter().enumerate() {
        lanes[at % THREADS].push(racer);
    }
    let run = |lane: Vec<Racer>| {
        let (budgets, start) = (Arc::clone(budgets), Arc::clone(&start));
        thread::spawn(move || {
            let mut open: Vec<(Permit, Racer)> = Vec::new();
            let mut ended = Vec::new();
            let call = facts("openai", "gpt-5", "alice");
            start.wait();
            for racer in lane {
                let Ok(permit) = budgets.admit(&call, &racer.sizes, NOW) else {
                    continue;
                };
                if racer.is_quick {
                    permit.settle(&racer.actual);
                    ended.push(racer);
                } else {
                    open.push((permit, racer));
                }
            }
            start.wait();
            for (permit, racer) in open {
                permit.settle(&racer.actual);
                ended.push(racer);
            }
            ended
        })
    };
    let threads: Vec<_> = lanes.into_iter().map(run).collect();
    let mut outcome = Outcome::default();
    for thread in threads {
        for racer in thread.join().expect("no thread panics") {
            let held = match hold {
                HoldMode::Expected => &racer.sizes.expected,
                HoldMode::WorstCase => &racer.sizes.worst_case,
            };
            outcome.and(pico(&racer.actual), pico(held));
        }
    }
    let states = budgets.snapshot(NOW);
    outcome.spent = states[0].spent;
    assert_eq!(states[0].beyond, outcome.beyond, "the bound is told");
    assert_eq!((states[0].held, budgets.in_flight()), (0, 0));
    outcome
}

fn last_dollar(hold: HoldMode) -> Vec<Limit> {
    let mut dollar = limit("last-dollar");
    dollar.hold = hold;
    vec![dollar]
}

#[test]
fn a_thousand_calls_never_overshoot_a_worst_case_budget() {
    let (mut most, mut nearest) = (0, 0);
    for seed in 0..SEEDS {
        for some_are_quick in [false, true] {
            let budgets = opened(last_dollar(HoldMode::WorstCase));
            let racers = racers(seed, some_are_quick);
            let outcome = race(&budgets, HoldMode::WorstCase, racers);
            assert_eq!(outcome.overshoot(), 0, "seed {seed}: {outcome:?}");
            assert!((20..CALLS).contains(&outcome.admitted), "{outcome:?}");
            most = most.max(outcome.overshoot());
            nearest = nearest.max(outcome.spent);
        }
    }
    let (most, nearest) = (PicoUsd::new(most), PicoUsd::new(nearest));
    println!("worst_case, {SEEDS} seeds: overshoot {most} USD, at most {nearest} of 1 USD spent");
}

#[test]
fn a_thousand_calls_overshoot_an_expected_budget_by_no_more_than_they_exceed_their_holds() {
    println!("expected: overshoot and its bound in USD, all in flight at once | some ending");
    let mut overshot = 0;
    for seed in 0..SEEDS {
        let [at_once, ending] = [false, true].map(|some_are_quick| {
            let budgets = opened(last_dollar(HoldMode::Expected));
            race(&budgets, HoldMode::Expected, racers(seed, some_are_quick))
        });
        assert!(
            at_once.overshoot() <= at_once.net.max(0),
            "seed {seed}: {at_once:?}"
        );
        assert!(
            ending.overshoot() <= ending.beyond,
            "seed {seed}: {ending:?}"
        );
        assert!((20..CALLS).contains(&at_once.admitted), "{at_once:?}");
        overshot += usize::from(at_once.overshoot() > 0);
        let usd = |pico| PicoUsd::new(pico).to_string();
        println!(
            "{seed:>4} {:>14} <= {:>14} | {:>14} <= {:>14}",
            usd(at_once.overshoot()),
            usd(at_once.net.max(0)),
            usd(ending.overshoot()),
            usd(ending.beyond),
        );
    }
    assert!(overshot > 10, "{overshot} of {SEEDS} races overshot");
}
