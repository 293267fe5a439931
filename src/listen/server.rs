//! The port itself: bound before anything else starts, served on a runtime of its own, drained at the end.
//!
//! Pingora's own `Server` sleeps its whole grace period even when nothing is in flight, and binds inside, where
//! a taken port is a panic. Its listening service runs as well without it.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd as _;
use std::sync::Arc;
use std::time::Duration;

use pingora::apps::ServerApp;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::server::{Fds, ListenFds};
use pingora::services::Service as _;
use pingora::services::listening::Service;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Read buffer of one connection: half the memory of Pingora's default, no measurable cost.
const READ_BUFFER: usize = 8 * 1024;

/// A port that is taken but not yet served.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes `address`; port 0 takes any.
pub fn bind(address: SocketAddr) -> std::io::Result<Bound> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address })
}

impl Bound {
    /// The address that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `front` on the port, on `threads` threads.
    pub fn serve<A>(self, front: A, threads: usize) -> std::io::Result<Serving>
    where
        A: ServerApp + Send + Sync + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("weir-proxy")
            .enable_all()
            .build()?;
        let name = self.address.to_string();
        let mut service = Service::new("proxy".to_owned(), front);
        service.add_listener(
            ListenerConfig::tcp(&name).l4_buffer(L4BufferSettings::default().read(READ_BUFFER)),
        );
        let mut inherited = Fds::new();
        inherited.add(name, self.listener.into_raw_fd());
        let inherited: ListenFds = Arc::new(inherited.into());
        let (stop, stopping) = watch::channel(false);
        let accepting = runtime.spawn(async move {
            service.start_service(Some(inherited), stopping, 1).await;
        });
        Ok(Serving {
            runtime,
            stop,
            accepting,
        })
    }
}

/// A port that is served.
#[derive(Debug)]
pub struct Serving {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Serving {
    /// Stops accepting: the port is closed, idle connections end, calls in flight go on.
    pub fn stop_accepting(&self) {
        // No receiver is left where the service already ended.
        let _ = self.stop.send(true);
    }

    /// Whether the port is closed.
    pub fn is_closed(&self) -> bool {
        self.accepting.is_finished()
    }

    /// Ends the runtime; calls still in flight are dropped, which settles them.
    pub fn end(self, limit: Duration) {
        self.runtime.shutdown_timeout(limit);
    }
}
