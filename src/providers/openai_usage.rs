//! The usage object of OpenAI's APIs and of everyone who speaks them.
//!
//! One shape with many spellings: what is cached is written in seven places, and providers disagree on
//! whether reasoning lies within the output. Every spelling is read, and the stated total decides.

mod tools;

use serde_json::Value;

use crate::units::PicoUsd;

use super::node::{Node, largest};
use super::report::{AUDIO_SECONDS, Convention, Placement, Report};

/// Reads a `usage` value; one that states no tokens gives an empty report.
pub fn report(usage: &Value) -> Report {
    let usage = Node::new(usage);
    let input_details = [
        "prompt_tokens_details",
        "input_tokens_details",
        "input_token_details",
    ];
    let output_details = [
        "completion_tokens_details",
        "output_tokens_details",
        "output_token_details",
    ];
    let input_details = first(usage, &input_details);
    let output_details = first(usage, &output_details);
    let reasoning = output_details
        .at("reasoning_tokens")
        .count()
        .or_else(|| usage.at("reasoning_tokens").count());
    let total = usage.at("total_tokens").count();
    let output = first(usage, &["completion_tokens", "output_tokens"]).count();
    let input = first(usage, &["prompt_tokens", "input_tokens"]).count();
    let mut report = Report {
        convention: Convention {
            cache: Placement::Within,
            // Details without reasoning mean that there is none; no details at all may hide some.
            reasoning: if reasoning.is_some() || !output_details.exists() {
                Placement::ByTotal
            } else {
                Placement::Within
            },
        },
        // Embeddings and rerankers may state the total alone.
        input: input.or_else(|| total.filter(|_| output.is_none())),
        output,
        total,
        cache_read: cache_read(usage, input_details),
        cache_write_other: cache_write(usage, input_details),
        reasoning,
        audio_input: largest([
            input_details.at("audio_tokens").count(),
            usage.at("audio_prompt_tokens").count(),
        ]),
        audio_output: output_details.at("audio_tokens").count(),
        image_input: input_details
            .at("image_tokens")
            .count()
            .or_else(|| usage.at("image_tokens").count()),
        image_output: output_details.at("image_tokens").count(),
        cost: cost(usage),
        ..Report::default()
    };
    // Mistral charges what is heard by the second, in chats too.
    let heard = usage.at("prompt_audio_seconds").seconds();
    if let Some(seconds) = heard.filter(|seconds| *seconds > 0) {
        report.has_audio = true;
        report.units.insert(AUDIO_SECONDS, seconds);
    }
    report.tool_input = connectors(usage, &report);
    tools::note(&mut report, usage);
    note_kinds(&mut report, input_details);
    report
}

/// What Mistral's connectors brought in, where the total shows that the prompt does not contain it.
fn connectors(usage: Node<'_>, report: &Report) -> Option<u64> {
    let tokens = usage.at("connector_tokens").count()?;
    let beside = report.input? + report.output? + tokens;
    report
        .total
        .is_some_and(|total| total >= beside)
        .then_some(tokens)
}

/// The first of these members that is there.
fn first<'a>(usage: Node<'a>, names: &[&str]) -> Node<'a> {
    let mut found = usage.at(names[0]);
    for name in &names[1..] {
        if !found.exists() {
            found = usage.at(name);
        }
    }
    found
}

/// What was read from a cache by kind, and what was written to one by how long it is kept.
fn note_kinds(report: &mut Report, details: Node<'_>) {
    let cached = details.at("cached_tokens_details");
    let writes = details.at("cache_write_tokens_details");
    for (unit, count) in [
        ("cache_read_audio_tokens", cached.at("audio_tokens")),
        ("cache_read_image_tokens", cached.at("image_tokens")),
        ("cache_write_30m_tokens", writes.at("ttl_30m_tokens")),
        ("cache_write_12h_tokens", writes.at("ttl_12h_tokens")),
    ] {
        if let Some(count) = count.count().filter(|count| *count > 0) {
            report.units.insert(unit, count);
        }
    }
}

