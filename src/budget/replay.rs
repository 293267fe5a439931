//! Replay: what a set of budgets would have made of calls that are on record.
//!
//! The calls come in the order in which they began, and end when they ended, so what was in flight at once
//! is held at once. What a call would have held is not on record: it is taken to be what the call turned out
//! to take, by either way to hold. A budget with `hold: worst_case` holds more, and refuses sooner than
//! this tells; one that lets calls wait refuses some later. A call that was refused then has no size: if
//! it passes here it takes what calls of its model took on average up to then, else those of its provider.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::budget::core::{Core, HoldId};
use crate::budget::facts::{Facts, Pending, Size, Sizes};
use crate::budget::limits::Limit;
use crate::budget::matching::{Fit, fit};
use crate::budget::refusal::Refusal;
use crate::ledger::{Call, Outcome};
use crate::units::PicoUsd;

/// Most models whose calls are averaged; names are the clients' text.
const MODELS_MAX: usize = 1_000;

/// Most models that one call is sent to in turn: budgets may send on what others have sent.
const DOWNGRADES_MAX: usize = 4;

/// What one budget would have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub limit: Limit,
    /// Calls that it refuses and that went through.
    pub refused: u64,
    /// What those had cost, where that is known.
    pub refused_cost: PicoUsd,
    /// Unix milliseconds at which the first of them began.
    pub first_refused_at: Option<i64>,
    /// Calls that it sends to another model.
    pub downgraded: u64,
    /// Calls for which it has no room and that pass all the same.
    pub warned: u64,
    /// The most that one of its instances spent in one window, in the unit.
    pub peak: i128,
    /// Which instance, of a budget that has one for each value.
    pub peak_value: Option<String>,
}

/// What all of them would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// In the order of `proxy.yaml`.
    pub budgets: Vec<Finding>,
    pub calls: u64,
    pub refused: u64,
    pub refused_cost: PicoUsd,
    pub downgraded: u64,
    /// What the calls that are sent to another model had cost, and what they cost there.
    pub downgraded_cost: (PicoUsd, PicoUsd),
    /// Calls that were refused then and are refused here.
    pub still_refused: u64,
    /// Calls that were refused then and pass here.
    pub now_pass: u64,
}

/// Sums of calls of one model.
#[derive(Clone, Copy, Debug, Default)]
struct Average {
    calls: u64,
    priced: u64,
    cost: PicoUsd,
    input_tokens: u64,
    output_tokens: u64,
    ms: i64,
}

/// A call in flight, by when it ends.
type End = Reverse<(i64, HoldId)>;

/// Budgets that past calls are put through.
#[derive(Debug)]
pub struct Replay {
    core: Core,
    ends: BinaryHeap<End>,
    open: HashMap<HoldId, (Arc<Facts>, Size)>,
    averages: HashMap<(String, Option<String>), Average>,
    findings: Findings,
}

/// The start of the earliest window that these budgets have at `since`: what calls from there on spent
/// is to be known first.
pub fn from_when(limits: &[Limit], tz: &TimeZone, since: i64) -> i64 {
    let core = Core::new(limits.to_vec(), tz.clone(), since);
    let owed = core.owed();
    let earliest = owed.iter().map(|past| past.since_ms).min();
    earliest.unwrap_or(since).min(since)
}

impl Replay {
    /// Budgets with nothing spent, at the time of the first call.
    pub fn new(limits: Vec<Limit>, tz: TimeZone, first_ms: i64) -> Self {
        let finding = |limit: &Limit| Finding {
            limit: limit.clone(),
            refused: 0,
            refused_cost: PicoUsd::ZERO,
            first_refused_at: None,
            downgraded: 0,
            warned: 0,
            peak: 0,
            peak_value: None,
        };
        Replay {
            findings: Findings {
                budgets: limits.iter().map(finding).collect(),
                ..Findings::default()
            },
            core: Core::new(limits, tz, first_ms),
            ends: BinaryHeap::new(),
            open: HashMap::new(),
            averages: HashMap::new(),
        }
    }

