//! No spelling of a path leads past a spent budget, and none is changed on its way upstream.

use super::weir_with;
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

/// Paths that an upstream may take for a metered one, and that weir reads as metered.
const METERED: [(&str, &str); 20] = [
    ("openai", "/v1/chat/completions"),
    ("openai", "/v1/files/../chat/completions"),
    ("openai", "/v1/files/%2e%2e/chat/completions"),
    ("openai", "/openai/deployments/files/chat/completions"),
    ("openai", "/openai/deployments/models/chat/completions"),
    ("openai", "/v1/chat%2Fcompletions"),
    ("openai", "/v1/chat/completions/."),
    ("openai", "/v1/chat/completions/x/.."),
    ("openai", "/v1/chat/completions;x=1"),
    ("openai", "/v1/Chat/Completions"),
    ("openai", "//v1//chat/completions/"),
    ("openai", "/v1/responses/"),
    ("openai", "/v1/responses/x/../compact?a=/files"),
    ("openai", "/v1/files/completions"),
    ("anthropic", "/v1/messages/count_tokens/.."),
    ("anthropic", "/v1/%6Dessages"),
    ("gemini", "/v1beta/models/test-gemini%3AgenerateContent"),
    ("gemini", "/v1beta/%6Dodels/test-gemini:generateContent"),
    ("gemini", "/v1beta/models/test-gemini:GenerateContent"),
    (
        "gemini",
        "/v1beta/models/g:countTokens/../test-gemini:streamGenerateContent",
    ),
];

/// Paths that weir cannot tell, or that upstreams may read differently.
const UNMETERED: [&str; 9] = [
    "/v1/chat%252Fcompletions",
    "/v1/chat/completions/../../files",
    "/v1/chat/completions%3F/../../files",
    "/v1/files/%252e%252e/chat/complete",
    "/v1/moderations;x=1",
    "/openai/deployments/files",
    "/v1/chat/moderations",
    "/v1/files/images/generations",
    "/v1/responses/resp_1",
];

/// A POST that fits any of the paths: a budget that waits for its body finds a priced model.
fn post(provider: &str, path: &str) -> Request {
    let canned = match provider {
        "anthropic" => canned::anthropic(),
        "gemini" => canned::gemini(),
        _ => canned::openai_chat(),
    };
    Request::json(path, &canned.request)
}

async fn chat() -> Upstream {
    let reply = canned::openai_chat().reply();
    Upstream::answering(Transport::Plain, move |_| reply.clone()).await
}

/// weir with a money budget that one call has spent.
async fn spent(upstream: &Upstream, also: &str) -> Weir {
    let budget = format!("{{ name: spent, limit: 0.0004 USD, per: total{also} }}");
    let weir = weir_with(upstream, &budget).await;
    let request = canned::openai_chat().request();
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.status(), 200);
    weir.only_call().await;
    weir
}

#[tokio::test]
async fn no_spelling_of_a_metered_path_passes_a_spent_budget() {
    for also in ["", ", unmetered: block"] {
        let upstream = chat().await;
        let weir = spent(&upstream, also).await;
        for way in Way::ALL {
            for (provider, path) in METERED {
                let response = weir.send(way, provider, &post(provider, path)).await;
                assert_eq!(response.status(), 429, "{way:?} {path}{also}");
                assert_eq!(response.head.get("x-weir-budget"), Some("spent"), "{path}");
            }
        }
        let mut client = weir.h1(Way::BaseUrl, "openai").await;
        client.prefix = String::new();
        for (provider, path) in METERED {
            if provider != "anthropic" {
                let response = client.send(&post(provider, path)).await;
                assert_eq!(response.status(), 429, "without a provider's name: {path}");
            }
        }
        assert_eq!(upstream.received().len(), 1, "the upstream is not asked");
    }
}

#[tokio::test]
async fn a_spent_budget_lets_nobody_begin_a_batch() {
    let upstream = chat().await;
    let weir = spent(&upstream, "").await;
    for (provider, path) in [
        ("anthropic", "/v1/messages/batches"),
        ("gemini", "/v1beta/models/test-gemini:batchGenerateContent"),
    ] {
        let begun = weir
            .send(Way::BaseUrl, provider, &post(provider, path))
            .await;
        assert_eq!(begun.status(), 429, "{path}");
    }
    let looked = Request::get("/v1/messages/batches/b");
    let looked = weir.send(Way::BaseUrl, "anthropic", &looked).await;
    assert_eq!(looked.status(), 200);
    let free = Weir::start(&Settings::to(&upstream)).await;
    let begun = post("anthropic", "/v1/messages/batches");
    free.send(Way::BaseUrl, "anthropic", &begun).await;
    let call = free.only_call().await;
    assert_eq!(
        (call.int("cost_picousd"), call.int("http_status")),
        (Some(0), Some(200))
    );
}

#[tokio::test]
async fn what_cannot_be_told_is_never_free() {
    let upstream = chat().await;
    let weir = spent(&upstream, ", unmetered: block").await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    for path in UNMETERED {
        let response = client.send(&post("openai", path)).await;
        assert_eq!(response.status(), 429, "{path}");
    }
    assert_eq!(upstream.received().len(), 1, "the upstream is not asked");
    for request in [
        Request::get("/v1/models"),
        Request::get("/v1/files/f/content"),
        Request::get("/v1/responses/resp_1"),
        Request::post("/v1/moderations", "{}"),
    ] {
        let response = client.send(&request).await;
        assert_eq!(response.status(), 200, "free: {}", request.path);
    }
    for hidden in [
        Request::get("/v1/chat/completions?%24httpMethod=POST"),
        Request::get("/v1/chat/completions").header("X-HTTP-Method-Override", "POST"),
        Request::get("/v1/responses/resp_1").header("x-http-method", "POST"),
    ] {
        let refused = client.send(&hidden).await;
        assert_eq!(refused.status(), 429, "another method: {}", hidden.path);
    }
    let refused = client.send(&Request::get("/v1/responses")).await;
    assert_eq!(refused.status(), 429, "a WebSocket opens here");
}

#[tokio::test]
async fn a_path_goes_upstream_as_it_is_written() {
    let upstream = chat().await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    let paths: Vec<&str> = METERED.iter().map(|(_, path)| *path).collect();
    for path in paths.iter().chain(&UNMETERED) {
        let response = client.send(&post("openai", path)).await;
        assert_eq!(response.status(), 200, "{path}");
    }
    let received = upstream.received();
    let targets: Vec<&str> = received.iter().map(|one| one.head.target()).collect();
    assert_eq!(targets, [&paths[..], &UNMETERED].concat());
}
