//! One HTTP/1.1 connection into weir.

use super::super::message::Head;
use super::super::wire::Wire;
use super::{Request, Response};

/// A keep-alive connection with what the way into weir puts around a path.
pub struct H1 {
    pub wire: Wire,
    /// Before every path: `/openai`, `http://host:port` or nothing.
    pub prefix: String,
    /// The `Host` header.
    pub host: String,
}

impl H1 {
    /// Sends a request whole.
    pub async fn start(&mut self, request: &Request) {
        self.start_head(request).await;
        self.wire
            .write(&request.body_bytes())
            .await
            .expect("the body is taken");
    }

    /// Sends the head alone.
    pub async fn start_head(&mut self, request: &Request) {
        let target = format!("{}{}", self.prefix, request.path);
        let head = request.head_bytes(&target, &self.host);
        self.wire.write(&head).await.expect("the head is taken");
    }

    /// The next head that is final, with the informational ones before it; `None` where the connection ends first.
    pub async fn try_head(&mut self) -> Option<(Vec<Head>, Head)> {
        let mut interim = Vec::new();
        loop {
            let head = self.wire.read_head().await.ok().flatten()?;
            match head.status() {
                100 | 102..=199 => interim.push(head),
                _ => return Some((interim, head)),
            }
        }
    }

    /// As [`try_head`](H1::try_head), where there must be one.
    pub async fn head(&mut self) -> (Vec<Head>, Head) {
        self.try_head().await.expect("a response before the end")
    }

    /// Reads one response to its end; `None` where the connection ends before its head.
    pub async fn try_finish(&mut self, method: &str) -> Option<Response> {
        let (interim, head) = self.try_head().await?;
        let kind = head.framing(Some(method));
        let body = self.wire.read_body(kind, &mut |_| {}).await;
        Some(Response {
            interim,
            head,
            body,
        })
    }

    /// As [`try_finish`](H1::try_finish), where there must be one.
    pub async fn finish(&mut self, method: &str) -> Response {
        self.try_finish(method)
            .await
            .expect("a response before the end")
    }

    /// One exchange.
    pub async fn send(&mut self, request: &Request) -> Response {
        self.start(request).await;
        self.finish(&request.method).await
    }
}
