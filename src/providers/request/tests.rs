use crate::providers::Selectors;
use serde_json::json;

use super::*;

/// What a body says at any split, and its texts joined by a bar.
fn read(body: &Value) -> (RequestFacts, String) {
    let body = body.to_string();
    let run = |size: usize| {
        let mut reader = RequestReader::new(Some(Dialect::OpenaiChat));
        let mut texts = Vec::new();
        for chunk in body.as_bytes().chunks(size) {
            reader.feed(chunk, &mut |text| texts.push(text.part.to_owned()));
        }
        (reader.facts(), texts.join("|"))
    };
    let whole = run(body.len());
    assert_eq!(run(1), whole);
    whole
}

#[test]
fn a_chat_request_is_read_in_any_order() {
    let (facts, text) = read(&json!({
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [
                {"type": "text", "text": "what is this"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
            {"role": "assistant", "content": null, "tool_calls": [{"function": {"arguments": "{\"a\":1}"}}]},
        ],
        "model": "gpt-x", "stream": true, "stream_options": {"include_usage": true}, "n": 3,
        "max_completion_tokens": 99, "user": "ann", "safety_identifier": "hash", "service_tier": "flex",
    }));
    let expected = RequestFacts {
        model: Some("gpt-x".to_owned()),
        stream: Some(true),
        include_usage: true,
        max_output_tokens: Some(99),
        choices: 3,
        user: Some("ann".to_owned()),
        store: None,
        selectors: Selectors {
            service_tier: Some("flex".to_owned()),
            ..Selectors::default()
        },
        media_parts: 1,
        refers_outside: false,
        ..RequestFacts::default()
    };
    assert_eq!(facts, expected);
    assert_eq!(text, "be brief|what is this|{\"a\":1}");
}

#[test]
fn an_empty_body_asks_for_one_choice() {
    let (facts, text) = read(&json!({}));
    assert_eq!(
        facts,
        RequestFacts {
            choices: 1,
            ..RequestFacts::default()
        }
    );
    assert_eq!(text, "");
}

#[test]
fn prompts_multiply_choices() {
    let (facts, text) = read(&json!({"prompt": ["one", "two"], "n": 2, "best_of": 4}));
    assert_eq!((facts.choices, text.as_str()), (8, "one|two"));
    let (facts, text) = read(&json!({"prompt": "one", "max_tokens": 5}));
    assert_eq!(
        (facts.choices, facts.max_output_tokens, text.as_str()),
        (1, Some(5), "one")
    );
}

#[test]
fn inputs_are_texts_lists_or_tokens() {
    for (input, text) in [
        (json!("one"), "one"),
        (json!(["one", "two"]), "one|two"),
        (json!([12, 345]), "12|345"),
        (json!([[1, 2], [3]]), "[1,2]|[3]"),
        (json!([{"role": "user", "content": "one"}]), "one"),
        (
            json!([{"content": [{"type": "input_text", "text": "one"}]}]),
            "one",
        ),
        (
            json!([{"type": "function_call_output", "output": "one"}]),
            "one",
        ),
    ] {
        assert_eq!(read(&json!({"input": input})).1, text, "{input}");
    }
}

#[test]
fn an_anthropic_request_is_read() {
    let (facts, text) = read(&json!({
        "system": [{"type": "text", "text": "be brief"}],
        "messages": [{"role": "user", "content": [
            {"type": "document", "source": {"type": "base64", "data": "AAAA"}},
            {"type": "tool_result", "content": [{"type": "text", "text": "42"}]}]}],
        "tools": [{"name": "f", "input_schema": {}}],
        "max_tokens": 7, "metadata": {"user_id": "bob"},
    }));
    assert_eq!((facts.max_output_tokens, facts.media_parts), (Some(7), 1));
    // Nobody can tell the tokens of a document by its bytes.
    assert_eq!(
        (facts.user.as_deref(), facts.refers_outside),
        (Some("bob"), true)
    );
    let mut texts: Vec<&str> = text.split('|').collect();
    texts.sort_unstable();
    assert_eq!(
        texts,
        ["42", "[{\"input_schema\":{},\"name\":\"f\"}]", "be brief"]
    );
}

#[test]
fn a_gemini_request_is_read() {
    let (facts, text) = read(&json!({
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "contents": [{"parts": [{"text": "hi"}, {"inlineData": {"mimeType": "audio/mp3", "data": "AA"}}]}],
        "generationConfig": {"maxOutputTokens": 11, "candidateCount": 2},
    }));
    assert_eq!(
        (facts.max_output_tokens, facts.choices, facts.media_parts),
        (Some(11), 2, 1)
    );
    assert_eq!(text, "hi|be brief");
}

#[test]
fn a_request_for_videos_or_a_live_session_is_read() {
    let body = json!({"instances": [{"prompt": "a cat"}], "parameters": {
        "durationSeconds": 6, "sampleCount": 2, "resolution": "1080p"}});
    let mut reader = RequestReader::new(Some(Dialect::GeminiPredict));
    reader.feed(body.to_string().as_bytes(), &mut |_| {});
    let facts = reader.facts();
    assert_eq!(facts.units, [("video_seconds", 12)].into());
    assert_eq!(facts.selectors.size.as_deref(), Some("1080p"));
    let (facts, _) = read(&json!({"setup": {"model": "models/gemini-live"}}));
    assert_eq!(facts.model.as_deref(), Some("models/gemini-live"));
}

#[test]
fn what_a_body_does_not_hold_is_noticed() {
    for body in [
        json!({"previous_response_id": "resp_1"}),
        json!({"conversation": {"id": "c"}}),
        json!({"tools": [{"type": "web_search_preview"}]}),
        json!({"tools": [{"type": "code_execution_20250522"}]}),
        json!({"tools": [{"googleSearch": {}}]}),
        json!({"cachedContent": "cachedContents/1"}),
        json!({"messages": [{"content": [{"type": "document", "source": {"type": "url", "url": "u"}}]}]}),
        json!({"messages": [{"content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
        json!({"contents": [{"parts": [{"fileData": {"fileUri": "u"}}]}]}),
        json!({"input": [{"type": "item_reference", "id": "msg_1"}]}),
        json!({"input": [{"content": [{"type": "input_file", "file_data": "data:application/pdf;base64,AA"}]}]}),
        json!({"input": [{"content": [{"type": "input_file", "file_url": "u"}]}]}),
        json!({"contents": [{"parts": [{"inlineData": {"mimeType": "video/mp4", "data": "AA"}}]}]}),
        json!({"messages": [{"content": [{"type": "tool_result", "content": [{"type": "document"}]}]}]}),
        json!({"messages": [{"content": [{"document": {"format": "pdf", "source": {"bytes": "AA"}}}]}]}),
        json!({"web_search_options": {}}),
        json!({"model": "sonar-pro", "messages": []}),
    ] {
        assert!(read(&body).0.refers_outside, "{body}");
    }
    for body in [
        json!({"previous_response_id": null, "background": false}),
        json!({"tools": [{"type": "function", "function": {"name": "web_search"}}]}),
        json!({"tools": [{"type": "custom", "name": "bash"}]}),
    ] {
        assert!(!read(&body).0.refers_outside, "{body}");
    }
}

#[test]
fn a_long_text_is_handed_out_by_its_beginning_and_length() {
    let long = "word ".repeat(TEXT_BYTES_MAX);
    let body = json!({"messages": [{"content": long}], "model": "m"}).to_string();
    let mut reader = RequestReader::new(Some(Dialect::OpenaiChat));
    let mut seen = Vec::new();
    reader.feed(body.as_bytes(), &mut |text| {
        seen.push((text.part.len(), text.bytes))
    });
    let [(kept, bytes)] = seen[..] else {
        panic!("{seen:?}")
    };
    assert!(kept < TEXT_BYTES_MAX && bytes > long.len() as u64);
    assert_eq!(reader.facts().model.as_deref(), Some("m"));
}

#[test]
fn an_unknown_dialect_is_asked_for_its_head_alone() {
    let body = json!({"model": "m", "stream": true, "user": "ann", "messages": [{"content": "hi"}], "n": 5});
    let mut reader = RequestReader::new(None);
    reader.feed(body.to_string().as_bytes(), &mut |text| panic!("{text:?}"));
    let facts = reader.facts();
    assert_eq!(
        (facts.model.as_deref(), facts.stream, facts.choices),
        (Some("m"), Some(true), 1)
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let mut reader = RequestReader::new(Some(Dialect::OpenaiChat));
        reader.feed(&bytes, &mut |_| {});
        proptest::prop_assert!(reader.facts().choices >= 1);
    }
}

fn form(fields: &[(&str, &str)]) -> RequestFacts {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"");
        if name.contains("file") || name.starts_with("image") {
            body += "; filename=\"a\"\r\nContent-Type: audio/mpeg";
        }
        body += &format!("\r\n\r\n{value}\r\n");
    }
    body += "--X--\r\n";
    let content_type = Some("multipart/form-data; boundary=X");
    let read = |size: usize| {
        let mut reader = RequestReader::of(Some(Dialect::OpenaiImages), content_type);
        for chunk in body.as_bytes().chunks(size) {
            reader.feed(chunk, &mut |_| {});
        }
        reader.facts()
    };
    let whole = read(body.len());
    assert_eq!(read(1), whole, "byte by byte");
    whole
}

#[test]
fn a_form_asks_as_json_does() {
    let facts = form(&[
        ("model", "gpt-image-1"),
        ("image[]", "\u{1}\r\n--\u{2}"),
        ("image[]", ""),
        ("n", "2"),
        ("size", "1024x1024"),
        ("quality", "auto"),
        ("stream", "true"),
        ("user", "true"),
        ("prompt", "a \"cat\"\n--X"),
    ]);
    assert_eq!(facts.model.as_deref(), Some("gpt-image-1"));
    assert_eq!((facts.choices, facts.stream), (2, Some(true)));
    assert_eq!(facts.media_parts, 2);
    assert_eq!(facts.units, [("images", 2)].into());
    assert_eq!(facts.selectors.size.as_deref(), Some("1024x1024"));
    assert_eq!(facts.selectors.quality, None, "the answer will say");
}

#[test]
fn models_that_are_named_besides_the_last_one_are_remembered() {
    let body = r#"{"model":"a","messages":[{"model":"no"}],"model":"b","Model":"a","model":"c","model":"c"}"#;
    let mut reader = RequestReader::new(Some(Dialect::OpenaiChat));
    reader.feed(body.as_bytes(), &mut |_| {});
    assert_eq!(reader.model(), Some("c"));
    // `Model` is another dialect's.
    assert_eq!(reader.other_models(), ["a", "b"]);
    let many: String = (0..100).map(|at| format!("\"model\":\"{at}\",")).collect();
    let mut reader = RequestReader::new(None);
    reader.feed(format!("{{{many}\"stream\":true}}").as_bytes(), &mut |_| {});
    assert_eq!(reader.model(), Some("99"));
    assert_eq!(reader.other_models().len(), OTHER_MODELS_MAX);
    let form = "--X\r\ncontent-disposition: form-data; name=model\r\n\r\na\r\n\
                --X\r\ncontent-disposition: form-data; name=model\r\n\r\nb\r\n--X--";
    let kind = Some("multipart/form-data; boundary=X");
    let mut reader = RequestReader::of(Some(Dialect::OpenaiAudio), kind);
    reader.feed(form.as_bytes(), &mut |_| {});
    assert_eq!(
        (reader.model(), reader.other_models()),
        (Some("b"), &["a".to_owned()][..])
    );
}

#[test]
fn what_is_charged_by_the_piece_is_asked_for() {
    let asked = |dialect, body: Value| {
        let mut reader = RequestReader::new(Some(dialect));
        reader.feed(body.to_string().as_bytes(), &mut |_| {});
        reader.facts()
    };
    let images = asked(
        Dialect::OpenaiImages,
        json!({"prompt": "x", "n": 4, "width": 512, "height": 768}),
    );
    assert_eq!(images.units, [("images", 4)].into());
    assert_eq!(images.selectors.size.as_deref(), Some("512x768"));
    let long = "ä".repeat(SPOKEN_BYTES_MAX);
    let spoken = asked(Dialect::OpenaiSpeech, json!({"input": long}));
    let about = spoken.units["characters"];
    assert!(
        about.abs_diff(SPOKEN_BYTES_MAX as u64) <= 2,
        "a cut text is counted by its length: {about}"
    );
    let video = asked(Dialect::OpenaiVideos, json!({"seconds": "8", "n": 2}));
    assert_eq!(video.units, [("video_seconds", 16)].into());
    let search = asked(
        Dialect::OpenaiChat,
        json!({"web_search_options": {"search_context_size": "high"}}),
    );
    assert_eq!(search.selectors.search_context.as_deref(), Some("high"));
    assert!(search.refers_outside && search.units.is_empty());
}

#[test]
fn tools_that_the_provider_runs_tell_what_they_are_charged_by() {
    let of = |body: Value| {
        let facts = read(&body).0;
        (Vec::from_iter(facts.tool_units), facts.tool_runs)
    };
    for (body, expected) in [
        (
            json!({"tools": [{"type": "web_search_20250305", "max_uses": 3}]}),
            (vec!["web_searches"], Some(3)),
        ),
        (
            json!({"tools": [{"type": "file_search"}, {"type": "code_interpreter"}], "max_tool_calls": 7}),
            (vec!["code_executions", "file_searches"], Some(7)),
        ),
        (
            json!({"tools": [{"googleSearch": {}}, {"googleMaps": {}}]}),
            (vec!["maps_searches", "web_searches"], None),
        ),
        (json!({"tools": [{"type": "function"}]}), (vec![], None)),
    ] {
        assert_eq!(of(body.clone()), expected, "{body}");
    }
}

#[test]
fn what_else_a_call_may_be_charged_for_is_noticed() {
    let facts = read(&json!({
        "background": true,
        "prediction": {"type": "content", "content": "x"},
        "guardrailConfig": {"guardrailIdentifier": "g"},
        "documents": ["one", {"text": "two"}],
        "messages": [{"images": ["AA", "BB"]}, {"content": [{"type": "tool_result", "content": [{"type": "image"}]}]}],
    }))
    .0;
    assert!(facts.in_background && facts.predicts && facts.is_guarded);
    assert_eq!((facts.documents, facts.media_parts), (2, 3));
    assert!(!facts.refers_outside);
    let deep = read(&json!({"model": "sonar-deep-research", "max_tokens": 9})).0;
    assert_eq!((deep.max_output_tokens, deep.refers_outside), (None, true));
}
