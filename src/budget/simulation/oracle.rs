//! The budgets as one would do them by hand: everything that is held is summed whenever it is asked
//! for.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{Call, Row, spent_since};
use crate::budget::amount::{needed, sum, taken};
use crate::budget::facts::{Facts, Pending, Size, Sizes, Spent};
use crate::budget::limits::{HoldMode, Limit, Unit};
use crate::budget::matching::{Fit, fit};
use crate::budget::window::{Window, window};

/// A hold: its instance, the start of its window, its amount.
type Hold = (String, i64, i128);

#[derive(Debug)]
pub(super) struct Expected {
    pub(super) limit: Limit,
    pub(super) window: Window,
    /// By instance and start of the window.
    pub(super) spent: BTreeMap<(String, i64), i128>,
    /// By the call's number.
    pub(super) holds: BTreeMap<u64, Hold>,
    /// What calls took beyond their holds, by instance and start of the window.
    beyond: BTreeMap<(String, i64), i128>,
    /// The window in which what was spent before this limit was in force may exceed it.
    foreign: bool,
}

impl Expected {
    /// A budget that is opened while calls are in flight and others have ended.
    pub(super) fn open(
        limit: Limit,
        tz: &TimeZone,
        now_ms: i64,
        calls: &[Call],
        rows: &[Row],
    ) -> Self {
        let present = window(limit.per, tz, now_ms);
        let mut opened = Expected {
            limit,
            window: present,
            spent: BTreeMap::new(),
            holds: BTreeMap::new(),
            beyond: BTreeMap::new(),
            foreign: true,
        };
        let slot_of = {
            let (per, mut last) = (opened.limit.per, present);
            move |at_ms| {
                if !last.contains(at_ms) {
                    last = window(per, tz, at_ms);
                }
                last.start_ms
            }
        };
        for (facts, start_ms, spent) in spent_since(rows, present.start_ms, slot_of) {
            if opened.covers(facts) && opened.limit.unit != Unit::Concurrent {
                let key = (opened.value(facts), start_ms);
                *opened.spent.entry(key).or_default() += sum(opened.limit.unit, &spent);
            }
        }
        for call in calls.iter().filter(|call| call.at_ms >= present.start_ms) {
            opened.turn(tz, call.at_ms);
            opened.hold(call.number, &call.facts, &call.sizes);
        }
        opened.window = present;
        opened.foreign = true;
        opened
    }

    pub(super) fn turn(&mut self, tz: &TimeZone, at_ms: i64) {
        let present = window(self.limit.per, tz, at_ms);
        if present.start_ms != self.window.start_ms {
            // What is there already may have been taken under another limit.
            let seen = self
                .spent
                .keys()
                .any(|(_, start_ms)| *start_ms == present.start_ms)
                || self.holds.values().any(|hold| hold.1 == present.start_ms);
            self.foreign = seen;
            self.window = present;
        }
    }

    pub(super) fn covers(&self, facts: &Facts) -> bool {
        fit(&self.limit, facts, Pending::NOTHING) == Fit::Yes
    }

    pub(super) fn allows(&self, facts: &Facts, sizes: &Sizes) -> bool {
        match needed(&self.limit, facts, sizes) {
            Err(_) => !self.covers(facts),
            Ok(0) => true,
            Ok(need) => {
                let (spent, held) = self.standing(&self.value(facts));
                !self.covers(facts) || spent + held + need <= self.limit.amount
            }
        }
    }

    pub(super) fn hold(&mut self, number: u64, facts: &Facts, sizes: &Sizes) {
        if self.covers(facts) {
            let amount = needed(&self.limit, facts, sizes).unwrap_or(0);
            self.holds
                .insert(number, (self.value(facts), self.window.start_ms, amount));
        }
    }

