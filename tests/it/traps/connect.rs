//! CONNECT: what follows its head, whose certificate it gets, and hosts that are nobody's.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::client::{H1, Request, Way, tunnel};
use crate::support::settings::{Settings, connect_host};
use crate::support::tls::{self, Alpn};
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;
use crate::support::wire::{Io, ResetSwitch, Wire};

/// An upstream that sends every byte back.
async fn echo() -> Upstream {
    Upstream::driven(Transport::Plain, |mut wire: Wire, _, _| async move {
        while let Ok(byte) = wire.read_exactly(1).await {
            if wire.write(&byte).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// The status of the answer to a CONNECT.
async fn connect(weir: &Weir, target: SocketAddr) -> u16 {
    let mut wire = Wire::dial(weir.proxy).await;
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    wire.write(head.as_bytes())
        .await
        .expect("the bytes are taken");
    let answer = wire
        .read_head()
        .await
        .expect("an answer")
        .expect("an answer");
    answer.status()
}

#[tokio::test]
async fn a_client_hello_glued_to_the_connect_head_is_understood() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("glued")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let host = connect_host("openai");
    for alpn in [Alpn::H1, Alpn::H2] {
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let mut wire = Wire::dial(weir.proxy).await;
        let pump = tokio::spawn(async move {
            let mut hello = vec![0; 16 * 1024];
            let length = far.read(&mut hello).await.expect("a ClientHello");
            let mut glued =
                format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").into_bytes();
            glued.extend_from_slice(&hello[..length]);
            wire.write(&glued).await.expect("the bytes are taken");
            let head = wire
                .read_head()
                .await
                .expect("an answer")
                .expect("an answer");
            assert_eq!(head.status(), 200);
            let ahead = wire.take_ahead();
            far.write_all(&ahead).await.expect("the client reads");
            let _ = tokio::io::copy_bidirectional(&mut far, &mut wire.io).await;
        });
        let near: Box<dyn Io> = Box::new(near);
        let stream = tls::handshake(near, host, weir.roots(), alpn)
            .await
            .expect("a handshake");
        let request = Request::get("/v1/models");
        let body = match alpn {
            Alpn::H1 => {
                let wire = Wire::new(Box::new(stream), ResetSwitch::default());
                let mut client = H1 {
                    wire,
                    prefix: String::new(),
                    host: host.to_owned(),
                };
                client.send(&request).await.body
            }
            _ => {
                crate::support::client::H2::over(Box::new(stream), host)
                    .await
                    .send(&request)
                    .await
                    .body
            }
        };
        assert_eq!(body.data, b"glued", "{alpn:?}");
        pump.abort();
    }
}

#[tokio::test]
async fn a_server_name_other_than_the_connect_host_is_refused() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let (io, _) = tunnel(weir.proxy, connect_host("openai"), "")
        .await
        .into_io();
    let fronted = tls::handshake(io, connect_host("anthropic"), weir.roots(), Alpn::H1).await;
    assert!(
        fronted.is_err(),
        "no certificate for a host that CONNECT did not name"
    );
    assert_eq!(upstream.connections(), 0);
    assert!(weir.calls().is_empty());
}

#[tokio::test]
async fn bytes_pass_a_blind_tunnel_unread_even_when_glued_to_its_head() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let far = echo().await;
    let mut wire = Wire::dial(weir.proxy).await;
    let target = far.address;
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n\x16\x03\x01glued");
    wire.write(head.as_bytes())
        .await
        .expect("the bytes are taken");
    let answer = wire
        .read_head()
        .await
        .expect("an answer")
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(
        wire.read_exactly(8).await.expect("an echo"),
        b"\x16\x03\x01glued"
    );
    wire.write(b"CONNECT is a word like any other\r\n\r\n")
        .await
        .expect("the bytes are taken");
    assert_eq!(
        wire.read_exactly(12).await.expect("an echo"),
        b"CONNECT is a"
    );
    drop(wire);
    far.all_closed().await;
    assert!(weir.calls().is_empty(), "a blind tunnel is no call");
}

#[tokio::test]
async fn tunnel_deny_refuses_hosts_that_no_provider_claims() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream).and("tunnel: deny")).await;
    let far = echo().await;

    let target = far.address;
    assert_eq!(connect(&weir, target).await, 403);

    let mut absolute = weir.h1(Way::BaseUrl, "openai").await;
    absolute.prefix = format!("http://{target}");
    absolute.host = target.to_string();
    assert_eq!(absolute.send(&Request::get("/")).await.status(), 403);

    assert_eq!(far.connections(), 0);
    let claimed = weir
        .send(Way::ConnectH1, "openai", &Request::get("/v1/models"))
        .await;
    assert_eq!(claimed.status(), 200, "a claimed host is still served");
}

#[tokio::test]
async fn nobody_reaches_the_admin_side_through_weir() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let target = weir.admin;

    let mut absolute = weir.h1(Way::BaseUrl, "openai").await;
    absolute.prefix = format!("http://{target}");
    absolute.host = target.to_string();
    let answer = absolute.send(&Request::get("/metrics")).await;
    assert_eq!(answer.status(), 502, "it would pass for the operator");

    assert_ne!(connect(&weir, target).await, 200);
}

#[tokio::test]
async fn absolute_form_to_a_host_that_is_nobodys_is_forwarded_unmetered() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let other = Upstream::answering(Transport::Plain, |_| Reply::ok("elsewhere")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let mut client = weir.h1(Way::BaseUrl, "openai").await;
    client.prefix = other.url();
    client.host = other.address.to_string();
    let response = client.send(&Request::post("/any/path?q=%2F", "data")).await;
    assert_eq!(response.body.data, b"elsewhere");
    let received = other.only();
    assert_eq!(
        (received.head.target(), received.body.data.as_slice()),
        ("/any/path?q=%2F", &b"data"[..])
    );
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_connect_head_that_is_none_gets_400() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    for head in [
        "CONNECT /path HTTP/1.1\r\n\r\n",
        "CONNECT host:port HTTP/1.1\r\n\r\n",
    ] {
        let mut wire = Wire::dial(weir.proxy).await;
        wire.write(head.as_bytes())
            .await
            .expect("the bytes are taken");
        let answer = wire
            .read_head()
            .await
            .expect("an answer")
            .expect("an answer");
        assert_eq!(answer.status(), 400, "{head:?}");
    }
}
