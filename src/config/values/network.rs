//! Addresses, hosts and URLs.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::super::read::{Fault, Scalar};
use super::super::{HostPort, Secret, Upstream, UpstreamProxy};
use crate::providers::hosts::pattern;

/// Longest host name that DNS allows.
const HOST_BYTES_MAX: usize = 253;

/// A port that weir opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Address(pub(in crate::config) SocketAddr);

impl Scalar for Address {
    const EXPECTED: &'static str = "an IP address and a port";
    const LIKE: &'static [&'static str] = &["127.0.0.1:8900", "[::1]:8900"];

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map(Address).map_err(|_| Fault::Unfit)
    }
}

/// A host that a provider claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Host(pub(in crate::config) HostPort);

impl Scalar for Host {
    const EXPECTED: &'static str = "a host name, with a port if it is not 443";
    const LIKE: &'static [&'static str] = &["api.example.com", "localhost:11434", "*.example.com"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let (host, port) = if pattern::is_pattern(text) {
            host_pattern(text)?
        } else {
            host_and_port(text)?
        };
        Ok(Host(HostPort {
            host,
            port: port.unwrap_or(443),
        }))
    }
}

/// The address of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Url(pub(in crate::config) Upstream);

impl Scalar for Url {
    const EXPECTED: &'static str = "an http or https URL without user, query and fragment";
    const LIKE: &'static [&'static str] = &["https://api.example.com", "http://127.0.0.1:8000"];
    const SHOWN: bool = false;

    fn parse(text: &str) -> Result<Self, Fault> {
        let (tls, rest) = scheme(text)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            let why = "credentials belong to the clients, whose headers pass unchanged";
            return Err(Fault::Because(why.to_owned()));
        }
        let is_path = path
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#');
        if !is_path {
            return Err(Fault::Unfit);
        }
        let (host, port) = host_and_port(authority)?;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        Ok(Url(Upstream {
            tls,
            host,
            port,
            base_path: path.trim_end_matches('/').to_owned(),
        }))
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^https?://[^/?#@]+(/[^?#]*)?$" })
    }
}

/// The address of a corporate proxy, with its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct ProxyUrl(pub(in crate::config) UpstreamProxy);

impl Scalar for ProxyUrl {
    const EXPECTED: &'static str = "an http URL of a proxy";
    const LIKE: &'static [&'static str] = &["http://proxy.example.com:3128"];
    const SHOWN: bool = false;

    fn parse(text: &str) -> Result<Self, Fault> {
        let (tls, rest) = scheme(text)?;
        if tls {
            return Err(Fault::Later(
                "a proxy that is itself reached by https".to_owned(),
            ));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (userinfo, authority) = match rest.rsplit_once('@') {
            Some((userinfo, authority)) => (Some(userinfo), authority),
            None => (None, rest),
        };
        let (host, port) = host_and_port(authority)?;
        let credentials = userinfo.map(credentials).transpose()?;
        Ok(ProxyUrl(UpstreamProxy {
            host,
            port: port.unwrap_or(80),
            credentials,
        }))
    }
}

fn scheme(text: &str) -> Result<(bool, &str), Fault> {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok((true, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok((false, rest)),
        _ => Err(Fault::Because(
            "it must start with http:// or https://".to_owned(),
        )),
    }
}

/// `user:password`, without their percent escapes.
fn credentials(userinfo: &str) -> Result<Secret, Fault> {
    let decoded = percent_decode_str(userinfo)
        .decode_utf8()
        .map_err(|_| Fault::Unfit)?;
    if decoded.chars().any(char::is_control) {
        return Err(Fault::Unfit);
    }
    let password = if decoded.contains(':') { "" } else { ":" };
    Ok(Secret::new(format!("{decoded}{password}")))
}

/// A host in lower case without a trailing dot, an IPv6 address without brackets, and the port if
/// any.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), Fault> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(Fault::Unfit)?;
            let address: Ipv6Addr = address.parse().map_err(|_| Fault::Unfit)?;
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or(Fault::Unfit)?),
            };
            (address.to_string(), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host_name(host)?, Some(port)),
            None => (host_name(text)?, None),
        },
    };
    Ok((host, port.map(port_number).transpose()?))
}

fn port_number(text: &str) -> Result<u16, Fault> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port > 0);
    port.ok_or_else(|| Fault::Because("a port is a number from 1 to 65535".to_owned()))
}

/// A host with `*`, each for a part of one label, and the port if any.
fn host_pattern(text: &str) -> Result<(String, Option<u16>), Fault> {
    // Whatever a `*` can stand for, the rest must be a name.
    let (_, port) = host_and_port(&text.replace('*', "x"))?;
    let host = text.split(':').next().unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if host.split('.').any(|label| label.matches('*').count() > 1) {
        let why = "a label may hold one `*`";
        return Err(Fault::Because(why.to_owned()));
    }
    if !pattern::after_stars(&host).contains('.') {
        let why =
            "at least two labels must follow the last `*`, for weir's CA may sign for them all";
        return Err(Fault::Because(why.to_owned()));
    }
    Ok((host, port))
}

fn host_name(text: &str) -> Result<String, Fault> {
    // A pattern is for what is claimed; what is dialled has a name.
    if text.contains('*') {
        return Err(Fault::Because("`*` stands for no host to dial".to_owned()));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() <= HOST_BYTES_MAX && name.split('.').all(is_label) {
        Ok(name)
    } else {
        Err(Fault::Unfit)
    }
}
