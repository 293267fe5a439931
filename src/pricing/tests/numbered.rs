//! The collected vectors that are about a price, by their numbers: recorded usage as it is restated,
//! and what it costs.
//!
//! 14 and 15 have a cost that the provider states and no arithmetic; 2, 9, 10, 12, 16, 18 to 22, 24 to
//! 27 and 33 to 35 are about reading, and priced here only as far as the catalogue goes.

use super::super::{Catalog, Lookup};
use super::{NOON, lookup};
use crate::providers::Selectors;
use crate::units::PicoUsd;
use crate::usage::Usage;

/// A usage written short: `in 4020 read 0 write 4012 out 4`.
fn usage(text: &str) -> Usage {
    let mut usage = Usage::default();
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.chunks(2) {
        let [name, count] = pair else {
            panic!("{text}: pairs of a name and a count")
        };
        let counted = count.parse().expect("a count");
        let count = Some(counted);
        match *name {
            "in" => usage.input = count,
            "out" => usage.output = count,
            "read" => usage.cache_read = count,
            "write" => usage.cache_write_other = count,
            "5m" => usage.cache_write_5m = count,
            "1h" => usage.cache_write_1h = count,
            "reasoning" => usage.reasoning = count,
            "audio-in" => usage.audio_input = count,
            "audio-out" => usage.audio_output = count,
            "searches" => drop(usage.other_units.insert("web_searches", counted)),
            "seconds" => drop(usage.other_units.insert("audio_seconds", counted)),
            name => panic!("{name}"),
        }
    }
    usage
}

fn selectors(text: &str) -> Selectors {
    let mut selectors = Selectors::default();
    for pair in text.split_whitespace() {
        let (name, value) = pair.split_once('=').expect("name=value");
        for (known, place) in selectors.each() {
            if known == name {
                *place = Some(value.to_owned());
            }
        }
    }
    selectors
}

