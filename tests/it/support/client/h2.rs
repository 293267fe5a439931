//! One HTTP/2 connection into weir.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};

use super::super::message::{Body, Head, bytes};
use super::super::patience::within;
use super::super::wire::Io;
use super::{Payload, Request, Response};

/// Windows wide enough that no test waits for credit unless it wants to.
const WINDOW_BYTES: u32 = 16 << 20;

/// A connection that takes many requests.
#[derive(Clone)]
pub struct H2 {
    sender: SendRequest<Bytes>,
    /// The `:authority` of every request.
    pub host: String,
}

/// A request whose answer is still to come.
pub struct Streaming {
    pub response: ResponseFuture,
    /// Dropping it, or resetting it, tells the other side.
    pub sending: SendStream<Bytes>,
}

impl H2 {
    pub async fn over(io: Box<dyn Io>, host: &str) -> H2 {
        let handshake = h2::client::Builder::new()
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .handshake(io);
        let (sender, connection) = within("an h2 handshake", handshake).await.expect("HTTP/2");
        tokio::spawn(connection);
        H2 {
            sender,
            host: host.to_owned(),
        }
    }

    /// Sends the head; the body is left to the caller unless there is none.
    pub async fn start_head(&mut self, request: &Request) -> Streaming {
        let mut head = http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("https://{}{}", self.host, request.path));
        for (name, value) in &request.headers {
            head = head.header(name.to_ascii_lowercase(), bytes(value));
        }
        if let Payload::Length(data) = &request.payload {
            head = head.header("content-length", data.len());
        }
        let head = head.body(()).expect("a valid head");
        let ends_here = request.payload == Payload::None;
        let mut sender = within("room for a stream", self.sender.clone().ready())
            .await
            .expect("the connection lives");
        let (response, sending) = sender.send_request(head, ends_here).expect("a stream");
        Streaming { response, sending }
    }

    /// Sends a request whole.
    pub async fn start(&mut self, request: &Request) -> Streaming {
        let mut streaming = self.start_head(request).await;
        let pieces = match &request.payload {
            Payload::None => return streaming,
            Payload::Length(data) => vec![data.clone()],
            Payload::Chunked(pieces) => pieces.clone(),
        };
        for piece in pieces {
            // A stream that was answered and reset early takes no more; the answer is what counts.
            if streaming
                .sending
                .send_data(Bytes::from(piece), false)
                .is_err()
            {
                return streaming;
            }
        }
        let _ = streaming.sending.send_data(Bytes::new(), true);
        streaming
    }

    /// One exchange.
    pub async fn send(&mut self, request: &Request) -> Response {
        self.start(request).await.finish().await
    }
}

impl Streaming {
    /// The head of the answer, and its body to come; `None` where the stream is reset first.
    pub async fn try_head(&mut self) -> Option<(Head, RecvStream)> {
        let response = within("a response head", &mut self.response).await.ok()?;
        let (parts, body) = response.into_parts();
        let head = Head::of_h2(format!("HTTP/2 {}", parts.status.as_u16()), &parts.headers);
        Some((head, body))
    }

    /// As [`try_head`](Streaming::try_head), where there must be one.
    pub async fn head(&mut self) -> (Head, RecvStream) {
        self.try_head().await.expect("a response before the reset")
    }

    /// Reads the answer to its end; `None` where the stream is reset before its head.
    pub async fn try_finish(mut self) -> Option<Response> {
        let (head, mut stream) = self.try_head().await?;
        let mut body = Body::default();
        loop {
            match within("response data", stream.data()).await {
                Some(Ok(data)) => {
                    let _ = stream.flow_control().release_capacity(data.len());
                    body.chunks.push(data.len());
                    body.data.extend_from_slice(&data);
                }
                Some(Err(_)) => {
                    return Some(Response {
                        interim: Vec::new(),
                        head,
                        body,
                    });
                }
                None => break,
            }
        }
        if let Ok(Some(trailers)) = stream.trailers().await {
            body.trailers = Head::of_h2(String::new(), &trailers).headers;
        }
        body.complete = true;
        Some(Response {
            interim: Vec::new(),
            head,
            body,
        })
    }

    /// As [`try_finish`](Streaming::try_finish), where there must be one.
    pub async fn finish(self) -> Response {
        self.try_finish()
            .await
            .expect("a response before the reset")
    }
}
