//! Pictures, sounds and videos: what is charged by the piece or by the second.

use std::collections::BTreeMap;

use crate::providers::request::RequestReader;

use super::*;

/// An answer to a request, read in small chunks; with the bytes after which it could be settled.
fn read(dialect: Dialect, asked: &Value, body: &str, end: StreamEnd) -> (bool, Extraction) {
    let mut request = RequestReader::new(Some(dialect));
    request.feed(asked.to_string().as_bytes(), &mut |_| {});
    let head = ResponseHead {
        status: 200,
        header: &|_| None,
    };
    let mut extractor = Extractor::new(dialect, head, request.facts());
    let settled = body.as_bytes().chunks(7).any(|chunk| extractor.feed(chunk));
    (settled, extractor.finish(end, &TextSample::default()))
}

fn whole(dialect: Dialect, asked: &Value, body: &Value) -> Extraction {
    read(dialect, asked, &body.to_string(), StreamEnd::Complete).1
}

fn units(found: &Extraction) -> BTreeMap<&'static str, u64> {
    let usage = found.usage.clone().unwrap_or_default();
    usage.other_units
}

fn image_usage(input: u64, output: u64) -> Value {
    json!({"input_tokens": input, "output_tokens": output, "total_tokens": input + output,
        "input_tokens_details": {"text_tokens": input - 10, "image_tokens": 10, "cached_tokens": 8,
            "cached_tokens_details": {"text_tokens": 6, "image_tokens": 2}},
        "output_tokens_details": {"image_tokens": output, "text_tokens": 0}})
}

#[test]
fn images_of_a_token_model_are_charged_by_its_tokens() {
    let body = json!({"created": 1, "size": "1024x1024", "quality": "high",
        "data": [{"b64_json": "QUJD".repeat(50_000)}], "usage": image_usage(50, 1056)});
    let found = whole(Dialect::OpenaiImages, &json!({"size": "auto"}), &body);
    let usage = found.usage.clone().expect("usage");
    assert_eq!(found.source, UsageSource::Reported);
    assert_eq!((usage.input, usage.output), (Some(50), Some(1056)));
    assert_eq!(
        (usage.image_input, usage.image_output, usage.cache_read),
        (Some(10), Some(1056), Some(8))
    );
    assert_eq!(units(&found), [("cache_read_image_tokens", 2)].into());
    let selectors = [found.selectors.size, found.selectors.quality];
    assert_eq!(selectors.map(Option::unwrap), ["1024x1024", "high"]);
}

#[test]
fn drawings_in_text_are_charged_at_their_own_model() {
    let body = json!({"data": [{}], "usage": image_usage(50, 100),
        "svg_usage": {"model": "gpt-draws", "input_tokens": 7, "output_tokens": 9}});
    let found = whole(Dialect::OpenaiImages, &json!({}), &body);
    let usage = found.usage.expect("usage");
    let [(model, drawn)] = &usage.sub_usages[..] else {
        panic!("{:?}", usage.sub_usages);
    };
    assert_eq!((model.as_str(), drawn.output), ("gpt-draws", Some(9)));
    assert_eq!(usage.output, Some(100));
}

#[test]
fn images_without_usage_are_counted_as_they_came() {
    let asked = json!({"n": 3, "size": "512x512"});
    let body = json!({"data": [{"url": "a"}, {"url": "b"}]});
    let found = whole(Dialect::OpenaiImages, &asked, &body);
    assert_eq!(units(&found), [("images", 2)].into());
    assert_eq!(found.source, UsageSource::Estimated);
    let none = whole(Dialect::OpenaiImages, &asked, &json!({"data": []}));
    assert_eq!((none.usage, none.source), (None, UsageSource::None));
    let failed = json!({"error": {"code": "content_policy_violation"}});
    let failed = whole(Dialect::OpenaiImages, &asked, &failed);
    assert_eq!((failed.usage, failed.source), (None, UsageSource::None));
}

#[test]
fn a_caller_that_leaves_is_charged_for_the_images_that_it_asked_for() {
    let begun = r#"{"created": 1, "data": [{"url": "a"}, {"ur"#;
    for body in ["", begun] {
        let (_, found) = read(
            Dialect::OpenaiImages,
            &json!({"n": 3}),
            body,
            StreamEnd::ClientClosed,
        );
        assert_eq!(units(&found), [("images", 3)].into(), "{body}");
        assert_eq!(found.source, UsageSource::Estimated);
    }
}

