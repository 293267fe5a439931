//! Attribution: who a call is for, the first source that says so.

use base64::Engine as _;
use serde_json::json;

use crate::support::canned;
use crate::support::client::{H1, Request, Way, secure, tunnel};
use crate::support::ledger::Row;
use crate::support::settings::{Settings, connect_host};
use crate::support::tls::Alpn;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

async fn rig(more: &str) -> (Upstream, Weir) {
    let reply = canned::openai_chat().reply();
    let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
    let weir = Weir::start(&Settings::to(&upstream).and(more)).await;
    (upstream, weir)
}

fn request() -> Request {
    canned::openai_chat().request()
}

fn labels(call: &Row) -> [Option<&str>; 4] {
    ["user", "team", "project", "task"].map(|column| call.text(column))
}

#[tokio::test]
async fn headers_label_a_call_and_stay_here() {
    let (upstream, weir) = rig("").await;
    let request = request()
        .header("X-Weir-User", "ann")
        .header("x-weir-team", "search")
        .header("X-WEIR-PROJECT", "p1")
        .header("x-weir-task", "t9")
        .header("x-weir-tags", "a=1, b=2");
    weir.send(Way::BaseUrl, "openai", &request).await;
    let call = weir.only_call().await;
    assert_eq!(
        labels(&call),
        [Some("ann"), Some("search"), Some("p1"), Some("t9")]
    );
    let tags: serde_json::Value =
        serde_json::from_str(call.text("tags").expect("tags")).expect("JSON");
    assert_eq!(tags, json!({"a": "1", "b": "2"}));
    let received = upstream.only();
    let ours = |(name, _): &&(String, String)| name.to_ascii_lowercase().starts_with("x-weir");
    assert_eq!(received.head.headers.iter().find(ours), None);
}

#[tokio::test]
async fn a_path_segment_labels_a_call_and_stays_here() {
    let (upstream, weir) = rig("").await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.prefix = "/@team=search,task=42,ticket=a%20b/openai".to_owned();
    client.send(&request()).await;
    let call = weir.only_call().await;
    assert_eq!(labels(&call), [None, Some("search"), None, Some("42")]);
    let tags: serde_json::Value =
        serde_json::from_str(call.text("tags").expect("tags")).expect("JSON");
    assert_eq!(tags, json!({"ticket": "a b"}));
    assert_eq!(upstream.only().head.target(), "/v1/chat/completions");
}

#[tokio::test]
async fn the_proxy_urls_user_name_labels_every_call_of_its_tunnel() {
    let (upstream, weir) = rig("").await;
    let basic = base64::engine::general_purpose::STANDARD.encode("team=search,task=7:token");
    let host = connect_host("openai");
    for alpn in [Alpn::H1, Alpn::H2] {
        let wire = tunnel(
            weir.proxy,
            host,
            &format!("Proxy-Authorization: Basic {basic}\r\n"),
        )
        .await;
        let wire = secure(wire, host, weir.roots(), alpn).await;
        match alpn {
            Alpn::H1 => {
                H1 {
                    wire,
                    prefix: String::new(),
                    host: host.to_owned(),
                }
                .send(&request())
                .await;
            }
            _ => {
                let (io, _) = wire.into_io();
                crate::support::client::H2::over(io, host)
                    .await
                    .send(&request())
                    .await;
            }
        }
    }
    let calls = weir.calls_eventually(2).await;
    for call in &calls {
        assert_eq!(labels(call), [None, Some("search"), None, Some("7")]);
    }
    for received in upstream.received() {
        assert_eq!(received.head.get("proxy-authorization"), None);
    }
}

#[tokio::test]
async fn a_proxy_user_on_an_absolute_form_request_labels_it() {
    let (upstream, weir) = rig("").await;
    let basic = base64::engine::general_purpose::STANDARD.encode("team=search:");
    let request = request().header("Proxy-Authorization", &format!("Basic {basic}"));
    weir.send(Way::Absolute, "openai", &request).await;
    assert_eq!(weir.only_call().await.text("team"), Some("search"));
    assert_eq!(upstream.only().head.get("proxy-authorization"), None);
}

