//! One connection, read and written byte by byte.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::message::{Body, BodyKind, Head};
use super::patience::within;

/// Room for one read: a few TLS records.
const READ_BYTES: usize = 64 * 1024;

/// What a wire runs over: TCP, or TLS over it.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// TCP that ends with a reset where its switch says so.
pub struct Resettable {
    tcp: TcpStream,
    reset: ResetSwitch,
}

/// Tells a [`Resettable`] how to end.
#[derive(Clone, Default)]
pub struct ResetSwitch(Arc<AtomicBool>);

impl Resettable {
    pub fn new(tcp: TcpStream) -> (Self, ResetSwitch) {
        tcp.set_nodelay(true).expect("a TCP option");
        let reset = ResetSwitch::default();
        (
            Resettable {
                tcp,
                reset: reset.clone(),
            },
            reset,
        )
    }
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.0.load(Ordering::SeqCst) {
            self.tcp.set_zero_linger().expect("a TCP option");
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, into)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

/// A connection with what was read ahead on it.
pub struct Wire {
    pub io: Box<dyn Io>,
    ahead: Vec<u8>,
    reset: ResetSwitch,
}

/// Gets every piece of body data as it comes.
pub type OnData<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

impl Wire {
    pub fn new(io: Box<dyn Io>, reset: ResetSwitch) -> Self {
        Wire {
            io,
            ahead: Vec::new(),
            reset,
        }
    }

    /// A connection to an address, in the clear; `None` where nobody listens.
    pub async fn try_dial(address: SocketAddr) -> Option<Wire> {
        let tcp = within("a connection", TcpStream::connect(address))
            .await
            .ok()?;
        let (io, reset) = Resettable::new(tcp);
        Some(Wire::new(Box::new(io), reset))
    }

    /// As [`try_dial`](Wire::try_dial), where somebody listens.
    pub async fn dial(address: SocketAddr) -> Wire {
        Wire::try_dial(address).await.expect("a listener")
    }

    /// Ends with a reset instead of a FIN.
    pub fn reset(self) {
        self.reset.0.store(true, Ordering::SeqCst);
    }

    /// Gives up the connection; nothing may have been read ahead.
    pub fn into_io(self) -> (Box<dyn Io>, ResetSwitch) {
        assert!(
            self.ahead.is_empty(),
            "bytes were read ahead: {:?}",
            self.ahead
        );
        (self.io, self.reset)
    }

    /// What was read and not used.
    pub fn take_ahead(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    pub async fn write(&mut self, data: &[u8]) -> io::Result<()> {
        let writing = async {
            self.io.write_all(data).await?;
            self.io.flush().await
        };
        within("the peer to take bytes", writing).await
    }

    /// Says that nothing more will be written (FIN, or close_notify).
    pub async fn finish(&mut self) -> io::Result<()> {
        self.io.shutdown().await
    }

    /// Reads more; `false` at the end of the stream.
    async fn more(&mut self) -> io::Result<bool> {
        self.ahead.reserve(READ_BYTES);
        let read = within("bytes from the peer", self.io.read_buf(&mut self.ahead)).await?;
        Ok(read > 0)
    }

    /// Reads without patience, as a server does that waits for its next request.
    pub async fn idle(&mut self) -> io::Result<bool> {
        Ok(!self.ahead.is_empty() || self.io.read_buf(&mut self.ahead).await? > 0)
    }

    /// Returns once the peer is gone; what it still sends is kept.
    pub async fn gone(&mut self) {
        while let Ok(1..) = self.io.read_buf(&mut self.ahead).await {}
    }

    /// Exactly `length` bytes.
    pub async fn read_exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = Body::default();
        match self.take(length, &mut body, &mut |_| {}).await? {
            true => Ok(body.data),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Whether the peer ends the stream, or breaks it, without another byte.
    pub async fn ends_here(&mut self) -> bool {
        self.ahead.is_empty() && !self.more().await.unwrap_or(false)
    }

    /// The next head; `None` where the stream ends before its first byte.
    pub async fn read_head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(at) = find(&self.ahead, b"\r\n\r\n") {
                let raw: Vec<u8> = self.ahead.drain(..at + 4).collect();
                return Ok(Some(Head::parse(&raw)));
            }
            if !self.more().await? {
                return match self.ahead.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    /// Reads a body to its end or to the end of the stream, whichever comes first.
    pub async fn read_body(&mut self, kind: BodyKind, on: OnData<'_>) -> Body {
        let mut body = Body::default();
        let read = match kind {
            BodyKind::None => Ok(true),
            BodyKind::Length(length) => self.take(length, &mut body, on).await,
            BodyKind::Chunked => self.read_chunks(&mut body, on).await,
            BodyKind::UntilClose => self.read_rest(&mut body, on).await,
        };
        body.complete = read.unwrap_or(false);
        body
    }

    /// The next chunk of a chunked body; `None` at its end. Panics where the stream ends early.
    pub async fn read_chunk(&mut self) -> Option<Vec<u8>> {
        let mut body = Body::default();
        let went_on = self.chunk(&mut body, &mut |_| {}).await.expect("a chunk");
        went_on.then_some(body.data)
    }

    async fn take(&mut self, mut left: usize, body: &mut Body, on: OnData<'_>) -> io::Result<bool> {
        while left > 0 {
            if self.ahead.is_empty() && !self.more().await? {
                return Ok(false);
            }
            let piece: Vec<u8> = self.ahead.drain(..left.min(self.ahead.len())).collect();
            left -= piece.len();
            on(&piece);
            body.data.extend_from_slice(&piece);
        }
        Ok(true)
    }

    async fn read_rest(&mut self, body: &mut Body, on: OnData<'_>) -> io::Result<bool> {
        loop {
            let piece = std::mem::take(&mut self.ahead);
            on(&piece);
            body.data.extend_from_slice(&piece);
            if !self.more().await? {
                return Ok(true);
            }
        }
    }

    async fn read_chunks(&mut self, body: &mut Body, on: OnData<'_>) -> io::Result<bool> {
        while self.chunk(body, on).await? {}
        Ok(true)
    }

    /// Reads one chunk; `false` after the last, with its trailers.
    async fn chunk(&mut self, body: &mut Body, on: OnData<'_>) -> io::Result<bool> {
        let line = self.line().await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        if size == 0 {
            loop {
                let line = self.line().await?;
                match line.split_once(':') {
                    Some((name, value)) => {
                        body.trailers
                            .push((name.to_owned(), value.trim().to_owned()));
                    }
                    None => return Ok(false),
                }
            }
        }
        if !self.take(size, body, on).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        body.chunks.push(size);
        match self.line().await?.is_empty() {
            true => Ok(true),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = find(&self.ahead, b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..at + 2).collect();
                return Ok(super::message::latin1(&line[..at]));
            }
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