    /// A call from before the span in question: it counts as it was, whatever the budgets say.
    pub fn spent_before(&mut self, call: &Call) {
        if call.outcome == Outcome::Refused {
            return;
        }
        let (facts, size) = (Arc::new(facts(call)), size(call));
        self.learn(call, &size);
        self.pass_until(call.head.started_at);
        let sizes = both(size);
        let id = self.core.hold_anyway(&facts, &sizes, call.head.started_at);
        self.begin(id, facts, size, call.ended_at);
    }

    /// The next call. `at_model` tells what it had cost at another model.
    pub fn call(&mut self, call: &Call, at_model: &dyn Fn(&str) -> Option<PicoUsd>) {
        let started_at = call.head.started_at;
        self.pass_until(started_at);
        self.findings.calls += 1;
        let was_refused = call.outcome == Outcome::Refused;
        let mut facts = facts(call);
        let (mut size, ended_at) = match was_refused {
            true => self.average(&facts, started_at),
            false => (size(call), call.ended_at.max(started_at)),
        };
        if !was_refused {
            self.learn(call, &size);
        }
        if call.head.sent_model.is_some() {
            // The budgets decide anew whether it is sent elsewhere.
            size.cost = facts.model.as_deref().and_then(at_model);
        }
        let mut sent_by = None;
        for _ in 0..DOWNGRADES_MAX {
            let shared = Arc::new(facts.clone());
            let overrun = self.without_room(&facts, &size, started_at);
            match self.core.admit(&shared, &both(size), started_at) {
                Ok(id) => {
                    for place in overrun {
                        self.findings.budgets[place].warned += 1;
                    }
                    self.findings.now_pass += u64::from(was_refused);
                    if let Some(budget) = sent_by {
                        self.downgraded(budget, call.cost, size.cost);
                    }
                    return self.begin(id, shared, size, ended_at);
                }
                Err(refusal) => match refusal.downgrade.clone() {
                    Some(downgrade) => {
                        size.cost = at_model(&downgrade.to);
                        facts.model = Some(downgrade.to);
                        sent_by = sent_by.or_else(|| self.place(&downgrade.budget));
                    }
                    None => return self.refused(&refusal, call),
                },
            }
        }
        self.findings.still_refused += u64::from(was_refused);
    }

    /// What came of it, once all calls have ended.
    pub fn finish(mut self) -> Findings {
        self.pass_until(i64::MAX);
        self.findings
    }

    fn begin(&mut self, id: HoldId, facts: Arc<Facts>, size: Size, ended_at: i64) {
        self.open.insert(id, (facts, size));
        self.ends.push(Reverse((ended_at, id)));
    }

    /// Ends the calls that had ended by then.
    fn pass_until(&mut self, now_ms: i64) {
        while let Some(Reverse((ended_at, id))) = self.ends.peek().copied() {
            if ended_at > now_ms {
                return;
            }
            self.ends.pop();
            let Some((facts, size)) = self.open.remove(&id) else {
                continue;
            };
            self.core.end(id, Some(&size));
            self.note_peaks(&facts);
        }
    }

    fn note_peaks(&mut self, facts: &Facts) {
        let found = self.core.candidates(facts, Pending::NOTHING);
        for &place in &found {
            let account = &self.core.accounts[place];
            if account.limit.is_rule() || fit(&account.limit, facts, Pending::NOTHING) != Fit::Yes {
                continue;
            }
            let spent = account.standing(facts).spent;
            let finding = &mut self.findings.budgets[place];
            if spent > finding.peak {
                finding.peak = spent;
                finding.peak_value = account.value(facts).map(str::to_owned);
            }
        }
        self.core.found = found;
    }

    /// The budgets that let the call pass although they have no room for it.
    fn without_room(&mut self, facts: &Facts, size: &Size, now_ms: i64) -> Vec<usize> {
        let sizes = both(*size);
        let mut found = self.core.candidates(facts, Pending::NOTHING);
        let Core { accounts, tz, .. } = &mut self.core;
        found.retain(|&place| {
            let account = &mut accounts[place];
            let passes = account.limit.action.lets_pass(facts.model.as_deref());
            if !passes || fit(&account.limit, facts, Pending::NOTHING) != Fit::Yes {
                return false;
            }
            account.turn(tz, now_ms);
            !account.has_room(facts, &sizes)
        });
        found
    }

