//! Handshakes of WebSockets: a key in a header, among the protocols, in the query.

use super::rig::{OWN, create, own_key, settings, text};
use crate::support::client::Way;
use crate::support::tls::Alpn;
use crate::support::upstream::Transport;
use crate::support::websocket::{Act, Client, handshake, upstream as web_socket};
use crate::support::weir::Weir;

const REALTIME: &str = "/v1/realtime?model=gpt-realtime";

#[tokio::test]
async fn a_handshake_carries_the_providers_key_wherever_weirs_came() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::Either)] {
        let upstream = web_socket(transport, "", vec![Act::HangUp]).await;
        let weir =
            Weir::start_with_yaml(&settings(&upstream, &own_key(), "require_key: true")).await;
        let secret = create(&weir, &["--name", "ci"]);
        let offered =
            format!("realtime, openai-insecure-api-key.{secret}, openai-beta.realtime-v1");
        let by_query = format!("{REALTIME}&api-key={secret}");
        let requests = [
            handshake(REALTIME).header("Authorization", &format!("Bearer {secret}")),
            handshake(REALTIME).header("Sec-WebSocket-Protocol", &offered),
            handshake(&by_query),
        ];
        for (at, request) in requests.into_iter().enumerate() {
            let client = Client::open(&weir, Way::BaseUrl, request).await;
            assert_eq!(client.head.status(), 101, "{at}: {:?}", client.head);
            let received = upstream.received().remove(at);
            let sent = received.head.get("authorization");
            assert_eq!(sent, Some(&*format!("Bearer {OWN}")), "{at}");
            assert_eq!(received.head.target(), REALTIME);
            assert!(!text(&received).contains("weir_"), "{received:?}");
            if at == 1 {
                let left = received.head.get("sec-websocket-protocol");
                assert_eq!(left, Some("realtime, openai-beta.realtime-v1"));
            }
        }
    }
}

#[tokio::test]
async fn a_handshake_without_a_good_key_is_refused() {
    let upstream = web_socket(Transport::Plain, "", vec![Act::HangUp]).await;
    let weir = Weir::start_with_yaml(&settings(&upstream, &own_key(), "require_key: true")).await;
    let own = handshake(REALTIME).header("Authorization", "Bearer sk-mine");
    for request in [own, handshake(REALTIME)] {
        let client = Client::open(&weir, Way::ConnectH1, request).await;
        assert_eq!(client.head.status(), 401);
    }
    assert_eq!(upstream.received().len(), 0);
    let calls = weir.calls_eventually(2).await;
    assert!(
        calls
            .iter()
            .all(|call| call.text("error_type") == Some("auth"))
    );
}
