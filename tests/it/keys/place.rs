//! Where a key arrives, and where the provider's own goes.

use base64::Engine as _;

use super::rig::{OWN, chat, create, keys, message, own_key, rig, settings, text};
use crate::support::canned;
use crate::support::client::H1;
use crate::support::client::{Request, Way, secure, tunnel};
use crate::support::patience::eventually;
use crate::support::settings::connect_host;
use crate::support::tls::Alpn;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;

fn basic(text: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(text);
    format!("Basic {text}")
}

#[tokio::test]
async fn the_providers_own_key_takes_the_place_of_weirs_on_every_way_in() {
    for transport in Transport::ALL {
        let upstream = Upstream::answering(transport, |_| canned::openai_chat().reply()).await;
        let weir = Weir::start_with_yaml(&settings(&upstream, &own_key(), "")).await;
        let arguments = [
            "--name", "ci", "--team", "search", "--user", "ann", "--tag", "a=1",
        ];
        let secret = create(&weir, &arguments);
        for (at, way) in Way::ALL.into_iter().enumerate() {
            let request = chat(&secret)
                .header("x-weir-team", "another")
                .header("x-weir-project", "p");
            let response = weir.send(way, "openai", &request).await;
            assert_eq!(response.status(), 200, "{way:?}: {response:?}");
            let received = upstream.received().remove(at);
            let sent = received.head.get("authorization");
            assert_eq!(sent, Some(&*format!("Bearer {OWN}")), "{way:?}");
            assert!(!text(&received).contains("weir_"), "{received:?}");
        }
        let calls = weir.calls_eventually(Way::ALL.len()).await;
        let listed = super::rig::listed(&weir);
        for call in calls {
            assert_eq!(call.text("key"), listed[0]["id"].as_str());
            assert_eq!(call.text("team"), Some("search"), "the key's label stands");
            assert_eq!(call.text("user"), Some("ann"));
            assert_eq!(
                call.text("project"),
                Some("p"),
                "of which the key says nothing"
            );
            assert_eq!(call.text("tags"), Some(r#"{"a":"1"}"#));
        }
        assert!(listed[0]["last_used_at"].is_string(), "{listed:?}");
    }
}

#[tokio::test]
async fn each_providers_key_goes_where_it_reads_one_wherever_weirs_came() {
    let upstream = Upstream::answering(Transport::Plain, |received| {
        match received.head.target().starts_with("/v1/messages") {
            true => canned::anthropic().reply(),
            false => canned::gemini().reply(),
        }
    })
    .await;
    let yaml = settings(&upstream, "", "")
        .replacen(
            "  anthropic:\n",
            "  anthropic:\n    api_key: sk-ant-own\n",
            1,
        )
        .replacen("  gemini:\n", "  gemini:\n    api_key: AIza-own\n", 1);
    let weir = Weir::start_with_yaml(&yaml).await;
    let secret = create(&weir, &["--name", "ci"]);
    let messages = canned::anthropic().request();
    let generate = canned::gemini().request();
    let with_query = |query: String| Request {
        path: format!("{}?{query}", generate.path),
        ..generate.clone()
    };
    let target = generate.path.clone();
    let bearer = format!("Bearer {secret}");
    for (provider, request, header, own, path) in [
        (
            "anthropic",
            messages.clone().header("x-api-key", &secret),
            "x-api-key",
            "sk-ant-own",
            None,
        ),
        (
            "anthropic",
            messages.clone().header("Authorization", &bearer),
            "x-api-key",
            "sk-ant-own",
            None,
        ),
        (
            "gemini",
            generate.clone().header("x-goog-api-key", &secret),
            "x-goog-api-key",
            "AIza-own",
            Some(target.clone()),
        ),
        (
            "gemini",
            with_query(format!("key={secret}")),
            "x-goog-api-key",
            "AIza-own",
            Some(target.clone()),
        ),
        (
            "gemini",
            with_query(format!("alt=sse&key={secret}")),
            "x-goog-api-key",
            "AIza-own",
            Some(format!("{target}?alt=sse")),
        ),
    ] {
        let response = weir.send(Way::BaseUrl, provider, &request).await;
        assert_eq!(response.status(), 200, "{response:?}");
        let received = upstream.received().pop().expect("it came upstream");
        assert_eq!(received.head.get(header), Some(own));
        let authorization = received.head.get("authorization");
        assert!(header == "authorization" || authorization.is_none());
        assert!(!text(&received).contains("weir_"), "{received:?}");
        if let Some(path) = path {
            assert_eq!(received.head.target(), path);
        }
    }
}

#[tokio::test]
async fn as_the_proxys_password_it_lets_the_clients_own_key_pass_unless_the_provider_has_one() {
    for (own, sent) in [
        (String::new(), "Bearer sk-mine".to_owned()),
        (own_key(), format!("Bearer {OWN}")),
    ] {
        let upstream =
            Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
        let weir = Weir::start_with_yaml(&settings(&upstream, &own, "require_key: true")).await;
        let secret = create(&weir, &["--name", "ci", "--team", "search"]);
        let host = connect_host("openai");
        let headers = format!(
            "Proxy-Authorization: {}\r\n",
            basic(&format!("project=p:{secret}"))
        );
        let wire = tunnel(weir.proxy, host, &headers).await;
        let wire = secure(wire, host, weir.roots(), Alpn::H1).await;
        let mut client = H1 {
            wire,
            prefix: String::new(),
            host: host.to_owned(),
        };
        assert_eq!(client.send(&chat("sk-mine")).await.status(), 200);
        let received = upstream.only();
        assert_eq!(received.head.get("authorization"), Some(&*sent));
        assert!(!text(&received).contains("weir_"));
        let call = weir.only_call().await;
        assert_eq!(call.text("team"), Some("search"));
        assert_eq!(call.text("project"), Some("p"));
        assert_eq!(
            call.text("key"),
            super::rig::listed(&weir)[0]["id"].as_str()
        );
    }
}

#[tokio::test]
async fn beside_the_clients_own_key_a_header_of_weirs_carries_it() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start_with_yaml(&settings(&upstream, "", "require_key: true")).await;
    let secret = create(&weir, &["--name", "ci"]);
    let request = chat("sk-mine").header("X-Weir-Key", &secret);
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.status(), 200, "{response:?}");
    let received = upstream.only();
    assert_eq!(received.head.get("authorization"), Some("Bearer sk-mine"));
    assert!(!text(&received).contains("weir_"));
}

