//! One budget: what it has spent and holds, per instance, and whether a call may pass it.
//!
//! Each window has its own count, under the instant at which a call was admitted. A clock that steps finds
//! the window where it leads as that was left: nothing is granted twice. What is too long ago to be known
//! has a floor above it; a call that comes with an earlier time counts at the floor, and says so.

use jiff::tz::TimeZone;

use crate::budget::amount::{sum, taken};
use crate::budget::carry::CARRIED_WINDOWS;
use crate::budget::crossing::Crossing;
use crate::budget::facts::{Facts, Size, Spent};
use crate::budget::instances::Instances;
use crate::budget::limits::{Limit, Per, Unit};
use crate::budget::pace::{frame, leaves_at, slot_start, slots_max, starts_before};
use crate::budget::reset::Resets;
use crate::budget::slots::{Frame, Slot};
use crate::budget::window::{Window, window};

/// How far a clock may step back before the ledger is asked what it has of that time.
const LAG_MS: i64 = 60_000;

/// One hold of one call on one instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) account: usize,
    pub(crate) meter: usize,
    /// The slot in which it was taken.
    pub(crate) slot_ms: i64,
    /// When it was taken.
    pub(crate) at_ms: i64,
    pub(crate) amount: i128,
}

/// One budget and its instances.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) limit: Limit,
    /// The one that was last looked at.
    pub(crate) window: Window,
    /// What counts in it.
    pub(crate) frame: Frame,
    /// When it was last looked at.
    pub(crate) at_ms: i64,
    /// No call counts before: what was taken from here on is known.
    pub(crate) floor_ms: i64,
    /// From when on the ledger's calls count.
    pub(crate) known_ms: i64,
    /// What was spent before the account was opened has yet to be recorded.
    pub(crate) owes_past: bool,
    pub(crate) resets: Resets,
    pub(crate) instances: Instances,
    /// The starts of the windows that leave something to the present one.
    pub(crate) before: Vec<i64>,
    /// The frame for which room was made among the instances.
    swept: Option<Frame>,
}

impl Account {
    /// An account as of `now_ms`, with nothing spent in it.
    pub(crate) fn new(limit: Limit, resets: Option<&Resets>, tz: &TimeZone, now_ms: i64) -> Self {
        let mut account = Account {
            owes_past: limit.unit != Unit::Concurrent && !limit.is_rule(),
            window: window(limit.per, tz, now_ms),
            frame: Frame {
                from_ms: 0,
                until_ms: 0,
            },
            at_ms: now_ms,
            floor_ms: 0,
            known_ms: 0,
            resets: Resets::default(),
            instances: Instances::new(limit.each.is_some()),
            before: Vec::new(),
            swept: None,
            limit,
        };
        account.look(tz, now_ms);
        let first = account.frame.from_ms;
        account.known_ms = account.before.first().map_or(first, |start| *start);
        account.floor_ms = match account.limit.per {
            // Whatever lies in the length before it must be known.
            Per::Rolling { minutes } => first + i64::from(minutes) * 60_000,
            _ => first,
        };
        account.recall(resets.cloned().unwrap_or_default());
        account
    }

    /// Where a reset begins that comes at `now_ms`, of one instance or of all: what was taken, known to its
    /// slots alone, lies before it or after it.
    pub(crate) fn reset_from(&mut self, tz: &TimeZone, value: Option<&str>, now_ms: i64) -> i64 {
        let now_ms = now_ms.max(self.floor_ms);
        self.turn(tz, now_ms);
        let mut from_ms = now_ms + 1;
        loop {
            let places = 0..self.instances.count();
            let meters = places.map(|place| self.instances.get(place));
            let its = meters.filter(|meter| value.is_none_or(|value| value == meter.value));
            let gap_ms = its.fold(from_ms, |from_ms, meter| meter.slots.gap_from(from_ms));
            if gap_ms == from_ms {
                break;
            }
            from_ms = gap_ms;
        }
        self.resets.split(from_ms);
        self.floor_ms = from_ms;
        from_ms
    }

