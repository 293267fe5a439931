//! A corporate proxy between weir and the upstream.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::client::{Request, Way};
use crate::support::settings::Settings;
use crate::support::tls::Alpn;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

/// Answers CONNECT with `status` and carries bytes to the host it was asked for; keeps the heads.
async fn corporate_proxy(status: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, status, Arc::clone(&kept)));
        }
    });
    (address, heads)
}

async fn carry(mut client: TcpStream, status: &str, kept: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).expect("an ASCII head");
    let target = head.split(' ').nth(1).expect("a target").to_owned();
    kept.lock().expect("no test panicked").push(head);
    let answer = format!("HTTP/1.1 {status}\r\n\r\n");
    if client.write_all(answer.as_bytes()).await.is_err() || !status.starts_with("200") {
        return;
    }
    let mut far = TcpStream::connect(target).await.expect("the upstream");
    let _ = tokio::io::copy_bidirectional(&mut client, &mut far).await;
}

fn through(upstream: &Upstream, proxy: SocketAddr) -> String {
    let via = format!("    upstream_proxy: http://corp:secret@{proxy}\n");
    let yaml = Settings::to(upstream).yaml();
    yaml.replace("    ca: ", &format!("{via}    ca: "))
}

#[tokio::test]
async fn upstreams_are_reached_through_the_proxy_that_is_named() {
    for alpn in [Alpn::H1, Alpn::H2] {
        let upstream = Upstream::answering(Transport::Tls(alpn), |_| Reply::ok("{}")).await;
        let (proxy, heads) = corporate_proxy("200 OK").await;
        let weir = Weir::start_with_yaml(&through(&upstream, proxy)).await;
        let request = Request::post("/v1/chat/completions", "{}");
        let response = weir.send(Way::ConnectH1, "openai", &request).await;
        assert_eq!(response.status(), 200, "{alpn:?}");
        let heads = heads.lock().expect("no test panicked").clone();
        assert_eq!(heads.len(), 1, "{heads:?}");
        assert!(heads[0].starts_with("CONNECT 127.0.0.1:"), "{heads:?}");
        // corp:secret
        let basic = "Proxy-Authorization: Basic Y29ycDpzZWNyZXQ=\r\n";
        assert!(heads[0].contains(basic), "{heads:?}");
        let received = upstream.only();
        assert_eq!(received.head.get("proxy-authorization"), None);
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_a_502_on_record() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let (proxy, _) = corporate_proxy("407 Proxy Authentication Required").await;
    let weir = Weir::start_with_yaml(&through(&upstream, proxy)).await;
    let request = Request::post("/v1/chat/completions", "{}");
    let response = weir.send(Way::BaseUrl, "openai", &request).await;
    assert_eq!(response.status(), 502);
    assert_eq!(upstream.connections(), 0, "nobody went around the proxy");
    let call = weir.only_call().await;
    assert_eq!(call.text("outcome"), Some("upstream_error"));
    assert_eq!(call.text("error_type"), Some("network"));
}
