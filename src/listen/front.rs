//! The first bytes of a connection decide: CONNECT is ended or tunnelled here, all else is HTTP.
//!
//! Pingora's proxy app sees the same kind of request whichever way it came: inside an intercepted tunnel the
//! [`Connect`] travels along as the connection's proxy digest.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::http::ResponseHeader;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{GetProxyDigest as _, Stream};
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::connect::{self, Connect, HEAD_MAX, Head};
use super::leaf::Interceptor;
use super::tunnel;
use crate::config::{HostPort, Policy};
use crate::providers::{Api, ErrorType, refusal};

/// How long a connection may stay silent before its first byte.
const FIRST_BYTE_LIMIT: Duration = Duration::from_secs(60);
/// How long a CONNECT head may take.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long the TLS handshake inside a tunnel may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// What the front must know of the settings in force.
pub trait Claims: Send + Sync {
    /// Whether a provider claims the host, so that its TLS is ended here.
    fn claims(&self, target: &HostPort) -> bool;
    /// What becomes of every other host.
    fn tunnel(&self) -> Policy;
    /// Whether one who sends this `Proxy-Authorization` may reach them; else why not.
    fn may_tunnel(&self, authorization: Option<&str>) -> Result<(), &'static str>;
    /// Told of every CONNECT to a host that no provider claims.
    fn tunnelled(&self, allowed: bool);
}

/// The app behind the port: sorts connections and hands HTTP to `app`.
pub struct Front<A> {
    app: Arc<A>,
    interceptor: Arc<Interceptor>,
    claims: Arc<dyn Claims>,
}

