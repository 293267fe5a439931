//! Prices that depend on more than the model: where, how fast, how large.

use super::super::{Catalog, Lookup, Matched, Origin};
use super::{NOON, lookup};
use crate::providers::Selectors;
use crate::usage::Usage;

fn said(pairs: &[(&str, &str)]) -> Selectors {
    let mut selectors = Selectors::default();
    for (name, value) in pairs {
        let mut places = selectors.each().into_iter();
        let (_, place) = places.find(|(known, _)| known == name).expect("a selector");
        *place = Some((*value).to_owned());
    }
    selectors
}

fn units(pairs: &[(&'static str, u64)]) -> Usage {
    Usage {
        other_units: pairs.iter().copied().collect(),
        ..Usage::default()
    }
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    }
}

/// The cost and where its prices are from.
fn cost(at: (&str, &str), pairs: &[(&str, &str)], usage: &Usage) -> (Option<String>, String) {
    let lookup = Lookup {
        selectors: &said(pairs),
        ..lookup(at.0, at.1)
    };
    let cost = Catalog::builtin().cost(&lookup, usage);
    (cost.amount.map(|amount| amount.to_string()), cost.version)
}

#[track_caller]
fn costs(at: (&str, &str), pairs: &[(&str, &str)], usage: &Usage, usd: &str) {
    let (amount, _) = cost(at, pairs, usage);
    assert_eq!(amount.as_deref(), Some(usd), "{at:?} {pairs:?}");
}

const GENAI: &str = "genai-prices-0.2.3";
const LITELLM: &str = "litellm-1.109.1";

#[test]
fn the_version_names_the_source_of_the_prices_that_were_charged() {
    let used = tokens(1000, 1000);
    let version = |at, pairs: &[(&str, &str)], usage: &Usage| cost(at, pairs, usage).1;
    assert_eq!(version(("openai", "gpt-5"), &[], &used), GENAI);
    assert_eq!(version(("qwen", "qwen3-max"), &[], &used), LITELLM);
    let both = format!("{GENAI},{LITELLM}");
    assert_eq!(
        version(("openai", "gpt-6-sol"), &[("geo", "eu")], &used),
        both
    );
    // A fee names its source only where it was charged.
    let ran = Usage {
        other_units: [("code_executions", 1)].into(),
        ..used.clone()
    };
    assert_eq!(version(("openai", "gpt-5"), &[], &ran), both);
}

#[test]
fn where_it_was_served_raises_the_price_of_tokens() {
    let used = tokens(1_000_000, 0);
    let sol = ("openai", "gpt-5.4-mini");
    costs(sol, &[], &used, "0.75");
    costs(sol, &[("geo", "us")], &used, "0.825");
    costs(sol, &[("geo", "jp")], &used, "0.75");
    let opus = ("anthropic", "claude-opus-5");
    costs(opus, &[("geo", "us")], &used, "5.5");
    costs(opus, &[("geo", "global")], &used, "5");
    costs(opus, &[("geo", "us"), ("speed", "fast")], &used, "11");
    costs(
        opus,
        &[("geo", "us"), ("service_tier", "batch")],
        &used,
        "2.75",
    );
    let searched = Usage {
        other_units: [("web_searches", 1)].into(),
        ..used.clone()
    };
    costs(opus, &[("geo", "us")], &searched, "5.51");
    let vertex = ("google", "claude-opus-5");
    costs(vertex, &[], &used, "5");
    costs(vertex, &[("geo", "global")], &used, "5");
    costs(vertex, &[("geo", "europe-west1")], &used, "5.5");
    let azure = ("azure", "gpt-5.1");
    costs(azure, &[], &used, "1.25");
    costs(azure, &[("geo", "eu")], &used, "1.375");
    costs(
        azure,
        &[("geo", "eu"), ("service_tier", "priority")],
        &used,
        "2.75",
    );
}

#[test]
fn an_image_costs_by_its_size_and_quality() {
    let two = units(&[("images", 2)]);
    let dalle = ("azure", "dall-e-3");
    costs(
        dalle,
        &[("size", "1024x1024"), ("quality", "hd")],
        &two,
        "0.175999916442",
    );
    costs(
        dalle,
        &[("size", "1024x1024"), ("quality", "standard")],
        &two,
        "0.088000063078",
    );
    assert_eq!(
        cost(dalle, &[("quality", "hd")], &two).0,
        None,
        "the size is not known"
    );
    costs(("x-ai", "grok-imagine-image-2.0"), &[], &two, "0.12");
    let small = [("size", "1024x1024"), ("quality", "low")];
    costs(("x-ai", "grok-imagine-image-2.0"), &small, &two, "0.08");
    costs(("google", "imagen-3.0-generate-001"), &[], &two, "0.08");
    costs(("qwen", "qwen-image-2.0"), &[], &two, "0.07");
    costs(
        ("azure", "flux.2-flex"),
        &[],
        &units(&[("image_pixels", 1 << 20)]),
        "0.0524288",
    );
}

#[test]
fn an_image_that_was_counted_in_tokens_is_not_charged_again() {
    let at = ("openai", "gpt-image-1.5");
    let size = [("size", "1024x1024"), ("quality", "high")];
    costs(at, &size, &units(&[("images", 1)]), "0.133");
    let counted = Usage {
        image_output: Some(1000),
        other_units: [("images", 1)].into(),
        ..tokens(100, 1000)
    };
    // 100 x 5 + 1,000 x 32 per million.
    costs(at, &size, &counted, "0.0325");
}

#[test]
fn a_second_of_video_costs_by_its_resolution() {
    let ten = units(&[("video_seconds", 10)]);
    let veo = ("google", "veo-3.1-fast-generate-001");
    costs(veo, &[], &ten, "1");
    costs(veo, &[("size", "1920x1080")], &ten, "1.2");
    costs(veo, &[("size", "1080p")], &ten, "1.2");
    costs(veo, &[("size", "3840x2160")], &ten, "3");
    let sora = ("openai", "sora-2-pro");
    costs(sora, &[("size", "1280x720")], &ten, "3");
    costs(sora, &[("size", "1024x1792")], &ten, "5");
    costs(
        ("volcengine", "doubao-seedance-2-0-260128"),
        &[("size", "864x480")],
        &ten,
        "0.66003429",
    );
}

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

#[test]
fn tools_and_searches_have_fees_of_their_own() {
    let used = |unit| Usage {
        other_units: [(unit, 2)].into(),
        ..tokens(0, 0)
    };
    costs(("openai", "gpt-5"), &[], &used("code_executions"), "0.06");
    costs(("openai", "gpt-5"), &[], &used("file_searches"), "0.005");
    costs(("openai", "gpt-5"), &[], &used("web_searches"), "0.02");
    costs(("azure", "gpt-4.1"), &[], &used("code_executions"), "0.066");
    costs(
        ("google", "gemini-2.5-flash"),
        &[],
        &used("maps_searches"),
        "0.05",
    );
    costs(
        ("cohere", "rerank-v4.0-fast"),
        &[],
        &units(&[("search_units", 2)]),
        "0.004",
    );
    let guarded = Usage {
        other_units: [("guardrail_content_units", 2), ("guardrail_topic_units", 1)].into(),
        ..tokens(0, 0)
    };
    costs(("aws", HAIKU), &[], &guarded, "0.00045");
    // A fee that nobody states is not charged, and does not hide the rest.
    costs(
        ("moonshotai", "kimi-k2.5"),
        &[],
        &used("maps_searches"),
        "0",
    );
    let sonar = ("perplexity", "sonar");
    for (size, usd) in [("low", "0.005"), ("medium", "0.008"), ("high", "0.012")] {
        costs(sonar, &[("search_context", size)], &tokens(0, 0), usd);
    }
    costs(sonar, &[], &tokens(0, 0), "0.012");
}

#[test]
fn sizes_of_input_and_kinds_of_cache_have_their_bounds() {
    let read = Usage {
        cache_read: Some(1_000_000),
        ..tokens(1_000_000, 0)
    };
    let max = ("qwen", "qwen3.7-max");
    costs(max, &[], &read, "0.5");
    costs(max, &[("cache_type", "ephemeral")], &read, "0.25");
    costs(max, &[("cache_type", "implicit")], &read, "0.5");
    // Qwen's ranges end at their bound, xAI's begin at it.
    let coder = ("qwen", "qwen3-coder-plus");
    costs(coder, &[], &tokens(32_000, 0), "0.032");
    costs(coder, &[], &tokens(32_001, 0), "0.0576018");
    let grok = ("x-ai", "grok-4.20-multi-agent");
    costs(grok, &[], &tokens(199_999, 0), "0.24999875");
    costs(grok, &[], &tokens(200_000, 0), "0.5");
    let kept = |unit| Usage {
        cache_write_other: Some(1_000_000),
        other_units: [(unit, 600_000)].into(),
        ..tokens(1_000_000, 0)
    };
    // 400,000 tokens above 272,000 of input at 5 and 600,000 at 10 per million.
    costs(
        ("openai", "gpt-6-sol"),
        &[],
        &kept("cache_write_12h_tokens"),
        "8",
    );
    costs(
        ("openai", "gpt-6-sol"),
        &[],
        &kept("tool_input_tokens"),
        "5",
    );
}

#[test]
fn a_route_and_a_way_of_searching_have_prices_of_their_own() {
    let used = tokens(1_000_000, 0);
    let large = ("openrouter", "mistralai/mistral-large-4-0");
    let (plain, _) = cost(large, &[], &used);
    for route in ["eu", "mistral/eu"] {
        costs(large, &[("route", route)], &used, "0.77");
        assert_ne!(plain.as_deref(), Some("0.77"));
    }
    assert_eq!(cost(large, &[("route", "us")], &used).0, plain);
}

#[test]
fn groq_charges_ten_seconds_at_least() {
    let at = ("groq", "whisper-large-v3");
    let heard = |seconds| units(&[("audio_seconds", seconds)]);
    let (ten, _) = cost(at, &[], &heard(10));
    assert_eq!(cost(at, &[], &heard(3)).0, ten);
    assert_ne!(cost(at, &[], &heard(11)).0, ten);
    costs(at, &[], &heard(0), "0");
    costs(at, &[], &heard(3600), "0.111");
}

#[test]
fn what_has_no_price_makes_the_cost_unknown() {
    for (at, used) in [
        (
            ("openai", "text-embedding-3-small"),
            units(&[("classifications", 1)]),
        ),
        (
            ("openai", "text-embedding-3-small"),
            units(&[("video_seconds", 1)]),
        ),
        (("google", "imagen-3.0-generate-001"), tokens(10, 10)),
        // A row without a price above nothing is no row: nobody says that it is free.
        (("volcengine", "doubao-embedding"), tokens(10, 0)),
        (("x-ai", "no-such-model"), tokens(10, 10)),
    ] {
        assert_eq!(cost(at, &[], &used).0, None, "{at:?}");
    }
    // Sound that is priced by the second is not priced by the tokens that are stated beside.
    let voice = Usage {
        other_units: [("audio_seconds", 3600)].into(),
        ..tokens(5, 42)
    };
    costs(("openai", "gpt-transcribe"), &[], &voice, "0.27");
}

#[test]
fn an_explanation_names_the_source_of_the_row() {
    let explain = |at: (&str, &str)| {
        let lookup = Lookup {
            at: NOON,
            ..lookup(at.0, at.1)
        };
        Catalog::builtin().explain(&lookup).expect("known").origin
    };
    let Origin::Catalogue {
        source, matched, ..
    } = explain(("nebius", "zai-org/GLM-5.2"))
    else {
        panic!("no row")
    };
    assert_eq!((source.as_str(), matched), ("litellm", Matched::AsSaid));
    let Origin::Catalogue { source, .. } = explain(("openai", "gpt-5")) else {
        panic!("no row")
    };
    assert_eq!(source, "genai-prices");
}