/// Number, provider, model, selectors, usage, USD.
type Row = (
    u8,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const HAIKU: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";
const GLOBAL_HAIKU: &str = "global.anthropic.claude-haiku-4-5-20251001-v1:0";
const US_HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const CACHED: &str = "in 11470 read 9511 5m 1956 out 44";

const ROWS: &[Row] = &[
    (
        1,
        "openai",
        "gpt-5.6-sol",
        "",
        "in 4020 read 0 write 4012 out 4",
        "0.020172",
    ),
    (
        3,
        "anthropic",
        "claude-opus-5",
        "",
        "in 1592 5m 1590 out 4",
        "0.0100475",
    ),
    (
        4,
        "anthropic",
        "claude-sonnet-5",
        "",
        "in 22397 out 637",
        "0.051164",
    ),
    (
        4,
        "anthropic",
        "claude-sonnet-5",
        "",
        "in 22397 out 637 searches 2",
        "0.071164",
    ),
    (
        5,
        "anthropic",
        "claude-opus-4-8",
        "",
        "in 55416 out 133",
        "0.280405",
    ),
    (
        6,
        "anthropic",
        "claude-opus-4-8",
        "",
        "in 2518 out 22",
        "0.01314",
    ),
    (
        7,
        "google",
        "gemini-3-flash-preview",
        "",
        "in 507 out 276 reasoning 168",
        "0.0010815",
    ),
    (
        8,
        "google",
        "gemini-2.5-flash",
        "",
        "in 373 read 204 out 256 reasoning 167",
        "0.00069682",
    ),
    (
        11,
        "x-ai",
        "grok-3-mini",
        "",
        "in 12 read 11 out 291 reasoning 290",
        "0.000146625",
    ),
    (
        13,
        "deepseek",
        "deepseek-v4-flash",
        "",
        "in 563 read 512 out 116",
        "0.000078786",
    ),
    (17, "aws", GLOBAL_HAIKU, "", CACHED, "0.0036191"),
    (17, "aws", US_HAIKU, "", CACHED, "0.00398101"),
    // In a region without a profile the call is served there, and costs what the region asks.
    (17, "aws", HAIKU, "geo=us-east-1", CACHED, "0.00398101"),
    // The answer names the model alone; where it was served is the profile's.
    (
        17,
        "aws",
        "claude-haiku-4-5-20251001",
        "geo=global",
        CACHED,
        "0.0036191",
    ),
    (
        17,
        "aws",
        "claude-haiku-4-5-20251001",
        "geo=us",
        CACHED,
        "0.00398101",
    ),
    (
        23,
        "openai",
        "gpt-realtime",
        "",
        "in 16 out 24 audio-out 15",
        "0.001168",
    ),
    (25, "x-ai", "grok-voice-latest", "", "seconds 3600", "4.8"),
    (28, "openai", "gpt-5.5", "", "in 272000 out 1000", "1.39"),
    (28, "openai", "gpt-5.5", "", "in 272001 out 1000", "2.76501"),
    (
        29,
        "google",
        "gemini-2.5-pro",
        "",
        "in 200000 out 1000",
        "0.26",
    ),
    (
        29,
        "google",
        "gemini-2.5-pro",
        "",
        "in 200001 out 1000",
        "0.5150025",
    ),
    (
        30,
        "openai",
        "gpt-5.5",
        "",
        "in 300000 read 100000 out 1000",
        "2.145",
    ),
    (
        31,
        "openai",
        "gpt-5.5",
        "service_tier=flex",
        "in 1000 out 1000",
        "0.0175",
    ),
    (
        31,
        "openai",
        "gpt-5.5",
        "service_tier=batch",
        "in 1000 out 1000",
        "0.0175",
    ),
    (
        31,
        "openai",
        "gpt-5.5",
        "service_tier=priority",
        "in 1000 out 1000",
        "0.0875",
    ),
    (
        32,
        "anthropic",
        "claude-opus-5",
        "speed=fast",
        "in 1000 out 1000",
        "0.06",
    ),
];

#[test]
fn every_numbered_vector_costs_what_it_says() {
    for (number, provider, model, said, used, usd) in ROWS {
        let selectors = &selectors(said);
        let lookup = Lookup {
            selectors,
            ..lookup(provider, model)
        };
        let cost = Catalog::builtin().cost(&lookup, &usage(used));
        let amount = cost.amount.map(|amount| amount.to_string());
        assert_eq!(
            amount.as_deref(),
            Some(*usd),
            "{number}: {model} {said} {used}"
        );
    }
    assert!(ROWS.len() > 20);
}

#[test]
fn the_peak_hours_of_vector_13_are_of_working_days() {
    let hour = 3_600_000;
    let cost = |at| {
        let lookup = Lookup {
            at,
            ..lookup("deepseek", "deepseek-v4-flash")
        };
        let used = usage("in 563 read 512 out 116");
        Catalog::builtin().cost(&lookup, &used).amount
    };
    let peak = Some(PicoUsd::new(157_572_000));
    let low = Some(PicoUsd::new(78_786_000));
    // Friday, three in the morning; the same hour on Saturday, Sunday and Monday.
    let friday = NOON - 9 * hour;
    let days = [0, 1, 2, 3].map(|day| cost(friday + day * 24 * hour));
    assert_eq!(days, [peak, low, low, peak]);
}

#[test]
fn parts_at_the_models_own_price_each_reach_their_own_tier() {
    let parts = ["in 150000 out 10", "in 250000 out 10"].map(usage);
    let model = "gemini-2.5-pro";
    let parts = parts.map(|part| (model.to_owned(), part));
    let whole = Usage {
        sub_usages: parts.into(),
        ..Usage::default()
    };
    let cost = Catalog::builtin().cost(&lookup("google", model), &whole);
    // 150,000 x 1.25 + 10 x 10 and, above 200,000, 250,000 x 2.5 + 10 x 15 per million.
    assert_eq!(cost.amount, "0.81275".parse().ok());
}
