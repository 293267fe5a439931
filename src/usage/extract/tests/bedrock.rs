//! Bedrock's Converse and InvokeModel, as JSON and as binary events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// One message on the wire; every header is a text.
fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).unwrap());
        head.extend_from_slice(name.as_bytes());
        head.push(7);
        head.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let mut out = length(head.len() + payload.len() + 16).to_vec();
    out.extend(length(head.len()));
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend(head);
    out.extend_from_slice(payload);
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}

fn event(name: &str, payload: &Value) -> Vec<u8> {
    let headers = [(":event-type", name), (":message-type", "event")];
    frame(&headers, payload.to_string().as_bytes())
}

/// An InvokeModel chunk.
fn chunk(native: &Value) -> Vec<u8> {
    let bytes = STANDARD.encode(native.to_string());
    event("chunk", &json!({"p": "abcd", "bytes": bytes}))
}

fn exception(name: &str, message: &str) -> Vec<u8> {
    let headers = [(":exception-type", name), (":message-type", "exception")];
    frame(&headers, json!({"message": message}).to_string().as_bytes())
}

/// Feeds a body byte by byte; whether it could be settled, and the extraction.
fn read_with(
    dialect: Dialect,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
    end: StreamEnd,
) -> (bool, Extraction) {
    let header = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, v)| *v)
    };
    let head = ResponseHead {
        status,
        header: &header,
    };
    let mut extractor = Extractor::new(dialect, head, RequestFacts::default());
    let mut settled = false;
    for byte in body {
        settled |= extractor.feed(&[*byte]);
    }
    let mut input = TextSample::default();
    input.push("some words of a prompt");
    (settled, extractor.finish(end, &input))
}

fn read(dialect: Dialect, body: &[u8]) -> (bool, Extraction) {
    read_with(dialect, 200, &[], body, StreamEnd::Complete)
}

fn writes(usage: &Usage) -> [Option<u64>; 3] {
    [
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.cache_write_other,
    ]
}

#[test]
fn converse_counts_its_cache_beside_the_input() {
    let body = json!({"usage": {"inputTokens": 3, "outputTokens": 227, "cacheReadInputTokens": 0,
        "cacheReadInputTokenCount": 0, "cacheWriteInputTokens": 1712, "cacheWriteInputTokenCount": 1712,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 1712}], "totalTokens": 1942,
        "serverToolUsage": {}}, "metrics": {"latencyMs": 3950}, "serviceTier": {"type": "flex"},
        "performanceConfig": {"latency": "optimized"}});
    let (settled, found) = read(Dialect::BedrockConverse, body.to_string().as_bytes());
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(1715), Some(0), Some(227), None]);
    assert_eq!(writes(&usage), [Some(1712), None, None]);
    assert_eq!(found.selectors.service_tier.as_deref(), Some("flex"));
    assert_eq!(found.selectors.speed.as_deref(), Some("optimized"));
    assert_eq!(found.source, UsageSource::Reported);
    assert!(settled, "its document is the answer");
}

#[test]
fn cache_writes_are_split_by_their_time_to_live() {
    for (details, expected) in [
        (
            json!([{"ttl": "1h", "inputTokens": 40}, {"ttl": "5m", "inputTokens": 60}]),
            [Some(60), Some(40), None],
        ),
        (
            json!([{"ttl": "1h", "inputTokens": 40}]),
            [Some(60), Some(40), None],
        ),
        (
            json!([{"ttl": "12h", "inputTokens": 100}]),
            [Some(0), None, Some(100)],
        ),
        (json!(null), [Some(100), None, None]),
    ] {
        let body = json!({"usage": {"inputTokens": 1, "outputTokens": 1,
            "cacheWriteInputTokens": 100, "cacheDetails": details}});
        let (_, found) = read(Dialect::BedrockConverse, body.to_string().as_bytes());
        let usage = found.usage.expect("usage");
        assert_eq!(writes(&usage), expected, "{details}");
        assert_eq!(usage.input, Some(101));
    }
}

