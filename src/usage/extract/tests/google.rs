//! Google's interactions, pictures, videos, caches, batches and live turns.

use super::*;
use crate::providers::reader::{Said, reader};
use crate::wire::json::Scanner;

fn asked(model: &str) -> RequestFacts {
    RequestFacts {
        model: Some(model.to_owned()),
        ..RequestFacts::default()
    }
}

/// Input, cached, output, thoughts, tool use, total.
fn interaction_usage(counts: [u64; 6]) -> Value {
    let [input, cached, output, thoughts, tools, total] = counts;
    json!({"total_input_tokens": input, "total_cached_tokens": cached,
        "total_output_tokens": output, "total_thought_tokens": thoughts,
        "total_tool_use_tokens": tools, "total_tokens": total,
        "input_tokens_by_modality": [{"modality": "text", "tokens": input - 2},
            {"modality": "image", "tokens": 2}],
        "cached_tokens_by_modality": [{"modality": "image", "tokens": 1}],
        "grounding_tool_count": [{"type": "google_search", "count": 3},
            {"type": "google_maps", "count": 1}]})
}

#[test]
fn an_interaction_states_its_usage_in_its_own_words() {
    let body = json!({"id": "v1_x", "model": "gemini-2.5-flash", "status": "completed",
        "service_tier": "flex", "usage": interaction_usage([20, 4, 5, 7, 9, 41])});
    let case = Case::json(Dialect::GeminiInteractions, &body);
    let (settled, found) = case.read();
    let whole = Some(case.body.len());
    assert_eq!((settled, found.source), (whole, UsageSource::Reported));
    assert_eq!(found.response_id.as_deref(), Some("v1_x"));
    assert_eq!(found.selectors.service_tier.as_deref(), Some("flex"));
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(29), Some(4), Some(12), Some(7)]);
    assert_eq!(usage.image_input, Some(2));
    let units = [
        "web_searches",
        "grounded_prompts",
        "maps_searches",
        "cache_read_image_tokens",
    ];
    let units = units.map(|unit| usage.other_units.get(unit).copied());
    assert_eq!(units, [Some(3), Some(1), Some(1), Some(1)]);
    let running = json!({"id": "v1_x", "status": "in_progress",
        "usage": interaction_usage([20, 4, 5, 7, 9, 41])});
    let (_, found) = Case::json(Dialect::GeminiInteractions, &running).read();
    assert_eq!(found.usage, None, "it is not over");
    let camel = json!({"usage": {"totalInputTokens": 3, "totalOutputTokens": 2}});
    let found = Case::json(Dialect::GeminiInteractions, &camel).reported();
    assert_eq!(counts(&found), [Some(3), None, Some(2), None]);
}

#[test]
fn searches_of_an_interaction_are_counted_in_its_steps_where_its_usage_does_not() {
    let search = |queries: &[&str]| {
        json!({"type": "google_search_call", "id": "c",
        "arguments": {"queries": queries}})
    };
    let steps = json!([search(&["a", "b"]), search(&["b", ""]),
        {"type": "function_call", "arguments": {"queries": ["c"]}},
        {"type": "model_output", "content": [{"type": "text", "text": "hi"}]}]);
    let body = |model: &str, steps: &str, value: &Value, usage: Value| json!({"model": model, "status": "completed", steps: value, "usage": usage});
    let plain = json!({"total_input_tokens": 20, "total_output_tokens": 5, "total_tokens": 25});
    for place in ["steps", "outputs"] {
        let body = body("gemini-3-x", place, &steps, plain.clone());
        let found = Case::json(Dialect::GeminiInteractions, &body).reported();
        assert_eq!(found.other_units, [("web_searches", 2)].into(), "{place}");
    }
    let mut stated = plain.clone();
    stated["grounding_tool_count"] = json!([{"type": "google_search", "count": 6}]);
    let older = body("gemini-2.5-x", "steps", &steps, stated);
    let found = Case::json(Dialect::GeminiInteractions, &older).reported();
    let units = [("grounded_prompts", 1), ("web_searches", 6)];
    assert_eq!(found.other_units, units.into());
    let completed = json!({"event_type": "interaction.completed",
        "interaction": {"model": "gemini-3-x", "status": "completed", "usage": plain}});
    let delta = |delta: Value| json!({"event_type": "step.delta", "index": 0, "delta": delta});
    let maps = delta(json!({"type": "google_maps_call", "arguments": {}}));
    let events = [delta(search(&["a", "b", "c"])), maps, completed];
    let found = Case::events(Dialect::GeminiInteractions, &events).reported();
    let units = [("maps_searches", 1), ("web_searches", 3)];
    assert_eq!(found.other_units, units.into());
}

