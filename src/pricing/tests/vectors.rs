//! Known usages and their published prices, to the pico-dollar.

use super::super::{Catalog, Lookup};
use super::{NOON, lookup, served};
use crate::usage::Usage;

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    }
}

#[track_caller]
fn check(lookup: &Lookup<'_>, usage: &Usage, usd: &str) {
    let cost = Catalog::builtin().cost(lookup, usage);
    let amount = cost
        .amount
        .unwrap_or_else(|| panic!("{} has no price", lookup.model));
    assert_eq!(amount.to_string(), usd, "{}", lookup.model);
    assert!(
        cost.version.starts_with("genai-prices-0.2.3"),
        "{}",
        cost.version
    );
}

#[test]
fn charges_cache_writes_and_reads_at_their_own_rates() {
    let written = Usage {
        cache_write_other: Some(4012),
        cache_read: Some(0),
        ..usage(4020, 4)
    };
    check(&lookup("openai", "gpt-5.6-sol"), &written, "0.020172");
    let written = Usage {
        cache_write_5m: Some(1590),
        ..usage(1592, 4)
    };
    check(&lookup("anthropic", "claude-opus-5"), &written, "0.0100475");
    let read = Usage {
        cache_read: Some(204),
        reasoning: Some(167),
        ..usage(373, 256)
    };
    check(&lookup("google", "gemini-2.5-flash"), &read, "0.00069682");
    let both = Usage {
        cache_read: Some(9511),
        cache_write_5m: Some(1956),
        ..usage(11470, 44)
    };
    check(&lookup("anthropic", "claude-haiku-4-5"), &both, "0.0036191");
    let hour = Usage {
        cache_write_1h: Some(1_000_000),
        ..usage(1_000_000, 0)
    };
    check(&lookup("anthropic", "claude-opus-5"), &hour, "10");
}

#[test]
fn adds_the_fee_of_each_search() {
    let searched = Usage {
        other_units: [("web_searches", 2)].into(),
        ..usage(22397, 637)
    };
    check(
        &lookup("anthropic", "claude-sonnet-5"),
        &searched,
        "0.071164",
    );
    check(
        &lookup("anthropic", "claude-sonnet-5"),
        &usage(22397, 637),
        "0.051164",
    );
}

#[test]
fn charges_compaction_in_the_total_and_an_advisor_at_its_own_price() {
    check(
        &lookup("anthropic", "claude-opus-4-8"),
        &usage(55_416, 133),
        "0.280405",
    );
    check(
        &lookup("anthropic", "claude-opus-4-8"),
        &usage(2518, 22),
        "0.01314",
    );
    let advised = Usage {
        sub_usages: vec![("claude-opus-4-8".to_owned(), usage(2518, 22))],
        ..usage(2390, 121)
    };
    // 2390 x 2 + 121 x 10 per million, and the advisor's.
    check(&lookup("anthropic", "claude-sonnet-5"), &advised, "0.01913");
    let strange = Usage {
        sub_usages: vec![("nobody-knows".to_owned(), usage(1, 1))],
        ..usage(2390, 121)
    };
    assert_eq!(
        Catalog::builtin()
            .cost(&lookup("anthropic", "claude-sonnet-5"), &strange)
            .amount,
        None
    );
}

#[test]
fn charges_thoughts_and_tool_prompts_as_output_and_input() {
    let gemini = Usage {
        reasoning: Some(168),
        ..usage(507, 276)
    };
    check(
        &lookup("google", "gemini-3-flash-preview"),
        &gemini,
        "0.0010815",
    );
    let grok = Usage {
        cache_read: Some(11),
        reasoning: Some(290),
        ..usage(12, 291)
    };
    check(&lookup("x-ai", "grok-3-mini"), &grok, "0.000146625");
}

#[test]
fn the_hour_of_the_day_decides_where_peak_hours_cost_more() {
    let usage = Usage {
        cache_read: Some(512),
        ..usage(563, 116)
    };
    let at = |at| Lookup {
        at,
        ..lookup("deepseek", "deepseek-v4-flash")
    };
    let hour = 3_600_000;
    check(&at(NOON), &usage, "0.000078786");
    check(&at(NOON - 2 * hour), &usage, "0.000078786");
    check(&at(NOON - 2 * hour - 1), &usage, "0.000157572");
    check(&at(NOON - 11 * hour), &usage, "0.000157572");
    check(&at(NOON - 11 * hour - 1), &usage, "0.000078786");
}

#[test]
fn the_date_of_the_call_decides_where_prices_changed() {
    let at = |at| Lookup {
        at,
        ..lookup("anthropic", "claude-opus-4-6")
    };
    // Its long-context tier ended on 13 March 2026.
    check(&at(1_773_359_999_999), &usage(300_000, 0), "3");
    check(&at(1_773_360_000_000), &usage(300_000, 0), "1.5");
}

#[test]
fn a_tier_is_a_cliff_for_the_whole_request() {
    let gpt = lookup("openai", "gpt-5.5");
    check(&gpt, &usage(272_000, 1000), "1.39");
    check(&gpt, &usage(272_001, 1000), "2.76501");
    let gemini = lookup("google", "gemini-2.5-pro");
    check(&gemini, &usage(200_000, 1000), "0.26");
    check(&gemini, &usage(200_001, 1000), "0.5150025");
    let cached = Usage {
        cache_read: Some(100_000),
        ..usage(300_000, 1000)
    };
    check(&gpt, &cached, "2.145");
    let grok = lookup("x-ai", "grok-4.5");
    check(&grok, &usage(199_999, 0), "0.399998");
    check(&grok, &usage(200_000, 0), "0.8");
}

#[test]
fn the_tier_that_served_sets_the_price() {
    let check = |model: Lookup<'_>, tier, speed, cost| {
        let selectors = &served(tier, speed);
        check(&Lookup { selectors, ..model }, &usage(1000, 1000), cost);
    };
    let gpt = lookup("openai", "gpt-5.5");
    check(gpt, Some("flex"), None, "0.0175");
    check(gpt, Some("batch"), None, "0.0175");
    check(gpt, Some("priority"), None, "0.0875");
    for plain in ["default", "auto", "standard", "scale", "nonsense"] {
        check(gpt, Some(plain), None, "0.035");
    }
    let opus = lookup("anthropic", "claude-opus-5");
    check(opus, None, Some("fast"), "0.06");
    check(opus, None, Some("standard"), "0.03");
    check(opus, Some("batch"), None, "0.015");
}

#[test]
fn charges_audio_at_its_own_rate() {
    let heard = Usage {
        audio_input: Some(1000),
        ..usage(1500, 0)
    };
    check(&lookup("google", "gemini-2.5-flash"), &heard, "0.00115");
    // All of the 1,500 came from the cache: 1,000 as audio at 0.1, 500 as text at 0.03.
    let cached = Usage {
        cache_read: Some(1500),
        ..heard
    };
    check(&lookup("google", "gemini-2.5-flash"), &cached, "0.000115");
    let spoken = Usage {
        audio_output: Some(15),
        ..usage(16, 24)
    };
    check(&lookup("openai", "gpt-realtime"), &spoken, "0.001168");
    let minutes = Usage {
        other_units: [("audio_seconds", 100)].into(),
        ..Usage::default()
    };
    check(&lookup("openai", "whisper-1"), &minutes, "0.01");
}

#[test]
fn charges_a_fee_for_the_request_itself() {
    check(
        &lookup("perplexity", "sonar"),
        &usage(1_000_000, 1_000_000),
        "2.012",
    );
}
