//! What one budget has spent and holds in its present window, per instance.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::budget::amount::{needed, sum, taken};
use crate::budget::crossing::{Crossing, EXCEEDED};
use crate::budget::facts::{Facts, Pending, Size, Sizes, Spent};
use crate::budget::limits::{Action, HoldMode, Limit, OnSpent, Unit, Unknown};
use crate::budget::matching::may_ask;
use crate::budget::refusal::{Denial, Downgrade, Reason};
use crate::budget::window::{Window, window};

/// Most distinct values that one `each` budget tells apart at a time; what comes after shares the
/// instance `other`, so that inventing names does not escape a limit.
pub const EACH_MAX: usize = 10_000;

/// Longest value, in bytes, that has an instance of its own; longer ones share `other`.
pub const EACH_VALUE_BYTES_MAX: usize = 256;

/// The instance that is shared by the values beyond the bounds.
pub const OTHER: &str = "other";

/// The place of the one instance of a plain budget, and of `other`.
const SHARED: usize = 0;

/// One instance: what calls of one value took.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    value: String,
    pub(crate) spent: i128,
    /// The sum of the open holds of the present window.
    pub(crate) held: i128,
    /// What calls took beyond their holds in this window: it bounds how far the limit is overshot.
    pub(crate) beyond: i128,
    /// Open holds of any window; while there are some the place is not given away.
    open: usize,
    /// The highest percentage of `warn_at` that was said in this window.
    warned: u8,
}

/// One hold of one call on one instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) account: usize,
    pub(crate) meter: usize,
    /// The window in which it was taken.
    pub(crate) start_ms: i64,
    pub(crate) amount: i128,
}

/// One budget and its instances.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) limit: Limit,
    /// The latest that was seen: a clock that steps back finds this one, not an earlier one.
    pub(crate) window: Window,
    /// What was spent in this window before the account was opened has yet to be recorded.
    pub(crate) owes_past: bool,
    /// Place `SHARED` always exists.
    meters: Vec<Meter>,
    by_value: HashMap<String, usize>,
    /// Places in `meters` to give away.
    vacant: Vec<usize>,
}

impl Account {
    pub(crate) fn new(limit: Limit, window: Window) -> Self {
        let value = if limit.each.is_some() { OTHER } else { "" };
        let shared = Meter {
            value: value.to_owned(),
            ..Meter::default()
        };
        Account {
            owes_past: limit.unit != Unit::Concurrent && !limit.is_rule(),
            limit,
            window,
            meters: vec![shared],
            by_value: HashMap::new(),
            vacant: Vec::new(),
        }
    }

    /// The same counts under a changed limit.
    pub(crate) fn under(self, limit: Limit, window: Window) -> Self {
        Account {
            limit,
            window,
            ..self
        }
    }

    /// Whether what was counted under this budget also counts under `limit`.
    pub(crate) fn same_count(&self, limit: &Limit) -> bool {
        let mine = &self.limit;
        (&mine.name, mine.unit, mine.per, mine.each, &mine.matches)
            == (
                &limit.name,
                limit.unit,
                limit.per,
                limit.each,
                &limit.matches,
            )
    }

    /// Opens the present window if the last one is over. Earlier windows never come back.
    pub(crate) fn turn(&mut self, tz: &TimeZone, now_ms: i64) {
        if !self.window.is_over(now_ms) {
            return;
        }
        self.window = window(self.limit.per, tz, now_ms);
        self.owes_past = false;
        for place in 0..self.meters.len() {
            let meter = &mut self.meters[place];
            (meter.spent, meter.held, meter.beyond, meter.warned) = (0, 0, 0, 0);
            self.vacate(place);
        }
    }

    /// What the call would hold here, or why it may not pass.
    pub(crate) fn check(&self, facts: &Facts, sizes: &Sizes) -> Result<i128, Denial> {
        let action = &self.limit.action;
        match self.room(facts, sizes) {
            Err(denial) if denial.reason == Reason::Model && *action != Action::Warn => Err(denial),
            Err(_) if action.lets_pass(facts.model.as_deref()) => {
                Ok(needed(&self.limit, facts, sizes).unwrap_or(0))
            }
            room => room,
        }
    }

    /// Whether the call passes here though it was to be refused.
    pub(crate) fn is_overrun(&self, facts: &Facts, sizes: &Sizes) -> bool {
        self.limit.action != Action::Block && self.room(facts, sizes).is_err()
    }

    fn room(&self, facts: &Facts, sizes: &Sizes) -> Result<i128, Denial> {
        let (spent, held) = self.standing(facts);
        let deny = |reason, needed| Denial {
            reason,
            spent,
            held,
            needed,
        };
        if !may_ask(&self.limit, facts.model.as_deref()) {
            return Err(deny(Reason::Model, 0));
        }
        let need = match needed(&self.limit, facts, sizes) {
            Ok(need) => need,
            Err(reason) => return Err(deny(reason, 0)),
        };
        let limit = self.limit.amount;
        if need == 0 || spent.saturating_add(held).saturating_add(need) <= limit {
            return Ok(need);
        }
        Err(deny(shortage(limit, spent, need), need))
    }

