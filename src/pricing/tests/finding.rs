//! Which rates are found for whom.

use std::sync::Arc;

use super::super::{Catalog, Explanation, Lookup, Matched, Origin, Override};
use super::{lookup, served};
use crate::units::PicoUsd;
use crate::usage::Usage;

fn usd(text: &str) -> Option<PicoUsd> {
    Some(text.parse().expect("an amount"))
}

/// A rate as an override has it.
fn rate(text: &str) -> Option<i128> {
    usd(text).map(PicoUsd::get)
}

fn found(lookup: &Lookup<'_>) -> Option<(String, String, Matched)> {
    match Catalog::builtin().explain(lookup)?.origin {
        Origin::Catalogue {
            provider,
            model,
            matched,
            ..
        } => Some((provider, model, matched)),
        Origin::Override { .. } => None,
    }
}

#[track_caller]
fn finds(provider: &str, model: &str, expected: (&str, &str, Matched)) {
    let (at, id, matched) =
        found(&lookup(provider, model)).unwrap_or_else(|| panic!("{model} is not found"));
    assert_eq!((at.as_str(), id.as_str(), matched), expected);
}

#[test]
fn the_builtin_catalogue_is_whole() {
    let catalog = Catalog::builtin();
    assert!(catalog.models().count() > 3500);
    assert_eq!(catalog.version(), "genai-prices-0.2.3,litellm-1.109.1");
    assert_eq!(catalog.timestamp_ms(), 1_795_132_800_000);
    let again =
        Catalog::parse(include_str!("../data/prices.json")).expect("every pattern compiles");
    assert_eq!(again.models().count(), catalog.models().count());
}

#[test]
fn a_name_is_found_in_any_of_its_forms() {
    finds("openai", "gpt-5.5", ("openai", "gpt-5.5", Matched::AsSaid));
    finds("openai", "GPT-5.5", ("openai", "gpt-5.5", Matched::AsSaid));
    finds(
        "openai",
        "gpt-5.5-2026-04-23",
        ("openai", "gpt-5.5", Matched::AsSaid),
    );
    finds(
        "openai",
        "gpt-5.5-20260423",
        ("openai", "gpt-5.5", Matched::DashedDate),
    );
    finds(
        "openai",
        "ft:gpt-4.1:acme::abc",
        ("openai", "gpt-4.1", Matched::FineTunedBase),
    );
    finds(
        "openai",
        "ft:gpt-4o-mini-2024-07-18:acme::abc",
        ("openai", "ft:gpt-4o-mini", Matched::AsSaid),
    );
    finds(
        "google",
        "models/gemini-2.5-pro",
        ("google", "gemini-2.5-pro", Matched::AsSaid),
    );
    finds("azure", "gpt-4.1", ("azure", "gpt-4.1", Matched::AsSaid));
    finds(
        "azure",
        "gpt-4.1-20250414",
        ("azure", "gpt-4.1-2025-04-14", Matched::DashedDate),
    );
    // A model of which no price at Azure is published is sold at its maker's.
    finds(
        "azure",
        "gpt-3.5-turbo-instruct",
        ("openai", "gpt-3.5-turbo-instruct", Matched::AsSaid),
    );
    finds(
        "azure",
        "claude-sonnet-4-5@20250929",
        ("anthropic", "claude-sonnet-4-5", Matched::AsSaid),
    );
    assert_eq!(found(&lookup("google", "gpt-4.1")), None);
    assert_eq!(found(&lookup("openai", "claude-opus-5")), None);
}

#[test]
fn a_provider_unknown_to_the_catalogue_has_no_price() {
    let catalog = Catalog::builtin();
    let local = Lookup {
        catalog_id: None,
        ..lookup("local-vllm", "gpt-4.1")
    };
    assert_eq!(catalog.find(&local), None);
    assert_eq!(
        catalog.find(&Lookup {
            catalog_id: Some("nobody"),
            ..local
        }),
        None
    );
    let long = "gpt-4.1-".repeat(100);
    assert_eq!(catalog.find(&lookup("openai", &long)), None);
}

#[test]
fn a_model_without_published_prices_is_unknown_and_a_free_one_is_free() {
    let catalog = Catalog::builtin();
    let unknown = lookup("cerebras", "qwen-3-coder-480b");
    assert_eq!(catalog.find(&unknown), None);
    let known = catalog.explain(&unknown).expect("the model is known");
    assert_eq!(known.rates, None);
    let free = catalog
        .find(&lookup("openrouter", "openai/gpt-oss-20b:free"))
        .expect("it is free");
    assert!(free.is_free());
    assert_eq!(free.input_cost(1000), Some(PicoUsd::ZERO));
    assert!(
        !catalog
            .find(&lookup("openai", "gpt-5"))
            .expect("it has a price")
            .is_free()
    );
}

fn overridden(prices: &[Override]) -> Arc<Catalog> {
    Catalog::builtin().with_overrides(prices)
}

