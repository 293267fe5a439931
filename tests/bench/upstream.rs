//! The scripted provider: as little work as an answer can be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::process;

/// The header by which a request says what it wants.
pub const SCRIPT: &str = "x-script";
/// Bytes of the unstreamed answer's body.
pub const ANSWER_BYTES: usize = 1024;
/// Events of a stream, its usage and its end among them.
pub const EVENTS: usize = 200;
/// Between two events of a slow stream.
const SLOW_EVERY: Duration = Duration::from_millis(500);
/// A slow stream ends by itself after so many events.
const SLOW_EVENTS: usize = 120;

/// Serves on one thread until its parent is gone.
pub fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    process::announce(listener.local_addr()?)?;
    std::thread::spawn(move || runtime.block_on(accept(listener)));
    process::until_orphaned();
    Ok(())
}

async fn accept(listener: TcpListener) {
    let script = Arc::new(Script::new());
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            // A client that leaves ends its connection, and nothing else.
            tokio::spawn(async move { serve(stream, &script).await });
        }
    }
}

async fn serve(mut stream: TcpStream, script: &Script) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(8 * 1024);
    while let Some(wanted) = read_request(&mut stream, &mut buffer).await? {
        match wanted {
            Wanted::Json => stream.write_all(&script.json).await?,
            Wanted::Events => {
                stream.write_all(STREAM_HEAD).await?;
                for chunk in &script.chunks {
                    stream.write_all(chunk).await?;
                }
            }
            Wanted::Slow => {
                stream.write_all(STREAM_HEAD).await?;
                let mut ticks = tokio::time::interval(SLOW_EVERY);
                for chunk in script.chunks.iter().take(SLOW_EVENTS) {
                    ticks.tick().await;
                    stream.write_all(chunk).await?;
                }
                return Ok(());
            }
        }
    }
    Ok(())
}

enum Wanted {
    Json,
    Events,
    Slow,
}

/// Reads one request with its body; `None` where the client is done.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<Wanted>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(head)) = request.parse(buffer) {
            let value = |name: &str| {
                let mut found = request
                    .headers
                    .iter()
                    .filter(|header| header.name.eq_ignore_ascii_case(name));
                found.next().map_or(&b""[..], |header| header.value)
            };
            let length: usize = std::str::from_utf8(value("content-length"))
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            let wanted = match value(SCRIPT) {
                b"events" => Wanted::Events,
                b"slow" => Wanted::Slow,
                _ => Wanted::Json,
            };
            if buffer.len() >= head + length {
                buffer.drain(..head + length);
                return Ok(Some(wanted));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
    x-request-id: req_0123456789\r\n\r\n";

/// Every answer, ready to be written.
struct Script {
    json: Vec<u8>,
    /// Each event as a chunk; the last one with the body's end.
    chunks: Vec<Vec<u8>>,
}

impl Script {
    fn new() -> Script {
        let body = json_body();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             x-request-id: req_0123456789\r\n\r\n",
            body.len()
        );
        let events = events();
        let last = events.len() - 1;
        let chunks = events.iter().enumerate().map(|(at, event)| {
            let end = if at == last { "0\r\n\r\n" } else { "" };
            format!("{:x}\r\n{event}\r\n{end}", event.len()).into_bytes()
        });
        Script {
            json: [head.as_bytes(), body.as_bytes()].concat(),
            chunks: chunks.collect(),
        }
    }
}

const USAGE: &str = r#"{"prompt_tokens":31,"completion_tokens":187,"total_tokens":218,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;

/// A chat completion of exactly [`ANSWER_BYTES`].
fn json_body() -> String {
    let around = |content: &str| {
        format!(
            r#"{{"id":"chatcmpl-0123456789","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{USAGE},"service_tier":"default","system_fingerprint":"fp_0123456789"}}"#
        )
    };
    let room = ANSWER_BYTES - around("").len();
    let content: String = "the quick brown fox jumps over the lazy dog "
        .chars()
        .cycle()
        .take(room)
        .collect();
    around(&content)
}

/// The events of one streamed chat completion.
fn events() -> Vec<String> {
    let event = |rest: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\
             \"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_0123456789\",{rest}}}\n\n"
        )
    };
    let delta = event(
        r#""choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null"#,
    );
    let mut events = vec![delta; EVENTS - 3];
    events.push(event(
        r#""choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null"#,
    ));
    events.push(event(&format!(r#""choices":[],"usage":{USAGE}"#)));
    events.push("data: [DONE]\n\n".to_owned());
    events
}
