//! Heads: paths, and the first bytes of a CONNECT.

use weir::listen::connect::{HEAD_MAX, Head, authority, parse};
use weir::providers::Api;
use weir::providers::paths::endpoint;

use super::head_and_body;
use crate::engine::{Target, shade};

/// An input is a line with the API and the method, then the path.
pub const PATH: Target = Target {
    name: "request_path",
    recorded: |call| {
        let (_, rest) = call.url.split_once("://")?;
        let (_, path) = rest.split_once('/')?;
        Some(format!("auto {}\n/{path}", call.method).into_bytes())
    },
    words: &[
        "/v1",
        "/models/",
        ":generateContent",
        "%2F",
        "%",
        "..",
        "//",
        "?",
        ";",
        "/chat/completions",
        "/messages",
        "/model/",
    ],
    check: path,
};

fn path(input: &[u8]) -> u64 {
    let (head, path) = head_and_body(input);
    let Ok(path) = std::str::from_utf8(path) else {
        return 0;
    };
    let (api, method) = head.split_once(' ').unwrap_or((head, "POST"));
    let api = Api::parse(api).unwrap_or_default();
    let found = endpoint(api, method, path);
    assert!(
        found
            .model
            .as_ref()
            .is_none_or(|model| model.len() <= path.len())
    );
    // Whatever a client appends as a query, it calls the same.
    if !path.contains(['?', '#']) {
        assert_eq!(
            endpoint(api, method, &format!("{path}?key=/v1/messages")),
            found
        );
    }
    shade(&(
        api,
        found.operation,
        found.dialect,
        found.model.is_some(),
        found.streamed,
    ))
}

pub const CONNECT: Target = Target {
    name: "connect_head",
    recorded: |_| None,
    words: &[
        "CONNECT ",
        " HTTP/1.1\r\n",
        "\r\n",
        "proxy-authorization: Basic ",
        "host:443",
        "[::1]:443",
        ":",
        "GET ",
        "[",
        "]",
    ],
    check: connect,
};

fn connect(input: &[u8]) -> u64 {
    let whole = parse(input);
    for end in [
        input.len() / 3,
        input.len() / 2,
        input.len().saturating_sub(1),
    ] {
        match (parse(&input[..end]), &whole) {
            // More bytes never change what was complete or wrong.
            (Head::Complete(head, length), whole) => {
                assert_eq!(*whole, Head::Complete(head, length))
            }
            (Head::Malformed(_), whole) => {
                assert!(matches!(whole, Head::Malformed(_)), "{whole:?}")
            }
            (Head::Partial, _) => assert!(end < HEAD_MAX),
        }
    }
    if let Head::Complete(head, length) = &whole {
        assert!(*length <= input.len() && !head.target.host.is_empty());
    }
    // What is read of an authority is read again from how it is written.
    if let Some(target) = std::str::from_utf8(input)
        .ok()
        .and_then(|text| authority(text, Some(1)))
    {
        let host = if target.host.contains(':') {
            format!("[{}]", target.host)
        } else {
            target.host.clone()
        };
        assert_eq!(
            authority(&format!("{host}:{}", target.port), None),
            Some(target)
        );
    }
    match whole {
        Head::Partial => 1,
        Head::Complete(head, _) => {
            shade(&(head.authorization.is_some(), head.target.host.contains(':')))
        }
        Head::Malformed(why) => shade(&why),
    }
}