    /// Whether the call finds room, whatever becomes of one that does not.
    pub(crate) fn has_room(&self, facts: &Facts, sizes: &Sizes) -> bool {
        let (spent, held) = self.standing(facts);
        let fits = |need: i128| {
            need == 0 || spent.saturating_add(held).saturating_add(need) <= self.limit.amount
        };
        may_ask(&self.limit, facts.model.as_deref())
            && needed(&self.limit, facts, sizes).is_ok_and(fits)
    }

    /// What is sure before the body is known: `Ok(true)` where the body decides.
    pub(crate) fn glance(
        &self,
        facts: &Facts,
        pending: Pending,
        costs_for_sure: bool,
    ) -> Result<bool, Denial> {
        let limit = &self.limit;
        if pending.model && !(limit.models.is_empty() && limit.action == Action::Block) {
            return Ok(true);
        }
        match self.sure(facts, costs_for_sure) {
            // It passes all the same.
            Err(_) if limit.action.lets_pass(facts.model.as_deref()) => Ok(true),
            sure => sure,
        }
    }

    /// The model to which a call goes that is refused here.
    pub(crate) fn downgrade(&self, facts: &Facts) -> Option<Downgrade> {
        let to = self.limit.action.downgrade(facts.model.as_deref()?)?;
        Some(Downgrade {
            budget: self.limit.name.clone(),
            to: to.to_owned(),
        })
    }

    fn sure(&self, facts: &Facts, costs_for_sure: bool) -> Result<bool, Denial> {
        if matches!(self.limit.unit, Unit::Requests | Unit::Concurrent) {
            return self.check(facts, &Sizes::FREE).map(|_| false);
        }
        let (spent, held) = self.standing(facts);
        if !may_ask(&self.limit, facts.model.as_deref()) {
            return Err(Denial {
                reason: Reason::Model,
                spent,
                held,
                needed: 0,
            });
        }
        if !facts.metered {
            let denial = Denial {
                reason: Reason::Unmetered,
                spent,
                held,
                needed: 0,
            };
            return if self.limit.unmetered == Unknown::Block {
                Err(denial)
            } else {
                Ok(false)
            };
        }
        let takes_some = self.limit.unit != Unit::Cost || costs_for_sure;
        if takes_some && spent >= self.limit.amount {
            return Err(Denial {
                reason: Reason::Spent,
                spent,
                held,
                needed: 0,
            });
        }
        Ok(true)
    }

    /// Why an open session may not make another response that holds `sizes`. Where a budget may be
    /// overshot, it takes one until it is spent.
    pub(crate) fn ends_session(&self, facts: &Facts, sizes: &Sizes) -> Option<Reason> {
        let limit = &self.limit;
        let leaves = limit.on_spent == OnSpent::Leave || limit.unit == Unit::Concurrent;
        match self.check(facts, sizes) {
            Ok(_) => None,
            // A rule that says which models may be asked for is about no amount.
            Err(denial) if denial.reason == Reason::Model => Some(denial.reason),
            Err(_) if leaves => None,
            // A request that is held is one that is spent, its own session's as well.
            Err(_) if limit.unit == Unit::Requests => Some(Reason::Spent),
            Err(denial) if limit.hold == HoldMode::WorstCase || denial.needed == 0 => {
                Some(denial.reason)
            }
            Err(denial) => (denial.spent >= limit.amount).then_some(Reason::Spent),
        }
    }

    /// Takes a hold that was checked.
    pub(crate) fn hold(&mut self, facts: &Facts, amount: i128) -> (usize, i64) {
        let place = self.place_or_new(facts);
        let meter = &mut self.meters[place];
        meter.held = meter.held.saturating_add(amount);
        meter.open += 1;
        (place, self.window.start_ms)
    }

    /// Ends a hold: charged where the call went upstream. A hold of a window that is over changes
    /// nothing in the present one.
    pub(crate) fn end(&mut self, part: &Part, actual: Option<&Size>) -> Option<Crossing> {
        let present = part.start_ms == self.window.start_ms;
        let meter = &mut self.meters[part.meter];
        meter.open -= 1;
        if present {
            meter.held -= part.amount;
            if let Some(size) = actual {
                let taken = taken(self.limit.unit, size);
                meter.spent = meter.spent.saturating_add(taken);
                let beyond = taken.saturating_sub(part.amount).max(0);
                meter.beyond = meter.beyond.saturating_add(beyond);
            }
        }
        let crossing = self.crossing(part.meter);
        self.vacate(part.meter);
        crossing
    }

    /// Counts past calls. What they crossed was said when they crossed it.
    pub(crate) fn record(&mut self, facts: &Facts, spent: &Spent) {
        let amount = sum(self.limit.unit, spent);
        if amount == 0 {
            return;
        }
        let place = self.place_or_new(facts);
        self.meters[place].spent = self.meters[place].spent.saturating_add(amount);
        self.crossing(place);
    }