fn price(provider: Option<&str>, model: &str, input: &str) -> Override {
    let provider = provider.map(str::to_owned);
    Override {
        provider,
        model: model.to_owned(),
        input: rate(input),
        ..Override::default()
    }
}

#[test]
fn an_override_goes_before_the_catalogue_and_the_closer_one_before_the_wider() {
    let catalog = overridden(&[
        price(None, "*", "1"),
        price(None, "gpt-*", "2"),
        price(None, "gpt-5*", "3"),
        price(Some("openai"), "gpt-5*", "4"),
        price(None, "gpt-5", "5"),
        price(Some("openai"), "GPT-5", "6"),
        price(Some("openai"), "gpt-5", "7"),
    ]);
    let cost = |provider, model| {
        catalog
            .find(&lookup(provider, model))
            .and_then(|rates| rates.input_cost(1_000_000))
    };
    assert_eq!(cost("openai", "gpt-5"), usd("6"));
    assert_eq!(cost("azure", "gpt-5"), usd("5"));
    assert_eq!(cost("openai", "gpt-5-mini"), usd("4"));
    assert_eq!(cost("azure", "gpt-5-mini"), usd("3"));
    assert_eq!(cost("azure", "gpt-4"), usd("2"));
    assert_eq!(cost("nobody", "llama"), usd("1"));
    let local = Lookup {
        catalog_id: None,
        ..lookup("nobody", "llama")
    };
    assert!(catalog.find(&local).is_some());
}

#[test]
fn an_override_prices_every_class_that_it_states() {
    let all = Override {
        cached_input: rate("0.5"),
        cache_write_5m: rate("1.25"),
        output: rate("4"),
        input_audio: rate("8"),
        output_audio: rate("16"),
        request: rate("0.01"),
        ..price(None, "m", "1")
    };
    let catalog = overridden(&[all]);
    let million = 1_000_000;
    let usage = Usage {
        input: Some(5 * million),
        output: Some(2 * million),
        cache_read: Some(million),
        cache_write_5m: Some(million),
        cache_write_1h: Some(million),
        audio_input: Some(million),
        audio_output: Some(million),
        ..Usage::default()
    };
    let local = Lookup {
        catalog_id: None,
        ..lookup("nobody", "m")
    };
    // 1 + 0.5 + 1.25 + 1.25 (an hour's write at the price of a write) + 8, 4 + 16, and the request.
    assert_eq!(catalog.cost(&local, &usage).amount, usd("32.01"));
    assert_eq!(catalog.find(&local).expect("rates").lines(&usage).len(), 8);
}

#[test]
fn the_version_tells_overrides_apart_and_the_base_is_shared() {
    let (one, two) = (price(None, "m", "1"), price(None, "m", "2"));
    let [first, again, second] =
        [&one, &one, &two].map(|price| overridden(std::slice::from_ref(price)));
    assert_eq!(first.version(), again.version());
    assert_ne!(first.version(), second.version());
    let whole = "genai-prices-0.2.3,litellm-1.109.1";
    assert!(first.version().starts_with(&format!("{whole}+")));
    assert_eq!(first.version().len(), whole.len() + 9);
    assert_eq!(first.with_overrides(&[]).version(), whole);
    let rates = first.find(&lookup("openai", "gpt-5")).expect("rates");
    let (_, digest) = first.version().split_once('+').expect("a digest");
    assert_eq!(rates.version(), format!("genai-prices-0.2.3+{digest}"));
}

#[test]
fn an_explanation_names_what_chose_the_price() {
    let off_peak = Catalog::builtin()
        .explain(&lookup("deepseek", "deepseek-v4-flash"))
        .expect("known");
    assert_eq!(off_peak.condition.as_deref(), Some("from 2026-09-10"));
    let peak = Lookup {
        at: super::NOON - 3 * 3_600_000,
        ..lookup("deepseek", "deepseek-v4-flash")
    };
    let peak = Catalog::builtin().explain(&peak).expect("known");
    assert_eq!(
        peak.condition.as_deref(),
        Some("daily 06:00:00 to 10:00:00 UTC, Mon Tue Wed Thu Fri in Beijing")
    );
    let flex = Lookup {
        selectors: &served(Some("flex"), None),
        ..lookup("openai", "gpt-5.5")
    };
    let flex = Catalog::builtin().explain(&flex).expect("known");
    assert_eq!(flex.variants, ["service_tier=flex"]);
    let tiers: Vec<_> = flex
        .rates
        .expect("rates")
        .all()
        .map(|(item, above, rate)| (item.key(), above, rate.to_string()))
        .collect();
    assert_eq!(tiers[0], ("input_mtok", None, "2.5".to_owned()));
    assert_eq!(tiers[1], ("input_mtok", Some(272_000), "5".to_owned()));
    let ours =
        overridden(&[price(Some("openai"), "gpt-*", "1")]).explain(&lookup("openai", "gpt-5"));
    let Some(Explanation {
        origin: Origin::Override {
            provider, model, ..
        },
        ..
    }) = ours
    else {
        panic!("no override")
    };
    assert_eq!(
        (provider.as_deref(), model.as_str()),
        (Some("openai"), "gpt-*")
    );
}

