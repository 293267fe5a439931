//! Anthropic messages, streamed and not.

use super::*;

fn start(usage: &Value) -> Value {
    json!({"type": "message_start", "message": {"model": "claude-x", "usage": usage}})
}

fn delta(usage: &Value) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage})
}

fn text(text: &str) -> Value {
    json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}})
}

fn message(usage: &Value) -> Usage {
    let body = json!({"model": "claude-x", "content": [{"text": "hi"}], "usage": usage});
    Case::json(Dialect::AnthropicMessages, &body).reported()
}

#[test]
fn cache_comes_on_top_of_the_input() {
    let found = message(
        &json!({"input_tokens": 6, "cache_creation_input_tokens": 574,
        "cache_read_input_tokens": 20443, "output_tokens": 489,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 74},
        "output_tokens_details": {"thinking_tokens": 77}}),
    );
    assert_eq!(
        counts(&found),
        [Some(21_023), Some(20_443), Some(489), Some(77)]
    );
    assert_eq!(
        (found.cache_write_5m, found.cache_write_1h),
        (Some(500), Some(74))
    );
}

#[test]
fn writes_without_a_split_last_five_minutes() {
    let found = message(
        &json!({"input_tokens": 2, "cache_creation_input_tokens": 1590, "output_tokens": 4}),
    );
    assert_eq!(
        (found.input, found.cache_write_5m, found.cache_write_1h),
        (Some(1592), Some(1590), None)
    );
}

#[test]
fn the_delta_replaces_what_it_names_and_leaves_the_rest() {
    let case = Case::events(
        Dialect::AnthropicMessages,
        &[
            start(
                &json!({"input_tokens": 2068, "output_tokens": 8, "cache_read_input_tokens": 5,
                "service_tier": "priority", "inference_geo": "us", "speed": "fast"}),
            ),
            json!({"type": "ping"}),
            text("hello"),
            delta(
                &json!({"input_tokens": 22397, "output_tokens": 637, "cache_creation_input_tokens": null,
                "server_tool_use": {"web_search_requests": 2}}),
            ),
        ],
    );
    let settles_at = case.body.len();
    let (settled, found) = case.then("data: {\"type\":\"message_stop\"}\n\n").read();
    assert_eq!(
        (settled, found.source),
        (Some(settles_at), UsageSource::Reported)
    );
    assert_eq!(found.model.as_deref(), Some("claude-x"));
    assert_eq!(found.selectors.service_tier.as_deref(), Some("priority"));
    assert_eq!(
        (
            found.selectors.speed.as_deref(),
            found.selectors.geo.as_deref()
        ),
        (Some("fast"), Some("us"))
    );
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(22_402), Some(5), Some(637), None]);
    assert_eq!(usage.other_units.get("web_searches"), Some(&2));
}

#[test]
fn a_total_of_writes_that_grew_keeps_the_long_part_of_the_start() {
    let split = json!({"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 30});
    let case = Case::events(
        Dialect::AnthropicMessages,
        &[
            start(
                &json!({"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 40,
                "cache_creation": split}),
            ),
            delta(&json!({"output_tokens": 9, "cache_creation_input_tokens": 100})),
        ],
    );
    let found = case.reported();
    assert_eq!(
        (found.cache_write_5m, found.cache_write_1h),
        (Some(70), Some(30))
    );
    assert_eq!(found.input, Some(101));
}

#[test]
fn compaction_is_billed_though_the_totals_leave_it_out() {
    let found = message(
        &json!({"input_tokens": 220, "output_tokens": 8, "iterations": [
        {"type": "compaction", "input_tokens": 55196, "output_tokens": 125},
        {"type": "message", "input_tokens": 220, "output_tokens": 8}]}),
    );
    assert_eq!(counts(&found), [Some(55_416), None, Some(133), None]);
    assert!(found.sub_usages.is_empty());
    let contexts = found.rounds.iter().map(|(context, _)| *context);
    assert_eq!(contexts.collect::<Vec<_>>(), [220, 55_196]);
}

#[test]
fn advice_is_billed_at_its_own_model() {
    let found = message(
        &json!({"input_tokens": 2390, "output_tokens": 121, "iterations": [
        {"type": "message", "input_tokens": 1128, "output_tokens": 110},
        {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 2518, "output_tokens": 22},
        {"type": "message", "input_tokens": 1262, "output_tokens": 11}]}),
    );
    assert_eq!((found.input, found.output), (Some(2390), Some(121)));
    let advice = Usage {
        input: Some(2518),
        output: Some(22),
        ..Usage::default()
    };
    assert_eq!(found.sub_usages, [("claude-opus-4-8".to_owned(), advice)]);
    assert_eq!(found.overall().input, Some(4908));
}

#[test]
fn a_fallback_answers_at_its_own_model() {
    let iterations = json!([
        {"type": "message", "model": "claude-x", "input_tokens": 408, "output_tokens": 0},
        {"type": "fallback_message", "model": "claude-y", "input_tokens": 412, "output_tokens": 264}]);
    let events = [
        start(&json!({"input_tokens": 408, "output_tokens": 1})),
        delta(&json!({"input_tokens": 412, "output_tokens": 264, "iterations": iterations})),
    ];
    let (_, found) = Case::events(Dialect::AnthropicMessages, &events).read();
    assert_eq!(found.model.as_deref(), Some("claude-y"));
    assert_eq!(
        counts(&found.usage.expect("usage")),
        [Some(412), None, Some(264), None]
    );
}

#[test]
fn a_client_that_leaves_is_charged_for_the_text_so_far() {
    let opening =
        start(&json!({"input_tokens": 300, "cache_read_input_tokens": 50, "output_tokens": 1}));
    let words = text("one two three four five six seven eight nine ten eleven twelve");
    let case = Case::events(Dialect::AnthropicMessages, &[opening.clone(), words]);
    let (settled, found) = case.end(StreamEnd::ClientClosed).read();
    assert_eq!((settled, found.source), (None, UsageSource::Partial));
    let usage = found.usage.expect("usage");
    assert_eq!((usage.input, usage.cache_read), (Some(350), Some(50)));
    assert!(
        usage.output.is_some_and(|count| (8..30).contains(&count)),
        "{usage:?}"
    );

    let (_, found) = Case::events(Dialect::AnthropicMessages, &[opening])
        .end(StreamEnd::ClientClosed)
        .read();
    assert_eq!(
        found.usage.and_then(|usage| usage.output),
        Some(1),
        "the placeholder stands"
    );
}

#[test]
fn a_stream_that_dies_after_its_start_is_partial() {
    let error =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let events = [
        start(&json!({"input_tokens": 300, "output_tokens": 1})),
        error,
    ];
    let (_, found) = Case::events(Dialect::AnthropicMessages, &events).read();
    assert_eq!(
        (found.source, found.error),
        (UsageSource::Partial, Some(ErrorType::ServerError))
    );
}

#[test]
fn a_message_that_begins_stopped_needs_no_delta() {
    let usage = json!({"input_tokens": 7, "output_tokens": 9});
    let started = |reason: Value| {
        let message = json!({"model": "claude-x", "stop_reason": reason, "usage": usage});
        let events = [
            json!({"type": "message_start", "message": message}),
            json!({"type": "message_stop"}),
        ];
        let (_, found) = Case::events(Dialect::AnthropicMessages, &events).read();
        found
    };
    let found = started(json!("tool_use"));
    assert_eq!(found.source, UsageSource::Reported);
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(7), None, Some(9), None]);
    let unfinished = started(Value::Null);
    assert_eq!(unfinished.source, UsageSource::Partial);
}