#[test]
fn a_converse_stream_is_settled_by_its_metadata() {
    let body = [
        event("messageStart", &json!({"p": "ab", "role": "assistant"})),
        event(
            "contentBlockDelta",
            &json!({"delta": {"text": "hello"}, "p": "a"}),
        ),
        event("messageStop", &json!({"stopReason": "end_turn"})),
        event(
            "metadata",
            &json!({"metrics": {"latencyMs": 1},
            "usage": {"inputTokens": 210, "outputTokens": 18, "totalTokens": 228},
            "trace": {"promptRouter": {"invokedModelId":
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}}}),
        ),
    ];
    let (settled, found) = read(Dialect::BedrockConverse, &body.concat());
    assert_eq!(
        counts(&found.usage.expect("usage")),
        [Some(210), None, Some(18), None]
    );
    assert_eq!(found.model.as_deref(), Some("amazon.nova-lite-v1:0"));
    assert_eq!((found.source, settled), (UsageSource::Reported, true));
    // Without its metadata the text is counted.
    let cut = body[..3].concat();
    let (_, found) = read_with(
        Dialect::BedrockConverse,
        200,
        &[],
        &cut,
        StreamEnd::ClientClosed,
    );
    assert_eq!(found.source, UsageSource::Estimated);
    assert_eq!(found.usage.and_then(|usage| usage.output), Some(1));
}

#[test]
fn a_message_with_a_wrong_checksum_counts_for_nothing() {
    let usage = json!({"usage": {"inputTokens": 210, "outputTokens": 18}});
    let text = event("contentBlockDelta", &json!({"delta": {"text": "hello"}}));
    let mut wrong = event("metadata", &usage);
    let at = wrong
        .windows(3)
        .position(|three| three == b"210")
        .expect("210");
    wrong[at] = b'9';
    let body = [text, wrong, event("metadata", &usage)].concat();
    let (settled, found) = read(Dialect::BedrockConverse, &body);
    assert_eq!((found.source, settled), (UsageSource::Estimated, false));
    assert_eq!(found.usage.and_then(|usage| usage.output), Some(1));
}

#[test]
fn an_exception_in_the_stream_is_an_error() {
    for (name, message, kind) in [
        ("throttlingException", "slow down", ErrorType::RateLimit),
        ("modelStreamErrorException", "oops", ErrorType::ServerError),
        ("modelTimeoutException", "late", ErrorType::Timeout),
        (
            "validationException",
            "Input is too long for requested model.",
            ErrorType::TokenLimit,
        ),
        ("validationException", "bad tool", ErrorType::InvalidRequest),
    ] {
        for dialect in [Dialect::BedrockConverse, Dialect::BedrockInvoke] {
            let (_, found) = read(dialect, &exception(name, message));
            assert_eq!(found.error, Some(kind), "{name} {message}");
            assert_eq!(found.usage, None);
        }
    }
}

#[test]
fn an_http_error_is_told_by_its_name() {
    for (status, name, message, kind) in [
        (
            429,
            "ThrottlingException",
            "Too many tokens",
            ErrorType::RateLimit,
        ),
        (
            400,
            "ServiceQuotaExceededException:http://x/",
            "no",
            ErrorType::RateLimit,
        ),
        (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
            ErrorType::ModelNotFound,
        ),
        (
            404,
            "ResourceNotFoundException",
            "no such ARN",
            ErrorType::ModelNotFound,
        ),
        (
            424,
            "ModelErrorException",
            "it broke",
            ErrorType::ServerError,
        ),
        (403, "ExpiredTokenException", "expired", ErrorType::Auth),
        (408, "ModelTimeoutException", "late", ErrorType::Timeout),
    ] {
        let headers = [("x-amzn-errortype", name)];
        let body = json!({ "message": message }).to_string();
        for dialect in [Dialect::BedrockConverse, Dialect::BedrockInvoke] {
            let (_, found) = read_with(
                dialect,
                status,
                &headers,
                body.as_bytes(),
                StreamEnd::Complete,
            );
            assert_eq!((found.error, found.usage), (Some(kind), None), "{name}");
        }
    }
    let body = json!({"__type": "com.amazon#ThrottlingException", "message": "x"}).to_string();
    let (_, found) = read_with(
        Dialect::BedrockConverse,
        400,
        &[],
        body.as_bytes(),
        StreamEnd::Complete,
    );
    assert_eq!(found.error, Some(ErrorType::RateLimit));
}

