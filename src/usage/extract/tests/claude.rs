//! Anthropic's batches, loops and text completions, and hosts that speak its dialect.

use super::*;

fn message(usage: &Value) -> Usage {
    let body = json!({"model": "claude-x", "content": [{"text": "hi"}], "usage": usage});
    Case::json(Dialect::AnthropicMessages, &body).reported()
}

fn line(model: &str, usage: &Value) -> Value {
    json!({"custom_id": "0", "result": {"type": "succeeded", "message": {
        "model": model, "content": [{"text": "6"}], "usage": usage}}})
}

fn failed(kind: &str) -> Value {
    json!({"custom_id": "1", "result": {"type": kind, "error": {"type": "api_error"}}})
}

fn lines(lines: &[Value]) -> Case {
    let body = lines.iter().map(|line| format!("{line}\n")).collect();
    Case {
        content_type: "application/x-jsonl",
        body,
        ..Case::json(Dialect::AnthropicBatch, &json!({}))
    }
}

fn contexts(usage: &Usage) -> Vec<u64> {
    usage.rounds.iter().map(|(context, _)| *context).collect()
}

#[test]
fn a_batch_is_the_sum_of_its_lines_by_model() {
    let usage = |input: u64, tier: &str| {
        json!({"input_tokens": input, "cache_read_input_tokens": 3, "output_tokens": 5,
            "service_tier": tier})
    };
    let case = lines(&[
        line("claude-a", &usage(20, "batch")),
        failed("errored"),
        line("claude-b", &usage(30, "batch")),
        line("claude-a", &usage(50_000, "batch")),
    ]);
    let (settled, found) = case.read();
    assert_eq!((settled, found.source), (None, UsageSource::Reported));
    assert_eq!(found.model.as_deref(), Some("claude-a"));
    assert_eq!(found.selectors.service_tier.as_deref(), Some("batch"));
    assert_eq!(found.error, None);
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(50_026), Some(6), Some(10), None]);
    assert_eq!(contexts(&usage), [23, 50_003]);
    let [(model, other)] = &usage.sub_usages[..] else {
        panic!("{usage:?}")
    };
    assert_eq!((model.as_str(), other.input), ("claude-b", Some(33)));
}

#[test]
fn a_batch_that_failed_whole_costs_nothing_and_one_cut_off_is_partial() {
    let case = lines(&[failed("errored"), failed("expired"), failed("canceled")]);
    let (_, found) = case.read();
    assert_eq!(found.source, UsageSource::Reported);
    let usage = found.usage.expect("usage");
    assert_eq!((usage.input, usage.output), (Some(0), Some(0)));

    let case = lines(&[line(
        "claude-a",
        &json!({"input_tokens": 20, "output_tokens": 5}),
    )]);
    let (_, found) = case.end(StreamEnd::ClientClosed).read();
    assert_eq!(found.source, UsageSource::Partial);
    assert_eq!(found.usage.and_then(|usage| usage.output), Some(5));
}

#[test]
fn a_batchs_own_object_states_no_usage() {
    let batch = json!({"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended",
        "request_counts": {"succeeded": 1}});
    let (_, found) = Case::json(Dialect::AnthropicBatch, &batch).read();
    assert_eq!((found.usage, found.source), (None, UsageSource::None));
}

#[test]
fn text_completions_are_counted() {
    let event = |text: &str, stop: Option<&str>| json!({"type": "completion", "completion": text, "stop_reason": stop, "model": "claude-2.1"});
    let events = [
        event(" Light scatters", None),
        event(" blue.", Some("stop_sequence")),
    ];
    let (_, found) = Case::events(Dialect::AnthropicComplete, &events).read();
    assert_eq!(found.source, UsageSource::Estimated);
    assert_eq!(found.model.as_deref(), Some("claude-2.1"));
    let usage = found.usage.expect("usage");
    assert!(usage.input.is_some_and(|count| count > 5), "{usage:?}");
    assert!(usage.output.is_some_and(|count| (3..12).contains(&count)));
}

