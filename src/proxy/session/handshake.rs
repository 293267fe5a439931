//! The head of a WebSocket's handshake on its way to the upstream.
//!
//! What ends at a hop stays there, as Pingora has it for every other request.

use http::{HeaderName, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, ErrorType as Fault, Result};

use crate::proxy::forward::Destination;

/// Most headers that `Connection` may name.
const NOMINATED_MAX: usize = 32;

/// Headers that end at weir, besides those that `Connection` names.
const OF_THE_HOP: [&str; 9] = [
    "connection",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "http2-settings",
];

/// Headers that `Connection` may not take off.
const PROTECTED: [&str; 4] = [
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Whether a request opens a WebSocket, and nothing else: it has no body.
pub fn opens_web_socket(head: &RequestHeader) -> bool {
    let asked = head.headers.get(header::UPGRADE);
    let has_body = head.headers.contains_key(header::TRANSFER_ENCODING)
        || head
            .headers
            .get(header::CONTENT_LENGTH)
            .is_some_and(|length| length.as_bytes() != b"0");
    head.method == http::Method::GET
        && head.version == http::Version::HTTP_11
        && asked.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && !has_body
}

/// The head for the upstream: `path` and its query, without what belongs to the client's hop.
pub fn head(
    asked: &RequestHeader,
    destination: &Destination,
    path: &[u8],
) -> Result<Box<RequestHeader>> {
    let mut head = asked.clone();
    let nominated: Vec<HeaderName> = nominated(&head)?;
    for name in nominated {
        head.remove_header(&name);
    }
    for name in OF_THE_HOP {
        head.remove_header(name);
    }
    head.insert_header(header::CONNECTION, "Upgrade")?;
    head.insert_header(header::UPGRADE, "websocket")?;
    destination.rewrite(&mut head, path)?;
    Ok(Box::new(head))
}

fn nominated(head: &RequestHeader) -> Result<Vec<HeaderName>> {
    let lists = head.headers.get_all(header::CONNECTION).iter();
    let words = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    let words = words
        .map(<[u8]>::trim_ascii)
        .filter(|word| !word.is_empty());
    let mut names = Vec::new();
    for word in words {
        let name = HeaderName::from_bytes(word).ok();
        let name = name.filter(|name| !PROTECTED.contains(&name.as_str()));
        match name {
            Some(name) if names.len() < NOMINATED_MAX => names.push(name),
            _ => {
                let error = Error::explain(Fault::InvalidHTTPHeader, "connection");
                return Err(error.into_down());
            }
        }
    }
    Ok(names)
}

/// Gives an answer without a length its framing, as Pingora does.
pub fn frame_answer(head: &mut ResponseHeader, ends: bool) -> Result<()> {
    let bare = matches!(head.status.as_u16(), 204 | 304) || head.status.is_informational();
    let framed = head.headers.contains_key(header::TRANSFER_ENCODING)
        || head.headers.contains_key(header::CONTENT_LENGTH);
    if bare || framed || ends {
        return Ok(());
    }
    head.set_version(http::Version::HTTP_11);
    head.insert_header(header::TRANSFER_ENCODING, "chunked")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Upstream;

    fn asked(headers: &[(&'static str, &str)]) -> RequestHeader {
        let mut head = RequestHeader::build("GET", b"/openai/v1/realtime", None).unwrap();
        for (name, value) in headers {
            head.append_header(*name, *value).unwrap();
        }
        head
    }

    fn sent(headers: &[(&'static str, &str)]) -> Result<Box<RequestHeader>> {
        let destination = Destination::passthrough(Upstream {
            tls: false,
            host: "api.example.com".to_owned(),
            port: 80,
            base_path: String::new(),
        });
        head(&asked(headers), &destination, b"/v1/realtime?model=m")
    }

    #[test]
    fn a_handshake_loses_what_belongs_to_the_hop_and_nothing_else() {
        let head = sent(&[
            ("Host", "127.0.0.1"),
            ("Connection", "keep-alive, Upgrade, X-Mine"),
            ("Upgrade", "WebSocket"),
            ("X-Mine", "1"),
            ("x-weir-team", "search"),
            ("Proxy-Authorization", "Basic eA=="),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ])
        .unwrap();
        let names: Vec<&str> = head.headers.keys().map(HeaderName::as_str).collect();
        let value = |name: &str| head.headers[name].to_str().unwrap();
        assert_eq!(names.len(), 4, "{names:?}");
        assert_eq!(value("host"), "api.example.com");
        assert_eq!(value("connection"), "Upgrade");
        assert_eq!(value("upgrade"), "websocket");
        assert_eq!(value("sec-websocket-extensions"), "permessage-deflate");
        assert_eq!(head.raw_path(), b"/v1/realtime?model=m");
    }

    #[test]
    fn a_hop_cannot_take_off_what_names_the_caller() {
        for list in ["host", "a, X-Forwarded-For", "no name"] {
            assert!(sent(&[("Connection", list)]).is_err(), "{list}");
        }
        let many: Vec<String> = (0..40).map(|n| format!("x-{n}")).collect();
        assert!(sent(&[("Connection", &many.join(","))]).is_err());
    }

    #[test]
    fn only_a_bare_get_opens_a_web_socket() {
        let upgrade = ("Upgrade", "WebSocket");
        assert!(opens_web_socket(&asked(&[upgrade])));
        assert!(opens_web_socket(&asked(&[
            upgrade,
            ("Content-Length", "0")
        ])));
        for headers in [
            &[][..],
            &[("Upgrade", "h2c")],
            &[upgrade, ("Content-Length", "5")],
            &[upgrade, ("Transfer-Encoding", "chunked")],
        ] {
            assert!(!opens_web_socket(&asked(headers)), "{headers:?}");
        }
    }
}
