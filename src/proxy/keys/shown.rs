//! Shown: where a request carries a key of weir's, and taking it off there.
//!
//! A key is looked for wherever a provider reads its own, in the proxy's password and in weir's own headers; a
//! text that is a key beyond doubt counts in any header or parameter. None of them may go upstream.

use base64::Engine as _;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::ledger::keys::{Look, PREFIX, look};
use crate::providers::Api;
use crate::providers::credential::{self, HEADERS, PROTOCOL_PREFIXES};

/// A text like a key of weir's, and the way it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub look: Look,
    /// In the place of a provider's key; else beside it: as the proxy's password, in a header of weir's.
    pub as_api_key: bool,
}

/// The key that a request shows: the one in the place of the provider's before any beside it.
pub fn shown(
    headers: &HeaderMap,
    query: Option<&str>,
    proxy_authorization: Option<&str>,
) -> Option<Shown> {
    let api_key = |look| Shown {
        look,
        as_api_key: true,
    };
    let in_headers = || {
        let own = |name: &HeaderName| {
            name.as_str().starts_with("x-weir-") || name.as_str().starts_with("proxy-")
        };
        let mut found = headers
            .iter()
            .filter(|(name, _)| !own(name))
            .filter_map(|(name, value)| in_header(name, value));
        found.next().map(api_key)
    };
    let in_query = || {
        let mut pairs = query?.split('&').filter_map(in_pair);
        pairs.next().map(api_key)
    };
    let beside = |look| Shown {
        look,
        as_api_key: false,
    };
    let in_own = || {
        let value = headers.get("x-weir-key")?.to_str().ok()?;
        Some(look(value.trim())).filter(|look| *look != Look::Other)
    };
    in_headers()
        .or_else(in_query)
        .or_else(|| in_own().map(beside))
        .or_else(|| {
            let sent = || headers.get("proxy-authorization")?.to_str().ok();
            of_proxy(proxy_authorization.or_else(sent)?).map(beside)
        })
}

/// The key in the value of `Proxy-Authorization`: its password, its user name, or a bearer's token.
pub fn of_proxy(authorization: &str) -> Option<Look> {
    let (scheme, rest) = authorization.split_once(' ')?;
    let found = |text: &str| Some(look(text)).filter(|look| *look != Look::Other);
    if !scheme.eq_ignore_ascii_case("basic") {
        return found(rest.trim());
    }
    let (user, password) = basic(authorization)?;
    found(&password).or_else(|| found(&user))
}

/// User name and password of `Basic` credentials.
pub fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded.trim())
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':').unwrap_or((&text, ""));
    Some((user.to_owned(), password.to_owned()))
}

/// Whether a text is a key of weir's, or was meant to be one.
pub fn is_key(text: &str) -> bool {
    look(text) != Look::Other
}

/// Whether a text that is to be kept holds a key, or what was meant to be one: a run that is as long beyond chance.
pub fn holds_key(text: &str) -> bool {
    const LONG: usize = 24;
    let mut starts = text.match_indices(PREFIX);
    starts.any(|(at, _)| {
        let run = text[at + PREFIX.len()..].bytes();
        run.take_while(u8::is_ascii_alphanumeric).count() >= LONG
    })
}

fn in_header(name: &HeaderName, value: &HeaderValue) -> Option<Look> {
    let is_place = HEADERS.contains(&name.as_str());
    // Most headers have neither; this is asked for each of every call.
    if !is_place && memchr::memmem::find(value.as_bytes(), PREFIX.as_bytes()).is_none() {
        return None;
    }
    let text = value.to_str().ok()?;
    if name == SEC_WEBSOCKET_PROTOCOL {
        return text.split(',').find_map(in_protocol);
    }
    if let Some((user, password)) = basic(text) {
        return [password, user].iter().find_map(|text| meant(text, true));
    }
    meant(text.rsplit(' ').next()?, is_place)
}

/// `openai-insecure-api-key.weir_…`, as it is offered among the protocols.
fn in_protocol(word: &str) -> Option<Look> {
    let word = word.trim();
    let mut prefixes = PROTOCOL_PREFIXES.iter();
    let key = prefixes.find_map(|prefix| word.strip_prefix(prefix));
    meant(key.unwrap_or(word), key.is_some())
}

fn in_pair(pair: &str) -> Option<Look> {
    let (name, value) = pair.split_once('=')?;
    let value = percent_decode_str(value).decode_utf8().ok()?;
    meant(&value, credential::is_parameter(Api::Auto, name))
}

/// What a text is; outside the places of credentials only one that is a key beyond doubt.
fn meant(text: &str, is_place: bool) -> Option<Look> {
    match look(text) {
        Look::Key(digest) => Some(Look::Key(digest)),
        Look::Misspelt if is_place => Some(Look::Misspelt),
        _ => None,
    }
}

/// What of a request's credentials stays behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// Keys of weir's.
    Keys,
    /// Every credential that a provider of this API reads, since another takes its place.
    All(Api),
}

/// The headers that lose their credential, each with what is left of it, if anything.
pub fn headers_off(headers: &HeaderMap, off: Off) -> Vec<(HeaderName, Option<HeaderValue>)> {
    let loses = |name: &HeaderName, value: &HeaderValue| {
        let is_place = HEADERS.contains(&name.as_str());
        matches!(off, Off::All(_)) && is_place || in_header(name, value).is_some()
    };
    let mut changed = Vec::new();
    for name in headers.keys() {
        if name == SEC_WEBSOCKET_PROTOCOL {
            changed.extend(protocols_off(headers, off).map(|left| (name.clone(), left)));
        } else if headers.get_all(name).iter().any(|value| loses(name, value)) {
            changed.push((name.clone(), None));
        }
    }
    changed
}

/// The protocols that are still offered, where some are not.
fn protocols_off(headers: &HeaderMap, off: Off) -> Option<Option<HeaderValue>> {
    let carries = |word: &str| {
        let is_any = || {
            PROTOCOL_PREFIXES
                .iter()
                .any(|prefix| word.starts_with(prefix))
        };
        in_protocol(word).is_some() || matches!(off, Off::All(_)) && is_any()
    };
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let texts: Vec<&str> = lists.filter_map(|list| list.to_str().ok()).collect();
    let words: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .collect();
    let left: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !carries(word))
        .collect();
    if left.len() == words.len() {
        return None;
    }
    let left = (!left.is_empty()).then(|| left.join(", "));
    Some(left.and_then(|left| HeaderValue::try_from(left).ok()))
}

/// A path and its query without the parameters that carry a credential; `None` where none does.
pub fn query_off(path: &[u8], off: Off) -> Option<Vec<u8>> {
    let at = memchr::memchr(b'?', path)?;
    // What follows a # is no part of a request's target; a key before it is found nevertheless.
    let end = memchr::memchr(b'#', path).unwrap_or(path.len()).max(at + 1);
    let query = std::str::from_utf8(&path[at + 1..end]).ok()?;
    let carries = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        let is_place = matches!(off, Off::All(api) if credential::is_parameter(api, name));
        is_place || in_pair(pair).is_some()
    };
    let pairs: Vec<&str> = query.split('&').collect();
    let left: Vec<&str> = pairs
        .iter()
        .copied()
        .filter(|pair| !carries(pair))
        .collect();
    if left.len() == pairs.len() {
        return None;
    }
    let mut path = path[..at].to_vec();
    if !left.is_empty() {
        path.push(b'?');
        path.extend_from_slice(left.join("&").as_bytes());
    }
    Some(path)
}

#[cfg(test)]
mod tests;