const COUNT_HEADERS: [(&str, &str); 4] = [
    ("x-amzn-bedrock-input-token-count", "3"),
    ("x-amzn-bedrock-cache-read-input-token-count", "9511"),
    ("x-amzn-bedrock-cache-write-input-token-count", "1956"),
    ("x-amzn-bedrock-output-token-count", "44"),
];

#[test]
fn an_invoked_models_headers_state_what_its_body_leaves_out() {
    let body = json!({"completion": "hi", "stop_reason": "stop_sequence"}).to_string();
    let read = |body: &str, end| {
        read_with(
            Dialect::BedrockInvoke,
            200,
            &COUNT_HEADERS,
            body.as_bytes(),
            end,
        )
        .1
    };
    let found = read(&body, StreamEnd::Complete);
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(11_470), Some(9511), Some(44), None]);
    assert_eq!(writes(&usage), [Some(1956), None, None]);
    assert_eq!(found.source, UsageSource::Reported);
    // The body splits the writes.
    let native = json!({"type": "message", "model": "claude-haiku-4-5", "content": [],
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 9511, "cache_creation_input_tokens": 1956,
            "cache_creation": {"ephemeral_5m_input_tokens": 956, "ephemeral_1h_input_tokens": 1000},
            "output_tokens": 44}});
    let found = read(&native.to_string(), StreamEnd::Complete);
    let usage = found.usage.expect("usage");
    assert_eq!(usage.input, Some(11_470));
    assert_eq!(writes(&usage), [Some(956), Some(1000), None]);
    assert_eq!(found.model.as_deref(), Some("claude-haiku-4-5"));
    // One that was cut may have gone on to do so.
    let found = read(&native.to_string()[..40], StreamEnd::ClientClosed);
    assert_eq!(found.source, UsageSource::Partial);
    assert_eq!(found.usage.and_then(|usage| usage.input), Some(11_470));
}

#[test]
fn every_models_own_words_are_read() {
    for (body, expected) in [
        (
            json!({"generation": "hi", "prompt_token_count": 7, "generation_token_count": 2,
            "stop_reason": "stop"}),
            [Some(7), None, Some(2)],
        ),
        (
            json!({"inputTextTokenCount": 5, "results": [{"tokenCount": 3, "outputText": "a"},
            {"tokenCount": 4, "outputText": "b", "completionReason": "FINISH"}]}),
            [Some(5), None, Some(7)],
        ),
        (
            json!({"embedding": [0.5], "inputTextTokenCount": 5}),
            [Some(5), None, None],
        ),
        (
            json!({"output": {"message": {"content": [{"text": "hi"}]}}, "usage": {"inputTokens": 24,
            "outputTokens": 10, "totalTokens": 34, "cacheReadInputTokenCount": 6}}),
            [Some(30), Some(6), Some(10)],
        ),
        (
            json!({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11,
                "prompt_tokens_details": {"cached_tokens": 4}}}),
            [Some(9), Some(4), Some(2)],
        ),
        (
            json!({"text": "hi", "meta": {"billed_units": {"input_tokens": 8, "output_tokens": 1}}}),
            [Some(8), None, Some(1)],
        ),
    ] {
        let (_, found) = read(Dialect::BedrockInvoke, body.to_string().as_bytes());
        assert_eq!(found.source, UsageSource::Reported, "{body}");
        assert_eq!(
            counts(&found.usage.expect("usage"))[..3],
            expected,
            "{body}"
        );
    }
}