#[test]
fn an_interaction_can_be_settled_at_the_event_that_completes_it() {
    let so_far = json!({"event_type": "step.delta", "delta": {"text": "one two three four"},
        "metadata": {"usage": interaction_usage([20, 0, 0, 7, 0, 27])}});
    let created = json!({"event_type": "interaction.created",
        "interaction": {"id": "v1_x", "model": "gemini-3-x", "status": "in_progress"}});
    let completed = json!({"event_type": "interaction.completed", "interaction": {
        "id": "v1_x", "status": "incomplete", "usage": interaction_usage([20, 4, 5, 7, 9, 41])}});
    let case = Case::events(
        Dialect::GeminiInteractions,
        &[created.clone(), so_far.clone(), completed],
    );
    let (settled, found) = case.read();
    assert_eq!(settled, Some(case.body.len()));
    assert_eq!(found.model.as_deref(), Some("gemini-3-x"));
    let usage = found.usage.expect("usage");
    assert_eq!((usage.input, usage.output), (Some(29), Some(12)));
    assert_eq!(usage.other_units.get("grounded_prompts"), None);

    let cut = Case::events(Dialect::GeminiInteractions, &[created, so_far]);
    let (_, found) = cut.end(StreamEnd::ClientClosed).read();
    assert_eq!(
        (found.source, found.usage.and_then(|usage| usage.input)),
        (UsageSource::Partial, Some(20))
    );
}

#[test]
fn pictures_are_counted_and_filtered_ones_are_not() {
    let made = json!({"mimeType": "image/png", "bytesBase64Encoded": "AAAA"});
    let body = json!({"predictions": [made, {"raiFilteredReason": "x"}, made]});
    let found = Case::json(Dialect::GeminiPredict, &body).reported();
    assert_eq!(found.other_units, [("images", 2)].into());
    assert_eq!((found.input, found.output), (None, None));
    let withheld = json!({"predictions": [{"raiFilteredReason": "x"}]});
    let found = Case::json(Dialect::GeminiPredict, &withheld).reported();
    assert_eq!(found.other_units, [("images", 0)].into());
    let (_, found) = Case::json(Dialect::GeminiPredict, &json!({"predictions": []})).read();
    assert_eq!(found.usage, None);
}

#[test]
fn a_video_is_charged_by_what_was_asked() {
    let operation = json!({"name": "models/veo-3/operations/o"});
    let case = Case::json(Dialect::GeminiPredict, &operation);
    for (units, choices, expected) in [(vec![("video_seconds", 10)], 2, 10), (vec![], 1, 8)] {
        let facts = RequestFacts {
            units: units.into_iter().collect(),
            choices,
            ..asked("veo-3")
        };
        let (_, found) = case.read_for(facts);
        assert_eq!(found.source, UsageSource::Estimated);
        let usage = found.usage.expect("usage");
        assert_eq!(usage.other_units, [("video_seconds", expected)].into());
    }
    let (_, found) = case.status(400).read();
    assert_eq!((found.usage, found.source), (None, UsageSource::None));
}