#[test]
fn images_at_a_stated_cost_keep_it() {
    let body = json!({"data": [{"url": "a"}], "usage": {"cost_in_usd_ticks": 200_000_000}});
    let found = whole(Dialect::OpenaiImages, &json!({}), &body);
    assert_eq!(found.provider_cost, Some(PicoUsd::new(20_000_000_000)));
    assert_eq!(units(&found), [("images", 1)].into());
    assert_eq!(found.source, UsageSource::Reported);
}

#[test]
fn each_finished_image_of_a_stream_adds_up() {
    let partial = json!({"type": "image_generation.partial_image", "b64_json": "x".repeat(9_000),
        "usage": image_usage(99, 99)});
    let done = json!({"type": "image_generation.completed", "b64_json": "x".repeat(99_000),
        "size": "1024x1536", "usage": image_usage(50, 1056)});
    let event = |event: &Value| format!("event: x\ndata: {event}\n\n");
    let (partial, done) = (event(&partial), event(&done));
    let one = [partial.as_str(), &done].concat();
    let (settled, found) = read(Dialect::OpenaiImages, &json!({}), &one, StreamEnd::Complete);
    assert!(settled, "one was asked for");
    assert_eq!(
        found.usage.and_then(|usage| usage.output),
        Some(1056),
        "partial images are not charged"
    );
    let two = [done.as_str(), &partial, &done].concat();
    let (_, found) = read(
        Dialect::OpenaiImages,
        &json!({"n": 2}),
        &two,
        StreamEnd::Complete,
    );
    let usage = found.usage.expect("usage");
    assert_eq!((usage.input, usage.output), (Some(100), Some(2112)));
    assert_eq!(usage.other_units, [("cache_read_image_tokens", 4)].into());
    let (_, cut) = read(
        Dialect::OpenaiImages,
        &json!({"n": 2}),
        &partial,
        StreamEnd::ClientClosed,
    );
    assert_eq!(units(&cut), [("images", 2)].into());
    let failed = json!({"type": "error", "error": {"type": "image_generation_error", "code": "x"}});
    let body = [partial, event(&failed)].concat();
    let (_, found) = read(
        Dialect::OpenaiImages,
        &json!({"n": 2}),
        &body,
        StreamEnd::Complete,
    );
    assert_eq!((found.usage, found.source), (None, UsageSource::None));
}

#[test]
fn recordings_are_charged_by_the_second_or_by_the_token() {
    let tokens = json!({"type": "tokens", "input_tokens": 14, "output_tokens": 101, "total_tokens": 115,
        "input_token_details": {"text_tokens": 10, "audio_tokens": 4}});
    let by_tokens = json!({"text": "hello", "usage": tokens});
    let usage = whole(Dialect::OpenaiAudio, &json!({}), &by_tokens)
        .usage
        .expect("usage");
    assert_eq!(
        (usage.input, usage.audio_input, usage.output),
        (Some(14), Some(4), Some(101))
    );
    assert!(usage.other_units.is_empty(), "{usage:?}");
    for (body, seconds) in [
        (json!({"usage": {"type": "duration", "seconds": 9}}), 9),
        (json!({"usage": {"type": "duration", "seconds": 9.2}}), 10),
        (
            json!({"duration": 8.47, "usage": {"type": "duration", "seconds": 9}}),
            9,
        ),
        (
            json!({"task": "transcribe", "duration": 8.470000267028809, "text": "x"}),
            9,
        ),
        (json!({"duration": "3.5", "segments": [{"end": 99}]}), 4),
        (
            json!({"model": "voxtral", "usage": {"prompt_audio_seconds": 36, "prompt_tokens": 13,
                "completion_tokens": 151, "total_tokens": 164}}),
            36,
        ),
    ] {
        let found = whole(Dialect::OpenaiAudio, &json!({}), &body);
        assert_eq!(units(&found), [("audio_seconds", seconds)].into(), "{body}");
        assert_eq!(found.source, UsageSource::Reported);
    }
}