#[test]
fn a_variant_is_its_makers_and_not_a_resellers() {
    let batch = served(Some("batch"), None);
    let cost = |provider, model| {
        let served = Lookup {
            selectors: &batch,
            ..lookup(provider, model)
        };
        let rates = Catalog::builtin().find(&served);
        rates.and_then(|rates| rates.input_cost(1_000_000))
    };
    // Azure's own price of it in a batch is not published, and OpenAI's is not Azure's.
    assert_eq!(cost("openai", "gpt-4o-mini"), usd("0.075"));
    assert_eq!(cost("azure", "gpt-4o-mini"), usd("0.15"));
}

#[test]
fn only_names_of_which_there_is_an_end_are_known() {
    let catalog = overridden(&[price(None, "My-Model", "1"), price(None, "other-*", "1")]);
    for name in [
        "gpt-5.5",
        "GPT-5.5",
        "gpt-5.5-2026-04-23",
        "claude-sonnet-4-5-20250929",
        "my-model",
        "models/gemini-2.5-pro",
    ] {
        assert!(catalog.knows_model(name), "{name}");
    }
    for name in [
        "gpt-5.5-and-more",
        "other-1",
        "",
        "llama-of-mine",
        "claude-opus-5-2026",
    ] {
        assert!(!catalog.knows_model(name), "{name}");
    }
}

#[test]
fn only_a_provider_without_free_models_always_costs() {
    let catalog = Catalog::builtin();
    assert!(catalog.always_costs("anthropic", Some("anthropic")));
    // A model without a price is unknown, not free.
    assert!(catalog.always_costs("openai", Some("openai")));
    for id in ["mistral", "openrouter", "nobody"] {
        assert!(!catalog.always_costs(id, Some(id)), "{id}");
    }
    assert!(!catalog.always_costs("anthropic", None));
    assert!(
        !overridden(&[price(Some("anthropic"), "m", "0")])
            .always_costs("anthropic", Some("anthropic"))
    );
    assert!(
        overridden(&[price(Some("openai"), "m", "0")]).always_costs("anthropic", Some("anthropic"))
    );
}

#[test]
fn a_provider_charges_that_sells_anything() {
    let catalog = Catalog::builtin();
    for id in ["openai", "mistral", "openrouter", "google"] {
        assert!(catalog.charges(id, Some(id)), "{id}");
    }
    assert!(!catalog.charges("nobody", Some("nobody")));
    assert!(!catalog.charges("openai", None), "a server of one's own");
    let own = |provider: Option<&str>, usd: &str| {
        overridden(&[price(provider, "m", usd)]).charges("mine", None)
    };
    assert!(own(Some("mine"), "1"));
    assert!(!own(Some("mine"), "0"), "free");
    assert!(!own(Some("other"), "1") && !own(None, "1"));
}

#[test]
fn bounds_by_the_dearest_rate_and_tier_in_reach() {
    let opus = Catalog::builtin()
        .find(&lookup("anthropic", "claude-opus-5"))
        .expect("rates");
    // An hour's cache write costs twice the input.
    assert_eq!(Some(opus.bound(1000, 1000)), usd("0.035"));
    let gpt = Catalog::builtin()
        .find(&lookup("openai", "gpt-5.5"))
        .expect("rates");
    assert_eq!(Some(gpt.bound(272_000, 0)), usd("1.36"));
    assert_eq!(Some(gpt.bound(272_001, 1000)), usd("2.76501"));
    let flash = Catalog::builtin()
        .find(&lookup("google", "gemini-2.5-flash"))
        .expect("rates");
    assert_eq!(Some(flash.bound(1000, 0)), usd("0.001"));
    assert_eq!(Some(flash.bound_text(1000, 0)), usd("0.0003"));
}

#[test]
fn tells_a_provider_by_the_url_of_its_api() {
    let catalog = Catalog::builtin();
    assert_eq!(catalog.provider_of_url("https://api.x.ai/v1"), Some("x-ai"));
    assert_eq!(
        catalog.provider_of_url("https://example.openai.azure.com"),
        Some("azure")
    );
    assert_eq!(catalog.provider_of_url("http://127.0.0.1:8000"), None);
    assert_eq!(
        catalog.provider_of_url("http://evil/?https://api.x.ai/v1"),
        None
    );
}

#[test]
fn the_context_window_is_the_models() {
    let catalog = Catalog::builtin();
    assert_eq!(
        catalog.context_window(&lookup("anthropic", "claude-opus-5")),
        Some(1_000_000)
    );
    assert_eq!(catalog.context_window(&lookup("openai", "whisper-1")), None);
}
