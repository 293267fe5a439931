//! Windows of every kind against a list of calls that is summed by hand, over chance, clock steps,
//! resets and restarts.

use std::collections::BTreeMap;

use super::*;
use crate::budget::carry::CARRIED_WINDOWS;
use crate::budget::simulation::draw::Random;
use crate::budget::window::window;
use crate::ledger::Reset;

const MINUTE_MS: i64 = 60_000;
const USERS: [&str; 2] = ["ann", "bob"];
/// Calls in flight at a time.
const FLYING_MAX: usize = 6;

/// A call as the ledger has it.
#[derive(Clone, Debug)]
struct Call {
    id: HoldId,
    user: &'static str,
    at_ms: i64,
    /// While it is in flight.
    held: Option<i128>,
    spent: i128,
}

struct World {
    random: Random,
    limit: Limit,
    tz: TimeZone,
    core: Core,
    calls: Vec<Call>,
    resets: Vec<Reset>,
    now_ms: i64,
    restarts: usize,
    reopened: usize,
    steps_back: usize,
    refused: usize,
    carried: usize,
}

impl World {
    fn new(seed: u64, limit: Limit, tz: TimeZone) -> Self {
        let mut core = Core::new(vec![limit.clone()], tz.clone(), NOW);
        core.replayed();
        World {
            random: Random(seed),
            limit,
            tz,
            core,
            calls: Vec::new(),
            resets: Vec::new(),
            now_ms: NOW,
            restarts: 0,
            reopened: 0,
            steps_back: 0,
            refused: 0,
            carried: 0,
        }
    }

    fn pass(&mut self, most_ms: i64) {
        let most = u64::try_from(most_ms).unwrap();
        self.now_ms += i64::try_from(self.random.below(most)).unwrap();
    }

    fn step(&mut self, scale_ms: i64) {
        match self.random.below(100) {
            0..40 => self.admit(),
            40..65 => self.end(),
            65..90 => self.pass(scale_ms / 8),
            90..93 => self.pass(3 * scale_ms),
            93 => self.pass(30 * scale_ms),
            94..97 => {
                let back = self.random.below(u64::try_from(2 * scale_ms).unwrap());
                self.now_ms -= i64::try_from(back).unwrap();
                self.steps_back += 1;
            }
            97 => self.reset(),
            _ => self.restart(),
        }
        if self.random.one_in(3) {
            self.look_back();
        }
        self.check();
    }

    fn flying(&self) -> Vec<usize> {
        let held = |at: &usize| self.calls[*at].held.is_some();
        (0..self.calls.len()).filter(held).collect()
    }

    fn at_ms(&self) -> i64 {
        self.now_ms.max(self.core.accounts[0].floor_ms)
    }

    fn admit(&mut self) {
        if self.flying().len() >= FLYING_MAX {
            return self.end();
        }
        let user = USERS[usize::try_from(self.random.below(2)).unwrap()];
        let milli = i128::from(self.random.below(500));
        let call = Arc::new(facts("openai", "gpt-5", user));
        let at_ms = self.at_ms();
        let (limit, spent, held) = self.expected(user, at_ms);
        let fits = milli == 0 || spent + held + milli <= limit;
        match self
            .core
            .admit(&call, &sizes(milli_usd(milli)), self.now_ms)
        {
            Ok(id) => {
                assert!(fits, "{self:?}");
                assert_eq!(self.core.counted_at(id), at_ms);
                self.calls.push(Call {
                    id,
                    user,
                    at_ms,
                    held: Some(milli),
                    spent: 0,
                });
            }
            Err(refusal) => {
                assert!(!fits, "{self:?}");
                self.refused += 1;
                self.assert_resets(&refusal, user, milli);
            }
        }
    }

    /// A refusal says when there is room, and there is not a moment before.
    fn assert_resets(&self, refusal: &Refusal, user: &str, milli: i128) {
        if refusal.reason == Reason::TooLarge || self.limit.per == Per::Total {
            return;
        }
        let at_ms = refusal.resets_at.expect("it comes back");
        assert!(at_ms > self.at_ms(), "{self:?}");
        // What a clock that stepped back left in the future may come in between.
        let is_ahead = self.calls.iter().any(|call| call.at_ms > self.at_ms());
        if matches!(self.limit.per, Per::Rolling { .. }) && !is_ahead {
            let fits = |at_ms| {
                let (limit, spent, held) = self.expected(user, at_ms);
                spent + held + milli <= limit
            };
            assert!(fits(at_ms) && !fits(at_ms - 1), "{at_ms} {self:?}");
        }
    }

