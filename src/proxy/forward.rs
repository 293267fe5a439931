//! Forward: which peer the bytes go to, and what of the head changes on the way.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use pingora::connectors::L4Connect;
use pingora::http::RequestHeader;
use pingora::listeners::ALPN;
use pingora::protocols::l4::socket::SocketAddr as L4Address;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use crate::config::resilience::Failover;
use crate::config::{Provider, Roots, Timeouts, Upstream, UpstreamProxy};
use crate::listen::dial::{self, Allowed};
use crate::listen::tunnel;

/// How many calls share one h2 connection; Pingora's own default is one.
const H2_STREAMS: usize = 100;
/// An upstream that takes a withheld body more slowly than this is given up.
const SLOWEST_BYTES_PER_SECOND: u64 = 32 * 1024;

/// Where requests' bytes go.
#[derive(Debug)]
pub struct Destination {
    upstream: Upstream,
    /// `None` where the upstream's name fits no header.
    host: Option<HeaderValue>,
    dialer: Arc<Dialer>,
    timeouts: Timeouts,
    roots: Option<Arc<CaType>>,
    /// Keeps the pooled connections of one provider and host from those of another.
    group: u64,
}

impl Destination {
    /// A provider's upstream or a host that it claims, verified with `roots` where it names its own.
    pub fn of_provider(
        provider: &Provider,
        upstream: &Upstream,
        roots: Option<Arc<CaType>>,
    ) -> Self {
        Destination::of(provider, upstream, provider.ca.as_ref(), roots)
    }

    /// A provider's second upstream, verified with `roots` where it names its own.
    pub fn of_failover(provider: &Provider, second: &Failover, roots: Option<Arc<CaType>>) -> Self {
        Destination::of(provider, &second.upstream, second.ca.as_ref(), roots)
    }

    fn of(
        provider: &Provider,
        upstream: &Upstream,
        ca: Option<&Roots>,
        roots: Option<Arc<CaType>>,
    ) -> Self {
        let mut hasher = DefaultHasher::new();
        (&provider.name, upstream, ca).hash(&mut hasher);
        provider
            .upstream_proxy
            .as_ref()
            .map(|proxy| (&proxy.host, proxy.port))
            .hash(&mut hasher);
        let proxy = provider.upstream_proxy.clone();
        Destination::new(
            upstream.clone(),
            proxy,
            provider.timeouts,
            roots,
            dial::anywhere,
            hasher.finish(),
        )
    }

    /// A host that no provider claims.
    pub fn passthrough(upstream: Upstream) -> Self {
        let mut hasher = DefaultHasher::new();
        upstream.hash(&mut hasher);
        Destination::new(
            upstream,
            None,
            Timeouts::default(),
            None,
            tunnel::may_be_reached,
            hasher.finish(),
        )
    }

    fn new(
        upstream: Upstream,
        proxy: Option<UpstreamProxy>,
        timeouts: Timeouts,
        roots: Option<Arc<CaType>>,
        allowed: Allowed,
        group: u64,
    ) -> Self {
        let dialer = Dialer {
            host: upstream.host.clone(),
            port: upstream.port,
            proxy,
            limit: timeouts.connect,
            allowed,
        };
        Destination {
            host: host_header(&upstream),
            upstream,
            dialer: Arc::new(dialer),
            timeouts,
            roots,
            group,
        }
    }

    /// What tells this destination from all others, also across a reload that leaves it as it is.
    pub fn group(&self) -> u64 {
        self.group
    }

    /// The upstream's host.
    pub fn host_name(&self) -> &str {
        &self.upstream.host
    }

    /// The prefix of every path there.
    pub fn base_path(&self) -> &str {
        &self.upstream.base_path
    }

    /// The peer for Pingora's pool. `upgrade`: a WebSocket handshake, which h2 would turn into a plain GET.
    /// `at_once`: bytes of the body that may be written in one go, which Pingora times as one write.
    pub fn peer(&self, upgrade: bool, at_once: u64) -> HttpPeer {
        // The placeholder address makes the pool skip its check of the far address; the dialer knows the real one.
        let placeholder = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.upstream.port));
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
        let dialer = Arc::clone(&self.dialer);
        options.custom_l4 = Some(dialer);
        peer
    }

    /// Points the head at the upstream, with `path` and its query, and takes out what is weir's alone.
    pub fn rewrite(&self, head: &mut RequestHeader, path: &[u8]) -> Result<()> {
        let own: Vec<http::HeaderName> = head
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-weir-"))
            .cloned()
            .collect();
        for name in own {
            head.remove_header(&name);
        }
        head.set_raw_path(path)?;
        let host = self.host.clone();
        let host = host.ok_or_else(|| Error::explain(ErrorType::InvalidHTTPHeader, "host"))?;
        head.insert_header(http::header::HOST, host)
    }
}

fn host_header(upstream: &Upstream) -> Option<HeaderValue> {
    let Upstream {
        tls, host, port, ..
    } = upstream;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let default = if *tls { 443 } else { 80 };
    let text = if *port == default {
        host
    } else {
        format!("{host}:{port}")
    };
    HeaderValue::try_from(text).ok()
}

/// Dials an upstream by name, off the event loop, through a corporate proxy where one is set.
#[derive(Debug)]
struct Dialer {
    host: String,
    port: u16,
    proxy: Option<UpstreamProxy>,
    limit: Duration,
    /// Which addresses may be dialled: a client's own choice of host is guarded.
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