    /// Counts what past calls cost more than was thought, or less.
    pub(crate) fn correct(&mut self, facts: &Facts, more: i128) {
        let place = self.place_or_new(facts);
        let spent = &mut self.meters[place].spent;
        *spent = spent.saturating_add(more).max(0);
        self.vacate(place);
    }

    /// The instances that stand for something, with their values where there are several.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (Option<&str>, &Meter)> {
        let each = self.limit.each.is_some();
        let live = self.by_value.values().map(|place| &self.meters[*place]);
        let shared = Some(&self.meters[SHARED]).filter(|meter| !each || !meter.is_idle());
        shared
            .into_iter()
            .chain(live)
            .map(move |meter| (each.then_some(meter.value.as_str()), meter))
    }

    /// The value that tells this call's instance: `other` where it shares that one. Calls that say
    /// nothing share an instance too, or leaving a label out would escape the limit.
    pub(crate) fn value<'a>(&self, facts: &'a Facts) -> Option<&'a str> {
        let value = facts.value(self.limit.each?).unwrap_or("");
        Some(if self.shares(value) { OTHER } else { value })
    }

    fn shares(&self, value: &str) -> bool {
        value.len() > EACH_VALUE_BYTES_MAX
            || (self.by_value.len() >= EACH_MAX && !self.by_value.contains_key(value))
    }

    /// What the call's instance spent, and what it holds.
    pub(crate) fn standing(&self, facts: &Facts) -> (i128, i128) {
        self.place(facts).map_or((0, 0), |place| {
            (self.meters[place].spent, self.meters[place].held)
        })
    }

    fn place(&self, facts: &Facts) -> Option<usize> {
        match self.value(facts) {
            None | Some(OTHER) => Some(SHARED),
            Some(value) => self.by_value.get(value).copied(),
        }
    }

    fn place_or_new(&mut self, facts: &Facts) -> usize {
        let value = match self.value(facts) {
            None | Some(OTHER) => return SHARED,
            Some(value) => value,
        };
        if let Some(place) = self.by_value.get(value) {
            return *place;
        }
        let meter = Meter {
            value: value.to_owned(),
            ..Meter::default()
        };
        let place = match self.vacant.pop() {
            Some(place) => {
                self.meters[place] = meter;
                place
            }
            None => {
                self.meters.push(meter);
                self.meters.len() - 1
            }
        };
        self.by_value.insert(value.to_owned(), place);
        place
    }

    /// Gives an instance away that stands for nothing.
    fn vacate(&mut self, place: usize) {
        let meter = &mut self.meters[place];
        if place == SHARED || !meter.is_idle() {
            return;
        }
        let value = std::mem::take(&mut meter.value);
        if self.by_value.get(&value) == Some(&place) {
            self.by_value.remove(&value);
            self.vacant.push(place);
        }
    }

    fn crossing(&mut self, place: usize) -> Option<Crossing> {
        let percent = self.reached(&self.meters[place])?;
        self.tell(place, percent)
    }

    /// A call was refused for want of room: the limit is reached, whatever is left of it.
    pub(crate) fn refused(&mut self, facts: &Facts) -> Option<Crossing> {
        let place = self.place(facts).filter(|_| self.limit.tells_exceeded())?;
        self.tell(place, EXCEEDED)
    }

    /// The highest percentage that each instance has reached in this window, said or not.
    pub(crate) fn crossings(&self) -> impl Iterator<Item = Crossing> {
        self.instances().filter_map(|(_, meter)| {
            let percent = self.reached(meter)?;
            Some(self.crossed(meter, percent))
        })
    }

    fn reached(&self, meter: &Meter) -> Option<u8> {
        let limit = &self.limit;
        let reached = |percent: &u8| {
            meter.spent.saturating_mul(100) >= limit.amount.saturating_mul(i128::from(*percent))
        };
        limit.thresholds().filter(reached).max()
    }

    fn tell(&mut self, place: usize, percent: u8) -> Option<Crossing> {
        let meter = &mut self.meters[place];
        if percent <= meter.warned {
            return None;
        }
        meter.warned = percent;
        Some(self.crossed(&self.meters[place], percent))
    }

    fn crossed(&self, meter: &Meter, percent: u8) -> Crossing {
        let limit = &self.limit;
        Crossing {
            budget: limit.name.clone(),
            each: limit.each.map(|each| (each, meter.value.clone())),
            unit: limit.unit,
            currency: limit.currency,
            per: limit.per,
            percent,
            spent: meter.spent,
            limit: limit.amount,
            window: self.window,
        }
    }
}

impl Meter {
    fn is_idle(&self) -> bool {
        self.open == 0 && self.spent == 0
    }
}

/// Why a hold that does not fit does not fit.
fn shortage(limit: i128, spent: i128, need: i128) -> Reason {
    if need > limit {
        Reason::TooLarge
    } else if spent.saturating_add(need) > limit {
        Reason::Spent
    } else {
        Reason::Held
    }
}
