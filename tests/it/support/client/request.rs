//! What a client sends and what it gets.

use super::super::message::{Body, Head, bytes, chunk};

/// A request's body and its framing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    None,
    Length(Vec<u8>),
    /// One chunk (HTTP/2: one data frame) for each piece.
    Chunked(Vec<Vec<u8>>),
}

impl Payload {
    /// What the framing carries.
    pub fn data(&self) -> Vec<u8> {
        match self {
            Payload::None => Vec::new(),
            Payload::Length(data) => data.clone(),
            Payload::Chunked(pieces) => pieces.concat(),
        }
    }
}

/// A request to a provider; the way into weir adds what it needs.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// As the provider documents it: `/v1/chat/completions`.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub payload: Payload,
}

impl Request {
    pub fn get(path: &str) -> Request {
        Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            payload: Payload::None,
        }
    }

    /// A POST with a length.
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Request {
        Request {
            method: "POST".to_owned(),
            payload: Payload::Length(body.into()),
            ..Request::get(path)
        }
    }

    /// A POST of JSON with a length.
    pub fn json(path: &str, body: &serde_json::Value) -> Request {
        Request::post(path, body.to_string()).header("Content-Type", "application/json")
    }

    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn method(mut self, method: &str) -> Request {
        self.method = method.to_owned();
        self
    }

    /// The head as HTTP/1.1 writes it.
    pub fn head_bytes(&self, target: &str, host: &str) -> Vec<u8> {
        let mut text = format!("{} {target} HTTP/1.1\r\nHost: {host}\r\n", self.method);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.payload {
            Payload::None => {}
            Payload::Length(data) => text.push_str(&format!("Content-Length: {}\r\n", data.len())),
            Payload::Chunked(_) => text.push_str("Transfer-Encoding: chunked\r\n"),
        }
        text.push_str("\r\n");
        bytes(&text)
    }

    /// The body as HTTP/1.1 frames it.
    pub fn body_bytes(&self) -> Vec<u8> {
        match &self.payload {
            Payload::Chunked(pieces) => {
                let mut framed: Vec<u8> = pieces
                    .iter()
                    .filter(|piece| !piece.is_empty())
                    .flat_map(|p| chunk(p))
                    .collect();
                framed.extend_from_slice(b"0\r\n\r\n");
                framed
            }
            other => other.data(),
        }
    }
}

/// A response as the client saw it.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Informational heads before it.
    pub interim: Vec<Head>,
    pub head: Head,
    pub body: Body,
}

impl Response {
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body.data)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}
