//! Where a reading and a record differ.

use serde_json::Value;

use crate::usage::Usage;

/// What the records call units besides tokens, and what weir calls them.
const UNITS: &[(&str, &[&str])] = &[
    ("audio_seconds", &["audio_seconds"]),
    ("prompt_audio_seconds", &["audio_seconds"]),
    ("billable_characters", &["billable_characters"]),
    ("pages_processed", &["pages", "document_pages"]),
    ("search_units", &["search_units", "rerank_searches"]),
];

/// What the records tell beside usage: tokens that are judged with the others, sizes, what is free.
const TOLD: &[&str] = &[
    "billed_input_tokens",
    "billed_output_tokens",
    "doc_size_bytes",
    "fallback_iterations",
    "server_side_tools",
    "web_fetch_requests",
];

/// Where usage and record differ.
///
/// Records state some subsets that are larger than their whole, which weir does not keep: reasoning is
/// held to the output, and input that is less than its cached part is taken to lie beside it.
pub(super) fn differences(usage: &Usage, expected: &Value) -> Vec<String> {
    let whole = usage.overall();
    let count = |name: &str| expected[name].as_u64().unwrap_or(0);
    let beside = |input: u64| {
        let cached = count("cached_input_tokens");
        if cached > input && whole.input >= Some(cached) {
            input + cached
        } else {
            input
        }
    };
    let writes = [
        whole.cache_write_5m,
        whole.cache_write_1h,
        whole.cache_write_other,
    ];
    let units = |name| whole.other_units.get(name).copied();
    let mut pairs = vec![
        ("cached_input_tokens", whole.cache_read),
        (
            "cache_write_tokens",
            writes.into_iter().flatten().reduce(|a, b| a + b),
        ),
        ("cache_write_1h_tokens", whole.cache_write_1h),
        ("reasoning_tokens", whole.reasoning),
        ("audio_input_tokens", whole.audio_input),
        ("audio_output_tokens", whole.audio_output),
        ("image_input_tokens", whole.image_input),
        ("image_output_tokens", whole.image_output),
        ("web_search_requests", units("web_searches")),
    ];
    // Rounds that are billed though the totals leave them out are another reading of the same record.
    let readings = expected["alternatives"].as_array().into_iter().flatten();
    let fits = |reading: &Value| {
        let stated = |name: &str| reading[name].as_u64().unwrap_or(count(name));
        whole.input.unwrap_or(0) == beside(stated("input_tokens"))
            && whole.output.unwrap_or(0) == stated("output_tokens")
    };
    let differ_in_units = units_that_differ(usage, expected);
    if !std::iter::once(expected).chain(readings).any(fits) {
        pairs.push(("input_tokens", whole.input));
        pairs.push(("output_tokens", whole.output));
    }
    let wanted = |name: &str| match name {
        "reasoning_tokens" => count(name).min(count("output_tokens")),
        _ => count(name),
    };
    let differ = pairs
        .into_iter()
        .filter(|(name, found)| found.unwrap_or(0) != wanted(name));
    differ
        .map(|(name, found)| format!("{name} {found:?}, expected {}", wanted(name)))
        .chain(differ_in_units)
        .collect()
}

/// The units besides tokens in which usage and record differ.
pub(super) fn units_that_differ(usage: &Usage, expected: &Value) -> Vec<String> {
    let found = usage.overall().other_units;
    let stated = expected["other_units"].as_object().into_iter().flatten();
    let mut faults = Vec::new();
    for (name, count) in stated.filter(|(name, _)| !TOLD.contains(&name.as_str())) {
        let known = UNITS.iter().find(|(unit, _)| unit == name);
        let Some((_, ours)) = known else {
            faults.push(format!("the record's unit {name} is not compared"));
            continue;
        };
        let ours = ours.iter().find_map(|unit| found.get(unit)).copied();
        if ours != count.as_u64() {
            faults.push(format!("{name} {ours:?}, expected {count}"));
        }
    }
    faults
}
