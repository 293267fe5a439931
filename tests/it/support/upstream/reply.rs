//! What a scripted upstream answers.

use std::time::Duration;

use super::super::gate::Gate;

/// The pace of [`Step::Trickle`]: that of a fast model's tokens.
pub const TRICKLE_EVERY: Duration = Duration::from_millis(10);

/// How the end of the answer's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `content-length`, counted from the steps unless the headers state one.
    Length,
    /// One chunk per `Send`.
    Chunked,
    /// The end of the connection.
    UntilClose,
    /// No body: the headers go out as they are.
    Bodiless,
}

/// One act of sending a body.
#[derive(Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Goes on once the gate is open; notices a peer that leaves before.
    Wait(Gate),
    /// Sends this again and again until the peer is gone: a stream that goes on.
    Trickle(Vec<u8>),
    /// Ends the connection here (HTTP/2: resets the stream).
    Close,
    /// Ends the connection with a reset.
    Reset,
}

/// An answer as it goes on the wire.
#[derive(Clone)]
pub struct Reply {
    /// Bytes before the head, HTTP/1.1 only: informational responses.
    pub interim: Vec<u8>,
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub framing: Framing,
    pub steps: Vec<Step>,
    /// Chunked and HTTP/2 only.
    pub trailers: Vec<(String, String)>,
}

impl Reply {
    /// A status without a body.
    pub fn bodiless(status: u16, reason: &str) -> Reply {
        Reply {
            interim: Vec::new(),
            status,
            reason: reason.to_owned(),
            headers: Vec::new(),
            framing: Framing::Bodiless,
            steps: Vec::new(),
            trailers: Vec::new(),
        }
    }

    /// No byte of an answer: the exchange ends once the steps are done, which must not send.
    pub fn silence(steps: impl IntoIterator<Item = Step>) -> Reply {
        Reply {
            steps: steps.into_iter().chain([Step::Reset]).collect(),
            ..Reply::bodiless(0, "")
        }
    }

    /// Whether not even a head is sent.
    pub fn is_silent(&self) -> bool {
        self.status == 0
    }

    /// 200 with a length.
    pub fn ok(body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            framing: Framing::Length,
            steps: vec![Step::Send(body.into())],
            ..Reply::bodiless(200, "OK")
        }
    }

    /// 200 in chunks.
    pub fn chunked(pieces: impl IntoIterator<Item = Vec<u8>>) -> Reply {
        Reply {
            framing: Framing::Chunked,
            steps: pieces.into_iter().map(Step::Send).collect(),
            ..Reply::bodiless(200, "OK")
        }
    }

    /// 200 by steps, in chunks.
    pub fn steps(steps: impl IntoIterator<Item = Step>) -> Reply {
        Reply {
            steps: steps.into_iter().collect(),
            ..Reply::chunked([])
        }
    }

    /// 200 with a JSON body and its length.
    pub fn json(body: impl Into<Vec<u8>>) -> Reply {
        Reply::ok(body).header("Content-Type", "application/json")
    }

    /// 200 with one chunk for each server-sent event.
    pub fn events(body: &[u8]) -> Reply {
        let text = String::from_utf8(body.to_vec()).expect("events are text");
        let pieces: Vec<Vec<u8>> = text
            .split_inclusive("\n\n")
            .map(|event| event.as_bytes().to_vec())
            .collect();
        Reply::chunked(pieces).header("Content-Type", "text/event-stream")
    }

    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn status(mut self, status: u16, reason: &str) -> Reply {
        self.status = status;
        self.reason = reason.to_owned();
        self
    }

    pub fn framed(mut self, framing: Framing) -> Reply {
        self.framing = framing;
        self
    }

    /// Everything that the steps send.
    pub fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for step in &self.steps {
            if let Step::Send(data) = step {
                body.extend_from_slice(data);
            }
        }
        body
    }
}
