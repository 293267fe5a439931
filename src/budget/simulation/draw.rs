//! What chance brings: callers, budgets and sizes, all of them following from a seed.

use std::sync::Arc;

use crate::budget::facts::{Facts, Size, Sizes};
use crate::budget::limits::{Dimension, HoldMode, Limit, Per, Unit, Unknown};
use crate::budget::samples::{facts, limit};
use crate::units::PicoUsd;

/// splitmix64: the whole run follows from the seed.
pub(in crate::budget) struct Random(pub(in crate::budget) u64);

impl Random {
    pub(in crate::budget) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    /// A place among so many.
    pub(super) fn place(&mut self, count: usize) -> usize {
        let below = self.below(u64::try_from(count).expect("few"));
        usize::try_from(below).expect("below a usize")
    }

    /// A span below `most_ms`.
    pub(super) fn span(&mut self, most_ms: i64) -> i64 {
        let below = self.below(u64::try_from(most_ms).expect("positive"));
        i64::try_from(below).expect("below an i64")
    }

    pub(in crate::budget) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.place(from.len())]
    }
}

pub(super) fn callers() -> Vec<Arc<Facts>> {
    let mut callers = Vec::new();
    for (user, team) in [("alice", "search"), ("bob", "ads"), ("", "search")] {
        for (model, metered) in [
            ("gpt-5", true),
            ("gpt-5-mini", true),
            ("", true),
            ("gpt-5", false),
        ] {
            let mut caller = facts("openai", model, user);
            caller.metered = metered;
            caller.model = caller.model.filter(|model| !model.is_empty());
            caller.labels.user = caller.labels.user.filter(|user| !user.is_empty());
            caller.labels.team = Some(team.to_owned());
            callers.push(Arc::new(caller));
        }
    }
    callers
}

/// Most of the budgets there are, with amounts that some seeds' calls reach and others do not.
pub(super) fn some_limits(random: &mut Random) -> Vec<Limit> {
    type Change = fn(&mut Limit, i128);
    let all: [(&str, Change); 8] = [
        ("user-day", |l, n| {
            (l.amount, l.each) = (400 * n, Some(Dimension::User))
        }),
        ("team-month", |l, n| {
            (l.amount, l.per, l.hold) = (6_000 * n, Per::Month, HoldMode::WorstCase);
            l.matches
                .dimensions
                .insert(Dimension::Team, vec!["search".into()]);
        }),
        ("user-rpm", |l, n| {
            (l.unit, l.amount, l.per, l.each) =
                (Unit::Requests, 2 + n, Per::Minute, Some(Dimension::User));
        }),
        ("tokens-hour", |l, n| {
            (l.unit, l.amount, l.per, l.hold) =
                (Unit::Tokens, 2_000 * n, Per::Hour, HoldMode::WorstCase);
            l.unmetered = Unknown::Block;
        }),
        ("flight", |l, n| {
            (l.unit, l.amount, l.per) = (Unit::Concurrent, 4 + 4 * n, Per::Total)
        }),
        ("gpt-total", |l, n| {
            (l.amount, l.per) = (60_000 * n, Per::Total);
            l.matches
                .dimensions
                .insert(Dimension::Model, vec!["gpt-*".into()]);
        }),
        ("model-week", |l, n| {
            (l.unit, l.amount, l.per) = (Unit::OutputTokens, 4_000 * n, Per::Week);
            l.each = Some(Dimension::Model);
        }),
        ("year", |l, n| {
            (l.amount, l.per, l.unpriced) = (30_000 * n, Per::Year, Unknown::Block)
        }),
    ];
    let mut limits = Vec::new();
    for (name, change) in all {
        if !random.one_in(5) {
            let mut limit = limit(name);
            change(&mut limit, i128::from(1 + random.below(8)));
            limits.push(limit);
        }
    }
    limits
}

pub(super) fn some_sizes(random: &mut Random, metered: bool) -> Sizes {
    if !metered {
        let unknown = Size {
            cost: None,
            input_tokens: 0,
            output_tokens: 0,
        };
        return Sizes::alike(unknown);
    }
    let (input, output) = (random.below(100), random.below(100));
    let priced = !random.one_in(16);
    let free = random.one_in(16);
    let size = |times: u64| {
        let (input_tokens, output_tokens) = (input * times, output * times);
        let pico = if free {
            0
        } else {
            i128::from(input_tokens + 4 * output_tokens)
        };
        Size {
            cost: priced.then_some(PicoUsd::new(pico)),
            input_tokens,
            output_tokens,
        }
    };
    Sizes {
        expected: size(1),
        worst_case: size(3),
        unpriced: PicoUsd::new(i128::from(random.below(3))),
    }
}

/// Anything up to the worst case.
pub(super) fn actual(random: &mut Random, sizes: &Sizes) -> Size {
    let worst = &sizes.worst_case;
    let mut up_to = |most: u64| random.below(most + 1);
    let pico = worst
        .cost
        .map(|cost| up_to(u64::try_from(cost.get()).unwrap_or(0)));
    Size {
        cost: pico.map(|pico| PicoUsd::new(i128::from(pico))),
        input_tokens: up_to(worst.input_tokens),
        output_tokens: up_to(worst.output_tokens),
    }
}
