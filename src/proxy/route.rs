//! Route: which provider a request is for, and which path goes upstream.

use std::sync::Arc;

use pingora::http::RequestHeader;

use super::engine::Live;
use super::session::opens_web_socket;
use crate::config::{HostPort, Policy, Provider, Upstream};
use crate::listen::connect::{Connect, authority};
use crate::providers::{self, Api, Endpoint, Metering};

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To a provider: metered, held against budgets, on record.
    Provider(Arc<Target>),
    /// To a host that no provider claims: forwarded as it is and not recorded, like a blind tunnel.
    Passthrough(Upstream, Vec<u8>),
    /// Nowhere: the path fits no provider.
    NotFound,
    /// Nowhere: the provider of that name has no upstream but the host that a caller names.
    NoUpstream(Arc<Provider>),
    /// Nowhere: the host is claimed by no provider and `tunnel: deny` is set.
    Denied,
}

/// A provider's endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub provider: Arc<Provider>,
    pub endpoint: Endpoint,
    /// The provider's upstream, or the claimed host itself.
    pub upstream: Upstream,
    /// Path and query for the upstream, byte for byte but for the stripped segments.
    pub path: Vec<u8>,
    /// The `@` segment's text, without the `@`.
    pub labels: Option<String>,
    /// Where the host or the path says that the model is served: a cloud's region, `us` of a regional host.
    pub geo: Option<String>,
}

/// Routes one request. `connect` is the tunnel it came through, where it did.
pub fn route(live: &Live, head: &RequestHeader, connect: Option<&Connect>) -> Route {
    let raw = head.raw_path();
    if let Some(connect) = connect {
        return route_tunnelled(live, head, raw, connect);
    }
    match absolute(raw) {
        Some(absolute) => route_absolute(live, head, &absolute),
        None => route_origin(live, head, raw),
    }
}

/// `scheme://authority/path`, as a client sends it to a proxy.
struct Absolute<'a> {
    is_tls: bool,
    authority: &'a [u8],
    path: &'a [u8],
}

impl Absolute<'_> {
    fn target(&self) -> Option<HostPort> {
        let default = if self.is_tls { 443 } else { 80 };
        authority(std::str::from_utf8(self.authority).ok()?, Some(default))
    }

    fn path(&self) -> Vec<u8> {
        if self.path.first() == Some(&b'/') {
            self.path.to_vec()
        } else {
            [b"/", self.path].concat()
        }
    }
}

/// Whether the request target names its host, as a client sends it to a proxy.
pub fn is_absolute(raw: &[u8]) -> bool {
    absolute(raw).is_some()
}

fn absolute(raw: &[u8]) -> Option<Absolute<'_>> {
    let starts = |scheme: &[u8]| {
        raw.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let (is_tls, rest) = if starts(b"http://") {
        (false, &raw[7..])
    } else if starts(b"https://") {
        (true, &raw[8..])
    } else {
        return None;
    };
    let end = rest
        .iter()
        .position(|b| matches!(b, b'/' | b'?'))
        .unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some(Absolute {
        is_tls,
        authority,
        path,
    })
}

/// Inside an intercepted tunnel: the host is the tunnel's, whatever form the request has.
fn route_tunnelled(live: &Live, head: &RequestHeader, raw: &[u8], connect: &Connect) -> Route {
    // A provider that a reload took away is no longer there for a tunnel that stands.
    let Some(provider) = live.claiming(&connect.target) else {
        return Route::Denied;
    };
    match absolute(raw) {
        Some(absolute) if absolute.target().as_ref() == Some(&connect.target) => {
            to_host(provider, head, &absolute.path(), &connect.target, true)
        }
        Some(_) => Route::Denied,
        None => to_host(provider, head, raw, &connect.target, true),
    }
}

fn route_absolute(live: &Live, head: &RequestHeader, absolute: &Absolute<'_>) -> Route {
    let Some(target) = absolute.target() else {
        return Route::NotFound;
    };
    if let Some(provider) = live.claiming(&target) {
        return to_host(provider, head, &absolute.path(), &target, absolute.is_tls);
    }
    // TLS that a client leaves to a proxy would need a trust of weir's own in any host.
    if absolute.is_tls || live.config.tunnel == Policy::Block {
        return Route::Denied;
    }
    let upstream = Upstream {
        tls: false,
        host: target.host,
        port: target.port,
        base_path: String::new(),
    };
    Route::Passthrough(upstream, absolute.path())
}

