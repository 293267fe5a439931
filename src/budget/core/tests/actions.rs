//! What a budget without room does besides refusing, and which models it lets its calls ask for.

use super::*;
use crate::budget::limits::{Action, Models, NO_LIMIT, Per};

fn ask(core: &mut Core, model: &str, milli: i128) -> Result<HoldId, Box<Refusal>> {
    let facts = Arc::new(facts("openai", model, "ann"));
    core.admit(&facts, &sizes(milli_usd(milli)), NOW)
}

fn downgrade() -> Action {
    let pairs = [
        ("gpt-5", "gpt-5-mini"),
        ("claude-opus-*", "claude-haiku-4-5"),
    ];
    let pairs = pairs.map(|(from, to)| (from.to_owned(), to.to_owned()));
    Action::Downgrade(pairs.into_iter().collect())
}

#[test]
fn a_budget_that_warns_is_counted_and_overrun() {
    let mut core = core(vec![with("w", |limit| limit.action = Action::Warn)]);
    for _ in 0..3 {
        ask(&mut core, "gpt-5", 600).expect("it only warns");
    }
    assert_eq!(standing(&mut core, NOW), [line("w", "", 0, 1_800)]);
}

#[test]
fn a_spent_budget_sends_a_call_to_another_model_and_counts_it_there() {
    let mut core = core(vec![with("d", |limit| limit.action = downgrade())]);
    ask(&mut core, "gpt-5", 900).unwrap();
    let to = |refusal: Box<Refusal>| refusal.downgrade.map(|down| (down.budget, down.to));
    let said = |to: &str| Some(("d".to_owned(), to.to_owned()));
    assert_eq!(
        to(ask(&mut core, "gpt-5", 200).unwrap_err()),
        said("gpt-5-mini")
    );
    let opus = ask(&mut core, "claude-opus-5", 200).unwrap_err();
    assert_eq!(to(opus), said("claude-haiku-4-5"));
    assert_eq!(to(ask(&mut core, "o3", 200).unwrap_err()), None);
    ask(&mut core, "gpt-5-mini", 200).expect("what others are sent to passes");
    assert_eq!(standing(&mut core, NOW), [line("d", "", 0, 1_100)]);
}

#[test]
fn a_rule_over_models_limits_nothing_and_is_no_budget_to_show() {
    let mut core = core(vec![with("rule", |limit| {
        (limit.unit, limit.amount, limit.per) = (Unit::Requests, NO_LIMIT, Per::Total);
        limit.models = Models {
            allow: Some(vec!["gpt-*".to_owned()]),
            deny: vec!["gpt-4*".to_owned()],
        };
    })]);
    ask(&mut core, "gpt-5", 5_000).expect("it is allowed");
    for model in ["gpt-4o", "claude-sonnet-5"] {
        let refusal = ask(&mut core, model, 1).unwrap_err();
        assert_eq!(refusal.reason, Reason::Model, "{model}");
        let text = refusal.text();
        assert!(
            text.message
                .ends_with(&format!("rule does not allow the model {model}")),
            "{}",
            text.message
        );
        assert_eq!((text.retry_after_s, text.retry_helps), (None, false));
    }
    assert_eq!(standing(&mut core, NOW), []);
}

#[test]
fn the_body_is_awaited_where_the_model_decides() {
    let pending = Pending {
        model: true,
        user: false,
    };
    let denies = with("rule", |limit| limit.models.deny = vec!["gpt-5".to_owned()]);
    let downgrades = with("d", |limit| limit.action = downgrade());
    for limit in [denies, downgrades] {
        let mut core = core(vec![limit]);
        let id = ask(&mut core, "gpt-5-mini", 1_000).unwrap();
        core.end(id, Some(&milli_usd(1_000)));
        let call = facts("openai", "", "ann");
        assert_eq!(core.preview(&call, pending, true, NOW), Preview::NeedBody);
    }
}
