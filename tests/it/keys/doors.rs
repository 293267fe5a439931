//! `require_key`: who comes in without a key, and by which ways.

use base64::Engine as _;

use super::rig::{chat, create, message, own_key, rig, send, settings, text};
use crate::support::canned;
use crate::support::client::{Request, Way};
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::Wire;

const CLOSED: &str = "require_key: true";

#[tokio::test]
async fn a_closed_door_opens_to_keys_alone_on_every_way_in() {
    let (upstream, weir) = rig(CLOSED).await;
    let secret = create(&weir, &["--name", "ci"]);
    for way in Way::ALL {
        for request in [chat("sk-mine"), canned::openai_chat().request()] {
            let response = weir.send(way, "openai", &request).await;
            assert_eq!(response.status(), 401, "{way:?}");
            assert!(message(&response).contains("a weir key is required"));
        }
        assert_eq!(weir.send(way, "openai", &chat(&secret)).await.status(), 200);
    }
    assert_eq!(upstream.received().len(), Way::ALL.len());
    // Without a word of the settings the door is open again.
    let yaml = std::fs::read_to_string(weir.config_path()).expect("settings");
    weir.edit(&yaml.replace(CLOSED, ""));
    let reload = weir.admin(&Request::post("/-/reload", "")).await;
    assert_eq!(reload.status(), 200, "{reload:?}");
    assert_eq!(send(&weir, "sk-mine").await.status(), 200);
}

#[tokio::test]
async fn each_provider_says_it_in_its_own_shape() {
    let (_upstream, weir) = rig(CLOSED).await;
    let request = canned::anthropic().request().header("x-api-key", "sk-ant");
    let said = weir.send(Way::BaseUrl, "anthropic", &request).await;
    assert_eq!(said.status(), 401);
    assert_eq!(said.json()["error"]["type"], "authentication_error");
    let request = canned::gemini().request().header("x-goog-api-key", "AIza");
    let said = weir.send(Way::BaseUrl, "gemini", &request).await;
    assert_eq!(said.json()["error"]["status"], "UNAUTHENTICATED");
}

/// Sends a CONNECT, and gives the answer's status and what it asks for.
async fn connect(weir: &Weir, target: &str, key: Option<&str>) -> (u16, Option<String>) {
    let mut wire = Wire::dial(weir.proxy).await;
    let sent = key.map_or_else(String::new, |key| {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("x:{key}"));
        format!("Proxy-Authorization: Basic {basic}\r\n")
    });
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{sent}\r\n");
    wire.write(head.as_bytes())
        .await
        .expect("the head is taken");
    let head = wire
        .read_head()
        .await
        .expect("an answer")
        .expect("an answer");
    let asks = head.get("proxy-authenticate").map(str::to_owned);
    (head.status(), asks)
}

#[tokio::test]
async fn a_blind_tunnel_needs_the_key_as_the_proxys_password() {
    let (far, weir) = rig(CLOSED).await;
    let target = far.url().trim_start_matches("http://").to_owned();
    let secret = create(&weir, &["--name", "ci"]);
    let asked = Some("Basic realm=\"weir\"".to_owned());
    assert_eq!(connect(&weir, &target, None).await, (407, asked.clone()));
    assert_eq!(
        connect(&weir, &target, Some("token")).await,
        (407, asked.clone())
    );
    assert_eq!(connect(&weir, &target, Some(&secret)).await, (200, None));
    // A host that a provider claims may be shown the key inside.
    assert_eq!(connect(&weir, "api.openai.com:443", None).await.0, 200);
    super::rig::keys(&weir, &["revoke", "ci"]);
    assert_eq!(connect(&weir, &target, Some(&secret)).await, (407, asked));
}

#[tokio::test]
async fn so_does_plain_http_to_a_host_that_nobody_claims_and_the_key_stays_here() {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let far = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start_with_yaml(&settings(&upstream, &own_key(), CLOSED)).await;
    let secret = create(&weir, &["--name", "ci"]);
    let mut client = weir.h1(Way::Absolute, "openai").await;
    client.prefix = far.url();
    client.host = far.url().trim_start_matches("http://").to_owned();
    let response = client.send(&Request::get("/x")).await;
    assert_eq!(response.status(), 407);
    assert!(response.head.get("proxy-authenticate").is_some());
    let mut client = weir.h1(Way::Absolute, "openai").await;
    client.prefix = far.url();
    client.host = far.url().trim_start_matches("http://").to_owned();
    let request = Request::get(&format!("/x?key={secret}&a=1")).header("x-api-key", &secret);
    assert_eq!(client.send(&request).await.status(), 200);
    let received = far.only();
    assert_eq!(received.head.target(), "/x?a=1");
    assert!(!text(&received).contains("weir_"), "{received:?}");
    assert!(!text(&received).contains(super::rig::OWN));
}
