//! How long a call waits for its budgets to decide: preview, admission and settlement with 1,000 of them in force.
//!
//! Most budgets are other teams', as in a house that gives one to each; a call meets those of its own team, user,
//! key and model, and those of everybody. Each step is timed by itself, over calls of many callers.

#![expect(clippy::print_stdout, reason = "a benchmark speaks to who started it")]

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use clap::Parser;
use jiff::tz::TimeZone;
use weir::budget::limits::{
    Action, Dimension, HoldMode, Limit, Match, Models, OnSpent, Per, Unit, Unknown,
};
use weir::budget::{Budgets, Facts, Pending, Size, Sizes};
use weir::clock::{Clock, SystemClock};
use weir::units::{Currency, PICO_PER_USD, PicoUsd};

/// What the decision takes at most, of 99 calls in 100.
const WANTED: Duration = Duration::from_micros(20);

/// Budgets in force.
const BUDGETS: usize = 1_000;

/// Distinct callers, each with a team of its own.
const CALLERS: usize = 500;

/// Calls in flight while others are decided, of each thread.
const IN_FLIGHT: usize = 32;

/// Measures the admission decision.
#[derive(Debug, Parser)]
struct Args {
    /// Few calls: whether it runs, not what it says.
    #[arg(long)]
    quick: bool,
    /// Threads that contend in the second table.
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    threads: usize,
    /// Fails where the decision takes longer than 20 µs at the 99th percentile, one thread alone.
    #[arg(long)]
    check: bool,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    let calls = if args.quick { 2_000 } else { 200_000 };
    println!(
        "{BUDGETS} budgets, {} of them cover a call, {CALLERS} callers",
        covering()
    );
    let alone = measure(1, calls);
    print(&alone, 1);
    print(&measure(args.threads, calls), args.threads);
    let decided = percentile(&alone.decided, 99, 100);
    if args.check {
        assert!(decided <= WANTED, "{decided:?} at the 99th percentile");
    }
}

/// The times that each step took, sorted.
#[derive(Debug, Default)]
struct Times {
    previewed: Vec<Duration>,
    admitted: Vec<Duration>,
    /// Both together: what a call waits for.
    decided: Vec<Duration>,
    settled: Vec<Duration>,
}

fn limit(name: String) -> Limit {
    Limit {
        name,
        unit: Unit::Cost,
        amount: 1_000_000 * PICO_PER_USD,
        currency: Currency::USD,
        per: Per::Month,
        matches: Match::default(),
        each: None,
        hold: HoldMode::Expected,
        unpriced: Unknown::Allow,
        unmetered: Unknown::Allow,
        on_spent: OnSpent::Close,
        wait: Duration::ZERO,
        warn_at: vec![80, 95],
        action: Action::Block,
        models: Models::default(),
        rollover: None,
    }
}

/// Two for each team, and some for everybody.
fn limits() -> Vec<Limit> {
    let mut limits = Vec::new();
    type Change = fn(&mut Limit);
    let everybody: [(&str, Change); 8] = [
        ("house-month", |_| {}),
        ("house-day", |limit| {
            (limit.per, limit.hold) = (Per::Day, HoldMode::WorstCase)
        }),
        ("user-day", |limit| {
            (limit.per, limit.each) = (Per::Day, Some(Dimension::User))
        }),
        ("key-rpm", |limit| {
            (limit.unit, limit.per, limit.each) =
                (Unit::Requests, Per::Minute, Some(Dimension::Key));
        }),
        ("model-tokens", |limit| {
            (limit.unit, limit.per, limit.each) = (Unit::Tokens, Per::Hour, Some(Dimension::Model));
        }),
        ("in-flight", |limit| {
            (limit.unit, limit.per) = (Unit::Concurrent, Per::Total)
        }),
        ("output", |limit| {
            (limit.unit, limit.per) = (Unit::OutputTokens, Per::Week)
        }),
        ("gpt", |limit| {
            limit
                .matches
                .dimensions
                .insert(Dimension::Model, vec!["gpt-*".into()]);
        }),
    ];
    for (name, change) in everybody {
        let mut one = limit(name.to_owned());
        change(&mut one);
        limits.push(one);
    }
    while limits.len() < BUDGETS {
        let number = limits.len();
        let mut one = limit(format!("team-{number}"));
        one.per = [Per::Month, Per::Day][number % 2];
        let team = format!("team-{}", number / 2 % CALLERS);
        one.matches.dimensions.insert(Dimension::Team, vec![team]);
        limits.push(one);
    }
    limits
}

