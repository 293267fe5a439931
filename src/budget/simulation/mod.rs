//! A seeded simulation of the admission core against budgets that are done by hand: arrivals, ends,
//! clock steps, reloads and crashes, with every invariant looked at after every few steps.

pub(super) mod draw;
mod oracle;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use self::draw::{Random, actual, callers, some_limits, some_sizes};
use self::oracle::Expected;
use crate::budget::core::{Core, HoldId};
use crate::budget::facts::{Facts, Size, Sizes, Spent};
use crate::budget::limits::Limit;
use crate::budget::window::window;

/// 2026-11-20T10:00:30Z.
const START_MS: i64 = 1_795_168_830_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Calls in flight at a time.
const FLYING_MAX: usize = 24;
/// Steps from one look at everything to the next: what goes wrong stays wrong for longer than that.
const CHECKED: u64 = 8;

/// A call in flight.
#[derive(Debug)]
struct Call {
    id: HoldId,
    number: u64,
    facts: Arc<Facts>,
    sizes: Sizes,
    at_ms: i64,
}

/// A call that ended, as the ledger has it.
#[derive(Debug)]
struct Row {
    facts: Arc<Facts>,
    at_ms: i64,
    actual: Size,
}

/// What happened, so that a run that tests nothing is noticed.
#[derive(Debug, Default)]
pub struct Tally {
    pub admitted: u64,
    pub refused: u64,
    pub reloads: u64,
    pub restarts: u64,
    /// Restarts with calls in flight, which became orphans.
    pub crashes: u64,
    /// Steps of the clock into the past.
    pub steps_back: u64,
    /// Restarts after which the state was the same as before.
    pub same_after_restart: u64,
}

struct World {
    seed: u64,
    random: Random,
    core: Core,
    expected: Vec<Expected>,
    tz: TimeZone,
    callers: Vec<Arc<Facts>>,
    flying: Vec<Call>,
    ledger: Vec<Row>,
    number: u64,
    now_ms: i64,
    latest_ms: i64,
    /// What is charged of a call whose end nobody saw.
    orphans: Orphans,
    steps: u64,
    tally: Tally,
}

/// What is charged of a call that a crash cut off.
#[derive(Clone, Copy, Debug)]
enum Orphans {
    Nothing,
    Expected,
    WorstCase,
}

