//! Cohere, Ollama and its like, Mistral, and what single hosts add to OpenAI's shapes.

use super::*;

/// A stream of documents, one after the other.
fn lines(dialect: Dialect, documents: &[Value]) -> Case {
    let mut case = Case::json(dialect, &documents[0]);
    for document in &documents[1..] {
        case = case.then(&format!("\n{document}"));
    }
    case
}

fn units(usage: &Usage) -> Vec<(&'static str, u64)> {
    usage.other_units.clone().into_iter().collect()
}

#[test]
fn cohere_bills_its_billed_units() {
    let stated = json!({"billed_units": {"input_tokens": 13.0, "output_tokens": 61},
        "tokens": {"input_tokens": 542, "output_tokens": 63}, "cached_tokens": 448});
    let whole = Case::json(Dialect::Cohere, &json!({"id": "x", "usage": stated}));
    let events = [
        json!({"type": "content-delta", "delta": {"message": {"content": {"text": "Hi"}}}}),
        json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": stated}}),
    ];
    let first = [
        json!({"event_type": "text-generation", "text": "Hi", "is_finished": false}),
        json!({"event_type": "stream-end", "response": {"text": "Hi", "meta": stated}}),
    ];
    for case in [
        whole,
        Case::events(Dialect::Cohere, &events),
        lines(Dialect::Cohere, &first),
    ] {
        let usage = case.reported();
        // What was cached is a part of what was read, of which little is billed.
        assert_eq!(usage.cache_read, Some(448));
        assert_eq!((usage.input, usage.output), (Some(13), Some(61)));
        assert!(units(&usage).is_empty());
    }
}

#[test]
fn cohere_counts_what_is_no_token() {
    for (billed, unit) in [
        (json!({"search_units": 1}), ("search_units", 1)),
        (json!({"classifications": 3.0}), ("classifications", 3)),
        (json!({"images": 2, "input_tokens": 0}), ("images", 2)),
        (json!({"pages": 7}), ("pages", 7)),
    ] {
        let body = json!({"results": [], "meta": {"billed_units": billed}});
        assert_eq!(
            units(&Case::json(Dialect::Cohere, &body).reported()),
            [unit]
        );
    }
    let embedded = json!({"meta": {"billed_units": {"image_tokens": 40, "input_tokens": 4}}});
    let usage = Case::json(Dialect::Cohere, &embedded).reported();
    assert_eq!((usage.input, usage.image_input), (Some(44), Some(40)));
}

#[test]
fn cohere_says_that_it_failed_where_its_stream_ends() {
    let events = [
        json!({"type": "content-delta", "delta": {"message": {"content": {"text": "Hi"}}}}),
        json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "internal"}}),
    ];
    let (_, found) = Case::events(Dialect::Cohere, &events).read();
    assert_eq!(found.error, Some(ErrorType::ServerError));
    assert_eq!(found.source, UsageSource::Estimated);
}

#[test]
fn ollama_states_its_counts_in_the_last_document() {
    let documents = [
        json!({"model": "m", "message": {"content": "Hi"}, "done": false}),
        json!({"model": "m", "message": {"content": ""}, "done": true,
            "prompt_eval_count": 18, "prompt_eval_cached_count": 8, "eval_count": 203}),
    ];
    let case = lines(Dialect::Ollama, &documents);
    let (settled, found) = case.read();
    assert_eq!(settled, Some(case.body.len()), "settled with the document");
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(18), Some(8), Some(203), None]);
    let unknown = json!({"done": true, "eval_count": 38, "response": "x"});
    let usage = Case::json(Dialect::Ollama, &unknown).reported();
    assert_eq!((usage.input, usage.output), (None, Some(38)));
}

#[test]
fn a_document_cut_off_between_its_counts_is_not_taken_for_whole() {
    for (dialect, body) in [
        (
            Dialect::Ollama,
            "{\"done\":true,\"prompt_eval_count\":18,\"x\"",
        ),
        (
            Dialect::Llamacpp,
            "{\"stop\":true,\"tokens_evaluated\":18,\"x\"",
        ),
        (Dialect::AlephAlpha, "{\"num_tokens_prompt_total\":18,\"x\""),
    ] {
        let case = Case {
            body: body.to_owned(),
            ..Case::json(dialect, &Value::Null)
        };
        for end in [StreamEnd::ClientClosed, StreamEnd::Complete] {
            let (_, found) = Case {
                end,
                body: case.body.clone(),
                ..case
            }
            .read();
            assert_eq!(found.source, UsageSource::Partial, "{}", dialect.name());
            assert_eq!(found.usage.and_then(|usage| usage.input), Some(18));
        }
    }
}