impl<A> Front<A> {
    /// A front before `app`.
    pub fn new(app: Arc<A>, interceptor: Arc<Interceptor>, claims: Arc<dyn Claims>) -> Self {
        Front {
            app,
            interceptor,
            claims,
        }
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServerApp for Front<A> {
    async fn process_new(
        self: &Arc<Self>,
        mut stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        if !first_bytes_are_connect(&mut stream, shutdown).await? {
            return self.app.process_new(stream, shutdown).await;
        }
        let (connect, after) = read_connect(&mut stream).await?;
        if self.claims.claims(&connect.target) {
            self.intercept(stream, connect, &after, shutdown).await
        } else {
            self.tunnel(stream, &connect, &after).await;
            None
        }
    }

    /// Forwarded, or idle keep-alive connections would outlive a shutdown.
    async fn cleanup(&self) {
        self.app.cleanup().await;
    }
}

impl<A: ServerApp + Send + Sync + 'static> Front<A> {
    async fn intercept(
        &self,
        mut stream: Stream,
        connect: Connect,
        after: &[u8],
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let host = connect.target.host.clone();
        let acceptor = match self.interceptor.acceptor(&host) {
            Ok(acceptor) => acceptor,
            Err(error) => {
                warn_of_no_leaf(&host, &error);
                refuse(&mut stream, 502, ErrorType::Network, &error.to_string()).await;
                return None;
            }
        };
        established(&mut stream).await?;
        let mut l4 = *stream.into_any().downcast::<L4Stream>().ok()?;
        // A client may send its ClientHello together with the CONNECT.
        l4.rewind(after);
        let answer = ResponseHeader::build(200, Some(0)).ok()?;
        l4.set_proxy_digest(ProxyDigest::new(Box::new(answer), Some(Box::new(connect))));
        match timeout(HANDSHAKE_LIMIT, acceptor.tls_handshake(l4)).await {
            Ok(Ok(tls)) => self.app.process_new(Box::new(tls), shutdown).await,
            Ok(Err(error)) => {
                let remedy = "the client does not trust weir's CA, or asked for another host: see `weir env`";
                warn!(host, %error, remedy, "TLS handshake failed");
                None
            }
            Err(_) => {
                debug!(host, "TLS handshake timed out");
                None
            }
        }
    }

    async fn tunnel(&self, mut stream: Stream, connect: &Connect, after: &[u8]) {
        let target = &connect.target;
        let allowed = self.claims.tunnel() == Policy::Allow;
        let known = self.claims.may_tunnel(connect.authorization.as_deref());
        self.claims.tunnelled(allowed && known.is_ok());
        if let (true, Err(why)) = (allowed, known) {
            refuse(&mut stream, 407, ErrorType::Auth, why).await;
            return;
        }
        if !allowed {
            debug!(host = target.host, "tunnel refused");
            let why = "no provider claims this host and `tunnel: deny` is set";
            refuse(&mut stream, 403, ErrorType::Auth, why).await;
            return;
        }
        let mut far = match tunnel::open(target).await {
            Ok(far) => far,
            Err(error) => {
                debug!(host = target.host, %error, "tunnel failed");
                let why = "the host cannot be reached";
                refuse(&mut stream, 502, ErrorType::Network, why).await;
                return;
            }
        };
        if established(&mut stream).await.is_none() || far.write_all(after).await.is_err() {
            return;
        }
        if let Err(error) = tunnel::carry(&mut stream, &mut far).await {
            debug!(host = target.host, %error, "tunnel ended");
        }
    }
}

/// Peeks without consuming. `None` where the client is gone, stays silent, or weir is stopping.
async fn first_bytes_are_connect(stream: &mut Stream, shutdown: &ShutdownWatch) -> Option<bool> {
    let mut stopping = shutdown.clone();
    let mut first = [0; 8];
    let peeked = tokio::select! {
        peeked = timeout(FIRST_BYTE_LIMIT, stream.try_peek(&mut first)) => peeked.ok()?.ok()?,
        _ = stopping.wait_for(|stop| *stop) => return None,
    };
    Some(peeked && first == *b"CONNECT ")
}

/// Reads the CONNECT head; answers 400 where it is none.
async fn read_connect(stream: &mut Stream) -> Option<(Connect, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(1024);
    let reading = async {
        loop {
            match connect::parse(&bytes) {
                Head::Complete(connect, end) => return Some(Ok((connect, bytes.split_off(end)))),
                Head::Malformed(why) => return Some(Err(why)),
                Head::Partial => {}
            }
            let room = HEAD_MAX.saturating_sub(bytes.len()).max(1) as u64;
            let mut limited = (&mut *stream).take(room);
            if limited.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
    };
    match timeout(HEAD_LIMIT, reading).await.ok()?? {
        Ok(read) => Some(read),
        Err(why) => {
            refuse(stream, 400, ErrorType::InvalidRequest, why).await;
            None
        }
    }
}

async fn established(stream: &mut Stream) -> Option<()> {
    stream
        .write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        .await
        .ok()?;
    stream.flush().await.ok()
}

/// Logs the error with its causes; the client is told the outermost alone.
fn warn_of_no_leaf(host: &str, error: &(dyn std::error::Error + 'static)) {
    warn!(host, error, "no leaf for an intercepted host");
}

/// What a client without a key is asked for, where a tunnel needs one.
pub const ASKS_FOR_KEY: (&str, &str) = ("proxy-authenticate", "Basic realm=\"weir\"");

/// Says no in place of the tunnel, and closes.
async fn refuse(stream: &mut Stream, status: u16, kind: ErrorType, why: &str) {
    let why = why.strip_prefix("weir: ").unwrap_or(why);
    let mut answer = refusal::error_response(Api::Auto, status, kind, &format!("weir: {why}"));
    if status == 407 {
        let (name, value) = ASKS_FOR_KEY;
        answer.headers.push((name, value.to_owned()));
    }
    let reason = http::StatusCode::from_u16(answer.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Refused");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = answer.body.len();
    head.push_str(&format!(
        "content-length: {length}\r\nconnection: close\r\n\r\n"
    ));
    let response = [head.as_bytes(), &answer.body].concat();
    // The client may be gone already; there is nobody else to tell.
    if stream.write_all(&response).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}
