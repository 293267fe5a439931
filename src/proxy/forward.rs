//! Forward: which peer the bytes go to, and what of the head changes on the way.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::connectors::L4Connect;
use pingora::http::RequestHeader;
use pingora::listeners::ALPN;
use pingora::protocols::l4::socket::SocketAddr as L4Address;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use super::engine::Live;
use crate::config::{Provider, Timeouts, Upstream, UpstreamProxy};
use crate::listen::dial::{self, Allowed};
use crate::listen::tunnel;

/// How many calls share one h2 connection; Pingora's own default is one.
const H2_STREAMS: usize = 100;
/// An upstream that takes a withheld body more slowly than this is given up.
const SLOWEST_BYTES_PER_SECOND: u64 = 32 * 1024;

/// Where a request's bytes go.
#[derive(Clone, Debug)]
pub struct Destination {
    pub upstream: Upstream,
    /// Path and query for the upstream.
    pub path: Vec<u8>,
    proxy: Option<UpstreamProxy>,
    timeouts: Timeouts,
    roots: Option<Arc<CaType>>,
    /// Which addresses it may be dialled at: a client's own choice of host is guarded.
    allowed: Allowed,
    /// Keeps one provider's pooled connections from another's.
    group: u64,
}

impl Destination {
    /// A provider's upstream.
    pub fn of_provider(provider: &Provider, path: &[u8], live: &Live) -> Self {
        let mut hasher = DefaultHasher::new();
        (&provider.name, &provider.upstream, &provider.ca).hash(&mut hasher);
        provider
            .upstream_proxy
            .as_ref()
            .map(|proxy| (&proxy.host, proxy.port))
            .hash(&mut hasher);
        Destination {
            upstream: provider.upstream.clone(),
            path: path.to_vec(),
            proxy: provider.upstream_proxy.clone(),
            timeouts: provider.timeouts,
            roots: live.roots(&provider.name).cloned(),
            allowed: dial::anywhere,
            group: hasher.finish(),
        }
    }

    /// A host that no provider claims.
    pub fn passthrough(upstream: Upstream, path: Vec<u8>) -> Self {
        let mut hasher = DefaultHasher::new();
        upstream.hash(&mut hasher);
        Destination {
            upstream,
            path,
            proxy: None,
            timeouts: Timeouts::default(),
            roots: None,
            allowed: tunnel::may_be_reached,
            group: hasher.finish(),
        }
    }

    /// The peer for Pingora's pool. `upgrade`: a WebSocket handshake, which h2 would turn into a plain GET.
    /// `at_once`: bytes of the body that may be written in one go, which Pingora times as one write.
    pub fn peer(&self, upgrade: bool, at_once: u64) -> HttpPeer {
        // The placeholder address makes the pool skip its check of the far address; the dialer knows the real one.
        let placeholder = ("0.0.0.0", self.upstream.port);
        let mut peer = HttpPeer::new(placeholder, self.upstream.tls, self.upstream.host.clone());
        peer.group_key = self.group;
        let options = &mut peer.options;
        options.alpn = if upgrade || !self.upstream.tls {
            ALPN::H1
        } else {
            ALPN::H2H1
        };
        options.max_h2_streams = H2_STREAMS;
        options.total_connection_timeout = Some(self.timeouts.connect);
        options.read_timeout = Some(self.timeouts.read);
        let slowest = Duration::from_secs(at_once / SLOWEST_BYTES_PER_SECOND);
        options.write_timeout = Some(self.timeouts.write + slowest);
        options.idle_timeout = Some(self.timeouts.idle);
        options.ca.clone_from(&self.roots);
        options.custom_l4 = Some(Arc::new(Dialer {
            host: self.upstream.host.clone(),
            port: self.upstream.port,
            proxy: self.proxy.clone(),
            limit: self.timeouts.connect,
            allowed: self.allowed,
        }));
        peer
    }

    /// Points the head at the upstream and takes out what is weir's alone.
    pub fn rewrite(&self, head: &mut RequestHeader) -> Result<()> {
        let own: Vec<http::HeaderName> = head
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-weir-"))
            .cloned()
            .collect();
        for name in own {
            head.remove_header(&name);
        }
        head.set_raw_path(&self.path)?;
        head.insert_header(http::header::HOST, self.host_header())
    }

    fn host_header(&self) -> String {
        let Upstream {
            tls, host, port, ..
        } = &self.upstream;
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let default = if *tls { 443 } else { 80 };
        if *port == default {
            host
        } else {
            format!("{host}:{port}")
        }
    }
}

/// Dials an upstream by name, off the event loop, through a corporate proxy where one is set.
#[derive(Debug)]
struct Dialer {
    host: String,
    port: u16,
    proxy: Option<UpstreamProxy>,
    limit: Duration,
    allowed: Allowed,
}

#[async_trait]
impl L4Connect for Dialer {
    async fn connect(&self, _placeholder: &L4Address) -> Result<L4Stream> {
        let proxy = self.proxy.as_ref();
        match dial::dial(&self.host, self.port, proxy, self.limit, self.allowed).await {
            Ok(stream) => Ok(stream.into()),
            Err(error) => {
                let kind = match error.kind() {
                    std::io::ErrorKind::TimedOut => ErrorType::ConnectTimedout,
                    std::io::ErrorKind::ConnectionRefused => ErrorType::ConnectRefused,
                    _ => ErrorType::ConnectError,
                };
                Error::e_because(kind, format!("dialling {}:{}", self.host, self.port), error)
            }
        }
    }
}
