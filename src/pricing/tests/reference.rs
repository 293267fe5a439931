//! Costs that genai-prices 0.2.3 itself computes, over tiers, dates, tiers of service and media.
//!
//! The rows of `reference.json` were drawn at random from every model of the catalogue; where
//! weir answers otherwise than genai-prices on purpose (a price that is unknown) there is no row.

use serde_json::Value;

use super::super::Catalog;
use super::super::Lookup;
use super::{lookup, served};
use crate::units::PicoUsd;
use crate::usage::Usage;

fn usage(counts: &Value) -> Usage {
    let count = |name: &str| counts[name].as_u64();
    let others = ["cache_read_audio_tokens", "web_searches", "file_searches"];
    let others = others
        .into_iter()
        .filter_map(|name| Some((name, count(name)?)));
    Usage {
        input: count("input"),
        output: count("output"),
        cache_read: count("cache_read"),
        cache_write_5m: count("cache_write_5m"),
        cache_write_1h: count("cache_write_1h"),
        cache_write_other: count("cache_write_other"),
        reasoning: count("reasoning"),
        audio_input: count("audio_input"),
        audio_output: count("audio_output"),
        image_input: count("image_input"),
        other_units: others.chain([("cache_read_image_tokens", 0)]).collect(),
        ..Usage::default()
    }
}

#[test]
fn every_cost_is_the_references_to_the_pico_dollar() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("reference.json")).expect("rows");
    assert!(rows.len() > 150, "{} rows", rows.len());
    let catalog = Catalog::builtin();
    let alone = Catalog::builtin_without_added();
    let mut completed = 0;
    for row in &rows {
        let text = |name: &str| row[name].as_str();
        let provider = text("provider").expect("a provider");
        let lookup = Lookup {
            at: row["at"].as_i64().expect("a time"),
            selectors: &served(text("tier"), text("speed")),
            ..lookup(provider, text("model").expect("a model"))
        };
        let expected = row["picousd"]
            .as_i64()
            .map(|pico| PicoUsd::new(pico.into()));
        let usage = usage(&row["usage"]);
        assert_eq!(alone.cost(&lookup, &usage).amount, expected, "{row}");
        // Where litellm knows a price for the kind of request and genai-prices none, genai-prices
        // charges the plain one. The version says so.
        let cost = catalog.cost(&lookup, &usage);
        if cost.version.contains("litellm") {
            completed += 1;
        } else {
            assert_eq!(cost.amount, expected, "{row}");
        }
    }
    assert!(
        completed * 5 < rows.len(),
        "{completed} of {} rows",
        rows.len()
    );
}