#[test]
fn ollamas_error_in_a_stream_is_named() {
    let documents = [
        json!({"message": {"content": "Hi"}, "done": false}),
        json!({"error": "model runner has unexpectedly stopped: internal error"}),
    ];
    let (_, found) = lines(Dialect::Ollama, &documents).read();
    assert_eq!(found.error, Some(ErrorType::ServerError));
    assert_eq!(found.source, UsageSource::Estimated);
}

#[test]
fn llamacpps_context_size_is_no_cache() {
    let events = [
        json!({"content": "a", "stop": false, "tokens_predicted": 1, "tokens_evaluated": 12}),
        json!({"content": "", "stop": true, "tokens_evaluated": 12, "tokens_predicted": 30,
            "tokens_cached": 41, "timings": {"prompt_n": 4, "cache_n": 8, "predicted_n": 30}}),
    ];
    let usage = Case::events(Dialect::Llamacpp, &events).reported();
    assert_eq!(counts(&usage), [Some(12), Some(8), Some(30), None]);
    let chunk = json!({"choices": [{"index": 0, "finish_reason": "stop", "delta": {}}],
        "timings": {"prompt_n": 4, "cache_n": 8, "predicted_n": 30}});
    let usage = Case::events(Dialect::OpenaiChat, &[chunk]).reported();
    assert_eq!(counts(&usage), [Some(12), Some(8), Some(30), None]);
}

#[test]
fn tgi_states_its_output_and_weir_counts_the_input() {
    let events = [
        json!({"token": {"text": "Hi"}, "generated_text": null, "details": null}),
        json!({"token": {"text": "!"}, "generated_text": "Hi!",
            "details": {"generated_tokens": 2, "finish_reason": "length"}}),
    ];
    let (_, found) = Case::events(Dialect::Tgi, &events).read();
    assert_eq!(found.source, UsageSource::Estimated);
    let usage = found.usage.expect("usage");
    assert_eq!(usage.output, Some(2));
    assert!(usage.input > Some(5), "{:?}", usage.input);
    let body =
        json!([{"generated_text": "Hi!", "details": {"generated_tokens": 2, "input_length": 9}}]);
    assert_eq!(
        counts(&Case::json(Dialect::Tgi, &body).reported())[0],
        Some(9)
    );
}

#[test]
fn mistrals_pages_connectors_and_cache_are_counted() {
    let ocr = |annotation: Value| {
        json!({"model": "mistral-ocr", "pages": [{"index": 0, "images": []}],
            "document_annotation": annotation, "usage_info": {"pages_processed": 3, "doc_size_bytes": 9}})
    };
    let read = |annotation| units(&Case::json(Dialect::MistralOcr, &ocr(annotation)).reported());
    assert_eq!(read(Value::Null), [("document_pages", 3)]);
    assert_eq!(
        read(json!("{}")),
        [("annotated_pages", 3), ("document_pages", 3)]
    );

    let usage = json!({"prompt_tokens": 188, "completion_tokens": 55, "total_tokens": 7355,
        "connector_tokens": 7112, "connectors": {"web_search": 1}});
    let done = json!({"type": "conversation.response.done", "usage": usage});
    let whole =
        json!({"object": "conversation.response", "outputs": [{"model": "m"}], "usage": usage});
    for case in [
        Case::json(Dialect::OpenaiChat, &whole),
        Case::events(Dialect::OpenaiChat, &[done]),
    ] {
        let usage = case.reported();
        assert_eq!(counts(&usage), [Some(7300), None, Some(55), None]);
        assert_eq!(units(&usage), [("web_searches", 1)]);
    }
    for usage in [
        json!({"prompt_tokens": 171, "completion_tokens": 1, "num_cached_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": 128}}),
        json!({"prompt_tokens": 171, "completion_tokens": 1, "num_cached_tokens": 128}),
    ] {
        let body = json!({"choices": [], "usage": usage});
        assert_eq!(
            Case::json(Dialect::OpenaiChat, &body).reported().cache_read,
            Some(128)
        );
    }
}

#[test]
fn embeddings_and_ranks_may_state_a_total_alone() {
    for dialect in [Dialect::Voyage, Dialect::OpenaiEmbeddings] {
        let body = json!({"model": "voyage-3", "usage": {"total_tokens": 12}});
        assert_eq!(Case::json(dialect, &body).reported().input, Some(12));
    }
    let media = json!({"usage": {"total_tokens": 90, "text_tokens": 8, "image_pixels": 45_000}});
    let usage = Case::json(Dialect::Voyage, &media).reported();
    assert_eq!(
        (usage.input, units(&usage)),
        (Some(90), vec![("image_pixels", 45_000)])
    );
    let ranked = json!({"results": [], "meta": {"tokens": {"input_tokens": 17}}});
    assert_eq!(
        Case::json(Dialect::Voyage, &ranked).reported().input,
        Some(17)
    );
}

