//! Which models may be asked for: refused as the provider refuses what a key may not use.

use serde_json::json;

use super::weir_with;
use crate::support::canned::{self, Canned};
use crate::support::client::{Payload, Request, Way};
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::websocket::{self, Act, Client, asks, handshake};
use crate::support::weir::Weir;

const DENIES: &str = "{ name: rule, models: { deny: [\"test-*\", gpt-realtime, other] } }";
const ALLOWS: &str = "{ name: rule, models: { allow: [test-gpt, gpt-realtime] } }";

async fn silent(transport: Transport) -> Upstream {
    Upstream::answering(transport, |_| Reply::json("{}")).await
}

async fn is_refused(weir: &Weir, way: Way, canned: &Canned) -> serde_json::Value {
    let response = weir.send(way, canned.provider, &canned.request()).await;
    assert_eq!(response.status(), 403, "{}", canned.name);
    assert_eq!(response.head.get("x-should-retry"), Some("false"));
    assert_eq!(response.head.get("x-weir-budget"), Some("rule"));
    assert_eq!(response.head.get("retry-after"), None);
    response.json()
}

#[tokio::test]
async fn a_model_that_is_denied_is_forbidden_in_each_dialects_words() {
    let upstream = silent(Transport::Plain).await;
    let weir = weir_with(&upstream, DENIES).await;
    let said = |model: &str| format!("weir: budget rule does not allow the model {model}");
    for way in Way::ALL {
        let openai = is_refused(&weir, way, &canned::openai_chat()).await;
        assert_eq!(openai["error"]["message"], said("test-gpt"));
        assert_eq!(openai["error"]["code"], "permission_denied");
        let anthropic = is_refused(&weir, way, &canned::anthropic_stream()).await;
        assert_eq!(anthropic["error"]["message"], said("test-claude"));
        assert_eq!(anthropic["error"]["type"], "permission_error");
        let gemini = is_refused(&weir, way, &canned::gemini()).await;
        assert_eq!(gemini["error"]["message"], said("test-gemini"));
        assert_eq!(gemini["error"]["status"], "PERMISSION_DENIED");
    }
    assert_eq!(upstream.connections(), 0);
    for call in weir.calls_eventually(12).await {
        assert_eq!(call.text("outcome"), Some("refused"));
        assert_eq!(call.text("refused_by"), Some("rule"));
        assert_eq!(call.int("cost_picousd"), Some(0));
        assert_eq!(call.int("http_status"), Some(403));
    }
}

#[tokio::test]
async fn a_model_in_the_path_is_refused_from_the_head_alone() {
    let upstream = silent(Transport::Plain).await;
    let weir = weir_with(&upstream, ALLOWS).await;
    let request = Request::post(canned::gemini().path, vec![b' '; 3_000_000]);
    let mut client = weir.h1(Way::BaseUrl, "gemini").await;
    client.start_head(&request).await;
    assert_eq!(client.head().await.1.status(), 403);
}

#[tokio::test]
async fn a_model_in_the_body_is_found_at_any_size_and_path() {
    for transport in Transport::ALL {
        let upstream = silent(transport).await;
        let weir = weir_with(&upstream, ALLOWS).await;
        for path in [
            "/v1/chat/completions",
            "/v1/a/path/that/nobody/knows",
            "/v1/x/../responses",
        ] {
            for (model, expected) in [("test-gpt", 200), ("other", 403)] {
                for size in [10, 100_000] {
                    let body = json!({"input": "x".repeat(size), "model": model}).to_string();
                    let request = Request::post(path, body.clone());
                    let sent = weir.send(Way::BaseUrl, "openai", &request).await;
                    assert_eq!(sent.status(), expected, "{path} {model} {size}");
                    let request = Request {
                        payload: Payload::Chunked(vec![body.into_bytes()]),
                        ..request
                    };
                    let sent = weir.send(Way::ConnectH2, "openai", &request).await;
                    assert_eq!(sent.status(), expected, "{path} {model} {size} chunked");
                }
            }
        }
        let whole = upstream
            .received()
            .into_iter()
            .filter(|one| one.body.complete);
        assert_eq!(whole.count(), 12, "{transport:?}");
    }
}

#[tokio::test]
async fn a_session_of_a_denied_model_is_not_opened() {
    let upstream = silent(Transport::Plain).await;
    let weir = weir_with(&upstream, DENIES).await;
    let client = Client::open(
        &weir,
        Way::BaseUrl,
        handshake("/v1/realtime?model=gpt-realtime"),
    )
    .await;
    assert_eq!(client.head.status(), 403);
    assert_eq!(client.head.get("x-weir-budget"), Some("rule"));
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_denied_model_ends_a_session_when_a_message_names_it() {
    let live = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
    let create = r#"{"type":"response.create","model":"other","input":"Hi"}"#;
    let update = r#"{"type":"session.update","session":{"model":"other"}}"#;
    let setup = r#"{"setup":{"model":"models/other"}}"#;
    for (provider, path, message) in [
        ("openai", "/v1/responses", create),
        ("openai", "/v1/realtime?model=fine", update),
        ("gemini", live, setup),
    ] {
        let upstream = websocket::upstream(Transport::Plain, "", vec![Act::Hear(1)]).await;
        let budget = "{ name: rule, models: { deny: other }, on_spent: leave }";
        let weir = weir_with(&upstream, budget).await;
        let mut client = Client::open_at(&weir, Way::BaseUrl, provider, handshake(path)).await;
        client.send(&asks(message)).await;
        let close = client.frame().await;
        assert_eq!(
            close.close(),
            (1008, "budget rule does not allow this model".to_owned())
        );
    }
}
