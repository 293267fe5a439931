//! Dials out: names are resolved off the event loop, and a corporate proxy is passed where one is named.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::UpstreamProxy;

/// Most bytes of a corporate proxy's answer to CONNECT.
const ANSWER_MAX: usize = 16 * 1024;
/// One address of several is given this long before the next is tried.
const PER_ADDRESS: Duration = Duration::from_secs(5);

/// Which addresses may be dialled.
pub type Allowed = fn(SocketAddr) -> bool;

/// Any address: an upstream that the operator named.
pub fn anywhere(_: SocketAddr) -> bool {
    true
}

/// Connects to `host:port`, through `proxy` where there is one, within `limit`.
pub async fn dial(
    host: &str,
    port: u16,
    proxy: Option<&UpstreamProxy>,
    limit: Duration,
    allowed: Allowed,
) -> io::Result<TcpStream> {
    let connecting = async {
        match proxy {
            None => direct(host, port, allowed).await,
            Some(proxy) => through(proxy, host, port).await,
        }
    };
    match timeout(limit, connecting).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no connection to {host}:{port} within {limit:?}"),
        )),
    }
}

/// Connects to the first address of `host` that `allowed` lets pass and that answers.
///
/// The check is made on the address that is dialled, so a name that resolves differently the second time
/// gains nothing.
pub async fn direct(host: &str, port: u16, allowed: Allowed) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    for address in addresses {
        if !allowed(address) {
            last = io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "{host} resolves to {}, which is not to be reached through weir",
                    address.ip()
                ),
            );
            continue;
        }
        match timeout(PER_ADDRESS, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => {
                last = io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("{address} does not answer"),
                )
            }
        }
    }
    Err(last)
}

async fn through(proxy: &UpstreamProxy, host: &str, port: u16) -> io::Result<TcpStream> {
    let mut stream = direct(&proxy.host, proxy.port, anywhere).await?;
    let target = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = &proxy.credentials {
        let text = base64::engine::general_purpose::STANDARD.encode(credentials.expose());
        head.push_str(&format!("Proxy-Authorization: Basic {text}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    let status = read_answer(&mut stream).await?;
    if (200..300).contains(&status) {
        return Ok(stream);
    }
    Err(io::Error::other(format!(
        "upstream_proxy {}:{} answered {status} to CONNECT {target}",
        proxy.host, proxy.port
    )))
}

/// Reads the proxy's answer byte by byte: what follows its head belongs to the tunnel.
async fn read_answer(stream: &mut TcpStream) -> io::Result<u16> {
    let mut answer = Vec::with_capacity(256);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= ANSWER_MAX {
            return Err(io::Error::other(
                "upstream_proxy answered CONNECT with more than 16 KiB",
            ));
        }
        answer.push(stream.read_u8().await?);
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(&answer).map_err(io::Error::other)?;
    response
        .code
        .ok_or_else(|| io::Error::other("upstream_proxy sent no status"))
}