    fn downgraded(&mut self, place: usize, before: Option<PicoUsd>, after: Option<PicoUsd>) {
        self.findings.budgets[place].downgraded += 1;
        self.findings.downgraded += 1;
        if let (Some(before), Some(after)) = (before, after) {
            self.findings.downgraded_cost.0 += before;
            self.findings.downgraded_cost.1 += after;
        }
    }

    fn refused(&mut self, refusal: &Refusal, call: &Call) {
        if call.outcome == Outcome::Refused {
            self.findings.still_refused += 1;
            return;
        }
        let cost = call.cost.unwrap_or_default();
        self.findings.refused += 1;
        self.findings.refused_cost += cost;
        if let Some(place) = self.place(&refusal.budget) {
            let finding = &mut self.findings.budgets[place];
            finding.refused += 1;
            finding.refused_cost += cost;
            finding.first_refused_at.get_or_insert(call.head.started_at);
        }
    }

    fn place(&self, budget: &str) -> Option<usize> {
        let mut budgets = self.findings.budgets.iter();
        budgets.position(|finding| finding.limit.name == budget)
    }

    /// Counts the call among those of its model, and of its provider.
    fn learn(&mut self, call: &Call, size: &Size) {
        self.learn_as(Facts::of(call).model, call, size);
        self.learn_as(None, call, size);
    }

    fn learn_as(&mut self, model: Option<String>, call: &Call, size: &Size) {
        let key = (call.head.provider.clone(), model);
        if self.averages.len() >= MODELS_MAX && !self.averages.contains_key(&key) {
            return;
        }
        let average = self.averages.entry(key).or_default();
        average.calls += 1;
        if let Some(cost) = size.cost {
            average.priced += 1;
            average.cost += cost;
        }
        average.input_tokens = average.input_tokens.saturating_add(size.input_tokens);
        average.output_tokens = average.output_tokens.saturating_add(size.output_tokens);
        let ms = call.ended_at.saturating_sub(call.head.started_at).max(0);
        average.ms = average.ms.saturating_add(ms);
    }

    /// What a call of which nothing is known takes, and when it ends. One that was refused by its head alone has
    /// not even a model.
    fn average(&self, facts: &Facts, started_at: i64) -> (Size, i64) {
        let key = (facts.provider.clone(), facts.model.clone());
        let of_provider = (facts.provider.clone(), None);
        let known = self.averages.get(&key);
        let Some(average) = known.or_else(|| self.averages.get(&of_provider)) else {
            let unknown = Size {
                cost: None,
                ..Size::FREE
            };
            return (unknown, started_at);
        };
        let cost = (average.priced > 0)
            .then(|| PicoUsd::rounded(average.cost.get(), average.priced.into()));
        let size = Size {
            cost,
            input_tokens: average.input_tokens / average.calls,
            output_tokens: average.output_tokens / average.calls,
        };
        let calls = i64::try_from(average.calls).unwrap_or(i64::MAX);
        (size, started_at.saturating_add(average.ms / calls))
    }
}

/// What the budgets are told of a call on record, by what it was asked for before a budget changed that.
fn facts(call: &Call) -> Facts {
    let mut facts = Facts::of(call);
    if call.head.request_model.is_some() {
        facts.model.clone_from(&call.head.request_model);
    }
    // A route that weir cannot read has no dialect and no cost; one that is free costs 0.
    facts.metered = !call.head.dialect.is_empty() || call.cost.is_some();
    facts
}

fn size(call: &Call) -> Size {
    let usage = call.usage.as_ref();
    Size {
        cost: call.cost,
        input_tokens: usage.and_then(|usage| usage.input).unwrap_or(0),
        output_tokens: usage.and_then(|usage| usage.output).unwrap_or(0),
    }
}

fn both(size: Size) -> Sizes {
    Sizes {
        expected: size,
        worst_case: size,
        // What cost something unknown finds no room where nothing is left.
        unpriced: PicoUsd::new(i128::from(size.cost.is_none())),
    }
}

#[cfg(test)]
mod tests;
