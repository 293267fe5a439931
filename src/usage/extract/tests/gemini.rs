//! Gemini generateContent as one object, as events and as an array.

use super::*;

/// Prompt, candidates, thoughts, tool prompt, total; 0 is left out, as the provider does.
fn usage(counts: [u64; 5]) -> Value {
    let names = [
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
        "totalTokenCount",
    ];
    let stated = names.iter().zip(counts).filter(|(_, count)| *count > 0);
    stated
        .map(|(name, count)| ((*name).to_owned(), json!(count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn element(text: &str, finish: Option<&str>, usage: &Value) -> Value {
    let candidate = json!({"content": {"parts": [{"text": text}]}, "finishReason": finish});
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-x"})
}

#[test]
fn thoughts_and_tool_prompts_come_on_top() {
    let body = element("hi", Some("STOP"), &usage([147, 108, 168, 360, 783]));
    let found = Case::json(Dialect::GeminiGenerate, &body).reported();
    assert_eq!(counts(&found), [Some(507), None, Some(276), Some(168)]);
}

#[test]
fn thoughts_as_many_as_the_prompts_audio_are_still_thoughts() {
    let body = json!({"usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 8,
        "thoughtsTokenCount": 32, "totalTokenCount": 140,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 32}]}});
    let found = Case::json(Dialect::GeminiGenerate, &body).reported();
    assert_eq!(counts(&found), [Some(100), None, Some(40), Some(32)]);
    assert_eq!(found.audio_input, Some(32));
}

#[test]
fn cached_content_lies_within_the_prompt() {
    let body = json!({"modelVersion": "g", "usageMetadata": {"promptTokenCount": 373,
        "cachedContentTokenCount": 204, "candidatesTokenCount": 89, "thoughtsTokenCount": 167,
        "totalTokenCount": 629, "serviceTier": "flex", "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 115}, {"modality": "IMAGE", "tokenCount": 258}],
        "candidatesTokensDetails": [{"modality": 4, "tokenCount": 9}]}});
    let (_, found) = Case::json(Dialect::GeminiGenerate, &body).read();
    assert_eq!(found.selectors.service_tier.as_deref(), Some("flex"));
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(373), Some(204), Some(256), Some(167)]);
    assert_eq!(
        (usage.image_input, usage.audio_output),
        (Some(258), Some(9))
    );
}

#[test]
fn the_last_object_of_a_stream_stands_whole() {
    let hops = [
        [46, 51, 101, 0, 198],
        [46, 0, 0, 0, 46],
        [46, 22, 67, 0, 135],
        [147, 108, 168, 360, 783],
    ];
    let mut events: Vec<Value> = hops
        .iter()
        .map(|hop| element("x", None, &usage(*hop)))
        .collect();
    let found = Case::events(Dialect::GeminiGenerate, &events).reported();
    assert_eq!(counts(&found), [Some(507), None, Some(276), Some(168)]);
    // A last element that names only its traffic's type states nothing.
    events.push(json!({"usageMetadata": {"trafficType": "ON_DEMAND"}}));
    let (_, found) = Case::events(Dialect::GeminiGenerate, &events).read();
    assert_eq!(found.selectors.service_tier.as_deref(), Some("ON_DEMAND"));
    assert_eq!(found.usage.and_then(|usage| usage.input), Some(507));
    // One without candidates has none, whatever was said before.
    events.push(element("", Some("STOP"), &usage([87, 0, 78, 0, 165])));
    let found = Case::events(Dialect::GeminiGenerate, &events).reported();
    assert_eq!(counts(&found), [Some(87), None, Some(78), Some(78)]);
}

#[test]
fn a_stream_may_be_one_json_array() {
    let elements = [
        element("x", None, &usage([9, 2, 0, 0, 11])),
        element("y", Some("STOP"), &usage([9, 7, 0, 0, 16])),
    ];
    let found = Case::json(Dialect::GeminiGenerate, &json!(elements)).reported();
    assert_eq!(counts(&found), [Some(9), None, Some(7), None]);
    let error = json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]);
    let (_, found) = Case::json(Dialect::GeminiGenerate, &error)
        .status(429)
        .read();
    assert_eq!(
        (found.error, found.usage),
        (Some(ErrorType::RateLimit), None)
    );
}

#[test]
fn a_stream_cut_off_keeps_the_larger_count() {
    let events = [element(
        "one two three four five six seven",
        None,
        &usage([9, 2, 0, 0, 11]),
    )];
    let case = Case::events(Dialect::GeminiGenerate, &events).end(StreamEnd::ClientClosed);
    let (_, found) = case.read();
    assert_eq!(found.source, UsageSource::Partial);
    let usage = found.usage.expect("usage");
    assert_eq!(usage.input, Some(9));
    assert!(usage.output.is_some_and(|count| count > 2), "{usage:?}");
}

#[test]
fn a_bare_error_after_events_is_classified() {
    let events = [element("x", None, &usage([9, 2, 0, 0, 11]))];
    let case = Case::events(Dialect::GeminiGenerate, &events);
    let error = "{\n  \"error\": {\n    \"code\": 503,\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    let (_, found) = case.then(error).read();
    assert_eq!(
        (found.error, found.source),
        (Some(ErrorType::ServerError), UsageSource::Partial)
    );
}

#[test]
fn a_blocked_prompt_has_no_output() {
    let body = json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage([7, 0, 0, 0, 7])});
    let found = Case::json(Dialect::GeminiGenerate, &body).reported();
    assert_eq!(counts(&found), [Some(7), None, Some(0), None]);
}

#[test]
fn distinct_searches_are_counted_once() {
    let grounded = |queries: &[&str]| {
        json!({"candidates": [{"groundingMetadata": {"webSearchQueries": queries}}],
            "usageMetadata": usage([9, 2, 0, 0, 11])})
    };
    let events = [grounded(&["a", "b"]), grounded(&["b"]), grounded(&["c"])];
    let found = Case::events(Dialect::GeminiGenerate, &events).reported();
    assert_eq!(found.other_units.get("web_searches"), Some(&3));
}

#[test]
fn embeddings_are_counted_in_every_shape() {
    let body = json!({"embeddings": [], "usageMetadata": {"promptTokenCount": 5,
        "promptTokenDetails": [{"modality": "TEXT", "tokenCount": 5}]}});
    assert_eq!(
        Case::json(Dialect::GeminiEmbed, &body).reported().input,
        Some(5)
    );
    let one = |count: u64| json!({"embeddings": {"statistics": {"token_count": count}}});
    let body = json!({"predictions": [one(5), one(6)], "metadata": {"billableCharacterCount": 35}});
    let found = Case::json(Dialect::GeminiEmbed, &body).reported();
    assert_eq!((found.input, found.output), (Some(11), None));
    assert_eq!(found.other_units.get("billable_characters"), Some(&35));
    let body = json!({"embedding": {"values": [0.5]}});
    let (_, found) = Case::json(Dialect::GeminiEmbed, &body).read();
    assert_eq!(found.source, UsageSource::Estimated);
}
