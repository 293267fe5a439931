//! The head of a CONNECT request: whom the client wants to reach, and as whom.

use crate::config::HostPort;

/// Most bytes of a CONNECT head; past this it is refused.
pub const HEAD_MAX: usize = 16 * 1024;
/// Most header lines of a CONNECT head.
const HEADERS_MAX: usize = 64;

/// A CONNECT request; it also travels with the connection that follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    pub target: HostPort,
    /// The value of `Proxy-Authorization`, as sent.
    pub authorization: Option<String>,
}

/// What stands in the bytes read so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Head {
    /// The head goes on.
    Partial,
    /// The head and its length; what follows belongs to the tunnel.
    Complete(Connect, usize),
    /// No CONNECT that can be understood, and why.
    Malformed(&'static str),
}

/// Reads a CONNECT head from the first bytes of a connection.
pub fn parse(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => return Head::Partial,
        Ok(httparse::Status::Partial) => return Head::Malformed("head over 16 KiB"),
        Err(_) => return Head::Malformed("not HTTP/1.1"),
    };
    if request.method != Some("CONNECT") {
        return Head::Malformed("not CONNECT");
    }
    let Some(target) = request.path.and_then(|path| authority(path, None)) else {
        return Head::Malformed("target is not host:port");
    };
    let authorization = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("proxy-authorization"))
        .and_then(|header| std::str::from_utf8(header.value).ok())
        .map(str::to_owned);
    Head::Complete(
        Connect {
            target,
            authorization,
        },
        length,
    )
}

/// Reads `host:port`, `[v6]:port`, or a bare host where `default_port` is given.
pub fn authority(text: &str, default_port: Option<u16>) -> Option<HostPort> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, after.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
        None => default_port?,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    // One dot may end a name; of two the last would stand for a label without a letter.
    let whole = !host.is_empty() && !host.ends_with('.');
    let fits = text.starts_with('[') || (whole && host.bytes().all(named));
    (fits && host.len() <= 253).then(|| HostPort {
        host: host.to_ascii_lowercase(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Option<(String, u16)> {
        authority(text, None).map(|target| (target.host, target.port))
    }

    #[test]
    fn reads_hosts_and_ports() {
        assert_eq!(
            host("API.OpenAI.com:443"),
            Some(("api.openai.com".to_owned(), 443))
        );
        assert_eq!(
            host("api.openai.com.:443"),
            Some(("api.openai.com".to_owned(), 443))
        );
        assert_eq!(host("[::1]:8443"), Some(("::1".to_owned(), 8443)));
        assert_eq!(authority("localhost", Some(80)).map(|t| t.port), Some(80));
        for bad in [
            "api.openai.com",
            ":443",
            "a b:1",
            "api.openai.com..:443",
            "host:",
            "host:+1",
            "host:65536",
            "[::1]",
            "[x]:1",
            "a@b:1",
        ] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }

    #[test]
    fn knows_where_the_head_ends_at_any_split() {
        let whole = b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\nProxy-Authorization: Basic eA==\r\n\r\n\x16\x03\x01";
        let end = whole.len() - 3;
        for cut in 0..end {
            assert_eq!(parse(&whole[..cut]), Head::Partial, "cut at {cut}");
        }
        let Head::Complete(connect, length) = parse(whole) else {
            panic!("complete")
        };
        assert_eq!(length, end);
        assert_eq!(connect.target.host, "api.openai.com");
        assert_eq!(connect.authorization.as_deref(), Some("Basic eA=="));
    }

    #[test]
    fn refuses_what_is_no_connect() {
        assert_eq!(
            parse(b"CONNECT / HTTP/1.1\r\n\r\n"),
            Head::Malformed("target is not host:port")
        );
        assert_eq!(
            parse(&[b'C'; HEAD_MAX]),
            Head::Malformed("head over 16 KiB")
        );
        assert!(matches!(
            parse(b"CONNECT a:1 HTTP/1.1\r\nbad header\r\n\r\n"),
            Head::Malformed(_)
        ));
    }
}
