//! Route: which provider a request is for, and which path goes upstream.

use std::sync::Arc;

use pingora::http::RequestHeader;

use super::engine::Live;
use crate::config::{Policy, Provider, Upstream};
use crate::listen::connect::{Connect, authority};
use crate::providers::{self, Api, Endpoint};

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// To a provider: metered, held against budgets, on record.
    Provider(Arc<Target>),
    /// To a host that no provider claims: forwarded as it is and not recorded, like a blind tunnel.
    Passthrough(Upstream, Vec<u8>),
    /// Nowhere: the path fits no provider.
    NotFound,
    /// Nowhere: the host is claimed by no provider and `tunnel: deny` is set.
    Denied,
}

/// A provider's endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub provider: Arc<Provider>,
    pub endpoint: Endpoint,
    /// Path and query for the upstream, byte for byte but for the stripped segments.
    pub path: Vec<u8>,
    /// The `@` segment's text, without the `@`.
    pub labels: Option<String>,
}

/// Routes one request. `connect` is the tunnel it came through, where it did.
pub fn route(live: &Live, head: &RequestHeader, connect: Option<&Connect>) -> Route {
    let raw = head.raw_path();
    if let Some(connect) = connect {
        // A provider that a reload took away is no longer there for a tunnel that stands.
        return match live.claiming(&connect.target) {
            Some(provider) => to_provider(provider, head, raw, None),
            None => Route::Denied,
        };
    }
    match absolute(raw) {
        Some((host, path)) => route_absolute(live, head, host, path),
        None => route_origin(live, head, raw),
    }
}

/// Splits `http://host:port/path` in authority and path.
fn absolute(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let scheme = raw.get(..7)?;
    if !scheme.eq_ignore_ascii_case(b"http://") {
        return None;
    }
    let rest = &raw[7..];
    let end = rest
        .iter()
        .position(|b| matches!(b, b'/' | b'?'))
        .unwrap_or(rest.len());
    Some(rest.split_at(end))
}

fn route_absolute(live: &Live, head: &RequestHeader, host: &[u8], path: &[u8]) -> Route {
    let Some(target) = std::str::from_utf8(host)
        .ok()
        .and_then(|host| authority(host, Some(80)))
    else {
        return Route::NotFound;
    };
    let path = if path.first() == Some(&b'/') {
        path.to_vec()
    } else {
        [b"/", path].concat()
    };
    if let Some(provider) = live.claiming(&target) {
        return to_provider(provider, head, &path, None);
    }
    if live.config.tunnel == Policy::Block {
        return Route::Denied;
    }
    let upstream = Upstream {
        tls: false,
        host: target.host,
        port: target.port,
        base_path: String::new(),
    };
    Route::Passthrough(upstream, path)
}

fn route_origin(live: &Live, head: &RequestHeader, raw: &[u8]) -> Route {
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
        return to_provider(provider, head, after, labels);
    }
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let path = String::from_utf8_lossy(path_of(rest));
    let by_marks = match providers::paths::provider_by_marks(head.method.as_str(), &path, &header) {
        Some(Api::Anthropic) => live.named("anthropic"),
        Some(Api::Gemini) => live.named("gemini"),
        Some(Api::Openai | Api::Auto) => live.named(&live.config.default_provider),
        None => None,
    };
    match by_marks {
        Some(provider) => to_provider(provider, head, rest, labels),
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

fn to_provider(
    provider: &Arc<Provider>,
    head: &RequestHeader,
    path: &[u8],
    labels: Option<String>,
) -> Route {
    let text = String::from_utf8_lossy(path_of(path));
    let endpoint = providers::paths::endpoint(provider.api, head.method.as_str(), &text);
    let slash: &[u8] = if path.first() == Some(&b'/') {
        b""
    } else {
        b"/"
    };
    let path = [provider.upstream.base_path.as_bytes(), slash, path].concat();
    Route::Provider(Arc::new(Target {
        provider: Arc::clone(provider),
        endpoint,
        path,
        labels,
    }))
}

/// The prefixes that a base URL may end in, for the answer to a path that fits none.
pub fn prefixes(live: &Live) -> Vec<&str> {
    live.config
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect()
}
