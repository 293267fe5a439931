//! What is charged by the call of a tool, or at another model's price.

use super::*;

fn response(output: Value, tool_usage: Value) -> Usage {
    let body = json!({"model": "m", "status": "completed", "output": output, "tool_usage": tool_usage,
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}});
    Case::json(Dialect::OpenaiResponses, &body).reported()
}

#[test]
fn calls_of_tools_are_counted_as_they_are_charged() {
    let output = json!([
        {"type": "web_search_call", "action": {"type": "search"}},
        {"type": "web_search_call", "action": {"type": "open_page"}},
        {"type": "file_search_call", "queries": []},
        {"type": "file_search_call"},
        {"type": "code_interpreter_call", "container_id": "cntr_1"},
        {"container_id": "cntr_1", "type": "code_interpreter_call"},
        {"type": "code_interpreter_call", "container_id": "cntr_2"},
        {"type": "image_generation_call", "result": "AAAA"},
        {"type": "function_call", "arguments": "{}"},
        {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]);
    let units = [
        ("code_exec_sessions", 2),
        ("file_searches", 2),
        ("image_generation_calls", 1),
        ("web_searches", 1),
    ];
    let found = response(output, Value::Null);
    assert_eq!(found.other_units, units.into());
    let unnamed = json!([{"type": "code_interpreter_call"}, {"type": "code_interpreter_call"}]);
    assert_eq!(
        response(unnamed, Value::Null).other_units,
        [("code_exec_sessions", 1)].into()
    );
}

#[test]
fn a_shell_is_charged_by_its_container_and_a_callers_own_is_not() {
    let shell = |environment: Value| json!({"type": "shell_call", "environment": environment});
    let hosted = |id: &str| shell(json!({"type": "container_reference", "container_id": id}));
    let output = json!([
        hosted("cntr_1"),
        hosted("cntr_1"),
        {"type": "code_interpreter_call", "container_id": "cntr_2"},
        shell(json!({"type": "local"})),
        shell(Value::Null)]);
    let found = response(output, Value::Null);
    assert_eq!(found.other_units, [("code_exec_sessions", 2)].into());
    let own = response(json!([shell(json!({"type": "local"}))]), Value::Null);
    assert!(own.other_units.is_empty(), "{own:?}");
    let whole = json!({"model": "m", "output": [hosted("cntr_1")],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}});
    let events = [json!({"type": "response.completed", "response": whole})];
    let found = Case::events(Dialect::OpenaiResponses, &events).reported();
    assert_eq!(found.other_units, [("code_exec_sessions", 1)].into());
}

#[test]
fn the_events_of_a_stream_count_each_call_once() {
    let item = json!({"type": "file_search_call", "id": "fs_1"});
    let usage = json!({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3});
    let events = [
        json!({"type": "response.created", "response": {"model": "m", "output": [], "usage": null}}),
        json!({"type": "response.output_item.added", "item": item}),
        json!({"type": "response.file_search_call.completed", "item_id": "fs_1"}),
        json!({"type": "response.output_item.done", "item": item}),
        json!({"type": "response.completed", "response": {"model": "m", "output": [item], "usage": usage}}),
    ];
    let found = Case::events(Dialect::OpenaiResponses, &events).reported();
    assert_eq!(found.other_units, [("file_searches", 1)].into());
}

#[test]
fn images_of_a_tool_that_names_no_model_have_the_documented_one() {
    let drawn =
        json!({"image_gen": {"input_tokens": 50, "output_tokens": 1056, "total_tokens": 1106}});
    let found = response(json!([]), drawn);
    assert_eq!(found.sub_usages[0].0, "gpt-image-1");
    assert_eq!((found.input, found.output), (Some(1), Some(2)));
}