impl Orphans {
    fn charge(self, sizes: &Sizes) -> Size {
        match self {
            Orphans::Nothing => Size::FREE,
            Orphans::Expected => sizes.expected,
            Orphans::WorstCase => sizes.worst_case,
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let limits = some_limits(&mut random);
        let mut core = Core::new(limits.clone(), TimeZone::UTC, START_MS);
        core.replayed();
        let open = |limit| Expected::open(limit, &TimeZone::UTC, START_MS, &[], &[]);
        let policies = [Orphans::Nothing, Orphans::Expected, Orphans::WorstCase];
        World {
            orphans: *random.pick(&policies),
            seed,
            random,
            core,
            expected: limits.into_iter().map(open).collect(),
            tz: TimeZone::UTC,
            callers: callers(),
            flying: Vec::new(),
            ledger: Vec::new(),
            number: 0,
            now_ms: START_MS,
            latest_ms: START_MS,
            steps: 0,
            tally: Tally::default(),
        }
    }

    fn step(&mut self) {
        match self.random.below(1_000) {
            0..450 => self.arrive(),
            450..750 => self.end(true),
            750..800 => self.end(false),
            800..990 => self.pass(90_000),
            990..994 => self.pass(40 * HOUR_MS),
            994 => {
                self.now_ms = self.latest_ms;
                self.pass(1);
                self.pass(800 * DAY_MS);
            }
            995 => {
                let back = self.random.span(3 * DAY_MS);
                self.set_clock(self.now_ms - back);
                self.tally.steps_back += 1;
            }
            996..998 => self.reload(),
            _ => self.restart(),
        }
        self.steps += 1;
        if self.steps.is_multiple_of(CHECKED) {
            self.check();
        }
    }

    fn pass(&mut self, most_ms: i64) {
        let by = self.random.span(most_ms);
        self.set_clock(self.now_ms + by);
    }

    fn set_clock(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        self.latest_ms = self.latest_ms.max(now_ms);
    }

    /// The instant under which a call counts that budgets of these places cover.
    fn counts_at(&self, covers: impl Fn(&Expected) -> bool) -> i64 {
        let pairs = self.expected.iter().zip(&self.core.accounts);
        let floors = pairs.filter(|(expected, _)| covers(expected));
        let floors = floors.map(|(_, account)| account.floor_ms);
        floors.fold(self.now_ms, i64::max)
    }

    fn arrive(&mut self) {
        if self.flying.len() == FLYING_MAX {
            return self.end(true);
        }
        let facts = Arc::clone(self.random.pick(&self.callers));
        let sizes = some_sizes(&mut self.random, facts.metered);
        let at_ms = self.counts_at(|expected| expected.covers(&facts));
        for expected in &mut self.expected {
            expected.turn(&self.tz, at_ms);
        }
        let allowed = self
            .expected
            .iter()
            .all(|expected| expected.allows(&facts, &sizes));
        let admitted = self.core.admit(&facts, &sizes, self.now_ms);
        assert_eq!(
            admitted.is_ok(),
            allowed,
            "seed {}: {admitted:?}",
            self.seed
        );
        let Ok(id) = admitted else {
            self.tally.refused += 1;
            return;
        };
        self.tally.admitted += 1;
        self.number += 1;
        for expected in &mut self.expected {
            expected.hold(self.number, &facts, &sizes);
        }
        self.flying.push(Call {
            id,
            number: self.number,
            facts,
            sizes,
            at_ms,
        });
        assert_eq!(self.core.counted_at(id), at_ms, "seed {}", self.seed);
    }

    fn end(&mut self, settled: bool) {
        if self.flying.is_empty() {
            return;
        }
        let at = self.random.place(self.flying.len());
        let call = self.flying.swap_remove(at);
        let actual = settled.then(|| actual(&mut self.random, &call.sizes));
        self.end_call(&call, actual);
    }

    fn end_call(&mut self, call: &Call, actual: Option<Size>) {
        self.core.end(call.id, actual.as_ref());
        for expected in &mut self.expected {
            expected.end(call.number, actual.as_ref());
        }
        if let Some(actual) = actual {
            self.ledger.push(Row {
                facts: Arc::clone(&call.facts),
                at_ms: call.at_ms,
                actual,
            });
        }
    }

    fn reload(&mut self) {
        self.check();
        self.tally.reloads += 1;
        let limits = some_limits(&mut self.random);
        let names = ["UTC", "UTC", "Europe/Berlin", "America/St_Johns"];
        let tz = TimeZone::get(names[self.random.place(names.len())]).expect("the zone is known");
        let accounts = self.core.accounts.iter();
        let floors: BTreeMap<String, i64> = accounts
            .map(|account| (account.limit.name.clone(), account.floor_ms))
            .collect();
        self.core.replace(limits.clone(), tz.clone(), self.now_ms);
        replay(&mut self.core, &self.ledger);
        let same_zone = tz == self.tz;
        let mut olds = std::mem::take(&mut self.expected);
        for limit in limits {
            let kept = |old: &Expected| {
                let counts = |l: &Limit| (l.name.clone(), l.unit, l.per, l.each, l.matches.clone());
                let floor_ms = floors.get(&limit.name).copied().unwrap_or(0);
                let present = |tz| window(limit.per, tz, floor_ms.max(self.now_ms));
                counts(&old.limit) == counts(&limit)
                    && (same_zone
                        || present(&tz) == present(&self.tz)
                            && !(limit.per.is_calendar() && old.counts_later()))
            };
            self.expected.push(match olds.iter().position(kept) {
                Some(at) => {
                    let mut old = olds.swap_remove(at);
                    old.change(limit);
                    if !same_zone && old.limit.per.is_calendar() {
                        old.turn(&tz, floors[&old.limit.name].max(self.now_ms));
                        old.forget_others();
                    }
                    old
                }
                None => Expected::open(limit, &tz, self.now_ms, &self.flying, &self.ledger),
            });
        }
        self.tz = tz;
    }

    /// The process dies; what was in flight is charged as the policy says, and all else comes from the
    /// ledger.
    fn restart(&mut self) {
        self.check();
        self.tally.restarts += 1;
        self.tally.crashes += u64::from(!self.flying.is_empty());
        for call in std::mem::take(&mut self.flying) {
            self.end_call(&call, Some(self.orphans.charge(&call.sizes)));
        }
        let mut before = self.core.states(self.now_ms);
        // What calls took beyond their holds is not on record.
        before.iter_mut().for_each(|state| state.beyond = 0);
        let is_known = self.counts_at(|_| true) == self.now_ms;
        let limits: Vec<Limit> = self
            .expected
            .drain(..)
            .map(|expected| expected.limit)
            .collect();
        self.core = Core::new(limits.clone(), self.tz.clone(), self.now_ms);
        replay(&mut self.core, &self.ledger);
        let open = |limit| Expected::open(limit, &self.tz, self.now_ms, &[], &self.ledger);
        self.expected = limits.into_iter().map(open).collect();
        if is_known {
            assert_eq!(self.core.states(self.now_ms), before, "seed {}", self.seed);
            self.tally.same_after_restart += 1;
        }
    }

    fn check(&mut self) {
        let states = self.core.states(self.now_ms);
        let mut states = states.iter().peekable();
        for (expected, account) in self.expected.iter_mut().zip(&self.core.accounts) {
            expected.turn(&self.tz, self.now_ms.max(account.floor_ms));
            let mut standings = BTreeMap::new();
            while let Some(state) = states.next_if(|state| state.name == expected.limit.name) {
                assert_eq!(
                    (state.limit, state.window),
                    (expected.limit.amount, expected.window)
                );
                let value = state.each_value.clone().unwrap_or_default();
                assert_eq!(state.beyond, expected.beyond(&value), "seed {}", self.seed);
                standings.insert(value, (state.spent, state.held));
            }
            assert_eq!(
                standings,
                expected.standings(),
                "seed {}: {}",
                self.seed,
                expected.limit.name
            );
            let held = || standings.values().map(|(_, held)| *held);
            assert!(held().all(|held| held >= 0 && (held == 0 || !self.flying.is_empty())));
            expected.assert_kept(self.seed);
        }
        assert_eq!(states.next(), None, "seed {}", self.seed);
        assert_eq!(
            self.core.in_flight(),
            self.flying.len(),
            "seed {}",
            self.seed
        );
    }
}

/// What the ledger has since an instant, summed over calls of one kind in one slot of time.
fn spent_since(
    ledger: &[Row],
    since_ms: i64,
    mut slot_of: impl FnMut(i64) -> i64,
) -> Vec<(&Arc<Facts>, i64, Spent)> {
    let mut sums: Vec<(&Arc<Facts>, i64, Spent)> = Vec::new();
    for row in ledger.iter().filter(|row| row.at_ms >= since_ms) {
        let slot_ms = slot_of(row.at_ms);
        let is_alike = |sum: &&mut (&Arc<Facts>, i64, Spent)| {
            sum.1 == slot_ms && Arc::ptr_eq(sum.0, &row.facts)
        };
        match sums.iter_mut().rev().find(is_alike) {
            Some((_, _, spent)) => row.add_to(spent),
            None => {
                let mut spent = Spent::default();
                row.add_to(&mut spent);
                sums.push((&row.facts, slot_ms, spent));
            }
        }
    }
    sums
}

/// What `serve` does at start and after a reload.
fn replay(core: &mut Core, ledger: &[Row]) {
    for past in core.owed() {
        for (facts, slot_ms, spent) in spent_since(ledger, past.since_ms, past.slots()) {
            core.record(&past, slot_ms, facts, &spent);
        }
    }
    core.replayed();
}

/// Runs so many steps that follow from a seed; panics where a promise is broken.
pub fn run(seed: u64, steps: u64) -> Tally {
    let mut world = World::new(seed);
    for _ in 0..steps {
        world.step();
    }
    while !world.flying.is_empty() {
        world.end(true);
    }
    world.check();
    world.tally
}

impl Tally {
    /// Adds another run's.
    pub fn and(&mut self, other: &Tally) {
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.reloads += other.reloads;
        self.restarts += other.restarts;
        self.crashes += other.crashes;
        self.steps_back += other.steps_back;
        self.same_after_restart += other.same_after_restart;
    }
}

#[cfg(test)]
#[test]
fn keeps_every_promise_over_forty_thousand_steps() {
    let mut total = Tally::default();
    for seed in 0..20 {
        total.and(&run(seed, 2_000));
    }
    println!("{total:?}");
    assert!(total.admitted > 4_000 && total.refused > 1_000, "{total:?}");
    assert!(
        total.reloads > 40 && total.same_after_restart > 20,
        "{total:?}"
    );
}