    fn end(&mut self) {
        let flying = self.flying();
        if flying.is_empty() {
            return;
        }
        let at = flying[usize::try_from(self.random.below(flying.len() as u64)).unwrap()];
        let milli = i128::from(self.random.below(400));
        let goes = !self.random.one_in(6);
        let call = &mut self.calls[at];
        self.core
            .end(call.id, goes.then(|| milli_usd(milli)).as_ref());
        call.held = None;
        call.spent = if goes { milli } else { 0 };
    }

    fn reset(&mut self) {
        let user = USERS[usize::try_from(self.random.below(2)).unwrap()];
        let whole = self.limit.each.is_none() || self.random.one_in(2);
        let each_value = (!whole).then(|| user.to_owned());
        let name = self.limit.name.clone();
        let at = self
            .core
            .begin_reset(&name, each_value.as_deref(), self.now_ms);
        let reset = Reset {
            budget: name,
            each_value,
            at: at.unwrap(),
        };
        self.core.finish_reset(&reset);
        self.resets.push(reset);
    }

    fn restart(&mut self) {
        while !self.flying().is_empty() {
            self.end();
        }
        let before = (self.at_ms() == self.now_ms).then(|| self.states());
        self.core = Core::new(vec![self.limit.clone()], self.tz.clone(), self.now_ms);
        self.core.recall_resets(&self.resets);
        self.replay();
        if let Some(before) = before {
            assert_eq!(self.states(), before, "{self:?}");
            self.restarts += 1;
        }
    }

    /// What is done when the clock stepped back too far.
    fn look_back(&mut self) {
        if self.core.reopen(self.now_ms) {
            self.replay();
            let last = self.resets.iter().map(|reset| reset.at).max().unwrap_or(0);
            assert!(self.at_ms() == self.now_ms.max(last), "{self:?}");
            self.reopened += 1;
        }
    }

    fn replay(&mut self) {
        for past in self.core.owed() {
            let mut slot_of = past.slots();
            let ended = self.calls.iter().filter(|call| call.held.is_none());
            for call in ended.filter(|call| call.at_ms >= past.since_ms) {
                let spent = Spent {
                    cost: milli_usd(call.spent).cost.unwrap(),
                    latest_ms: call.at_ms,
                    ..Spent::default()
                };
                let facts = facts("openai", "gpt-5", call.user);
                self.core.record(&past, slot_of(call.at_ms), &facts, &spent);
            }
        }
        self.core.replayed();
    }

    fn states(&mut self) -> BTreeMap<String, (i128, i128, i128)> {
        let states = self.core.states(self.now_ms).into_iter();
        let shown = states.map(|state| {
            let value = state.each_value.unwrap_or_default();
            (
                value,
                (state.limit / MILLI, state.spent / MILLI, state.held / MILLI),
            )
        });
        shown.collect()
    }

    fn since(&self, user: &str) -> i64 {
        let mine = |reset: &&Reset| {
            reset
                .each_value
                .as_deref()
                .is_none_or(|value| value == user)
        };
        self.resets.iter().rfind(mine).map_or(0, |reset| reset.at)
    }

    fn of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Call> {
        let since = self.since(user);
        let all = self.limit.each.is_none();
        self.calls
            .iter()
            .filter(move |call| (all || call.user == user) && call.at_ms >= since)
    }

    /// Limit, spent and held of a user's instance, by definition.
    fn expected(&self, user: &str, at_ms: i64) -> (i128, i128, i128) {
        let limit = self.limit.amount / MILLI;
        if let Per::Rolling { minutes } = self.limit.per {
            let (span, part) = (i64::from(minutes) * MINUTE_MS, i64::from(minutes) * 1_000);
            let start = |at_ms: i64| at_ms.div_euclid(part) * part;
            let counts = |call: &&Call| {
                let start = start(call.at_ms);
                start + part + span > at_ms && start < at_ms + span
            };
            let (spent, held) = sums(self.of(user).filter(counts));
            return (limit, spent, held);
        }
        let present = window(self.limit.per, &self.tz, at_ms);
        let (spent, held) = sums(self.of(user).filter(|call| present.contains(call.at_ms)));
        (limit + self.carry(user, present), spent, held)
    }