#[test]
fn a_streams_own_usage_wins_over_the_invocation_metrics() {
    let metrics = json!({"inputTokenCount": 999, "outputTokenCount": 999});
    let claude = [
        chunk(
            &json!({"type": "message_start", "message": {"model": "claude-x",
            "usage": {"input_tokens": 16, "output_tokens": 5}}}),
        ),
        chunk(
            &json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}),
        ),
        chunk(
            &json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 18}}),
        ),
        chunk(&json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics})),
    ];
    let llama = [
        chunk(
            &json!({"generation": "a", "prompt_token_count": 16, "generation_token_count": 1,
            "stop_reason": null}),
        ),
        chunk(
            &json!({"generation": "b", "prompt_token_count": null, "generation_token_count": 18,
            "stop_reason": "stop", "amazon-bedrock-invocationMetrics": metrics}),
        ),
    ];
    let nova = [
        chunk(&json!({"contentBlockDelta": {"delta": {"text": "hi"}}})),
        chunk(
            &json!({"metadata": {"usage": {"inputTokens": 16, "outputTokens": 18}},
            "amazon-bedrock-invocationMetrics": metrics}),
        ),
    ];
    for body in [claude.concat(), llama.concat(), nova.concat()] {
        let (settled, found) = read(Dialect::BedrockInvoke, &body);
        assert_eq!(
            counts(&found.usage.expect("usage"))[..3],
            [Some(16), None, Some(18)]
        );
        assert_eq!((found.source, settled), (UsageSource::Reported, true));
    }
    // A cut stream has only the placeholder of its start.
    let (_, found) = read_with(
        Dialect::BedrockInvoke,
        200,
        &[],
        &claude[..2].concat(),
        StreamEnd::ClientClosed,
    );
    assert_eq!(found.source, UsageSource::Partial);
    assert_eq!(found.usage.and_then(|usage| usage.input), Some(16));
}

#[test]
fn the_invocation_metrics_stand_in_for_a_model_that_states_nothing() {
    let body = [
        chunk(&json!({"text": "a", "is_finished": false})),
        chunk(
            &json!({"text": "b", "is_finished": true, "amazon-bedrock-invocationMetrics":
            {"inputTokenCount": 3, "outputTokenCount": 44, "cacheReadInputTokenCount": 10,
             "cacheWriteInputTokenCount": 5, "invocationLatency": 1, "firstByteLatency": 1}}),
        ),
    ];
    let (settled, found) = read(Dialect::BedrockInvoke, &body.concat());
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(18), Some(10), Some(44), None]);
    assert_eq!((found.source, settled), (UsageSource::Reported, true));
}

#[test]
fn guardrails_are_counted_by_policy() {
    let metrics = |topic| {
        json!({"invocationMetrics": {"guardrailProcessingLatency": 3, "usage":
        {"topicPolicyUnits": topic, "contentPolicyUnits": 1, "wordPolicyUnits": 1,
         "sensitiveInformationPolicyFreeUnits": 1}}})
    };
    let usage = json!({"inputTokens": 1, "outputTokens": 1});
    let converse = json!({"trace": {"guardrail": {"modelOutput": ["x"], "inputAssessment": {"g1": metrics(2)},
        "outputAssessments": {"g1": [metrics(3)]}}}, "usage": usage});
    let invoke = json!({"usage": usage, "amazon-bedrock-trace": {"guardrail": {"input": {"g1": metrics(2)},
        "outputs": [{"g1": metrics(3)}]}}});
    for (dialect, body) in [
        (Dialect::BedrockConverse, converse),
        (Dialect::BedrockInvoke, invoke),
    ] {
        let (_, found) = read(dialect, body.to_string().as_bytes());
        let units = found.usage.expect("usage").other_units;
        let found: Vec<_> = units.into_iter().collect();
        assert_eq!(
            found,
            [("guardrail_content_units", 2), ("guardrail_topic_units", 5)]
        );
    }
}
