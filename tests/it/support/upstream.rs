//! A scripted upstream: it sends exact bytes, pauses where a test says so, and keeps what it received.

mod h1;
mod h2;
mod reply;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub use reply::{Framing, Reply, Step, TRICKLE_EVERY};

use super::message::{Body, Head};
use super::patience::eventually;
use super::tls::{self, Alpn};
use super::wire::{Io, Resettable, Wire};

/// What one exchange brought to the upstream, also while it is still coming.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Which connection, from 0 in the order they were accepted.
    pub connection: usize,
    pub head: Head,
    /// Its `complete` turns true at the body's end; its data grows until then.
    pub body: Body,
    /// The answer went out whole.
    pub answered: bool,
    /// The other side went away before that.
    pub cut: bool,
}

/// What the connections of an upstream share with the test.
#[derive(Clone, Default)]
pub struct Record(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    received: Vec<Received>,
    connections: usize,
    open: usize,
}

impl Record {
    fn kept<T>(&self, use_it: impl FnOnce(&mut Kept) -> T) -> T {
        use_it(
            &mut self
                .0
                .lock()
                .expect("no test panics while it holds the record"),
        )
    }

    /// Opens the entry of an exchange whose head is here.
    pub fn begin(&self, connection: usize, head: Head) -> usize {
        self.kept(|kept| {
            kept.received.push(Received {
                connection,
                head,
                ..Received::default()
            });
            kept.received.len() - 1
        })
    }

    /// Changes an entry.
    pub fn note(&self, at: usize, change: impl FnOnce(&mut Received)) {
        self.kept(|kept| change(&mut kept.received[at]));
    }

    /// A copy of an entry.
    pub fn entry(&self, at: usize) -> Received {
        self.kept(|kept| kept.received[at].clone())
    }
}

/// Answers a request whose head, or head and body, are here.
pub type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// Drives one connection by hand.
pub type Driver =
    Arc<dyn Fn(Wire, Record, usize) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What happens on a connection.
#[derive(Clone)]
enum Behaviour {
    /// The script sees the whole request.
    Answer(Script),
    /// The script sees the head alone; the body is read while the answer goes out.
    AnswerEarly(Script),
    Drive(Driver),
}

/// The transport of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Plain,
    Tls(Alpn),
}

impl Transport {
    /// HTTP/1.1 in the clear, HTTP/1.1 in TLS, HTTP/2 in TLS.
    pub const ALL: [Transport; 3] = [
        Transport::Plain,
        Transport::Tls(Alpn::H1),
        Transport::Tls(Alpn::H2),
    ];
}

/// A running scripted upstream; it ends with the value.
pub struct Upstream {
    pub address: SocketAddr,
    pub transport: Transport,
    record: Record,
    accepting: JoinHandle<()>,
}

impl Upstream {
    /// Answers every request once it is whole.
    pub async fn answering(
        transport: Transport,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Upstream {
        Upstream::start(transport, Behaviour::Answer(Arc::new(script))).await
    }

    /// Answers every request from its head alone.
    pub async fn answering_early(
        transport: Transport,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Upstream {
        Upstream::start(transport, Behaviour::AnswerEarly(Arc::new(script))).await
    }

    /// Hands every connection to a test's own code.
    pub async fn driven<F>(
        transport: Transport,
        driver: impl Fn(Wire, Record, usize) -> F + Send + Sync + 'static,
    ) -> Upstream
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let driver: Driver = Arc::new(move |wire, record, at| Box::pin(driver(wire, record, at)));
        Upstream::start(transport, Behaviour::Drive(driver)).await
    }

    async fn start(transport: Transport, behaviour: Behaviour) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let record = Record::default();
        let accepting = tokio::spawn(accept(listener, transport, behaviour, record.clone()));
        Upstream {
            address,
            transport,
            record,
            accepting,
        }
    }

    /// The URL that a provider's `upstream` takes.
    pub fn url(&self) -> String {
        match self.transport {
            Transport::Plain => format!("http://{}", self.address),
            Transport::Tls(_) => format!("https://{}", self.address),
        }
    }

    /// Everything received so far.
    pub fn received(&self) -> Vec<Received> {
        self.record.kept(|kept| kept.received.clone())
    }

    /// The one exchange that was received.
    pub fn only(&self) -> Received {
        let mut received = self.received();
        assert_eq!(
            received.len(),
            1,
            "exactly one request reaches the upstream"
        );
        received.remove(0)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.record.kept(|kept| kept.connections)
    }

    /// Waits until what was received fits.
    pub async fn eventually(
        &self,
        what: &str,
        mut fits: impl FnMut(&[Received]) -> bool,
    ) -> Vec<Received> {
        eventually(what, async || {
            let received = self.received();
            fits(&received).then_some(received)
        })
        .await
    }

    /// Waits until no connection is left open.
    pub async fn all_closed(&self) {
        let open = async || (self.record.kept(|kept| kept.open) == 0).then_some(());
        eventually("every upstream connection is closed", open).await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, transport: Transport, behaviour: Behaviour, record: Record) {
    loop {
        let (tcp, _) = listener.accept().await.expect("the listener stays");
        let connection = record.kept(|kept| {
            kept.connections += 1;
            kept.open += 1;
            kept.connections - 1
        });
        let (behaviour, record) = (behaviour.clone(), record.clone());
        tokio::spawn(async move {
            serve(tcp, transport, behaviour, record.clone(), connection).await;
            record.kept(|kept| kept.open -= 1);
        });
    }
}

async fn serve(
    tcp: TcpStream,
    transport: Transport,
    behaviour: Behaviour,
    record: Record,
    connection: usize,
) {
    let (tcp, reset) = Resettable::new(tcp);
    let mut h2_agreed = false;
    let io: Box<dyn Io> = match transport {
        Transport::Plain => Box::new(tcp),
        Transport::Tls(alpn) => match tls::acceptor(alpn).accept(tcp).await {
            Ok(stream) => {
                h2_agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Box::new(stream)
            }
            Err(_) => return,
        },
    };
    let early = matches!(behaviour, Behaviour::AnswerEarly(_));
    match behaviour {
        Behaviour::Answer(script) | Behaviour::AnswerEarly(script) if h2_agreed => {
            h2::serve(io, script, early, record, connection).await;
        }
        Behaviour::Answer(script) | Behaviour::AnswerEarly(script) => {
            h1::serve(Wire::new(io, reset), script, early, record, connection).await;
        }
        Behaviour::Drive(driver) => {
            assert!(!h2_agreed, "a driven connection speaks HTTP/1.1");
            driver(Wire::new(io, reset), record, connection).await;
        }
    }
}