#[tokio::test]
async fn a_provider_without_a_key_of_its_own_is_named_with_the_setting() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start_with_yaml(&settings(&upstream, "", "")).await;
    let secret = create(&weir, &["--name", "ci"]);
    let response = super::rig::send(&weir, &secret).await;
    assert_eq!(response.status(), 403);
    let said = message(&response);
    assert!(
        said.contains("`api_key`") && said.contains("openai"),
        "{said}"
    );
    assert_eq!(response.head.get("x-should-retry"), Some("false"));
    assert_eq!(upstream.received().len(), 0);
    let call = weir.only_call().await;
    assert_eq!(call.text("outcome"), Some("refused"));
    assert_eq!(call.text("error_type"), Some("auth"));
}

#[tokio::test]
async fn a_provider_that_asks_for_no_key_gets_none() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start_with_yaml(&settings(&upstream, "    api_key: none\n", "")).await;
    let secret = create(&weir, &["--name", "ci"]);
    assert_eq!(super::rig::send(&weir, &secret).await.status(), 200);
    assert_eq!(upstream.only().head.get("authorization"), None);
}

#[tokio::test]
async fn who_shows_no_key_of_weirs_never_gets_the_providers() {
    let (upstream, weir) = rig("").await;
    for request in [chat("sk-mine"), canned::openai_chat().request()] {
        weir.send(Way::BaseUrl, "openai", &request).await;
    }
    let sent = upstream.received();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].head.get("authorization"), Some("Bearer sk-mine"));
    assert_eq!(sent[1].head.get("authorization"), None);
}

#[tokio::test]
async fn a_file_that_holds_the_providers_key_may_change_while_weir_runs() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("openai.key");
    std::fs::write(&file, "sk-first\n").expect("a writable folder");
    let own = format!("    api_key_file: {}\n", file.display());
    let weir = Weir::start_with_yaml(&settings(&upstream, &own, "")).await;
    let secret = create(&weir, &["--name", "ci"]);
    let sent = async || {
        assert_eq!(super::rig::send(&weir, &secret).await.status(), 200);
        let received = upstream.received().pop().expect("it came upstream");
        received.head.get("authorization").map(str::to_owned)
    };
    assert_eq!(sent().await.as_deref(), Some("Bearer sk-first"));
    std::fs::write(&file, "sk-second\n").expect("a writable folder");
    eventually("the key of the file is sent", async || {
        (sent().await.as_deref() == Some("Bearer sk-second")).then_some(())
    })
    .await;
    assert!(!weir.log().contains("sk-second"));
    let told = keys(&weir, &["list"]);
    assert!(told.contains("ci") && !told.contains("sk-"), "{told}");
}
