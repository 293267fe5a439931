//! Who a call is for: the operator's rules first, then what the client says, then the defaults.

use base64::Engine as _;
use serde_json::json;

use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

async fn rig(more: &str) -> (Upstream, Weir) {
    let reply = canned::openai_chat().reply();
    let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
    let weir = Weir::start(&Settings::to(&upstream).and(more)).await;
    (upstream, weir)
}

/// The places that can name a user, the one that counts most first.
const SOURCES: [&str; 6] = ["rule", "header", "segment", "proxy", "body", "config"];

const RULE: &str = "identify: [{ match: { via: base_url }, labels: { user: rule } }]\n";

/// A call whose user is named by each of `said`; the user on record.
async fn user_named_by(said: &[&str], trusted: bool) -> Option<String> {
    let mut settings = String::new();
    if !trusted {
        settings.push_str("trust_client_labels: false\n");
    }
    if said.contains(&"config") {
        settings.push_str("labels: { user: config }\n");
    }
    if said.contains(&"rule") {
        settings.push_str(RULE);
    }
    let (_upstream, weir) = rig(&settings).await;
    let mut body = canned::openai_chat().request;
    if said.contains(&"body") {
        body["safety_identifier"] = json!("body");
    }
    let mut request = Request::json("/v1/chat/completions", &body);
    if said.contains(&"header") {
        request = request.header("x-weir-user", "header");
    }
    if said.contains(&"proxy") {
        let basic = base64::engine::general_purpose::STANDARD.encode("user=proxy:");
        request = request.header("Proxy-Authorization", &format!("Basic {basic}"));
    }
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    if said.contains(&"segment") {
        client.prefix = "/@user=segment/openai".to_owned();
    }
    client.send(&request).await;
    weir.only_call().await.text("user").map(str::to_owned)
}

#[tokio::test]
async fn each_source_stands_before_all_that_follow_it() {
    for from in 0..SOURCES.len() {
        let user = user_named_by(&SOURCES[from..], true).await;
        assert_eq!(user.as_deref(), Some(SOURCES[from]));
    }
    assert_eq!(user_named_by(&[], true).await, None);
}

#[tokio::test]
async fn a_client_that_is_not_trusted_is_named_by_the_operator_alone() {
    let user = user_named_by(&SOURCES, false).await;
    assert_eq!(user.as_deref(), Some("rule"));
    let user = user_named_by(&SOURCES[1..], false).await;
    assert_eq!(user.as_deref(), Some("config"));
    assert_eq!(user_named_by(&SOURCES[1..5], false).await, None);
}

#[tokio::test]
async fn rules_tell_calls_apart_by_the_way_they_come_and_leave_other_labels_to_the_client() {
    let rules = "identify:
  - { match: { via: base_url, listener: 127.0.0.1 }, labels: { team: by-base-url } }
  - { match: { via: http_proxy, source: 127.0.0.0/8 }, labels: { team: by-http-proxy } }
  - { match: { via: https_proxy, source: [10.0.0.0/8, \"::1\"] }, labels: { team: from-elsewhere } }
  - { match: { via: https_proxy }, labels: { team: by-https-proxy, tags: { from: rule } } }";
    let (upstream, weir) = rig(rules).await;
    let request = canned::openai_chat()
        .request()
        .header("x-weir-team", "claimed")
        .header("x-weir-task", "42")
        .header("x-weir-tags", "from=client,more=client");
    for way in [Way::BaseUrl, Way::Absolute, Way::ConnectH1, Way::ConnectH2] {
        weir.send(way, "openai", &request).await;
    }
    let calls = weir.calls_eventually(4).await;
    let teams: Vec<_> = calls.iter().map(|call| call.text("team")).collect();
    let expected = [
        "by-base-url",
        "by-http-proxy",
        "by-https-proxy",
        "by-https-proxy",
    ];
    assert_eq!(teams, expected.map(Some));
    assert!(calls.iter().all(|call| call.text("task") == Some("42")));
    let tags = calls[2].text("tags");
    assert_eq!(tags, Some(r#"{"from":"rule","more":"client"}"#));
    assert_eq!(upstream.received().len(), 4);
}

#[tokio::test]
async fn a_rule_for_a_key_takes_effect_as_soon_as_it_is_written() {
    let (upstream, weir) = rig("").await;
    let request = canned::openai_chat()
        .request()
        .header("authorization", "Bearer sk-search");
    weir.send(Way::BaseUrl, "openai", &request).await;
    let key = weir
        .only_call()
        .await
        .text("key")
        .expect("a key")
        .to_owned();
    let rule = format!(
        "identify: [{{ match: {{ key: \"{key}\" }}, labels: {{ team: search }} }}]\nbudgets: [{{ name: one, limit: 1 requests, per: total, match: {{ team: search }} }}]"
    );
    weir.edit(&Settings::to(&upstream).and(&rule).yaml());
    let reloaded = weir.admin(&Request::post("/-/reload", "")).await;
    assert_eq!(reloaded.status(), 200);
    let answers = [
        weir.send(Way::BaseUrl, "openai", &request).await.status(),
        weir.send(Way::BaseUrl, "openai", &request).await.status(),
    ];
    assert_eq!(
        answers,
        [200, 429],
        "the budget of the rule's team covers it"
    );
    let calls = weir.calls_eventually(3).await;
    assert_eq!(calls[0].text("team"), None);
    assert_eq!(calls[1].text("team"), Some("search"));
    let metrics = weir.metrics().await;
    assert!(
        metrics.count("weir_requests_total", &[("team", "search")]) > 0.0,
        "the team of a rule is a label of the metrics"
    );
}
