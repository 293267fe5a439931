//! A client that sends exact bytes and keeps exact bytes, over every way into weir.

mod h1;
mod h2;
mod request;

use std::net::SocketAddr;

pub use h1::H1;
pub use h2::H2;
pub use request::{Payload, Request, Response};

use super::tls::{self, Alpn};
use super::wire::Wire;

/// The ways into weir's one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    BaseUrl,
    ConnectH1,
    ConnectH2,
    Absolute,
}

impl Way {
    pub const ALL: [Way; 4] = [Way::BaseUrl, Way::ConnectH1, Way::ConnectH2, Way::Absolute];
}

/// Sends `CONNECT host:443` and expects the tunnel.
pub async fn tunnel(proxy: SocketAddr, host: &str, headers: &str) -> Wire {
    tunnel_to(proxy, &format!("{host}:443"), headers).await
}

/// The same for a host with its port.
pub async fn tunnel_to(proxy: SocketAddr, target: &str, headers: &str) -> Wire {
    let mut wire = Wire::dial(proxy).await;
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{headers}\r\n");
    wire.write(head.as_bytes())
        .await
        .expect("the head is taken");
    let head = wire
        .read_head()
        .await
        .expect("an answer")
        .expect("an answer");
    assert_eq!(head.status(), 200, "CONNECT {target}: {head:?}");
    wire
}

/// Speaks TLS through a wire, trusting `roots` alone.
pub async fn secure(wire: Wire, host: &str, roots: rustls::RootCertStore, alpn: Alpn) -> Wire {
    let (io, reset) = wire.into_io();
    let stream = tls::handshake(io, host, roots, alpn)
        .await
        .expect("a TLS handshake");
    Wire::new(Box::new(stream), reset)
}