#[test]
fn what_was_cached_is_told_by_its_kind_and_time() {
    let body = json!({"model": "m", "usage": {"input_tokens": 100, "output_tokens": 2,
        "input_tokens_details": {"cached_tokens": 60, "audio_tokens": 50, "cached_tokens_details":
            {"text_tokens": 20, "audio_tokens": 40, "image_tokens": 0},
            "cache_write_tokens": 30, "cache_write_tokens_details":
            {"ttl_30m_tokens": 20, "ttl_12h_tokens": 10}}}});
    let found = Case::json(Dialect::OpenaiResponses, &body).reported();
    assert_eq!(
        (found.cache_read, found.cache_write_other, found.audio_input),
        (Some(60), Some(30), Some(50))
    );
    let units = [
        ("cache_read_audio_tokens", 40),
        ("cache_write_12h_tokens", 10),
        ("cache_write_30m_tokens", 20),
    ];
    assert_eq!(found.other_units, units.into());
}

fn compound(models: &Value, streamed: bool) -> Usage {
    let usage = json!({"prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37});
    let choices = json!([{"index": 0, "finish_reason": "stop", "delta": {}}]);
    if streamed {
        let chunk = json!({"model": "groq/compound", "choices": choices,
            "x_groq": {"usage": usage, "usage_breakdown": {"models": models}}});
        Case::events(Dialect::OpenaiChat, &[chunk]).then("data: [DONE]\n\n")
    } else {
        let body = json!({"model": "groq/compound", "choices": choices, "usage": usage,
            "usage_breakdown": {"models": models}});
        Case::json(Dialect::OpenaiChat, &body)
    }
    .reported()
}

#[test]
fn a_compound_system_is_split_by_model_where_its_parts_add_up() {
    let part = |model: &str, input: u64, output: u64| {
        json!({"model": model, "usage": {"prompt_tokens": input, "completion_tokens": output,
            "total_tokens": input + output}})
    };
    let parts = json!([part("a", 10, 3), part("b", 20, 4)]);
    for streamed in [false, true] {
        let found = compound(&parts, streamed);
        let models: Vec<_> = found.sub_usages.iter().map(|(model, _)| model).collect();
        assert_eq!(models, ["a", "b"]);
        assert_eq!((found.input, found.output), (None, None));
        let whole = found.overall();
        assert_eq!((whole.input, whole.output), (Some(30), Some(7)));
    }
    let repeated = json!([part("a", 30, 7), part("b", 30, 7)]);
    let unnamed = json!([part("a", 10, 3), part("", 20, 4)]);
    for models in [repeated, unnamed, json!(null), json!([])] {
        let found = compound(&models, true);
        assert_eq!((found.input, found.output), (Some(30), Some(7)), "{models}");
        assert!(found.sub_usages.is_empty(), "{models}");
    }
}

#[test]
fn what_a_model_says_aloud_is_estimated_by_its_transcript() {
    let audio = json!({"transcript": "one two three four five", "data": "AAAA"});
    let spoken = json!({"choices": [{"index": 0, "delta": {"audio": audio}}]});
    let (_, found) = Case::events(Dialect::OpenaiChat, &[spoken]).read();
    assert_eq!(found.source, UsageSource::Estimated);
    assert!(found.usage.and_then(|usage| usage.output) > Some(2));
}

#[test]
fn a_batch_that_still_runs_states_no_usage_yet() {
    let batch = |status: &str| {
        let usage = json!({"input_tokens": 300, "output_tokens": 14, "total_tokens": 314});
        let object = json!({"id": "batch_1", "object": "batch", "model": "m", "status": status,
            "usage": usage});
        let (_, found) = Case::json(Dialect::OpenaiBatch, &object).read();
        (found.usage.and_then(|usage| usage.input), found.response_id)
    };
    for status in ["validating", "in_progress", "finalizing", "cancelling"] {
        assert_eq!(batch(status), (None, None), "{status}");
    }
    for status in ["completed", "expired", "cancelled"] {
        let whole = (Some(300), Some("batch_1".to_owned()));
        assert_eq!(batch(status), whole, "{status}");
    }
}
