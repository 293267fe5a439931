//! How the instances of a budget stand, and which thresholds they have crossed.

use crate::budget::account::Account;
use crate::budget::carry::carry;
use crate::budget::crossing::{Crossing, EXCEEDED};
use crate::budget::facts::Facts;
use crate::budget::instances::Meter;
use crate::budget::limits::Per;
use crate::budget::pace::stretch;
use crate::budget::slots::Slot;
use crate::budget::window::Window;

/// How one instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// With what was left to the window.
    pub(crate) limit: i128,
    pub(crate) carried: i128,
    pub(crate) spent: i128,
    pub(crate) held: i128,
    pub(crate) beyond: i128,
}

impl Standing {
    /// Whether so much more fits.
    pub(crate) fn has_room(&self, need: i128) -> bool {
        let taken = self.spent.saturating_add(self.held);
        taken.saturating_add(need) <= self.limit
    }
}

/// One instance, as it is shown.
#[derive(Debug)]
pub(crate) struct State<'a> {
    /// Where there are several.
    pub(crate) value: Option<&'a str>,
    pub(crate) standing: Standing,
    /// From where on it counts.
    pub(crate) window: Window,
}

impl Account {
    /// The instances that stand for something in the present window.
    pub(crate) fn states(&self) -> impl Iterator<Item = State<'_>> {
        let all = self.instances.iter();
        all.filter_map(|(value, meter)| {
            let standing = self.standing_of(Some(meter));
            let counts = standing.spent != 0 || standing.held != 0 || standing.carried != 0;
            (value.is_none() || meter.open > 0 || counts).then(|| State {
                value,
                standing,
                window: self.window_of(meter),
            })
        })
    }

    fn window_of(&self, meter: &Meter) -> Window {
        let mut window = self.window;
        if meter.since_ms > window.start_ms && meter.since_ms <= self.at_ms {
            window.start_ms = meter.since_ms;
        }
        if matches!(self.limit.per, Per::Rolling { .. }) {
            window.end_ms = self.leaving(meter, 0);
        }
        window
    }

    pub(crate) fn standing(&self, facts: &Facts) -> Standing {
        let place = self.instances.find(self.value(facts));
        self.standing_of(place.map(|place| self.instances.get(place)))
    }

    pub(crate) fn standing_of(&self, meter: Option<&Meter>) -> Standing {
        let sum = meter.map_or(Slot::EMPTY, |meter| meter.slots.sum(self.frame));
        let carried = meter.map_or(0, |meter| self.carried(meter));
        Standing {
            limit: self.limit.amount.saturating_add(carried),
            carried,
            spent: sum.spent,
            held: sum.held,
            beyond: sum.beyond,
        }
    }

    fn carried(&self, meter: &Meter) -> i128 {
        self.limit.rollover.map_or(0, |most| {
            let (amount, start_ms) = (self.limit.amount, self.window.start_ms);
            carry(amount, most, &self.before, start_ms, &meter.slots)
        })
    }

    pub(crate) fn crossing(&mut self, place: usize) -> Option<Crossing> {
        let percent = self.reached(self.instances.get(place))?;
        self.tell(place, percent)
    }

    /// A call was refused for want of room: the limit is reached, whatever is left of it.
    pub(crate) fn refused(&mut self, facts: &Facts) -> Option<Crossing> {
        let place = self.instances.find(self.value(facts));
        let place = place.filter(|_| self.limit.tells_exceeded())?;
        self.tell(place, EXCEEDED)
    }

    /// The highest percentage that each instance has reached in this window, said or not.
    pub(crate) fn crossings(&self) -> impl Iterator<Item = Crossing> {
        self.instances.iter().filter_map(|(_, meter)| {
            let percent = self.reached(meter)?;
            Some(self.crossed(meter, percent))
        })
    }

    fn reached(&self, meter: &Meter) -> Option<u8> {
        let standing = self.standing_of(Some(meter));
        let reached = |percent: &u8| {
            let part = standing.limit.saturating_mul(i128::from(*percent));
            standing.spent.saturating_mul(100) >= part
        };
        self.limit.thresholds().filter(reached).max()
    }

    fn tell(&mut self, place: usize, percent: u8) -> Option<Crossing> {
        let told_in = stretch(self.limit.per, &self.window, self.at_ms);
        let meter = self.instances.get_mut(place);
        if meter.told_in == Some(told_in.start_ms) && percent <= meter.told {
            return None;
        }
        (meter.told, meter.told_in) = (percent, Some(told_in.start_ms));
        Some(self.crossed(self.instances.get(place), percent))
    }

    fn crossed(&self, meter: &Meter, percent: u8) -> Crossing {
        let limit = &self.limit;
        let standing = self.standing_of(Some(meter));
        Crossing {
            budget: limit.name.clone(),
            each: limit.each.map(|each| (each, meter.value.clone())),
            unit: limit.unit,
            currency: limit.currency,
            per: limit.per,
            percent,
            spent: standing.spent,
            limit: standing.limit,
            window: stretch(limit.per, &self.window, self.at_ms),
        }
    }
}
