//! The client: keep-alive HTTP/1.1 as bytes, so that what is measured is not its own work.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use weir::clock::Clock;

use crate::rounds::Case;
use crate::upstream::{ANSWER_BYTES, EVENTS, SCRIPT};

/// Connections that are opened at the same time.
const OPENING: usize = 64;
/// Events that a slow stream has had before it counts as under way.
const UNDER_WAY: usize = 3;

/// The request of a case, as an OpenAI client with labels sends it.
pub fn request(case: Case) -> Vec<u8> {
    let (script, stream) = match case {
        Case::Calls => ("json", ""),
        Case::Streams => (
            "events",
            r#","stream":true,"stream_options":{"include_usage":true}"#,
        ),
        Case::Slow => (
            "slow",
            r#","stream":true,"stream_options":{"include_usage":true}"#,
        ),
    };
    let body = format!(
        r#"{{"model":"gpt-4o-mini","messages":[{{"role":"system","content":"You are a helpful assistant."}},{{"role":"user","content":"Tell me in one paragraph why the sky is blue, and what that has to do with sunsets."}}],"max_tokens":256,"temperature":0.2{stream}}}"#
    );
    format!(
        "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\n\
         accept: application/json\r\nauthorization: Bearer sk-0123456789abcdef\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nx-weir-user: alice\r\n\
         x-weir-team: search\r\n{SCRIPT}: {script}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One connection and what it has read of its answer.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(to: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let buffer = Vec::with_capacity(64 * 1024);
        Ok(Connection { stream, buffer })
    }

    /// Sends a request and reads its answer to the end; the body, with its framing.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut framing = None;
        loop {
            self.more().await?;
            if framing.is_none() {
                framing = framing_of(&self.buffer)?;
            }
            let Some((head, length)) = framing else {
                continue;
            };
            let done = match length {
                Some(length) => self.buffer.len() >= head + length,
                None => self.buffer[head..].ends_with(b"\r\n0\r\n\r\n"),
            };
            if done {
                return Ok(&self.buffer[head..]);
            }
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Sends a request and returns when a few of its events are there.
    async fn begin(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        while count(&self.buffer, b"data: ") < UNDER_WAY {
            self.more().await?;
        }
        // Kept small: this process may not be the one that runs out of memory.
        self.buffer = Vec::new();
        Ok(())
    }
}

/// Where the body begins and how long it is; a chunked one says no length.
fn framing_of(answer: &[u8]) -> io::Result<Option<(usize, Option<usize>)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(answer).map_err(io::Error::other)? else {
        return Ok(None);
    };
    if response.code != Some(200) {
        return Err(io::Error::other(
            String::from_utf8_lossy(answer).into_owned(),
        ));
    }
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    Ok(Some((head, length)))
}

fn count(text: &[u8], what: &[u8]) -> usize {
    memchr::memmem::find_iter(text, what).count()
}

/// Sends one request and looks at all of its answer.
pub async fn check(to: SocketAddr, case: Case) -> anyhow::Result<()> {
    let mut connection = Connection::open(to).await?;
    let body = connection.exchange(&request(case)).await?;
    let whole = match case {
        Case::Calls => body.len() == ANSWER_BYTES && count(body, b"\"usage\":{") == 1,
        Case::Streams | Case::Slow => {
            count(body, b"data: ") == EVENTS && count(body, b"\"usage\":{") == 1
        }
    };
    anyhow::ensure!(whole, "{to} does not give the scripted answer");
    Ok(())
}

/// Exchanges, and how long they took together.
pub struct Rate {
    pub exchanges: u64,
    pub seconds: f64,
}

impl Rate {
    pub fn per_second(&self) -> f64 {
        self.exchanges as f64 / self.seconds
    }
}

/// Keeps `connections` busy for `time`.
pub async fn hammer(
    clock: &Arc<dyn Clock>,
    to: SocketAddr,
    case: Case,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Rate> {
    let request: Arc<[u8]> = request(case).into();
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(to).await?);
    }
    let began = clock.monotonic();
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (clock, request) = (Arc::clone(clock), Arc::clone(&request));
        tasks.spawn(async move {
            let mut exchanges = 0;
            while clock.monotonic() < began + time {
                connection.exchange(&request).await?;
                exchanges += 1;
            }
            io::Result::Ok(exchanges)
        });
    }
    let mut exchanges: u64 = 0;
    while let Some(ended) = tasks.join_next().await {
        exchanges += ended??;
    }
    let seconds = (clock.monotonic() - began).as_secs_f64();
    Ok(Rate { exchanges, seconds })
}

/// How long each of the exchanges took that fit into `time`, one after the other; sorted, in microseconds.
pub async fn one_by_one(
    clock: &Arc<dyn Clock>,
    to: SocketAddr,
    time: Duration,
) -> anyhow::Result<Vec<f64>> {
    let request = request(Case::Calls);
    let mut connection = Connection::open(to).await?;
    connection.exchange(&request).await?;
    let began = clock.monotonic();
    let mut before = began;
    let mut took = Vec::new();
    while before < began + time {
        connection.exchange(&request).await?;
        let after = clock.monotonic();
        took.push((after - before).as_secs_f64() * 1e6);
        before = after;
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}

/// Opens so many slow streams and returns them when all are under way.
pub async fn streams(to: SocketAddr, count: usize) -> anyhow::Result<Vec<Connection>> {
    let request: Arc<[u8]> = request(Case::Slow).into();
    let opening = Arc::new(Semaphore::new(OPENING));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (request, opening) = (Arc::clone(&request), Arc::clone(&opening));
        tasks.spawn(async move {
            let permit = opening.acquire_owned().await.map_err(io::Error::other)?;
            let mut connection = Connection::open(to).await?;
            drop(permit);
            connection.begin(&request).await?;
            io::Result::Ok(connection)
        });
    }
    let mut open = Vec::new();
    while let Some(opened) = tasks.join_next().await {
        open.push(opened??);
    }
    Ok(open)
}
