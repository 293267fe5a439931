//! Pictures, recordings, speech and videos: charged by what they are charged by, bytes unchanged.

use serde_json::{Value, json};

use crate::support::client::{Request, Way};
use crate::support::ledger::Row;
use crate::support::settings::Settings;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

fn image() -> Value {
    json!({"created": 1, "size": "1024x1024", "quality": "medium",
        "data": [{"b64_json": "QUJD".repeat(40_000)}],
        "usage": {"input_tokens": 50, "output_tokens": 1056, "total_tokens": 1106,
            "input_tokens_details": {"text_tokens": 40, "image_tokens": 10},
            "output_tokens_details": {"image_tokens": 1056, "text_tokens": 0}}})
}

/// Sends a request, checks that both bodies went through as they were, and gives the row.
async fn sent(request: Request, reply: Reply, settings: impl Fn(String) -> String) -> Row {
    let answer = reply.body();
    let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
    let weir = Weir::start_with_yaml(&settings(Settings::to(&upstream).yaml())).await;
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.body.data, answer);
    assert_eq!(upstream.only().body.data, request.body_bytes());
    weir.only_call().await
}

fn as_it_is(yaml: String) -> String {
    yaml
}

fn units(call: &Row) -> Value {
    serde_json::from_str(call.text("other_units").expect("units")).expect("JSON")
}

#[tokio::test]
async fn an_image_costs_what_its_tokens_cost() {
    let asked = json!({"model": "gpt-image-1", "prompt": "a heron", "size": "auto"});
    let request = Request::json("/v1/images/generations", &asked);
    let call = sent(request, Reply::json(image().to_string()), as_it_is).await;
    assert_eq!(call.text("dialect"), Some("openai.images"));
    assert_eq!(call.text("usage_source"), Some("reported"));
    assert_eq!(call.text("model"), Some("gpt-image-1"));
    assert_eq!(
        ["input_tokens", "image_input_tokens", "image_output_tokens"].map(|name| call.int(name)),
        [Some(50), Some(10), Some(1056)]
    );
    // 40 at 5, 10 at 10 and 1,056 at 40 USD per million.
    assert_eq!(call.int("cost_picousd"), Some(42_540_000_000));
    let selectors: Value =
        serde_json::from_str(call.text("price_selectors").expect("selectors")).expect("JSON");
    assert_eq!(selectors, json!({"size": "1024x1024", "quality": "medium"}));
}

#[tokio::test]
async fn a_deployment_costs_what_the_operator_says_is_behind_it() {
    let named = |yaml: String| {
        let key = "  openai:\n";
        assert!(yaml.contains(key));
        yaml.replace(key, "  openai:\n    models: { my-pictures: gpt-image-1 }\n")
    };
    let path = "/openai/deployments/my-pictures/images/generations?api-version=1";
    let request = Request::json(path, &json!({"prompt": "a heron"}));
    let call = sent(request, Reply::json(image().to_string()), named).await;
    assert_eq!(call.text("request_model"), Some("my-pictures"));
    assert_eq!(call.text("model"), Some("my-pictures"));
    assert_eq!(call.int("cost_picousd"), Some(42_540_000_000));
}

#[tokio::test]
async fn a_body_cannot_choose_the_price_of_the_deployment_that_its_path_names() {
    let path = "/openai/deployments/gpt-image-1/images/generations?api-version=1";
    let asked = json!({"model": "gpt-image-1-mini", "prompt": "a heron"});
    let request = Request::json(path, &asked);
    let call = sent(request, Reply::json(image().to_string()), as_it_is).await;
    assert_eq!(call.text("request_model"), Some("gpt-image-1"));
    assert_eq!(call.int("cost_picousd"), Some(42_540_000_000));
}

#[tokio::test]
async fn a_recording_sent_as_a_form_costs_its_seconds() {
    let mut body = Vec::new();
    for (head, value) in [
        ("name=\"model\"", b"whisper-1".as_slice()),
        (
            "name=\"file\"; filename=\"a.mp3\"",
            b"ID3\r\n--\0\xff".repeat(20_000).as_slice(),
        ),
        ("name=\"response_format\"", b"verbose_json".as_slice()),
    ] {
        body.extend(format!("--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n").bytes());
        body.extend(value);
        body.extend(b"\r\n");
    }
    body.extend(b"--XX--\r\n");
    let request = Request::post("/v1/audio/transcriptions", body)
        .header("Content-Type", "multipart/form-data; boundary=XX");
    let answer = json!({"task": "transcribe", "duration": 36.709999084472656, "text": "hello",
        "usage": {"type": "duration", "seconds": 37}});
    let call = sent(request, Reply::json(answer.to_string()), as_it_is).await;
    assert_eq!(call.text("request_model"), Some("whisper-1"));
    assert_eq!(call.text("dialect"), Some("openai.audio"));
    assert_eq!(call.text("usage_source"), Some("reported"));
    assert_eq!(call.int("input_tokens"), None);
    assert_eq!(units(&call), json!({"audio_seconds": 37}));
    // 0.36 USD an hour.
    assert_eq!(call.int("cost_picousd"), Some(3_700_000_000));
}

#[tokio::test]
async fn speech_costs_the_characters_that_were_sent() {
    let asked = json!({"model": "tts-1", "input": "Grüße, \"日本\"\n😀", "voice": "alloy"});
    let request = Request::json("/v1/audio/speech", &asked);
    let sound = Reply::ok(b"ID3\x04\0\xff\xf3sound".repeat(3_000));
    let call = sent(
        request,
        sound.header("Content-Type", "audio/mpeg"),
        as_it_is,
    )
    .await;
    assert_eq!(call.text("usage_source"), Some("estimated"));
    assert_eq!(units(&call), json!({"characters": 13}));
    // 15 USD for a million.
    assert_eq!(call.int("cost_picousd"), Some(195_000_000));
}

#[tokio::test]
async fn a_video_is_on_record_when_it_is_seen_done() {
    let job = |status: &str| {
        json!({"id": "video_1", "model": "sora-2", "status": status, "seconds": "8",
            "size": "720x1280"})
    };
    let upstream = Upstream::answering(Transport::Plain, move |received| {
        let status = match received.head.method() {
            "POST" => "queued",
            _ => "completed",
        };
        Reply::json(job(status).to_string())
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let asked = json!({"model": "sora-2", "prompt": "a heron", "seconds": "8"});
    let queue = Request::json("/v1/videos", &asked);
    weir.send(Way::BaseUrl, "openai", &queue).await;
    let look = Request::get("/v1/videos/video_1");
    weir.send(Way::BaseUrl, "openai", &look).await;
    let calls = weir.calls_eventually(2).await;
    let of = |method: usize| (calls[method].text("usage_source"), units(&calls[method]));
    assert_eq!(of(0), (Some("none"), json!({})));
    assert_eq!(of(1), (Some("reported"), json!({"video_seconds": 8})));
    assert_eq!(calls[1].text("response_id"), Some("video_1"));
}