    /// Counts only from the resets on.
    pub(crate) fn recall(&mut self, resets: Resets) {
        self.floor_ms = self.floor_ms.max(resets.last());
        self.resets = resets;
        for place in 0..self.instances.count() {
            let meter = self.instances.get_mut(place);
            let value = self.limit.each.map(|_| meter.value.as_str());
            meter.since_ms = self.resets.since(value);
        }
    }

    /// Whether what was counted under this budget also counts under `limit`.
    pub(crate) fn same_count(&self, limit: &Limit) -> bool {
        let counts = |l: &Limit| (l.unit, l.per, l.each, l.rollover.is_some());
        let mine = &self.limit;
        (&mine.name, &mine.matches) == (&limit.name, &limit.matches)
            && counts(mine) == counts(limit)
    }

    /// Whether a call that counts at `at_ms` counts here.
    pub(crate) fn counts(&self, facts: &Facts, at_ms: i64) -> bool {
        at_ms >= self.known_ms && at_ms >= self.resets.since(self.value(facts))
    }

    /// Whether the counts are also those of another time zone's windows: of no window but the present one. What
    /// the ledger told of later ones, before which the clock stepped back, is to be asked for anew.
    pub(crate) fn fits_zone(&self, tz: &TimeZone, now_ms: i64) -> bool {
        let same = window(self.limit.per, tz, now_ms.max(self.floor_ms)) == self.window;
        !self.limit.per.is_calendar()
            || (same && self.limit.rollover.is_none() && !self.counts_later())
    }

    fn counts_later(&self) -> bool {
        let mut slots = self
            .instances
            .iter()
            .flat_map(|(_, meter)| meter.slots.iter());
        slots.any(|slot| self.window.is_over(slot.start_ms) && slot.spent.max(slot.held) > 0)
    }

    /// Forgets what was counted in another zone's windows.
    pub(crate) fn enter_zone(&mut self) {
        if self.limit.per.is_calendar() {
            self.floor_ms = self.floor_ms.max(self.window.start_ms);
            for place in 0..self.instances.count() {
                self.instances.get_mut(place).slots.keep(self.frame);
                self.instances.vacate(place);
            }
        }
    }

    /// Whether calls of this time would count more than a minute later, because nothing is known of it. Where
    /// a reset is still to come, that is meant.
    pub(crate) fn lags(&self, now_ms: i64) -> bool {
        self.floor_ms > now_ms.saturating_add(LAG_MS) && self.resets.last() < self.floor_ms
    }

    /// Moves on to what counts at an instant.
    pub(crate) fn turn(&mut self, tz: &TimeZone, at_ms: i64) {
        let is_present = self.limit.per.is_calendar() && self.window.contains(at_ms);
        if !is_present {
            self.look(tz, at_ms);
        }
        self.at_ms = at_ms;
        if self.instances.is_full() && self.swept != Some(self.frame) {
            self.swept = Some(self.frame);
            if let Some(forgotten) = self.instances.sweep(self.frame) {
                self.forgot(tz, forgotten);
            }
        }
    }

    fn look(&mut self, tz: &TimeZone, at_ms: i64) {
        let per = self.limit.per;
        self.window = window(per, tz, at_ms);
        self.frame = frame(per, &self.window, at_ms);
        if self.limit.rollover.is_some() {
            self.before = starts_before(per, tz, self.window.start_ms, CARRIED_WINDOWS);
        }
    }

    /// No call counts where something was forgotten.
    fn forgot(&mut self, tz: &TimeZone, forgotten_ms: i64) {
        if forgotten_ms >= self.floor_ms {
            let left_ms = leaves_at(self.limit.per, tz, forgotten_ms);
            self.floor_ms = left_ms.unwrap_or(self.floor_ms);
        }
    }

    /// Takes a hold that was checked, or that is taken in any case: in the slot of `at_ms`.
    pub(crate) fn hold(&mut self, tz: &TimeZone, facts: &Facts, at_ms: i64, amount: i128) -> Part {
        let slot_ms = self.slot_ms(tz, at_ms);
        let meter = self.meter_of(facts);
        let slot = self.slot(tz, meter, slot_ms);
        slot.held = slot.held.saturating_add(amount);
        slot.latest_ms = slot.latest_ms.max(at_ms);
        self.instances.get_mut(meter).open += 1;
        Part {
            account: 0,
            meter,
            slot_ms,
            at_ms,
            amount,
        }
    }

