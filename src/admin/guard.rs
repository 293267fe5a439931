//! Who may ask what of the admin side.
//!
//! Probes and the public certificate are open. On a loopback address reads are open too, and writes need the token where one is set. On
//! any other address everything else needs it. A browser is kept from both: a request that another site's page
//! makes carries its origin, and one that comes by a rebound name carries that name as its host.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::hmac;
use ring::rand::SystemRandom;

use crate::config::Secret;

/// The rule in force.
#[derive(Debug)]
pub struct Guard {
    on_loopback: bool,
    token: Option<Secret>,
    /// Keys the comparison, so that its time tells nothing of the token.
    comparison: hmac::Key,
}

impl Guard {
    /// The rule for an admin side at `address`.
    pub fn new(address: SocketAddr, token: Option<Secret>) -> Self {
        let comparison = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .expect("the system has random numbers");
        Guard {
            on_loopback: address.ip().is_loopback(),
            token,
            comparison,
        }
    }

    /// `None` where the request may pass.
    fn refuses(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<(StatusCode, &'static str)> {
        if matches!(path, "/livez" | "/readyz" | "/ca.pem") {
            return None;
        }
        if headers.contains_key(header::ORIGIN) {
            return Some((StatusCode::FORBIDDEN, "a web page may not ask this\n"));
        }
        if self.on_loopback && !names_this_host(headers) {
            return Some((
                StatusCode::FORBIDDEN,
                "the Host header names another machine\n",
            ));
        }
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let open = is_read && self.on_loopback;
        if open
            || self
                .token
                .as_ref()
                .is_none_or(|token| self.carries(headers, token))
        {
            return None;
        }
        Some((
            StatusCode::UNAUTHORIZED,
            "send `Authorization: Bearer` with admin.token\n",
        ))
    }

    fn carries(&self, headers: &HeaderMap, token: &Secret) -> bool {
        let sent = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let Some(sent) = sent.and_then(|value| value.strip_prefix("Bearer ")) else {
            return false;
        };
        let expected = hmac::sign(&self.comparison, token.expose().as_bytes());
        hmac::verify(&self.comparison, sent.as_bytes(), expected.as_ref()).is_ok()
    }
}

/// Whether the host is an address or `localhost`: a name could be rebound.
fn names_this_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
    else {
        return true;
    };
    if host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost") || (name.starts_with('[') && name.ends_with(']'))
}

/// The middleware.
pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.refuses(request.method(), request.uri().path(), request.headers()) {
        None => next.run(request).await,
        Some(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        address: &str,
        token: Option<&str>,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> u16 {
        let guard = Guard::new(
            address.parse().unwrap(),
            token.map(|text| Secret::new(text.to_owned())),
        );
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<header::HeaderName>().unwrap(),
                    value.parse().unwrap(),
                )
            })
            .collect();
        guard
            .refuses(&method, path, &headers)
            .map_or(200, |(status, _)| status.as_u16())
    }

    #[test]
    fn reads_are_open_on_loopback_alone() {
        assert_eq!(
            check(
                "127.0.0.1:1",
                None,
                Method::GET,
                "/metrics",
                &[("host", "127.0.0.1:1")]
            ),
            200
        );
        assert_eq!(
            check("0.0.0.0:1", Some("t"), Method::GET, "/metrics", &[]),
            401
        );
        let bearer = [("authorization", "Bearer t")];
        assert_eq!(
            check("0.0.0.0:1", Some("t"), Method::GET, "/metrics", &bearer),
            200
        );
        assert_eq!(
            check("0.0.0.0:1", Some("t"), Method::GET, "/readyz", &[]),
            200
        );
    }

    #[test]
    fn writes_need_the_token_where_one_is_set() {
        assert_eq!(
            check("127.0.0.1:1", None, Method::POST, "/-/reload", &[]),
            200
        );
        assert_eq!(
            check("127.0.0.1:1", Some("t"), Method::POST, "/-/reload", &[]),
            401
        );
        let wrong = [("authorization", "Bearer tt")];
        assert_eq!(
            check("127.0.0.1:1", Some("t"), Method::POST, "/-/reload", &wrong),
            401
        );
    }

    #[test]
    fn a_web_page_gets_nothing() {
        let page = [("origin", "https://evil.test"), ("host", "127.0.0.1:1")];
        assert_eq!(
            check("127.0.0.1:1", None, Method::POST, "/-/reload", &page),
            403
        );
        let rebound = [("host", "evil.test:1")];
        assert_eq!(
            check("127.0.0.1:1", None, Method::GET, "/metrics", &rebound),
            403
        );
        assert_eq!(
            check(
                "127.0.0.1:1",
                None,
                Method::GET,
                "/metrics",
                &[("host", "localhost:1")]
            ),
            200
        );
    }
}