    pub(super) fn end(&mut self, number: u64, actual: Option<&Size>) {
        let Some((value, start_ms, held)) = self.holds.remove(&number) else {
            return;
        };
        if let Some(size) = actual {
            let taken = taken(self.limit.unit, size);
            let key = (value, start_ms);
            *self.beyond.entry(key.clone()).or_default() += (taken - held).max(0);
            *self.spent.entry(key).or_default() += taken;
        }
    }

    /// Another amount for the same count.
    pub(super) fn change(&mut self, limit: Limit) {
        self.foreign |= limit.amount < self.limit.amount || limit.hold != self.limit.hold;
        self.limit = limit;
    }

    /// Whether something counts in a window after the present one.
    pub(super) fn counts_later(&self) -> bool {
        let later = |start_ms: i64| self.window.is_over(start_ms);
        let spent =
            |((_, start_ms), spent): (&(String, i64), &i128)| later(*start_ms) && *spent > 0;
        let held = |(_, start_ms, amount): &Hold| later(*start_ms) && *amount > 0;
        self.spent.iter().any(spent) || self.holds.values().any(held)
    }

    /// Forgets all windows but the present one.
    pub(super) fn forget_others(&mut self) {
        let present = self.window.start_ms;
        self.spent.retain(|(_, start_ms), _| *start_ms == present);
        self.beyond.retain(|(_, start_ms), _| *start_ms == present);
        for hold in self.holds.values_mut().filter(|hold| hold.1 != present) {
            hold.1 = i64::MIN;
        }
    }

    /// Instances that stand for something: spent and held by value.
    pub(super) fn standings(&self) -> BTreeMap<String, (i128, i128)> {
        let mut standings: BTreeMap<String, (i128, i128)> = BTreeMap::new();
        for ((value, start_ms), spent) in &self.spent {
            if *start_ms == self.window.start_ms && *spent > 0 {
                standings.insert(value.clone(), (*spent, 0));
            }
        }
        for (value, start_ms, amount) in self.holds.values() {
            let present = *start_ms == self.window.start_ms;
            standings.entry(value.clone()).or_default().1 += if present { *amount } else { 0 };
        }
        if self.limit.each.is_none() {
            standings.entry(String::new()).or_default();
        }
        standings
    }

    /// Once everything in the window was admitted under this limit, it is exceeded by no more than what calls
    /// took beyond their holds: by nothing where these are worst cases.
    pub(super) fn assert_kept(&self, seed: u64) {
        for (value, (spent, held)) in self.standings() {
            let beyond = self.beyond(&value);
            let bound = match self.limit.hold {
                HoldMode::WorstCase => 0,
                HoldMode::Expected => beyond,
            };
            assert!(
                self.foreign || spent + held <= self.limit.amount + bound,
                "seed {seed}: {} {value}: {spent} + {held}, {beyond} beyond",
                self.limit.name
            );
        }
    }

    /// What calls of a value took beyond their holds in the present window.
    pub(super) fn beyond(&self, value: &str) -> i128 {
        let key = (value.to_owned(), self.window.start_ms);
        self.beyond.get(&key).copied().unwrap_or(0)
    }

    fn standing(&self, value: &str) -> (i128, i128) {
        let present = |hold: &&Hold| hold.0 == value && hold.1 == self.window.start_ms;
        let held = self.holds.values().filter(present).map(|hold| hold.2).sum();
        {
            let key = (value.to_owned(), self.window.start_ms);
            (self.spent.get(&key).copied().unwrap_or(0), held)
        }
    }

    fn value(&self, facts: &Facts) -> String {
        self.limit
            .each
            .and_then(|each| facts.value(each))
            .unwrap_or_default()
            .to_owned()
    }
}

impl Row {
    pub(super) fn add_to(&self, spent: &mut Spent) {
        spent.cost += self.actual.cost.unwrap_or_default();
        spent.input_tokens += self.actual.input_tokens;
        spent.output_tokens += self.actual.output_tokens;
        spent.requests += 1;
        spent.latest_ms = spent.latest_ms.max(self.at_ms);
    }
}
