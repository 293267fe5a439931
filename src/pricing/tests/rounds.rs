//! Usage of several requests, units that models charge in their own way, and capacity paid for otherwise.

use proptest::prelude::*;

use super::super::{Catalog, Lookup};
use super::{lookup, served};
use crate::units::PicoUsd;
use crate::usage::Usage;

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    }
}

/// The sum of some requests, and each of them.
fn rounds(parts: &[(u64, u64)]) -> Usage {
    let mut sum = Usage::default();
    for (input, output) in parts {
        sum.add(&usage(*input, *output));
    }
    let part = |(input, output): &(u64, u64)| (*input, usage(*input, *output));
    sum.rounds = parts.iter().map(part).collect();
    sum
}

fn cost(lookup: &Lookup<'_>, usage: &Usage) -> Option<PicoUsd> {
    Catalog::builtin().cost(lookup, usage).amount
}

#[track_caller]
fn check(lookup: &Lookup<'_>, usage: &Usage, usd: &str) {
    let amount = cost(lookup, usage).map(|amount| amount.to_string());
    assert_eq!(amount.as_deref(), Some(usd), "{}", lookup.model);
}

#[test]
fn each_round_is_priced_in_its_own_tier() {
    let sonnet = lookup("anthropic", "claude-sonnet-4-5");
    check(&sonnet, &usage(400_000, 2_000), "2.445");
    check(
        &sonnet,
        &rounds(&[(200_000, 1_000), (200_000, 1_000)]),
        "1.23",
    );
    let mixed = rounds(&[(300_000, 1_000), (100_000, 1_000)]);
    check(&sonnet, &mixed, "2.1375");
    // Many small answers of a batch are one round, of which the largest decides.
    let batch = Usage {
        rounds: vec![(9_000, usage(400_000, 2_000))],
        ..usage(400_000, 2_000)
    };
    check(&sonnet, &batch, "1.23");
}

#[test]
fn fees_are_charged_once_however_many_rounds_there_are() {
    let searched = Usage {
        other_units: [("web_searches", 2)].into(),
        ..rounds(&[(300_000, 0), (100_000, 0)])
    };
    let pro = lookup("google", "gemini-2.5-pro");
    check(&pro, &searched, "0.945");
}

#[test]
fn searches_are_charged_by_the_prompt_where_the_model_is() {
    let searched = |units: &[(&'static str, u64)]| Usage {
        other_units: units.iter().copied().collect(),
        ..usage(0, 0)
    };
    let by_prompt = searched(&[("web_searches", 3), ("grounded_prompts", 1)]);
    check(&lookup("google", "gemini-2.5-flash"), &by_prompt, "0.035");
    let by_query = searched(&[("web_searches", 3)]);
    check(
        &lookup("google", "gemini-3-flash-preview"),
        &by_query,
        "0.042",
    );
}

#[test]
fn capacity_that_is_paid_by_the_hour_has_no_price_by_the_token() {
    for (tier, known) in [
        ("PROVISIONED_THROUGHPUT", false),
        ("provisioned_throughput", false),
        ("ON_DEMAND", true),
    ] {
        let selectors = served(Some(tier), None);
        let lookup = Lookup {
            selectors: &selectors,
            ..lookup("google", "gemini-2.5-flash")
        };
        assert_eq!(cost(&lookup, &usage(1, 1)).is_some(), known, "{tier}");
    }
}

#[test]
fn every_claude_is_found_by_the_name_that_vertex_has_for_it() {
    let catalog = Catalog::builtin();
    let claudes = catalog.models().filter(|(provider, model)| {
        *provider == "anthropic" && !model.ends_with("-latest") && model.len() > 8
    });
    let mut count = 0;
    for (_, model) in claudes {
        for version in ["20250929", "default"] {
            let name = format!("{model}@{version}");
            let known = cost(&lookup("anthropic", model), &usage(1_000, 1_000)).is_some();
            let found = cost(&lookup("google", &name), &usage(1_000, 1_000));
            assert_eq!(found.is_some(), known, "{name}");
            count += 1;
        }
    }
    assert!(count > 10, "{count} names");
    check(
        &lookup("google", "claude-sonnet-4-5@20250929"),
        &usage(1_000, 1_000),
        "0.018",
    );
}

#[test]
fn live_video_and_speech_have_rates_of_their_own() {
    let turn = Usage {
        audio_output: Some(1_000),
        other_units: [("video_input_tokens", 1_000)].into(),
        ..usage(2_000, 1_500)
    };
    // 1,000 text and 1,000 video in; 500 text and 1,000 speech out.
    check(
        &lookup("google", "gemini-3.1-flash-live-preview"),
        &turn,
        "0.016",
    );
}

proptest! {
    #[test]
    fn rounds_cost_what_they_would_cost_as_calls(
        parts in proptest::collection::vec((0_u64..500_000, 0_u64..5_000), 1..6),
    ) {
        for model in ["claude-sonnet-4-5", "claude-haiku-5-5", "claude-opus-5"] {
            let lookup = lookup("anthropic", model);
            let alone = parts.iter().map(|(input, output)| cost(&lookup, &usage(*input, *output)));
            let sum = alone.sum::<Option<PicoUsd>>().expect("a price");
            // These rates are whole pico-dollars by the token, so nothing is rounded.
            prop_assert_eq!(cost(&lookup, &rounds(&parts)), Some(sum));
        }
    }
}
