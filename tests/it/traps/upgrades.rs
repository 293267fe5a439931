//! WebSocket upgrades: the handshake and the frames pass both ways.

use crate::support::client::{Request, Way};
use crate::support::patience::round_trip;
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::Wire;

/// A masked text frame "hi" of a client and the same of a server, as RFC 6455 writes them.
const FROM_CLIENT: &[u8] = b"\x81\x82\x01\x02\x03\x04\x69\x6b";
const FROM_SERVER: &[u8] = b"\x81\x02hi";

/// Accepts the upgrade, speaks first, and answers the client's frame.
async fn web_socket(transport: Transport) -> Upstream {
    Upstream::driven(transport, |mut wire: Wire, record, connection| async move {
        let Ok(Some(head)) = wire.read_head().await else {
            return;
        };
        let at = record.begin(connection, head);
        // Pingora takes a 101 that overtakes the end of the GET in its own pipes for the end of both.
        round_trip().await;
        let accept =
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        wire.write(accept).await.expect("the answer is taken");
        wire.write(FROM_SERVER).await.expect("the frame is taken");
        let frame = wire
            .read_exactly(FROM_CLIENT.len())
            .await
            .expect("the client's frame");
        record.note(at, |entry| entry.body.data = frame);
        wire.write(FROM_SERVER).await.expect("the frame is taken");
        wire.gone().await;
        record.note(at, |entry| entry.cut = true);
    })
    .await
}

#[tokio::test]
async fn a_web_socket_passes_both_ways_even_where_the_upstream_prefers_h2() {
    for transport in [Transport::Plain, Transport::Tls(Alpn::Either)] {
        for way in [Way::BaseUrl, Way::ConnectH1] {
            let what = format!("{way:?} {transport:?}");
            let upstream = web_socket(transport).await;
            let weir = Weir::start(&Settings::to(&upstream)).await;
            let mut client = weir.h1(way, "openai").await;
            let request = Request::get("/v1/realtime?model=test-gpt")
                .header("Connection", "Upgrade")
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
                .header("Sec-WebSocket-Protocol", "realtime");
            client.start(&request).await;
            let head = client
                .wire
                .read_head()
                .await
                .expect("an answer")
                .expect("an answer");
            assert_eq!(head.status(), 101, "{what}");
            assert_eq!(
                head.get("sec-websocket-accept"),
                Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
                "{what}"
            );
            let frame = client
                .wire
                .read_exactly(FROM_SERVER.len())
                .await
                .unwrap_or_else(|error| panic!("no frame, {what}: {error}"));
            assert_eq!(frame, FROM_SERVER, "{what}");
            client
                .wire
                .write(FROM_CLIENT)
                .await
                .expect("the frame is taken");
            let frame = client
                .wire
                .read_exactly(FROM_SERVER.len())
                .await
                .unwrap_or_else(|error| panic!("no frame, {what}: {error}"));
            assert_eq!(frame, FROM_SERVER, "{what}");
            let received = upstream.only();
            assert_eq!(received.body.data, FROM_CLIENT, "{what}");
            assert_eq!(
                received.head.get("sec-websocket-key"),
                Some("dGhlIHNhbXBsZSBub25jZQ==")
            );
            assert_eq!(
                received.head.get("sec-websocket-protocol"),
                Some("realtime")
            );
            drop(client);
            upstream
                .eventually("the upstream learns that the client left", |all| all[0].cut)
                .await;
            let call = weir.only_call().await;
            assert_eq!(call.int("http_status"), Some(101), "{what}");
            assert_ne!(call.int("output_tokens"), Some(0), "unknown is never 0");
        }
    }
}