#[test]
fn what_is_put_into_a_cache_is_input_once() {
    let body = json!({"name": "cachedContents/c", "model": "models/gemini-2.5-flash",
        "usageMetadata": {"totalTokenCount": 4096}});
    let (_, found) = Case::json(Dialect::GeminiCache, &body).read();
    assert_eq!(found.source, UsageSource::Reported);
    assert_eq!(found.model.as_deref(), Some("models/gemini-2.5-flash"));
    assert_eq!(
        counts(&found.usage.expect("usage")),
        [Some(4096), None, Some(0), None]
    );
}

fn answer(input: u64) -> Value {
    json!({"modelVersion": "gemini-2.5-flash", "usageMetadata": {"promptTokenCount": input,
        "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": input + 5}})
}

#[test]
fn a_batchs_answers_are_summed_wherever_they_stand() {
    let inlined = json!({"inlinedResponses": {"inlinedResponses": [
        {"response": answer(7)}, {"error": {"code": 3}}, {"response": answer(50_000)}]}});
    let whole = json!({"name": "batches/b", "done": true, "response": inlined,
        "metadata": {"model": "models/gemini-2.5-flash", "output": inlined}});
    let metadata = json!({"name": "batches/b", "metadata": {"output": inlined}});
    let plain = json!({"name": "batches/b", "output": inlined});
    let file = [answer(7), answer(50_000)].map(|line| json!({"key": "k", "response": line}));
    let file = Case {
        body: file.iter().map(|line| format!("{line}\n")).collect(),
        ..Case::json(Dialect::GeminiBatch, &json!({}))
    };
    let objects = [whole, metadata, plain].map(|body| Case::json(Dialect::GeminiBatch, &body));
    for case in objects.iter().chain([&file]) {
        let (_, found) = case.read();
        assert_eq!(found.source, UsageSource::Reported, "{}", case.body);
        assert_eq!(found.model.as_deref(), Some("gemini-2.5-flash"));
        assert_eq!(found.selectors.service_tier.as_deref(), Some("batch"));
        let usage = found.usage.expect("usage");
        assert_eq!(counts(&usage), [Some(50_007), None, Some(10), Some(4)]);
        assert_eq!(usage.rounds.len(), 2, "{}", case.body);
    }
    let running = json!({"name": "batches/b", "metadata": {"state": "BATCH_STATE_RUNNING"}});
    let (_, found) = Case::json(Dialect::GeminiBatch, &running).read();
    assert_eq!(found.usage, None);
}

#[test]
fn media_of_every_kind_is_told_apart() {
    let list = |video: u64| {
        json!([{"modality": "VIDEO", "tokenCount": video}, {"modality": "AUDIO", "tokenCount": 4},
            {"modality": "DOCUMENT", "tokenCount": 6}, {"modality": "TEXT", "tokenCount": 1}])
    };
    let body = json!({"modelVersion": "g", "usageMetadata": {"promptTokenCount": 31,
        "cachedContentTokenCount": 20, "candidatesTokenCount": 9, "totalTokenCount": 40,
        "promptTokensDetails": list(20), "cacheTokensDetails": list(9),
        "candidatesTokensDetails": [{"modality": "VIDEO", "tokenCount": 8}]}});
    let found = Case::json(Dialect::GeminiGenerate, &body).reported();
    assert_eq!((found.audio_input, found.image_input), (Some(4), Some(0)));
    let units = [
        ("video_input_tokens", 20),
        ("video_output_tokens", 8),
        ("cache_read_audio_tokens", 4),
        ("cache_read_video_tokens", 9),
    ];
    assert_eq!(found.other_units, units.into());
}

