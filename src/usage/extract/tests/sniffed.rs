//! What is found at paths that weir does not know, and what is left alone.

use super::*;

#[test]
fn every_shape_of_usage_is_told_by_its_keys() {
    let full = [Some(10), Some(4), Some(7), None];
    let plain = [Some(10), None, Some(7), None];
    for (body, expected) in [
        (
            json!({"usage": {"prompt_tokens": 10, "completion_tokens": 7,
                "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {}}}),
            full,
        ),
        (
            json!({"usage": {"input_tokens": 6, "output_tokens": 7, "cache_read_input_tokens": 4}}),
            full,
        ),
        (
            json!({"response": {"usage": {"input_tokens": 10, "output_tokens": 7,
                "input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": {}}}}),
            full,
        ),
        (
            json!({"usage": {"inputTokens": 6, "outputTokens": 7, "cacheReadInputTokens": 4}}),
            full,
        ),
        (
            json!([{"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 7,
                "cachedContentTokenCount": 4, "totalTokenCount": 17}}]),
            full,
        ),
        (
            json!({"usage": {"total_input_tokens": 10, "total_output_tokens": 7, "total_cached_tokens": 4}}),
            full,
        ),
        (
            json!({"meta": {"billed_units": {"input_tokens": 10, "output_tokens": 7}}}),
            plain,
        ),
        (
            json!({"Response": {"Usage": {"PromptTokens": 10, "CompletionTokens": 7}}}),
            plain,
        ),
        (
            json!({"done": true, "prompt_eval_count": 10, "eval_count": 7}),
            plain,
        ),
        (
            json!({"tokens_evaluated": 10, "tokens_predicted": 7}),
            plain,
        ),
    ] {
        let usage = Case::json(Dialect::Sniffed, &body).reported();
        assert_eq!(counts(&usage), expected, "{body}");
    }
    let spoken = json!({"text": "x", "usage": {"type": "duration", "seconds": 9.2}});
    let usage = Case::json(Dialect::Sniffed, &spoken).reported();
    assert_eq!(usage.other_units.get("audio_seconds"), Some(&10));
}

#[test]
fn streams_of_any_framing_are_sniffed() {
    let last = json!({"type": "done", "usage": {"prompt_tokens": 3, "completion_tokens": 4}});
    let first = json!({"type": "delta", "usage": null});
    let events = Case::events(Dialect::Sniffed, &[first.clone(), last.clone()]);
    let lines = Case::json(Dialect::Sniffed, &first).then(&format!("\n{last}\n"));
    for case in [events, lines] {
        assert_eq!(counts(&case.reported()), [Some(3), None, Some(4), None]);
    }
}

#[test]
fn a_count_an_echo_or_a_page_is_no_usage() {
    for body in [
        json!({"input_tokens": 123}),
        json!({"inputTokens": 18}),
        json!({"totalTokens": 7, "totalBillableCharacters": 25}),
        json!({"prompt_eval_count": 9}),
        json!({"usage": 5}),
        json!({"usage": {}}),
        json!({"usage": "see the handbook"}),
        json!({"messages": [{"content": {"usage": {"prompt_tokens": 9}}}]}),
        json!({"input": {"usage": {"prompt_tokens": 9}}, "output": "{\"usage\": 1}"}),
        json!({"choices": [{"message": {"content": "{\"usage\":{\"prompt_tokens\":9}}"}}]}),
    ] {
        for end in [StreamEnd::Complete, StreamEnd::ClientClosed] {
            let (_, found) = Case::json(Dialect::Sniffed, &body).end(end).read();
            assert_eq!(
                (found.usage, found.source),
                (None, UsageSource::None),
                "{body}"
            );
        }
    }
}

#[test]
fn an_error_says_why_in_any_shape() {
    for (status, body, kind) in [
        (
            400,
            json!({"message": "too many tokens: cannot exceed 9"}),
            ErrorType::TokenLimit,
        ),
        (
            404,
            json!({"error": "model 'x' not found"}),
            ErrorType::ModelNotFound,
        ),
        (
            400,
            json!({"code": "InvalidApiKey", "message": "x"}),
            ErrorType::Auth,
        ),
        (
            400,
            json!([{"error": {"status": "RESOURCE_EXHAUSTED"}}]),
            ErrorType::RateLimit,
        ),
        (
            400,
            json!({"errors": [{"code": "model_not_supported", "message": "x"}]}),
            ErrorType::InvalidRequest,
        ),
        (
            422,
            json!({"detail": [{"msg": "field required"}]}),
            ErrorType::InvalidRequest,
        ),
        (
            413,
            json!({"message": "Request Entity Too Large"}),
            ErrorType::TokenLimit,
        ),
        (503, json!("<html>"), ErrorType::ServerError),
    ] {
        for dialect in [Dialect::OpenaiChat, Dialect::Cohere, Dialect::Sniffed] {
            let (_, found) = Case::json(dialect, &body).status(status).read();
            assert_eq!(
                (found.error, found.usage),
                (Some(kind), None),
                "{status} {body}"
            );
        }
    }
    let stated =
        json!({"error": {"message": "x"}, "usage": {"prompt_tokens": 9, "completion_tokens": 1}});
    let (_, found) = Case::json(Dialect::OpenaiChat, &stated).status(500).read();
    assert_eq!(
        found.usage.and_then(|usage| usage.input),
        Some(9),
        "kept, and not billed"
    );
}