#[tokio::test]
async fn the_bodys_own_field_names_the_user() {
    let reply = canned::openai_chat().reply();
    let upstream = Upstream::answering(Transport::Plain, move |_| reply.clone()).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let bodies = [
        (
            "openai",
            "/v1/chat/completions",
            json!({"model": "test-gpt", "messages": [], "user": "ann"}),
        ),
        (
            "openai",
            "/v1/chat/completions",
            json!({"model": "test-gpt", "messages": [], "safety_identifier": "ann"}),
        ),
        (
            "anthropic",
            "/v1/messages",
            json!({"model": "test-claude", "messages": [], "max_tokens": 1, "metadata": {"user_id": "ann"}}),
        ),
    ];
    for (provider, path, body) in &bodies {
        weir.send(Way::BaseUrl, provider, &Request::json(path, body))
            .await;
    }
    for call in weir.calls_eventually(bodies.len()).await {
        assert_eq!(call.text("user"), Some("ann"), "{call:?}");
    }
}

#[tokio::test]
async fn the_first_source_wins_label_by_label() {
    let (_upstream, weir) = rig("labels: { team: from-config, project: from-config }").await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.prefix = "/@team=from-path,task=from-path,user=from-path/openai".to_owned();
    let mut body = canned::openai_chat().request;
    body["user"] = json!("from-body");
    let request = Request::json("/v1/chat/completions", &body).header("X-Weir-Team", "from-header");
    client.send(&request).await;
    let call = weir.only_call().await;
    let expected = [
        Some("from-path"),
        Some("from-header"),
        Some("from-config"),
        Some("from-path"),
    ];
    assert_eq!(labels(&call), expected);
}

#[tokio::test]
async fn client_labels_can_be_switched_off() {
    let (upstream, weir) = rig("trust_client_labels: false\nlabels: { team: ours }").await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.prefix = "/@task=theirs/openai".to_owned();
    let mut body = canned::openai_chat().request;
    body["user"] = json!("theirs");
    client
        .send(&Request::json("/v1/chat/completions", &body).header("X-Weir-Team", "theirs"))
        .await;
    assert_eq!(
        labels(&weir.only_call().await),
        [None, Some("ours"), None, None]
    );
    assert_eq!(
        upstream.only().head.get("x-weir-team"),
        None,
        "still never sent upstream"
    );
}

#[tokio::test]
async fn secrets_and_content_are_found_nowhere() {
    let canary = "sk-canary-7f3a91c2";
    let prompt = "canary-prompt-55d0";
    let (_upstream, weir) = rig("").await;
    let mut body = canned::openai_chat().request;
    body["messages"][0]["content"] = json!(prompt);
    for header in ["Authorization", "x-api-key", "x-goog-api-key"] {
        let value = if header == "Authorization" {
            format!("Bearer {canary}")
        } else {
            canary.to_owned()
        };
        let request = Request::json("/v1/chat/completions", &body).header(header, &value);
        weir.send(Way::BaseUrl, "openai", &request).await;
    }
    let by_query = format!("/v1beta/models/test-gemini:generateContent?key={canary}");
    weir.send(
        Way::BaseUrl,
        "gemini",
        &Request::json(&by_query, &canned::gemini().request),
    )
    .await;
    let bad = Request::post(&format!("/v1/messages?key={canary}"), format!("{{{prompt}"));
    weir.send(Way::BaseUrl, "anthropic", &bad.header("x-api-key", canary))
        .await;

    let calls = weir.calls_eventually(5).await;
    let keys: Vec<Option<&str>> = calls.iter().map(|call| call.text("key")).collect();
    let key = keys[0].expect("a credential has a hash");
    assert!(
        key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{key}"
    );
    assert_eq!(
        keys,
        [Some(key), None, None, Some(key), Some(key)],
        "one credential is one key wherever its provider reads it, and nobody's where it does not"
    );

    let metrics = weir.admin(&Request::get("/metrics")).await.body.data;
    let mut places = vec![
        ("metrics".to_owned(), metrics),
        ("log".to_owned(), weir.log().into_bytes()),
    ];
    for entry in std::fs::read_dir(weir.data_dir()).expect("the data folder") {
        let path = entry.expect("an entry").path();
        places.push((
            path.display().to_string(),
            std::fs::read(&path).expect("a readable file"),
        ));
    }
    assert!(places.len() >= 4, "the ledger is among the places");
    for (place, bytes) in places {
        for secret in [canary, prompt] {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {place}");
        }
    }
}
