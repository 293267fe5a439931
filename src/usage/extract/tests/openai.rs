//! The OpenAI dialects and what compatible providers do to them.

use super::*;

fn chat(usage: &Value) -> Case {
    let choices = json!([{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}]);
    let body = json!({"model": "m-1", "choices": choices, "usage": usage});
    Case::json(Dialect::OpenaiChat, &body)
}

fn chunk(content: &str, finish: Option<&str>, usage: Value) -> Value {
    let choice = json!({"index": 0, "delta": {"content": content}, "finish_reason": finish});
    json!({"model": "m-1", "choices": [choice], "usage": usage})
}

#[test]
fn reasoning_is_placed_by_the_total() {
    for (usage, expected) in [
        // OpenAI: within.
        (
            json!({"prompt_tokens": 44, "completion_tokens": 90, "total_tokens": 134,
            "completion_tokens_details": {"reasoning_tokens": 64}}),
            [44, 90, 64],
        ),
        // xAI: beside.
        (
            json!({"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 303,
            "prompt_tokens_details": {"cached_tokens": 11},
            "completion_tokens_details": {"reasoning_tokens": 290}}),
            [12, 291, 290],
        ),
        // Gemini's OpenAI surface: hidden.
        (
            json!({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}),
            [35, 74, 62],
        ),
        // OpenRouter: more than there was output.
        (
            json!({"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15,
            "completion_tokens_details": {"reasoning_tokens": 11}}),
            [5, 10, 10],
        ),
        // Details that say there was none hide none.
        (
            json!({"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 99,
            "completion_tokens_details": {"reasoning_tokens": 0}}),
            [5, 10, 0],
        ),
        // A total less than its parts proves nothing.
        (
            json!({"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 3}),
            [5, 10, 0],
        ),
    ] {
        let found = chat(&usage).reported();
        let [input, _, output, reasoning] = counts(&found);
        let found = [input, output, reasoning].map(|count| count.unwrap_or(0));
        assert_eq!(found, expected, "{usage}");
    }
}

#[test]
fn what_was_not_stated_stays_unstated() {
    let found = chat(
        &json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9,
        "prompt_tokens_details": null, "completion_tokens_details": null}),
    )
    .reported();
    assert_eq!(
        found,
        Usage {
            input: Some(7),
            output: Some(2),
            ..Usage::default()
        }
    );
}

#[test]
fn audio_beside_the_prompt_is_found_in_the_total() {
    let found = chat(
        &json!({"prompt_tokens": 26, "completion_tokens": 35, "total_tokens": 436,
        "prompt_audio_seconds": 30}),
    )
    .reported();
    assert_eq!(
        (found.input, found.audio_input, found.output),
        (Some(401), Some(375), Some(35))
    );
}

#[test]
fn more_cached_than_input_lies_beside_it() {
    let found = chat(
        &json!({"prompt_tokens": 24, "completion_tokens": 2, "total_tokens": 26,
        "prompt_tokens_details": {"cached_tokens": 161}}),
    )
    .reported();
    assert_eq!((found.input, found.cache_read), (Some(185), Some(161)));
}

