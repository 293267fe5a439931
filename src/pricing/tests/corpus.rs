//! Recorded usage, priced here and by the project that published the prices.

use crate::providers::Selectors;
use std::path::PathBuf;

use serde_json::Value;

use super::super::fields::plain_decimal;
use super::super::price::{ATTO_PER_PICO, Atto};
use super::super::{Catalog, Lookup, Origin};
use super::NOON;
use crate::units::PicoUsd;
use crate::usage::Usage;

fn cases() -> Option<Vec<(String, Value)>> {
    let root = std::env::var_os("WEIR_CORPUS").map(PathBuf::from);
    let root =
        root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    let entries = std::fs::read_dir(root.join("cases")).ok()?;
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("a case can be read");
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        (name, serde_json::from_str(&text).expect("a case is JSON"))
    };
    Some(paths.iter().map(read).collect())
}

fn count(expected: &Value, name: &str) -> Option<u64> {
    expected[name].as_u64()
}

/// The usage that the reference priced: searches and other fees left out.
fn usage(expected: &Value) -> Usage {
    let other = &expected["other_units"];
    let (five, hour) = (
        count(expected, "cache_write_5m_tokens"),
        count(expected, "cache_write_1h_tokens"),
    );
    let split = five.unwrap_or(0) + hour.unwrap_or(0);
    Usage {
        input: other["billed_input_tokens"]
            .as_u64()
            .or(count(expected, "input_tokens")),
        output: other["billed_output_tokens"]
            .as_u64()
            .or(count(expected, "output_tokens")),
        cache_read: count(expected, "cached_input_tokens"),
        cache_write_5m: five,
        cache_write_1h: hour,
        cache_write_other: count(expected, "cache_write_tokens")
            .map(|all| all.saturating_sub(split)),
        reasoning: count(expected, "reasoning_tokens"),
        audio_input: count(expected, "audio_input_tokens"),
        audio_output: count(expected, "audio_output_tokens"),
        image_input: count(expected, "image_input_tokens"),
        image_output: count(expected, "image_output_tokens"),
        ..Usage::default()
    }
}

/// A JSON number of dollars, rounded half up to pico-dollars.
pub(super) fn pico(number: &Value) -> PicoUsd {
    let plain = plain_decimal(&number.to_string()).expect("a decimal");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let atto = Atto::parse(&format!("{whole}.{fraction:.18}")).expect("an amount");
    PicoUsd::rounded(atto.0, ATTO_PER_PICO)
}

#[test]
fn recorded_usage_costs_what_the_reference_says() {
    let Some(cases) = cases() else {
        return eprintln!("left out: no recorded corpus");
    };
    let catalog = Catalog::builtin();
    let (mut equal, mut by_other_units, mut differences) = (0, 0, Vec::new());
    for (name, case) in &cases {
        let expected = &case["expected"];
        let (Some(reference), false) = (
            expected["cost_model"].as_str(),
            expected["cost_usd_genai_prices"].is_null(),
        ) else {
            continue;
        };
        let (provider, model_id) = reference.split_once('/').expect("a provider and a model");
        let said = ["model", "request_model"].map(|name| expected[name].as_str());
        let lookup = Lookup {
            provider,
            catalog_id: Some(provider),
            model: model_id,
            at: NOON,
            selectors: Selectors::NONE,
        };
        // As a caller does: by the model that answered, else by the one that was asked.
        let model = catalog.first_priced(&lookup, said.into_iter().flatten());
        let model = model.unwrap_or_default();
        let lookup = Lookup { model, ..lookup };
        let found = catalog
            .explain(&lookup)
            .map(|explanation| explanation.origin);
        let cost = catalog.cost(&lookup, &usage(expected)).amount;
        let wanted = pico(&expected["cost_usd_genai_prices"]);
        let (at, source) = match &found {
            Some(Origin::Catalogue { model, source, .. }) => (model.as_str(), source.as_str()),
            _ => ("nowhere", ""),
        };
        // A row of the other source has a name of its own for what costs the same.
        if cost == Some(wanted) && (at == model_id || source == "litellm") {
            equal += 1;
        } else if cost.is_none() && wanted == PicoUsd::ZERO {
            // The reference priced tokens only, and this model is priced by the hour of audio.
            by_other_units += 1;
        } else {
            let cost = cost.map_or("unknown".to_owned(), |cost| cost.to_string());
            differences.push(format!(
                "{name}: {model} at {reference} found {at}: {cost} against {wanted}"
            ));
        }
    }
    eprintln!(
        "{equal} of {} priced cases cost the same, {by_other_units} have no token price\n{}",
        equal + by_other_units + differences.len(),
        differences.join("\n")
    );
    assert!(equal > 0, "no case was priced");
    assert_eq!(differences, Vec::<String>::new());
}