fn route_origin(live: &Live, head: &RequestHeader, raw: &[u8]) -> Route {
    if raw.first() != Some(&b'/') {
        return Route::NotFound;
    }
    let (labels, rest) = match segment(raw) {
        Some((first, rest)) if first.first() == Some(&b'@') => (
            Some(String::from_utf8_lossy(&first[1..]).into_owned()),
            rest,
        ),
        _ => (None, raw),
    };
    if let Some((first, after)) = segment(rest)
        && let Some(provider) = std::str::from_utf8(first)
            .ok()
            .and_then(|name| live.named(name))
    {
        return to_upstream(provider, head, after, labels);
    }
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let path = String::from_utf8_lossy(path_of(rest));
    let by_marks = match providers::paths::provider_by_marks(head.method.as_str(), &path, &header) {
        Some(Api::Anthropic) => live.named("anthropic"),
        Some(Api::Gemini) => live.named("gemini"),
        Some(Api::Vertex) => live.named("vertex"),
        Some(Api::Bedrock) => live.named("bedrock"),
        Some(_) => live.named(&live.config.default_provider),
        None => None,
    };
    match by_marks {
        Some(provider) => to_upstream(provider, head, rest, labels),
        None => Route::NotFound,
    }
}

/// The first segment of a path and what follows it, from its slash on.
fn segment(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = path.strip_prefix(b"/")?;
    let end = inner
        .iter()
        .position(|b| matches!(b, b'/' | b'?'))
        .unwrap_or(inner.len());
    Some(inner.split_at(end))
}

fn path_of(path_and_query: &[u8]) -> &[u8] {
    path_and_query
        .split(|b| *b == b'?')
        .next()
        .unwrap_or_default()
}

fn query_of(path_and_query: &[u8]) -> &[u8] {
    let mut parts = path_and_query.splitn(2, |b| *b == b'?');
    parts.nth(1).unwrap_or_default()
}

/// A call by base URL.
fn to_upstream(
    provider: &Arc<Provider>,
    head: &RequestHeader,
    path: &[u8],
    labels: Option<String>,
) -> Route {
    match &provider.upstream {
        Some(upstream) => to_provider(provider, head, path, labels, upstream.clone(), None),
        None => Route::NoUpstream(Arc::clone(provider)),
    }
}

/// A call to a host that the provider claims, and where it goes unless the settings name an upstream.
fn to_host(
    provider: &Arc<Provider>,
    head: &RequestHeader,
    path: &[u8],
    claimed: &HostPort,
    tls: bool,
) -> Route {
    let set = provider.upstream.as_ref().filter(|_| provider.redirects);
    let upstream = set.cloned().unwrap_or_else(|| Upstream {
        tls,
        host: claimed.host.clone(),
        port: claimed.port,
        base_path: String::new(),
    });
    to_provider(provider, head, path, None, upstream, Some(&claimed.host))
}

/// `claimed`: the host that the client named, where it did.
fn to_provider(
    provider: &Arc<Provider>,
    head: &RequestHeader,
    path: &[u8],
    labels: Option<String>,
    upstream: Upstream,
    claimed: Option<&str>,
) -> Route {
    let text = String::from_utf8_lossy(path_of(path));
    let query = || String::from_utf8_lossy(query_of(path)).into_owned();
    let endpoint = if opens_web_socket(head) {
        providers::paths::session(provider.api, &text, &query())
    } else {
        let mut endpoint = providers::paths::endpoint(provider.api, head.method.as_str(), &text)
            .at(provider.catalog_id.as_deref());
        let upgrades =
            head.headers.contains_key(http::header::UPGRADE) && head.method == http::Method::GET;
        if upgrades || (endpoint.metering.is_free_to_ask() && names_other_method(head, &query())) {
            // What is said after an upgrade is not free, whatever it is; nor is what only the head's method makes so.
            endpoint.dialect = None;
            endpoint.metering = Metering::Unmetered;
        }
        endpoint
    };
    let slash: &[u8] = if path.first() == Some(&b'/') {
        b""
    } else {
        b"/"
    };
    let path = [upstream.base_path.as_bytes(), slash, path].concat();
    // A path says it of the call, a host of whatever it serves.
    let by_host = || providers::hosts::geo(claimed.unwrap_or(&upstream.host));
    Route::Provider(Arc::new(Target {
        provider: Arc::clone(provider),
        geo: endpoint
            .geo
            .clone()
            .or_else(|| by_host().map(str::to_owned)),
        endpoint,
        upstream,
        path,
        labels,
    }))
}

/// Whether a request asks to be taken for one of another method, as some hosts do (Google's).
fn names_other_method(head: &RequestHeader, query: &str) -> bool {
    const HEADERS: [&str; 3] = [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ];
    const PARAMETERS: [&str; 3] = ["$httpmethod", "x-http-method-override", "_method"];
    let is_one = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        PARAMETERS.contains(&&*name.to_ascii_lowercase())
    };
    HEADERS.iter().any(|name| head.headers.contains_key(*name)) || query.split('&').any(is_one)
}

/// The prefixes that a base URL may end in, for the answer to a path that fits none.
pub fn prefixes(live: &Live) -> Vec<&str> {
    live.config
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect()
}