#[test]
fn cache_writes_of_openai_lie_within() {
    let found = chat(&json!({"prompt_tokens": 4020, "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 4012}}))
    .reported();
    assert_eq!(
        (found.input, found.cache_write_other),
        (Some(4020), Some(4012))
    );
}

#[test]
fn a_stream_ends_with_usage_and_can_be_settled_there() {
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11});
    let last = json!({"model": "m-1", "service_tier": "flex", "choices": [], "usage": usage});
    let case = Case::events(
        Dialect::OpenaiChat,
        &[
            json!({"choices": [], "prompt_filter_results": []}),
            chunk("hel", None, Value::Null),
            chunk("lo", Some("stop"), Value::Null),
            last,
        ],
    );
    let settles_at = case.body.len();
    let (settled, found) = case.then("data: [DONE]\n\n").read();
    assert_eq!(settled, Some(settles_at));
    assert_eq!(found.source, UsageSource::Reported);
    assert_eq!(found.selectors.service_tier.as_deref(), Some("flex"));
    assert_eq!(found.model.as_deref(), Some("m-1"));
    assert_eq!(
        counts(&found.usage.expect("usage")),
        [Some(9), None, Some(2), None]
    );
}

#[test]
fn a_stream_without_usage_is_estimated_from_its_text() {
    let case = Case::events(
        Dialect::OpenaiChat,
        &[
            chunk("one two three four ", None, Value::Null),
            chunk("five", Some("stop"), Value::Null),
        ],
    );
    let (settled, found) = case.then("data: [DONE]\n\n").read();
    let usage = found.usage.expect("usage");
    assert_eq!((settled, found.source), (None, UsageSource::Estimated));
    assert!(
        usage.input.is_some_and(|count| (8..40).contains(&count)),
        "{usage:?}"
    );
    assert!(
        usage.output.is_some_and(|count| (3..12).contains(&count)),
        "{usage:?}"
    );
}

#[test]
fn running_usage_is_partial_where_the_client_leaves() {
    let usage = |count: u64| json!({"prompt_tokens": 10, "completion_tokens": count});
    let events = [chunk("a", None, usage(1)), chunk("b", None, usage(700))];
    let case = Case::events(Dialect::OpenaiChat, &events);
    let (settled, found) = case.end(StreamEnd::ClientClosed).read();
    assert_eq!((settled, found.source), (None, UsageSource::Partial));
    assert_eq!(
        counts(&found.usage.expect("usage")),
        [Some(10), None, Some(700), None]
    );
    let found = Case::events(Dialect::OpenaiChat, &events).reported();
    assert_eq!(found.output, Some(700), "the last stands");
}

#[test]
fn usage_on_the_finishing_chunk_is_the_last_word() {
    let events = [chunk(
        "a",
        Some("stop"),
        json!({"prompt_tokens": 563, "completion_tokens": 116}),
    )];
    let case = Case::events(Dialect::OpenaiChat, &events).end(StreamEnd::ClientClosed);
    assert_eq!(case.reported().output, Some(116));
}

#[test]
fn groq_states_the_same_usage_twice() {
    let usage = json!({"prompt_tokens": 343, "completion_tokens": 180, "total_tokens": 523});
    let mut event = chunk("", Some("stop"), usage.clone());
    event["x_groq"] = json!({"id": "r", "usage": usage});
    assert_eq!(
        counts(&Case::events(Dialect::OpenaiChat, &[event.clone()]).reported())[0],
        Some(343)
    );
    event["usage"] = Value::Null;
    assert_eq!(
        counts(&Case::events(Dialect::OpenaiChat, &[event]).reported())[2],
        Some(180)
    );
}

#[test]
fn a_breakdown_by_model_changes_no_total() {
    let part = json!({"model": "a", "usage": {"prompt_tokens": 30, "completion_tokens": 7}});
    let mut event = chunk(
        "",
        Some("stop"),
        json!({"prompt_tokens": 30, "completion_tokens": 7}),
    );
    event["x_groq"] = json!({"usage_breakdown": {"models": [part, part]}});
    event["usage_breakdown"] = json!({"models": [part, part]});
    let found = Case::events(Dialect::OpenaiChat, &[event]).reported();
    assert_eq!(counts(&found), [Some(30), None, Some(7), None]);
    assert!(found.sub_usages.is_empty());
}

#[test]
fn the_providers_own_price_is_kept() {
    let usage = json!({"prompt_tokens": 550, "completion_tokens": 12, "cost": 0.00183});
    let (_, found) = chat(&usage).read();
    assert_eq!(found.provider_cost, Some(PicoUsd::new(1_830_000_000)));
}

#[test]
fn an_error_inside_a_stream_is_classified() {
    let error = json!({"error": {"message": "tool use failed", "status_code": 400}});
    let events = [chunk("some text", None, Value::Null), error];
    let (_, found) = Case::events(Dialect::OpenaiChat, &events).read();
    assert_eq!(found.error, Some(ErrorType::InvalidRequest));
    assert_eq!(found.source, UsageSource::Estimated);
}

#[test]
fn a_refusal_under_status_200_is_not_charged() {
    let body =
        |code: u64| json!({"choices": null, "usage": null, "base_resp": {"status_code": code}});
    let (_, found) = Case::json(Dialect::OpenaiChat, &body(1008)).read();
    assert_eq!(
        (found.error, found.source),
        (Some(ErrorType::RateLimit), UsageSource::None)
    );
    let (_, found) = Case::json(Dialect::OpenaiChat, &body(0)).read();
    assert_eq!(found.error, None);
}

fn response(kind: &str, usage: &Value) -> Value {
    json!({"type": kind, "response": {"model": "m-1", "usage": usage, "service_tier": "default"}})
}

#[test]
fn only_a_terminal_event_states_a_responses_usage() {
    let usage = json!({"input_tokens": 216, "output_tokens": 863, "total_tokens": 1079,
        "input_tokens_details": {"cached_tokens": 192}, "output_tokens_details": {"reasoning_tokens": 237}});
    for kind in [
        "response.completed",
        "response.incomplete",
        "response.failed",
    ] {
        let delta = json!({"type": "response.output_text.delta", "delta": "hi"});
        let early = response(
            "response.in_progress",
            &json!({"input_tokens": 1, "output_tokens": 1}),
        );
        let case = Case::events(
            Dialect::OpenaiResponses,
            &[early, delta, response(kind, &usage)],
        );
        let (settled, found) = case.read();
        assert_eq!(settled, Some(case.body.len()), "{kind}");
        let found = found.usage.expect("usage");
        assert_eq!(counts(&found), [Some(216), Some(192), Some(863), Some(237)]);
    }
}

#[test]
fn a_response_cut_off_is_estimated() {
    let delta = json!({"type": "response.output_text.delta", "delta": "one two three"});
    let case = Case::events(
        Dialect::OpenaiResponses,
        &[response("response.created", &Value::Null), delta],
    );
    let (_, found) = case.end(StreamEnd::ClientClosed).read();
    assert_eq!(
        (found.source, found.model.as_deref()),
        (UsageSource::Estimated, Some("m-1"))
    );
    assert!(
        found
            .usage
            .and_then(|usage| usage.output)
            .is_some_and(|count| count > 0)
    );
}

#[test]
fn searches_are_counted_where_none_are_stated() {
    let search = |action: &str| json!({"type": "web_search_call", "action": {"type": action}});
    let output =
        json!([search("search"), search("open_page"), {"type": "message"}, search("search")]);
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    let body = json!({"model": "m", "output": output, "usage": usage});
    let found = Case::json(Dialect::OpenaiResponses, &body).reported();
    assert_eq!(found.other_units.get("web_searches"), Some(&2));
    let stated = json!({"model": "m", "output": output, "usage": usage,
        "tool_usage": {"web_search": {"num_requests": 1}}});
    let found = Case::json(Dialect::OpenaiResponses, &stated).reported();
    assert_eq!(found.other_units.get("web_searches"), Some(&1));
}

#[test]
fn images_that_a_tool_drew_are_priced_by_its_model() {
    let images = |output: u64| {
        json!({"image_gen": {"input_tokens": 50, "output_tokens": output, "total_tokens": 50 + output,
            "input_tokens_details": {"image_tokens": 10}, "output_tokens_details": {"image_tokens": output}}})
    };
    let body = |tools: &Value, usage: &Value| {
        json!({"model": "m", "tools": tools, "tool_usage": usage,
            "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}})
    };
    let tools = json!([{"type": "function"}, {"type": "image_generation", "model": "gpt-image-x"}]);
    let found = Case::json(Dialect::OpenaiResponses, &body(&tools, &images(1056))).reported();
    let [(model, drawn)] = &found.sub_usages[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (model.as_str(), found.input, found.output),
        ("gpt-image-x", Some(1), Some(2))
    );
    assert_eq!(
        (drawn.input, drawn.image_input, drawn.image_output),
        (Some(50), Some(10), Some(1056))
    );
    // An object full of zeros is normal where no tool ran.
    let idle = json!({"image_gen": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}});
    let found = Case::json(Dialect::OpenaiResponses, &body(&tools, &idle)).reported();
    assert!(found.sub_usages.is_empty());
}

#[test]
fn a_response_still_queued_is_not_charged() {
    let body =
        json!({"model": "m", "status": "queued", "output": [], "usage": null, "error": null});
    let (_, found) = Case::json(Dialect::OpenaiResponses, &body).read();
    assert_eq!(
        (found.usage, found.source, found.error),
        (None, UsageSource::None, None)
    );
}

#[test]
fn an_error_event_of_a_response_is_classified() {
    let error = json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow down"});
    let (_, found) = Case::events(Dialect::OpenaiResponses, &[error]).read();
    assert_eq!(
        (found.error, found.usage),
        (Some(ErrorType::RateLimit), None)
    );
}

#[test]
fn embeddings_have_input_alone() {
    let body =
        json!({"data": [], "model": "e-3", "usage": {"prompt_tokens": 8, "total_tokens": 8}});
    let found = Case::json(Dialect::OpenaiEmbeddings, &body).reported();
    assert_eq!(counts(&found), [Some(8), None, None, None]);
    let body = json!({"data": [], "usage": {"total_tokens": 12}});
    assert_eq!(
        Case::json(Dialect::OpenaiEmbeddings, &body)
            .reported()
            .input,
        Some(12)
    );
    let (_, found) = Case::json(Dialect::OpenaiEmbeddings, &json!({"data": []})).read();
    assert_eq!(found.source, UsageSource::Estimated);
    assert_eq!(found.usage.map(|usage| usage.output), Some(None));
}

#[test]
fn what_azure_says_of_a_prompts_filter_is_no_usage() {
    let filter = json!({"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]});
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10});
    let last = json!({"model": "m-1", "choices": [], "usage": usage});
    let events = [
        filter,
        chunk("hi", Some("content_filter"), Value::Null),
        last,
    ];
    let (_, found) = Case::events(Dialect::OpenaiChat, &events).read();
    assert_eq!(found.source, UsageSource::Reported);
    assert_eq!(found.model.as_deref(), Some("m-1"));
    assert_eq!(found.usage.and_then(|usage| usage.input), Some(9));
    let refused = json!({"error": {"code": "content_filter", "status": 400, "param": "prompt",
        "innererror": {"code": "ResponsibleAIPolicyViolation"}}});
    let (_, found) = Case::json(Dialect::OpenaiChat, &refused).status(400).read();
    assert_eq!(
        (found.usage, found.error),
        (None, Some(ErrorType::InvalidRequest))
    );
}
