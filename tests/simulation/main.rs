//! Ten million steps of the admission core against budgets that are done by hand, and a model of calls that wait.
//!
//! Arrivals, settlements, aborts, crashes, reloads and steps of the clock, all following from a seed. After every
//! few steps each budget must stand as the sums say that are done by hand: what is held is what the calls in flight
//! hold, no limit is overshot by more than calls took beyond their holds, a worst case not at all, and after a
//! crash the ledger tells the same. `SIMULATION_SEED` repeats one seed; `SIMULATION_STEPS` changes their number.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use weir_simulation::{Tally, run, try_orders};

/// Steps over all seeds.
const STEPS: u64 = 10_000_000;
/// Steps of one seed: long enough for some years to pass, short enough to be looked at.
const STEPS_OF_SEED: u64 = 2_000;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

/// Runs a seed; where it breaks a promise it says how to see that again.
fn run_seed(seed: u64, steps: u64) -> Tally {
    catch_unwind(AssertUnwindSafe(|| run(seed, steps)))
        .unwrap_or_else(|_| panic!("repeat it with SIMULATION_SEED={seed}"))
}

#[test]
fn keeps_every_promise_over_ten_million_steps() {
    if let Some(seed) = setting("SIMULATION_SEED") {
        let tally = run_seed(seed, STEPS_OF_SEED);
        return println!("seed {seed}: {tally:?}");
    }
    let seeds = setting("SIMULATION_STEPS")
        .unwrap_or(STEPS)
        .div_ceil(STEPS_OF_SEED);
    let next = AtomicU64::new(0);
    let take = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return tally;
            }
            tally.and(&run_seed(seed, STEPS_OF_SEED));
        }
    };
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    let mut total = Tally::default();
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(take)).collect();
        for lane in lanes {
            total.and(&lane.join().expect("no seed breaks a promise"));
        }
    });
    println!(
        "{} steps in {seeds} seeds: {total:?}",
        seeds * STEPS_OF_SEED
    );
    let some = |count: u64| count > seeds / 4;
    let events = [
        total.reloads,
        total.crashes,
        total.steps_back,
        total.same_after_restart,
    ];
    assert!(events.into_iter().all(some), "{total:?}");
    assert!(
        total.admitted > 100 * seeds && total.refused > 100 * seeds,
        "{total:?}"
    );
}

/// Orders in which calls ask, wait and end.
const ORDERS: usize = 4_000;

#[test]
fn no_call_that_waits_misses_the_room_that_comes_about() {
    try_orders(ORDERS);
}
