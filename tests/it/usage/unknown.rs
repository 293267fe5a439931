//! What cannot be known is NULL, has a reason and a metric, and is never 0.

use serde_json::json;

use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

#[tokio::test]
async fn a_stream_that_was_not_asked_for_usage_is_estimated() {
    let canned = canned::openai_chat_stream_without_usage();
    let reply = canned.reply();
    let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let response = weir.send(Way::BaseUrl, "openai", &canned.request()).await;
    assert_eq!(response.body.data, canned.answer.as_bytes());
    let call = weir.only_call().await;
    assert_eq!(call.text("usage_source"), Some("estimated"));
    // "The heron stands in the reeds." and its prompt: six words, some tokens more or less.
    let (input, output) = (call.int("input_tokens"), call.int("output_tokens"));
    assert!((Some(4)..=Some(30)).contains(&input), "{input:?}");
    assert!((Some(4)..=Some(12)).contains(&output), "{output:?}");
    assert!(call.int("cost_picousd") > Some(0));
    let metrics = weir.metrics().await;
    assert_eq!(
        metrics.count("weir_extractions_total", &[("outcome", "estimated")]),
        1.0
    );
}

#[tokio::test]
async fn a_path_that_weir_cannot_meter_is_forwarded_and_counted_as_such() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::json("{\"usage\": 5}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let request = Request::json("/v1/some/new/endpoint", &json!({"model": "test-gpt"}));
    assert_eq!(
        weir.send(Way::BaseUrl, "openai", &request).await.status(),
        200
    );
    let call = weir.only_call().await;
    assert_eq!(call.text("operation"), Some("unknown"));
    assert_eq!(call.text("usage_source"), Some("none"));
    assert_eq!(
        (call.int("input_tokens"), call.int("output_tokens")),
        (None, None)
    );
    assert_eq!(call.int("cost_picousd"), None);
    let metrics = weir.metrics().await;
    assert_eq!(
        metrics.count("weir_extractions_total", &[("outcome", "none")]),
        1.0
    );
}

#[tokio::test]
async fn a_model_without_a_price_costs_null_and_is_visible() {
    let answer = canned::openai_chat()
        .answer
        .replace("test-gpt", "nobody-prices-this");
    let upstream =
        Upstream::answering(Transport::Plain, move |_| Reply::json(answer.clone())).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let request = Request::json(
        "/v1/chat/completions",
        &json!({"model": "nobody-prices-this", "messages": []}),
    );
    weir.send(Way::BaseUrl, "openai", &request).await;
    let call = weir.only_call().await;
    assert_eq!(
        call.int("input_tokens"),
        Some(120),
        "the tokens are kept, so the cost can be found later"
    );
    assert_eq!(call.int("cost_picousd"), None);
    let metrics = weir.metrics().await;
    assert_eq!(
        metrics.count("weir_extractions_total", &[("outcome", "unpriced")]),
        1.0
    );
    assert_eq!(
        metrics.sum("weir_tokens_total", &[("model", "nobody-prices-this")]),
        None,
        "labels are bounded"
    );
    assert!(metrics.count("weir_tokens_total", &[("model", "other")]) > 0.0);
}

#[tokio::test]
async fn a_broken_answer_is_passed_on_and_counted_as_none() {
    for (coding, body) in [
        ("identity", "{\"usage\": {"),
        ("gzip", "no gzip at all"),
        ("unheard-of", "{}"),
    ] {
        let upstream = Upstream::answering(Transport::Plain, move |_| {
            Reply::json(body).header("Content-Encoding", coding)
        })
        .await;
        let weir = Weir::start(&Settings::to(&upstream)).await;
        let request = Request::json(
            "/v1/embeddings",
            &json!({"model": "test-embed", "input": [1, 2]}),
        );
        let response = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(response.body.data, body.as_bytes(), "{coding}");
        let call = weir.only_call().await;
        assert_ne!(call.text("usage_source"), Some("reported"), "{coding}");
        assert_ne!(
            call.int("input_tokens"),
            Some(0),
            "{coding}: unknown is never 0"
        );
    }
}

#[tokio::test]
async fn an_upstreams_error_is_passed_on_and_named() {
    let body = json!({"error": {"message": "no", "type": "invalid_request_error"}}).to_string();
    let cases = [
        (400, "invalid_request"),
        (401, "auth"),
        (404, "model_not_found"),
        (429, "rate_limit"),
        (500, "server_error"),
        (503, "server_error"),
    ];
    let answer = body.clone();
    let upstream = Upstream::answering(Transport::Plain, move |received| {
        let status = received
            .head
            .get("x-status")
            .and_then(|status| status.parse().ok());
        Reply::json(answer.clone())
            .status(status.expect("a status"), "As Told")
            .header("x-request-id", "req_7")
    })
    .await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for (status, _) in cases {
        let request = canned::openai_chat()
            .request()
            .header("X-Status", &status.to_string());
        let response = weir.send(Way::BaseUrl, "openai", &request).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.head.reason(), "As Told");
        assert_eq!(response.body.data, body.as_bytes());
    }
    let calls = weir.calls_eventually(cases.len()).await;
    for (call, (status, error)) in calls.iter().zip(cases) {
        assert_eq!(call.int("http_status"), Some(i64::from(status)));
        assert_eq!(call.text("outcome"), Some("upstream_error"), "{status}");
        if status != 404 {
            // A 404 may be a model or a path; the body decides.
            assert_eq!(call.text("error_type"), Some(error), "{status}");
        }
        assert_eq!(call.text("upstream_request_id"), Some("req_7"));
        assert_ne!(
            call.int("output_tokens"),
            Some(0),
            "{status}: unknown is never 0"
        );
    }
    let metrics = weir.metrics().await;
    assert_eq!(
        metrics.count("weir_requests_total", &[("code", "429")]),
        1.0
    );
}

#[tokio::test]
async fn a_base_url_without_a_provider_is_told_by_the_apis_own_marks() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::json("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let requests = [
        (
            "anthropic",
            canned::anthropic()
                .request()
                .header("anthropic-version", "2023-06-01"),
        ),
        ("gemini", canned::gemini().request()),
        ("openai", canned::openai_chat().request()),
    ];
    for (_, request) in &requests {
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        client.prefix = String::new();
        assert_eq!(client.send(request).await.status(), 200);
        let received = upstream.received().pop().expect("a request");
        assert_eq!(received.head.target(), request.path);
    }
    let calls = weir.calls_eventually(requests.len()).await;
    for (call, (provider, _)) in calls.iter().zip(&requests) {
        assert_eq!(call.text("provider"), Some(*provider));
    }
}

#[tokio::test]
async fn a_path_that_fits_no_provider_gets_a_404_that_names_the_prefixes() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::json("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.prefix = String::new();
    let response = client.send(&Request::get("/no/such/thing")).await;
    assert_eq!(response.status(), 404);
    let text = response.json().to_string();
    for prefix in ["/openai", "/anthropic", "/gemini"] {
        assert!(text.contains(prefix), "{text}");
    }
    assert_eq!(upstream.connections(), 0);
}
