//! The instances of one budget: what calls of each value took.

use std::collections::HashMap;

use crate::budget::slots::{Frame, Slots};

/// Most distinct values that one `each` budget tells apart at a time; what comes after shares the
/// instance `other`, so that inventing names does not escape a limit.
pub const EACH_MAX: usize = 10_000;

/// Longest value, in bytes, that has an instance of its own; longer ones share `other`.
pub const EACH_VALUE_BYTES_MAX: usize = 256;

/// The instance that is shared by the values beyond the bounds.
pub const OTHER: &str = "other";

/// The place of the one instance of a plain budget, and of `other`.
pub(crate) const SHARED: usize = 0;

/// One instance: what calls of one value took.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) value: String,
    pub(crate) slots: Slots,
    /// Open holds of any window; while there are some the place is not given away.
    pub(crate) open: usize,
    /// Holds that were taken before have been reset and end without a trace.
    pub(crate) since_ms: i64,
    /// The highest percentage that was told, and where the window begins in which it was.
    pub(crate) told: u8,
    pub(crate) told_in: Option<i64>,
}

/// All instances of one budget.
#[derive(Debug)]
pub(crate) struct Instances {
    each: bool,
    /// Place `SHARED` always exists.
    meters: Vec<Meter>,
    by_value: HashMap<String, usize>,
    /// Places in `meters` to give away.
    vacant: Vec<usize>,
}

impl Instances {
    pub(crate) fn new(each: bool) -> Self {
        let shared = Meter {
            value: if each { OTHER } else { "" }.to_owned(),
            ..Meter::default()
        };
        Instances {
            each,
            meters: vec![shared],
            by_value: HashMap::new(),
            vacant: Vec::new(),
        }
    }

    pub(crate) fn get(&self, place: usize) -> &Meter {
        &self.meters[place]
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> &mut Meter {
        &mut self.meters[place]
    }

    /// Whether a value that is not there would share an instance.
    pub(crate) fn is_full(&self) -> bool {
        self.by_value.len() >= EACH_MAX
    }

    /// The value under which a call is counted: `other` where it shares that one.
    pub(crate) fn name<'a>(&self, value: &'a str) -> &'a str {
        let shares = value.len() > EACH_VALUE_BYTES_MAX
            || (self.is_full() && !self.by_value.contains_key(value));
        if shares { OTHER } else { value }
    }

    /// The instance of a name, where there is one; `None` = the only one.
    pub(crate) fn find(&self, name: Option<&str>) -> Option<usize> {
        match name {
            None | Some(OTHER) => Some(SHARED),
            Some(value) => self.by_value.get(value).copied(),
        }
    }

    /// The instance of a name, made where there is none; true where it was.
    pub(crate) fn find_or_make(&mut self, name: Option<&str>) -> (usize, bool) {
        let value = match (self.find(name), name) {
            (Some(place), _) => return (place, false),
            (None, value) => value.unwrap_or_default(),
        };
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
        (place, true)
    }

    /// Every instance, with its value where there are several; `other` only where it stands for something.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Option<&str>, &Meter)> {
        let live = self.by_value.values().map(|place| &self.meters[*place]);
        let meters = std::iter::once(&self.meters[SHARED]).chain(live);
        meters.map(|meter| (self.each.then_some(meter.value.as_str()), meter))
    }

    /// Places there are, given away or not.
    pub(crate) fn count(&self) -> usize {
        self.meters.len()
    }

    /// Gives an instance away that stands for nothing.
    pub(crate) fn vacate(&mut self, place: usize) {
        let meter = &mut self.meters[place];
        if meter.open > 0 {
            return;
        }
        meter.slots.tidy();
        if place == SHARED || !meter.slots.is_empty() {
            return;
        }
        let value = std::mem::take(&mut meter.value);
        if self.by_value.get(&value) == Some(&place) {
            self.by_value.remove(&value);
            self.vacant.push(place);
        }
    }

    /// Gives all instances away that have no call in flight and nothing in the span, whatever they have
    /// besides; says where the latest slot began that was forgotten so.
    pub(crate) fn sweep(&mut self, frame: Frame) -> Option<i64> {
        let mut latest = None;
        for place in 0..self.meters.len() {
            let meter = &mut self.meters[place];
            if meter.open > 0 || meter.slots.within(frame).next().is_some() {
                continue;
            }
            latest = latest.max(meter.slots.iter().last().map(|slot| slot.start_ms));
            meter.slots = Slots::default();
            self.vacate(place);
        }
        latest
    }
}