fn caller(number: usize) -> Facts {
    let mut facts = Facts {
        provider: "openai".to_owned(),
        model: Some(["gpt-5", "gpt-5-mini", "o3"][number % 3].to_owned()),
        metered: true,
        ..Facts::default()
    };
    facts.labels.key = Some(format!("{number:012x}"));
    facts.labels.user = Some(format!("user-{number}"));
    facts.labels.team = Some(format!("team-{}", number % CALLERS));
    facts
}

fn size(pico: i128) -> Size {
    Size {
        cost: Some(PicoUsd::new(pico)),
        input_tokens: 900,
        output_tokens: 100,
    }
}

/// Budgets that one call holds on.
fn covering() -> usize {
    let budgets = Budgets::new(limits(), TimeZone::UTC, 0);
    let permit = budgets.admit(&caller(7), &Sizes::alike(size(1)), 0);
    let held = budgets
        .snapshot(0)
        .iter()
        .filter(|state| state.held > 0)
        .count();
    permit.expect("there is room").release();
    held
}

fn measure(threads: usize, calls: usize) -> Times {
    let clock = SystemClock::shared();
    let budgets = Budgets::new(limits(), TimeZone::UTC, clock.unix_ms());
    budgets.replayed();
    let start = Arc::new(Barrier::new(threads));
    let run = |lane: usize| {
        let (budgets, start, clock) = (Arc::clone(&budgets), Arc::clone(&start), clock.clone());
        thread::spawn(move || {
            start.wait();
            one_lane(&budgets, clock.as_ref(), lane, calls / threads)
        })
    };
    let lanes: Vec<_> = (0..threads).map(run).collect();
    let mut times = Times::default();
    for lane in lanes {
        let lane = lane.join().expect("no thread panics");
        times.previewed.extend(lane.previewed);
        times.admitted.extend(lane.admitted);
        times.decided.extend(lane.decided);
        times.settled.extend(lane.settled);
    }
    for column in times.columns() {
        column.sort_unstable();
    }
    times
}

fn one_lane(budgets: &Arc<Budgets>, clock: &dyn Clock, lane: usize, calls: usize) -> Times {
    let callers: Vec<Facts> = (0..CALLERS).map(caller).collect();
    let mut sizes = Sizes::alike(size(1_250_000_000));
    sizes.worst_case = size(90_000_000_000);
    let pending = Pending {
        model: true,
        user: true,
    };
    let (mut times, mut open) = (Times::default(), Vec::new());
    for call in 0..calls + IN_FLIGHT {
        let facts = &callers[(call * 7 + lane * 131) % CALLERS];
        let began = clock.monotonic();
        let _ = std::hint::black_box(budgets.preview(facts, pending, true, clock.unix_ms()));
        let previewed = clock.monotonic();
        let permit = budgets.admit(facts, &sizes, clock.unix_ms());
        let admitted = clock.monotonic();
        open.push(permit.expect("there is room for all"));
        if open.len() <= IN_FLIGHT {
            continue;
        }
        let ended = open.swap_remove(call % IN_FLIGHT);
        let from = clock.monotonic();
        ended.settle(&size(1_000_000_000));
        times.settled.push(clock.monotonic() - from);
        times.previewed.push(previewed - began);
        times.admitted.push(admitted - previewed);
        times.decided.push(admitted - began);
    }
    open.into_iter().for_each(weir::budget::Permit::release);
    times
}

impl Times {
    fn columns(&mut self) -> [&mut Vec<Duration>; 4] {
        [
            &mut self.previewed,
            &mut self.admitted,
            &mut self.decided,
            &mut self.settled,
        ]
    }
}

fn percentile(sorted: &[Duration], part: usize, of: usize) -> Duration {
    let at = (sorted.len() * part / of).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

fn print(times: &Times, threads: usize) {
    println!("\n{} calls, {threads} at a time, µs", times.decided.len());
    println!("| step | p50 | p99 | p99.9 | most |\n|---|--:|--:|--:|--:|");
    for (name, column) in [
        ("preview", &times.previewed),
        ("admit", &times.admitted),
        ("decision: both", &times.decided),
        ("settle", &times.settled),
    ] {
        let us = |time: Duration| time.as_nanos() as f64 / 1_000.0;
        let at = |part, of| us(percentile(column, part, of));
        let most = column.last().copied().map_or(0.0, us);
        println!(
            "| {name} | {:.2} | {:.2} | {:.2} | {most:.2} |",
            at(50, 100),
            at(99, 100),
            at(999, 1_000),
        );
    }
}