#[test]
fn a_transcript_without_its_length_costs_nobody_knows_what() {
    let plain = "duration of the data: unknown\n\n1\n00:00:00 --> 00:00:02\nhello\n";
    for body in [plain, "", r#"{"text": "hello"}"#, "WEBVTT\n\n"] {
        for end in [StreamEnd::Complete, StreamEnd::ClientClosed] {
            let (_, found) = read(Dialect::OpenaiAudio, &json!({"prompt": "x"}), body, end);
            assert_eq!((found.usage, found.source), (None, UsageSource::None));
        }
    }
}

#[test]
fn a_streamed_transcript_is_settled_by_its_last_event() {
    for (delta, done) in [
        ("transcript.text.delta", "transcript.text.done"),
        ("transcription.text.delta", "transcription.done"),
    ] {
        let delta = json!({"type": delta, "delta": "hel", "usage": {"input_tokens": 1}});
        let done = json!({"type": done, "text": "hello", "usage": {"type": "tokens",
            "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}});
        let body = format!("data: {delta}\n\ndata: {done}\n\n");
        let (settled, found) = read(
            Dialect::OpenaiAudio,
            &json!({}),
            &body,
            StreamEnd::ClientClosed,
        );
        assert!(settled, "{body}");
        assert_eq!(
            found.usage.and_then(|usage| usage.input),
            Some(14),
            "{body}"
        );
        assert_eq!(found.source, UsageSource::Reported);
    }
}

#[test]
fn speech_is_charged_by_the_characters_that_were_sent() {
    let asked = json!({"model": "tts-1", "input": "Grüße, \"日本\"\n😀", "voice": "alloy"});
    for (body, end) in [
        ("ID3\u{4}sound", StreamEnd::Complete),
        ("data of a sound", StreamEnd::Complete),
        ("", StreamEnd::ClientClosed),
    ] {
        let (_, found) = read(Dialect::OpenaiSpeech, &asked, body, end);
        assert_eq!(units(&found), [("characters", 13)].into());
        assert_eq!(found.source, UsageSource::Estimated);
        assert_eq!(found.usage.and_then(|usage| usage.input), None);
    }
    let error = json!({"error": {"code": "x"}});
    let failed = whole(Dialect::OpenaiSpeech, &asked, &error);
    assert_eq!((failed.usage, failed.source), (None, UsageSource::None));
}

#[test]
fn streamed_speech_states_its_tokens() {
    let done = json!({"type": "speech.audio.done",
        "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}});
    let body =
        format!("data: {{\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}}\n\ndata: {done}\n\n");
    let asked = json!({"input": "hello"});
    let (settled, found) = read(Dialect::OpenaiSpeech, &asked, &body, StreamEnd::Complete);
    assert!(settled);
    assert_eq!(found.source, UsageSource::Reported);
    let usage = found.usage.expect("usage");
    assert_eq!((usage.input, usage.output), (Some(14), Some(101)));
    assert!(usage.other_units.is_empty());
}

#[test]
fn a_video_is_charged_once_it_is_done() {
    let job = |status: &str| {
        json!({"id": "video_1", "object": "video", "model": "sora-2", "status": status,
            "progress": 0, "seconds": "8", "size": "720x1280", "error": null})
    };
    for status in ["queued", "in_progress", "failed", "pending"] {
        let found = whole(Dialect::OpenaiVideos, &json!({}), &job(status));
        assert_eq!((found.usage, found.source), (None, UsageSource::None));
        assert_eq!(found.response_id.as_deref(), Some("video_1"));
    }
    let found = whole(Dialect::OpenaiVideos, &json!({}), &job("completed"));
    assert_eq!(units(&found), [("video_seconds", 8)].into());
    assert_eq!(found.source, UsageSource::Reported);
    assert_eq!(found.selectors.size.as_deref(), Some("720x1280"));
    assert_eq!(found.model.as_deref(), Some("sora-2"));
    let priced = json!({"status": "done", "video": {"url": "u", "duration": 1}, "model": "grok-v",
        "usage": {"cost_in_usd_ticks": 500_000_000}});
    let found = whole(Dialect::OpenaiVideos, &json!({}), &priced);
    assert_eq!(units(&found), [("video_seconds", 1)].into());
    assert_eq!(found.provider_cost, Some(PicoUsd::new(50_000_000_000)));
}