#[test]
fn watsonx_says_its_input_once() {
    let event = |output: u64, input: u64, reason: &str| {
        json!({"model_id": "m", "results": [{"generated_text": "x", "generated_token_count": output,
            "input_token_count": input, "stop_reason": reason}]})
    };
    let events = [
        event(1, 8, "not_finished"),
        event(10, 0, "not_finished"),
        event(11, 0, "eos_token"),
    ];
    let usage = Case::events(Dialect::Watsonx, &events).reported();
    assert_eq!(counts(&usage), [Some(8), None, Some(11), None]);
    let left = Case::events(Dialect::Watsonx, &events[..2]).end(StreamEnd::ClientClosed);
    assert_eq!(left.read().1.source, UsageSource::Partial);
}

#[test]
fn replicates_prediction_is_read_once_it_is_over() {
    let body = |status: &str| {
        json!({"id": "p1", "model": "meta/llama", "status": status,
            "metrics": {"input_token_count": 7, "output_token_count": 9, "predict_time": 1.2}})
    };
    let (_, found) = Case::json(Dialect::Replicate, &body("succeeded")).read();
    assert_eq!(found.response_id.as_deref(), Some("p1"));
    let usage = found.usage.expect("usage");
    assert_eq!(counts(&usage), [Some(7), None, Some(9), None]);
    assert_eq!(units(&usage), [("compute_seconds", 2)]);
    let (_, found) = Case::json(Dialect::Replicate, &body("processing")).read();
    assert_eq!(found.usage, None);
}

#[test]
fn groqs_compound_is_split_by_model_only_where_the_parts_make_the_whole() {
    let part = |model: &str, input: u64, output: u64| json!({"model": model, "usage": {"prompt_tokens": input, "completion_tokens": output}});
    let body = |parts: Value| {
        json!({"model": "groq/compound", "choices": [], "usage_breakdown": {"models": parts},
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}})
    };
    let sum = body(json!([part("a", 60, 15), part("b", 40, 5)]));
    let usage = Case::json(Dialect::OpenaiChat, &sum).reported();
    assert_eq!(usage.sub_usages.len(), 2);
    assert_eq!(counts(&usage.overall()), [Some(100), None, Some(20), None]);
    let repeats = body(json!([part("a", 100, 20), part("b", 100, 20)]));
    let usage = Case::json(Dialect::OpenaiChat, &repeats).reported();
    assert_eq!((usage.sub_usages.len(), usage.input), (0, Some(100)));
}

#[test]
fn a_bots_models_are_billed_each_at_its_own() {
    let body = json!({"choices": [], "bot_usage": {"model_usage": [
        {"name": "doubao-a", "prompt_tokens": 30, "completion_tokens": 4},
        {"name": "doubao-b", "prompt_tokens": 10, "completion_tokens": 6}],
        "action_usage": [{"name": "content_plugin", "count": 2}]}});
    let usage = Case::json(Dialect::OpenaiChat, &body).reported();
    assert_eq!(counts(&usage.overall()), [Some(40), None, Some(10), None]);
    assert_eq!(usage.sub_usages[1].0, "doubao-b");
    assert_eq!(units(&usage), [("bot_actions", 2)]);
}

#[test]
fn what_a_price_depends_on_is_noted() {
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 1, "search_context_size": "low",
        "prompt_tokens_details": {"cached_tokens": 4, "cache_type": "ephemeral"}});
    let body =
        json!({"choices": [], "usage": usage, "web_search": [{"title": "x"}, {"title": "y"}]});
    let (_, found) = Case::json(Dialect::OpenaiChat, &body).read();
    assert_eq!(found.selectors.search_context.as_deref(), Some("low"));
    assert_eq!(found.selectors.cache_type.as_deref(), Some("ephemeral"));
    assert_eq!(units(&found.usage.expect("usage")), [("web_searches", 1)]);
}

#[test]
fn an_error_that_is_the_whole_answer_is_not_charged() {
    for body in [
        json!({"object": "error", "message": "too many requests", "type": "rate_limit_error", "code": 40_303}),
        json!({"code": "RateLimitReached", "message": "no"}),
    ] {
        let (_, found) = Case::json(Dialect::OpenaiChat, &body).read();
        assert_eq!(
            (found.error, found.source),
            (Some(ErrorType::RateLimit), UsageSource::None)
        );
    }
    let fine = json!({"code": 0, "message": "Success", "sid": "x",
        "choices": [{"index": 0}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}});
    assert_eq!(Case::json(Dialect::OpenaiChat, &fine).read().1.error, None);
}