fn cache_read(usage: Node<'_>, details: Node<'_>) -> Option<u64> {
    largest([
        details.at("cached_tokens").count(),
        details.at("cache_read_input_tokens").count(),
        usage.at("num_cached_tokens").count(),
        usage.at("prompt_token_details").at("cached_tokens").count(),
        usage.at("prompt_cache_hit_tokens").count(),
        usage.at("cached_tokens").count(),
        usage.at("cache_read_input_tokens").count(),
    ])
}

fn cache_write(usage: Node<'_>, details: Node<'_>) -> Option<u64> {
    let times = details.at("cache_write_tokens_details");
    let times = ["ttl_30m_tokens", "ttl_12h_tokens"].map(|time| times.at(time).count());
    largest([
        times.into_iter().flatten().reduce(|sum, part| sum + part),
        details.at("cache_write_tokens").count(),
        details.at("cache_creation_input_tokens").count(),
        details.at("cache_creation_tokens").count(),
        usage.at("cache_creation_input_tokens").count(),
    ])
}

/// The provider's own price: OpenRouter's `cost`, Perplexity's `cost.total_cost`, xAI's ticks.
pub fn cost(usage: Node<'_>) -> Option<PicoUsd> {
    if let Some(ticks) = usage.at("cost_in_usd_ticks").ticks() {
        return Some(ticks);
    }
    // DeepInfra's, in dollars though it does not say so.
    if let Some(estimated) = usage.at("estimated_cost").usd() {
        return Some(estimated);
    }
    let stated = usage.at("cost");
    if let Some(total) = stated.at("total_cost").usd() {
        let currency = stated.at("currency").text().unwrap_or("USD");
        return currency.eq_ignore_ascii_case("USD").then_some(total);
    }
    let charged = stated.usd()?;
    if usage.at("is_byok").is_true() {
        // With the caller's own key the upstream's bill comes on top of the gateway's fee.
        let upstream = usage
            .at("cost_details")
            .at("upstream_inference_cost")
            .usd()?;
        return Some(charged + upstream);
    }
    Some(charged)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cached_input_is_found_in_every_spelling() {
        for usage in [
            json!({"prompt_tokens": 171, "prompt_tokens_details": {"cached_tokens": 128}}),
            json!({"prompt_tokens": 171, "num_cached_tokens": 128}),
            json!({"prompt_tokens": 171, "num_cached_tokens": 0, "prompt_tokens_details": {"cached_tokens": 128}}),
            json!({"prompt_tokens": 171, "prompt_token_details": {"cached_tokens": 128}}),
            json!({"prompt_tokens": 171, "prompt_cache_hit_tokens": 128, "prompt_cache_miss_tokens": 43}),
            json!({"prompt_tokens": 171, "cached_tokens": 128, "prompt_tokens_details": null}),
            json!({"input_tokens": 171, "input_tokens_details": {"cached_tokens": 128.0}}),
        ] {
            let report = report(&usage);
            assert_eq!(
                (report.input, report.cache_read),
                (Some(171), Some(128)),
                "{usage}"
            );
        }
    }

    #[test]
    fn a_stated_price_is_read_wherever_it_stands() {
        for (usage, pico) in [
            (json!({"cost": 0.00183}), Some(1_830_000_000)),
            (
                json!({"cost": {"total_cost": 0.00501}}),
                Some(5_010_000_000),
            ),
            (json!({"cost": {"total_cost": 1, "currency": "EUR"}}), None),
            (json!({"cost_in_usd_ticks": 1_466_250}), Some(146_625_000)),
            (
                json!({"cost": 0.01, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.2}}),
                Some(210_000_000_000),
            ),
            (json!({"cost": 0.01, "is_byok": true}), None),
            (json!({"estimated_cost": 0.0000042}), Some(4_200_000)),
            (json!({"prompt_tokens": 1}), None),
        ] {
            assert_eq!(report(&usage).cost, pico.map(PicoUsd::new), "{usage}");
        }
    }

    #[test]
    fn what_is_no_usage_states_no_tokens() {
        for usage in [
            json!(null),
            json!({}),
            json!([]),
            json!("x"),
            json!({"cost": 1}),
        ] {
            assert!(!report(&usage).states_tokens(), "{usage}");
        }
        assert_eq!(report(&json!({"total_tokens": 12})).input, Some(12));
    }
}