    /// Ends a hold: charged where the call went upstream, in the slot in which it was taken. One that is
    /// forgotten, or was taken before a reset, changes nothing.
    pub(crate) fn end(&mut self, part: &Part, actual: Option<&Size>) -> Option<Crossing> {
        let unit = self.limit.unit;
        let meter = self.instances.get_mut(part.meter);
        meter.open -= 1;
        let is_past = part.at_ms < meter.since_ms;
        if let Some(slot) = meter.slots.find(part.slot_ms).filter(|_| !is_past) {
            slot.held -= part.amount;
            if let Some(size) = actual {
                let taken = taken(unit, size);
                slot.spent = slot.spent.saturating_add(taken);
                let beyond = taken.saturating_sub(part.amount).max(0);
                slot.beyond = slot.beyond.saturating_add(beyond);
            }
        }
        let crossing = self.crossing(part.meter);
        self.instances.vacate(part.meter);
        crossing
    }

    /// Counts past calls that were admitted in the slot of `at_ms`. What they crossed was said when they
    /// crossed it.
    pub(crate) fn record(&mut self, tz: &TimeZone, facts: &Facts, at_ms: i64, spent: &Spent) {
        let amount = sum(self.limit.unit, spent);
        if amount == 0 || !self.counts(facts, at_ms) {
            return;
        }
        let slot_ms = self.slot_ms(tz, at_ms);
        let meter = self.meter_of(facts);
        let slot = self.slot(tz, meter, slot_ms);
        slot.spent = slot.spent.saturating_add(amount);
        slot.latest_ms = slot.latest_ms.max(spent.latest_ms);
        self.crossing(meter);
    }

    /// Counts what a past call cost more than was thought, or less, in the slot of `at_ms`.
    pub(crate) fn correct(&mut self, tz: &TimeZone, facts: &Facts, at_ms: i64, more: i128) {
        let first = self.before.first().copied();
        if at_ms < first.unwrap_or(self.frame.from_ms) || !self.counts(facts, at_ms) {
            return;
        }
        let slot_ms = self.slot_ms(tz, at_ms);
        let meter = self.meter_of(facts);
        let slot = self.slot(tz, meter, slot_ms);
        slot.spent = slot.spent.saturating_add(more).max(0);
        self.instances.vacate(meter);
    }

    /// The value that tells this call's instance: `other` where it shares that one. Calls that say
    /// nothing share an instance too, or leaving a label out would escape the limit.
    pub(crate) fn value<'a>(&self, facts: &'a Facts) -> Option<&'a str> {
        let value = facts.value(self.limit.each?).unwrap_or("");
        Some(self.instances.name(value))
    }

    /// The slot in which `at_ms` lies. What comes after a reset is kept apart from what came before.
    fn slot_ms(&self, tz: &TimeZone, at_ms: i64) -> i64 {
        let start_ms = if self.limit.per.is_calendar() && self.window.contains(at_ms) {
            self.window.start_ms
        } else {
            slot_start(self.limit.per, tz, at_ms)
        };
        match self.resets.latest_ms() {
            fence if fence <= at_ms => start_ms.max(fence),
            _ => start_ms,
        }
    }

    fn meter_of(&mut self, facts: &Facts) -> usize {
        let name = self.value(facts);
        let since_ms = self.resets.since(name);
        let (place, made) = self.instances.find_or_make(name);
        if made {
            self.instances.get_mut(place).since_ms = since_ms;
        }
        place
    }

    fn slot(&mut self, tz: &TimeZone, meter: usize, slot_ms: i64) -> &mut Slot {
        let most = slots_max(self.limit.per, self.limit.rollover.is_some());
        let slots = &mut self.instances.get_mut(meter).slots;
        if slots.len() >= most
            && slots.find(slot_ms).is_none()
            && let Some(forgotten) = slots.forget_oldest()
        {
            self.forgot(tz, forgotten);
        }
        self.instances.get_mut(meter).slots.at(slot_ms)
    }
}