#[test]
fn rounds_are_told_apart_once_their_sum_may_reach_a_tier() {
    let round = |input: u64, output: u64| json!({"type": "message", "input_tokens": input, "output_tokens": output});
    let loops = |rounds: Value, input: u64| {
        message(
            &json!({"input_tokens": input, "output_tokens": 30, "iterations": rounds,
            "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 2}}),
        )
    };
    let found = loops(json!([round(150_000, 10), round(160_000, 20)]), 310_000);
    assert_eq!((found.input, found.output), (Some(310_000), Some(30)));
    assert_eq!(contexts(&found), [150_000, 160_000]);
    assert_eq!(found.other_units.get("web_searches"), Some(&1));
    assert_eq!(found.other_units.get("web_fetches"), Some(&2));
    let small = loops(json!([round(15, 10), round(16, 20)]), 31);
    assert!(small.rounds.is_empty(), "{small:?}");
    // Rounds that do not make up the totals do not divide them.
    let found = loops(json!([round(150_000, 10), round(160_000, 20)]), 160_000);
    assert_eq!(contexts(&found), [160_000]);
}

#[test]
fn a_stop_by_refusal_or_pause_is_billed() {
    for reason in ["refusal", "pause_turn", "max_tokens"] {
        let body = json!({"model": "claude-x", "stop_reason": reason, "content": [],
            "usage": {"input_tokens": 7, "output_tokens": 1}});
        let found = Case::json(Dialect::AnthropicMessages, &body).reported();
        assert_eq!((found.input, found.output), (Some(7), Some(1)), "{reason}");
    }
}

#[test]
fn hosts_that_speak_the_dialect_may_leave_things_out() {
    // llama.cpp counts input and output alone; others send nulls and no split.
    let found = message(&json!({"input_tokens": 7, "output_tokens": 1}));
    assert_eq!((found.cache_read, found.cache_write_5m), (None, None));
    let found = message(
        &json!({"input_tokens": 7, "output_tokens": 1, "cache_creation": null,
        "cache_read_input_tokens": null, "server_tool_use": null, "iterations": null,
        "service_tier": null}),
    );
    assert_eq!((found.input, found.cache_read), (Some(7), None));
    let found = message(&json!({"input_tokens": 0, "output_tokens": 1,
        "cache_read_input_tokens": 12.0}));
    assert_eq!(found.input, Some(12));
    // The start of a stream may lack usage, and the delta may hold all of it.
    let events = [
        json!({"type": "message_start", "message": {"model": "MiniMax-M2"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 9, "output_tokens": 4}}),
    ];
    let found = Case::events(Dialect::AnthropicMessages, &events).reported();
    assert_eq!((found.input, found.output), (Some(9), Some(4)));
}

#[test]
fn a_place_that_is_not_told_is_none() {
    let body = json!({"model": "claude-x", "usage": {"input_tokens": 7, "output_tokens": 1,
        "inference_geo": "not_available", "service_tier": "priority", "speed": "fast"}});
    let (_, found) = Case::json(Dialect::AnthropicMessages, &body).read();
    assert_eq!(found.selectors.geo, None);
    assert_eq!(found.selectors.service_tier.as_deref(), Some("priority"));
    assert_eq!(found.selectors.speed.as_deref(), Some("fast"));
}

#[test]
fn a_gateway_states_its_price_among_the_usage() {
    let body = json!({"model": "anthropic/claude-x", "usage": {"input_tokens": 7,
        "output_tokens": 1, "cost": 0.00183}});
    let (_, found) = Case::json(Dialect::AnthropicMessages, &body).read();
    assert_eq!(found.provider_cost, Some(PicoUsd::new(1_830_000_000)));
}

#[test]
fn a_count_of_tokens_is_no_usage() {
    let path = "/v1/messages/count_tokens";
    let found = crate::providers::paths::endpoint(Default::default(), "POST", path);
    assert_eq!(found.dialect, None, "so nothing reads `input_tokens` there");
}