    fn carry(&self, user: &str, present: Window) -> i128 {
        let Some(most) = self.limit.rollover else {
            return 0;
        };
        let mut windows = vec![present];
        while windows.len() <= CARRIED_WINDOWS {
            let next = windows[windows.len() - 1].start_ms;
            windows.push(window(self.limit.per, &self.tz, next - 1));
        }
        let took = |window: &Window| {
            let (spent, held) = sums(self.of(user).filter(|call| window.contains(call.at_ms)));
            spent + held
        };
        let before = windows[1..].iter().rev().map(took);
        let chain = before.skip_while(|took| *took == 0);
        chain.fold(0, |left, took| {
            (self.limit.amount / MILLI + left - took).clamp(0, most / MILLI)
        })
    }

    fn check(&mut self) {
        let at_ms = self.at_ms();
        let states = self.states();
        let users = if self.limit.each.is_some() {
            &USERS[..]
        } else {
            &[""]
        };
        for user in users {
            let expected = self.expected(user, at_ms);
            self.carried += usize::from(expected.0 > self.limit.amount / MILLI);
            let shown = states.get(*user).copied();
            let shown = shown.unwrap_or((self.limit.amount / MILLI, 0, 0));
            assert_eq!(shown, expected, "{user:?} {self:?}");
        }
    }
}

fn sums<'a>(calls: impl Iterator<Item = &'a Call>) -> (i128, i128) {
    calls.fold((0, 0), |(spent, held), call| {
        (spent + call.spent, held + call.held.unwrap_or(0))
    })
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let per = self.limit.per;
        write!(
            f,
            "{per} at {}: {:?} {:?}",
            self.now_ms, self.calls, self.resets
        )
    }
}

fn run(limit: &Limit, scale_ms: i64) {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let mut reopened = 0;
    let (mut restarts, mut steps_back, mut refused, mut carried) = (0, 0, 0, 0);
    for seed in 0..12 {
        let tz = if seed % 2 == 0 {
            TimeZone::UTC
        } else {
            berlin.clone()
        };
        let mut world = World::new(seed, limit.clone(), tz);
        for _ in 0..300 {
            world.step(scale_ms);
        }
        restarts += world.restarts;
        reopened += world.reopened;
        steps_back += world.steps_back;
        refused += world.refused;
        carried += world.carried;
    }
    println!("{restarts} {reopened} {steps_back} {refused} {carried}");
    assert!(reopened > 5 || limit.per == Per::Total);
    assert!(restarts > 20 && steps_back > 80 && refused > 60);
    assert!((carried > 50) == limit.rollover.is_some(), "{carried}");
}

#[test]
fn a_rolling_window_is_the_sum_of_its_calls() {
    for (minutes, each) in [(1, None), (300, Some(Dimension::User)), (44_640, None)] {
        let rolling = with("b", |limit| {
            (limit.per, limit.each) = (Per::Rolling { minutes }, each);
        });
        run(&rolling, i64::from(minutes) * MINUTE_MS);
    }
}

#[test]
fn a_window_of_the_calendar_is_the_sum_of_its_calls() {
    for (per, each, scale) in [
        (Per::Hour, None, 60 * MINUTE_MS),
        (Per::Day, Some(Dimension::User), DAY_MS),
        (Per::Month, None, 30 * DAY_MS),
        (Per::Total, Some(Dimension::User), DAY_MS),
    ] {
        run(
            &with("b", |limit| (limit.per, limit.each) = (per, each)),
            scale,
        );
    }
}

#[test]
fn what_is_carried_is_the_sum_of_what_windows_left() {
    for (per, each, most, scale) in [
        (Per::Day, None, 1_000, DAY_MS),
        (Per::Hour, Some(Dimension::User), 2_500, 60 * MINUTE_MS),
        (Per::Week, Some(Dimension::User), 300, 7 * DAY_MS),
    ] {
        let carries = with("b", |limit| {
            (limit.per, limit.each, limit.rollover) = (per, each, Some(most * MILLI));
        });
        run(&carries, scale);
    }
}