#[test]
fn searches_of_older_models_are_one_grounded_prompt() {
    let body = |model: &str| {
        json!({"modelVersion": model, "usageMetadata": {"promptTokenCount": 1},
            "candidates": [{"finishReason": "STOP", "groundingMetadata": {
                "webSearchQueries": ["a", "", "b"],
                "groundingChunks": [{"web": {"uri": "u"}}, {"maps": {"placeId": "p"}}]}}]})
    };
    for (model, prompts) in [("gemini-2.5-pro", Some(1)), ("gemini-3-pro-preview", None)] {
        let found = Case::json(Dialect::GeminiGenerate, &body(model)).reported();
        let units = ["web_searches", "grounded_prompts", "maps_searches"];
        let units = units.map(|unit| found.other_units.get(unit).copied());
        assert_eq!(units, [Some(2), prompts, Some(1)], "{model}");
    }
}

#[test]
fn an_error_may_break_into_a_stream_as_an_array() {
    let first = json!({"usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}});
    let case = Case::events(Dialect::GeminiGenerate, &[first]);
    let error =
        "[{\n  \"error\": {\n    \"code\": 503,\n    \"status\": \"UNAVAILABLE\"\n  }\n}]\n";
    let (_, found) = case.then(error).read();
    assert_eq!(
        (found.error, found.source),
        (Some(ErrorType::ServerError), UsageSource::Partial)
    );
}

#[test]
fn googles_openai_surface_hides_thoughts_in_the_total_on_both_hosts() {
    let found = |path: &str| crate::providers::paths::endpoint(Default::default(), "POST", path);
    for path in [
        "/v1beta/openai/chat/completions",
        "/v1/projects/p/locations/global/endpoints/openapi/chat/completions",
    ] {
        assert_eq!(found(path).dialect, Some(Dialect::OpenaiChat), "{path}");
    }
    for usage in [
        json!({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}),
        json!({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109,
            "extra_properties": {"google": {"traffic_type": "ON_DEMAND"}}}),
        json!({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109,
            "completion_tokens_details": {"reasoning_tokens": 62}}),
    ] {
        let body = json!({"model": "google/gemini-2.5-pro", "usage": usage});
        let found = Case::json(Dialect::OpenaiChat, &body).reported();
        assert_eq!(
            counts(&found),
            [Some(35), None, Some(74), Some(62)],
            "{usage}"
        );
    }
}

#[test]
fn each_live_turn_is_told_for_itself() {
    let mut reader = reader(Dialect::GeminiLive, &asked("models/gemini-2.5-flash-live"));
    let mut scanner = Scanner::new(reader.paths().fields(), 4096);
    let mut turn = |message: &Value| {
        let mut said = Said::default();
        let mut words = String::new();
        let paths = reader.paths();
        scanner.feed(message.to_string().as_bytes(), &mut |found| {
            let path = paths.name(found.field);
            reader.found(&mut said, path, &found, &mut |text| {
                words.push_str(text.part)
            });
        });
        reader.message_end(&mut said, &mut |_| {});
        scanner.reset();
        (said, words)
    };
    let searched = json!({"serverContent": {"groundingMetadata": {"webSearchQueries": ["a", "b"]},
        "outputTranscription": {"text": "hello"}}});
    let (said, words) = turn(&searched);
    assert_eq!(
        (said.report, said.terminal, words.as_str()),
        (None, false, "hello")
    );
    let usage = json!({"promptTokenCount": 1131, "responseTokenCount": 26, "totalTokenCount": 1157,
        "thoughtsTokenCount": 24, "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 26}]});
    let ends = json!({"serverContent": {"turnComplete": true}, "usageMetadata": usage});
    for units in [[Some(2), Some(1)], [None, None]] {
        let (said, _) = turn(&ends);
        assert!(said.terminal);
        let found = crate::usage::restate::restate(&said.report.expect("a report"));
        assert_eq!(counts(&found), [Some(1131), None, Some(50), Some(24)]);
        assert_eq!(found.audio_output, Some(26));
        let told = ["web_searches", "grounded_prompts"].map(|u| found.other_units.get(u).copied());
        assert_eq!(told, units, "searches belong to their turn");
    }
}
