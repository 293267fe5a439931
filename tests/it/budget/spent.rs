//! What is spent stays spent: over refusals from the head, restarts, reloads and users.

use serde_json::json;

use super::weir_with;
use crate::support::canned;
use crate::support::client::{Payload, Request, Way};
use crate::support::patience::eventually;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

/// One call of the canned chat costs 0.00045 USD: the first passes, then this is spent.
const ONE_CALL: &str = "{ name: one-call, limit: 0.0004 USD, per: total }";

async fn chat(transport: Transport) -> Upstream {
    let reply = canned::openai_chat().reply();
    Upstream::answering(transport, move |_| reply.clone()).await
}

async fn status(weir: &Weir, request: &Request) -> u16 {
    weir.send(Way::BaseUrl, "openai", request).await.status()
}

#[tokio::test]
async fn a_spent_budget_refuses_from_the_head_alone() {
    for transport in Transport::ALL {
        let upstream = chat(transport).await;
        let weir = weir_with(&upstream, ONE_CALL).await;
        assert_eq!(status(&weir, &canned::openai_chat().request()).await, 200);
        weir.only_call().await;
        let before = upstream.connections();
        for way in [Way::BaseUrl, Way::ConnectH1, Way::Absolute] {
            for payload in [
                Payload::Length(vec![b'x'; 3_000_000]),
                Payload::Chunked(Vec::new()),
            ] {
                let request = Request {
                    payload,
                    ..Request::post("/v1/chat/completions", "")
                };
                let mut client = weir.h1(way, "openai").await;
                // The body is never sent: waiting for it would wait for ever.
                client.start_head(&request).await;
                let (_, head) = client.head().await;
                assert_eq!(head.status(), 429, "{way:?} {transport:?}");
                assert_eq!(head.get("x-weir-budget"), Some("one-call"));
            }
        }
        let mut h2 = weir.h2("openai").await;
        let mut streaming = h2
            .start_head(&Request::post("/v1/chat/completions", vec![0; 3_000_000]))
            .await;
        assert_eq!(streaming.head().await.0.status(), 429, "{transport:?}");
        assert_eq!(upstream.received().len(), 1, "the upstream is not asked");
        assert_eq!(
            upstream.connections(),
            before,
            "the upstream is not even contacted"
        );
        let calls = weir.calls_eventually(8).await;
        for call in &calls[1..] {
            assert_eq!(call.text("outcome"), Some("refused"));
            assert_eq!(call.int("cost_picousd"), Some(0));
        }
    }
}

#[tokio::test]
async fn a_refused_small_post_leaves_the_connection_usable() {
    let upstream = chat(Transport::Tls(Alpn::H2)).await;
    let weir = weir_with(&upstream, ONE_CALL).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    assert_eq!(
        client.send(&canned::openai_chat().request()).await.status(),
        200
    );
    weir.only_call().await;
    for _ in 0..3 {
        let response = client.send(&canned::openai_chat().request()).await;
        assert_eq!(response.status(), 429);
        assert!(response.body.complete);
    }
    let free = client.send(&Request::get("/v1/models")).await;
    assert_eq!(
        free.status(),
        200,
        "what costs nothing passes a spent money budget"
    );
}

#[tokio::test]
async fn each_user_has_a_budget_of_its_own() {
    let upstream = chat(Transport::Plain).await;
    let budget = "{ name: user-day, limit: 0.0004 USD, per: day, each: user }";
    let weir = weir_with(&upstream, budget).await;
    let by = |user: &str| canned::openai_chat().request().header("X-Weir-User", user);
    assert_eq!(status(&weir, &by("ann")).await, 200);
    weir.calls_eventually(1).await;
    assert_eq!(status(&weir, &by("ann")).await, 429);
    assert_eq!(status(&weir, &by("bob")).await, 200);
    weir.calls_eventually(3).await;
    assert_eq!(status(&weir, &by("bob")).await, 429);
}

#[tokio::test]
async fn the_bodys_user_is_held_to_its_budget_too() {
    let upstream = chat(Transport::Plain).await;
    let budget = "{ name: user-day, limit: 1 requests, per: day, each: user }";
    let weir = weir_with(&upstream, budget).await;
    let by = |user: &str| {
        let mut body = canned::openai_chat().request;
        body["user"] = json!(user);
        Request::json("/v1/chat/completions", &body)
    };
    let mut statuses = Vec::new();
    for user in ["ann", "ann", "bob", "bob"] {
        statuses.push(status(&weir, &by(user)).await);
    }
    assert_eq!(statuses, [200, 429, 200, 429]);
}

#[tokio::test]
async fn a_match_leaves_the_others_alone() {
    let upstream = chat(Transport::Plain).await;
    let budget = "{ name: search, limit: 1 requests, per: total, match: { team: search } }";
    let weir = weir_with(&upstream, budget).await;
    let by = |team: &str| canned::openai_chat().request().header("X-Weir-Team", team);
    let mut statuses = Vec::new();
    for team in ["search", "search", "ads", "ads"] {
        statuses.push(status(&weir, &by(team)).await);
    }
    assert_eq!(statuses, [200, 429, 200, 200]);
}

#[tokio::test]
async fn a_restart_keeps_what_is_spent() {
    let upstream = chat(Transport::Plain).await;
    let mut weir = weir_with(&upstream, ONE_CALL).await;
    assert_eq!(status(&weir, &canned::openai_chat().request()).await, 200);
    weir.only_call().await;
    weir.restart().await;
    assert_eq!(status(&weir, &canned::openai_chat().request()).await, 429);
    let spent = weir
        .metrics()
        .await
        .count("weir_budget_spent", &[("budget", "one-call")]);
    assert!((spent - 0.00045).abs() < 1e-12, "{spent}");

    weir.calls_eventually(2).await;
    weir.kill();
    weir.start_again().await;
    assert_eq!(
        status(&weir, &canned::openai_chat().request()).await,
        429,
        "killed, too"
    );
}

#[tokio::test]
async fn a_reload_keeps_what_is_spent_and_takes_the_new_limit() {
    let upstream = chat(Transport::Plain).await;
    let settings = Settings::to(&upstream);
    let with = |limit: &str| {
        settings
            .clone()
            .and(&format!(
                "budgets:\n  - {{ name: b, limit: {limit} USD, per: total }}"
            ))
            .yaml()
    };
    let weir = Weir::start_with_yaml(&with("0.0004")).await;
    let request = canned::openai_chat().request();
    assert_eq!(status(&weir, &request).await, 200);
    weir.only_call().await;
    assert_eq!(status(&weir, &request).await, 429);

    let limit_is = |wanted: f64| {
        let weir = &weir;
        async move {
            eventually("the new limit is in force", async || {
                let limit = weir
                    .metrics()
                    .await
                    .count("weir_budget_limit", &[("budget", "b")]);
                ((limit - wanted).abs() < 1e-12).then_some(())
            })
            .await;
        }
    };
    weir.edit(&with("0.0008"));
    limit_is(0.0008).await;
    let spent = weir
        .metrics()
        .await
        .count("weir_budget_spent", &[("budget", "b")]);
    assert!(
        (spent - 0.00045).abs() < 1e-12,
        "a reload never resets what is spent: {spent}"
    );
    assert_eq!(
        status(&weir, &request).await,
        200,
        "0.00045 of 0.0008 is spent"
    );
    weir.calls_eventually(3).await;
    assert_eq!(status(&weir, &request).await, 429);
}
