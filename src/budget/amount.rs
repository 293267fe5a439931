//! What a call takes from a budget, in the budget's own unit.

use crate::budget::facts::{Facts, Size, Sizes, Spent};
use crate::budget::limits::{HoldMode, Limit, Unit, Unknown};
use crate::budget::refusal::Reason;
use crate::units::PicoUsd;

/// What a call holds of `limit`, or why it may not pass whatever is left. What cannot be told and
/// is allowed holds 0, or of money what it may be charged; a hold of 0 always passes.
pub(crate) fn needed(limit: &Limit, facts: &Facts, sizes: &Sizes) -> Result<i128, Reason> {
    let size = match limit.hold {
        HoldMode::Expected => &sizes.expected,
        HoldMode::WorstCase => &sizes.worst_case,
    };
    match limit.unit {
        Unit::Requests | Unit::Concurrent => Ok(1),
        _ if !facts.metered => allowed(limit.unmetered, Reason::Unmetered),
        Unit::Cost if size.cost.is_none() => {
            allowed(limit.unpriced, Reason::Unpriced).map(|free| free.max(sizes.unpriced.get()))
        }
        unit => Ok(taken(unit, size)),
    }
}

fn allowed(policy: Unknown, reason: Reason) -> Result<i128, Reason> {
    match policy {
        Unknown::Allow => Ok(0),
        Unknown::Block => Err(reason),
    }
}

/// What a call that went upstream took. An unknown cost charges no money; its tokens still count.
pub(crate) fn taken(unit: Unit, size: &Size) -> i128 {
    let (input, output) = (
        i128::from(size.input_tokens),
        i128::from(size.output_tokens),
    );
    match unit {
        Unit::Cost => size.cost.map_or(0, PicoUsd::get).max(0),
        Unit::Tokens => input + output,
        Unit::InputTokens => input,
        Unit::OutputTokens => output,
        Unit::Requests => 1,
        Unit::Concurrent => 0,
    }
}

/// What past calls took together.
pub(crate) fn sum(unit: Unit, spent: &Spent) -> i128 {
    let size = Size {
        cost: Some(spent.cost),
        input_tokens: spent.input_tokens,
        output_tokens: spent.output_tokens,
    };
    match unit {
        Unit::Requests => i128::from(spent.requests),
        unit => taken(unit, &size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budgets;
    use crate::budget::tests::{facts, limit, milli_usd, opened};

    /// 2026-11-20T10:00:30Z.
    const NOW: i64 = 1_795_168_830_000;

    fn unpriced(held: i128) -> Sizes {
        let size = Size {
            cost: None,
            ..Size::FREE
        };
        Sizes {
            unpriced: PicoUsd::new(held),
            ..Sizes::alike(size)
        }
    }

    fn standing(budgets: &Budgets) -> (i128, i128) {
        let state = &budgets.snapshot(NOW)[0];
        (state.spent, state.held)
    }

    #[test]
    fn what_may_be_charged_passes_until_a_money_budget_is_spent() {
        let budgets = opened(vec![limit("day")]);
        let call = facts("openai", "an-alias", "alice");
        let admit = |sizes: &Sizes| budgets.admit(&call, sizes, NOW);
        let one = admit(&unpriced(1)).expect("a dollar is left");
        assert_eq!(standing(&budgets), (0, 1), "the least there is");
        one.settle(&milli_usd(1_000));
        let refusal = admit(&unpriced(1)).expect_err("nothing is left");
        assert_eq!(refusal.reason, Reason::Spent);
        admit(&unpriced(0)).expect("nobody charges it").release();
    }

    #[test]
    fn what_may_be_charged_is_no_token() {
        let mut tokens = limit("tokens");
        (tokens.unit, tokens.amount) = (Unit::Tokens, 1);
        let budgets = opened(vec![tokens]);
        let call = facts("openai", "an-alias", "alice");
        let permit = budgets.admit(&call, &unpriced(1), NOW).expect("none");
        assert_eq!(standing(&budgets), (0, 0));
        permit.release();
    }
}
