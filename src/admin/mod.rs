//! The operator's side: metrics, probes, reload, the CA certificate, the API.
//!
//! It runs on a thread and a runtime of its own, so that a probe is answered while the data plane is drowning.

pub mod api;
pub mod deeds;
pub mod guard;
mod operated;

pub use operated::Operated;

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::oneshot;

/// Whether weir takes new calls; turned off first when it stops.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Turns readiness on or off.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::SeqCst);
    }

    /// Whether weir takes new calls.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct Shared {
    subject: Arc<Operated>,
    readiness: Readiness,
    /// Held while calls are priced anew.
    repricing: Mutex<()>,
}

/// The running admin side; dropping it ends it.
#[derive(Debug)]
pub struct Admin {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Serves `listener`. `token` guards what [`guard`] says.
    pub fn start(
        listener: TcpListener,
        token: Option<crate::config::Secret>,
        subject: Arc<Operated>,
        readiness: Readiness,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let guard = guard::Guard::new(listener.local_addr()?, token);
        let shared = Shared {
            subject,
            readiness,
            repricing: Mutex::default(),
        };
        let router = router(shared, guard);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopping) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("weir-admin".to_owned())
            .spawn(move || {
                runtime.block_on(serve(listener, router, stopping));
            })?;
        Ok(Admin {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, router: Router, stopping: oneshot::Receiver<()>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the admin port cannot be served"),
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = async { axum::serve(listener, service).await } => {
            if let Err(error) = served {
                tracing::error!(%error, "the admin side ended");
            }
        }
        // Open scrapes and probes end with the thread.
        _ = stopping => {}
    }
}

fn router(shared: Shared, guard: guard::Guard) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/-/reload", post(reload))
        .route("/ca.pem", get(ca_pem))
        .nest("/api/v1", api::router())
        .layer(middleware::from_fn_with_state(
            Arc::new(guard),
            guard::check,
        ))
        .with_state(Arc::new(shared))
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let text_format = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (text_format, shared.subject.metrics()).into_response()
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    if !shared.readiness.get() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match shared.subject.unready() {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// Reading a file and swapping settings is quick, but it is file access: off the event loop.
async fn reload(State(shared): State<Arc<Shared>>) -> Response {
    let done = tokio::task::spawn_blocking(move || shared.subject.reload()).await;
    match done {
        Ok(Ok(said)) => format!("{said}\n").into_response(),
        Ok(Err(problems)) => (StatusCode::BAD_REQUEST, format!("{problems}\n")).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn ca_pem(State(shared): State<Arc<Shared>>) -> Response {
    let pem_format = [(header::CONTENT_TYPE, "application/x-pem-file")];
    (pem_format, shared.subject.ca_pem.clone()).into_response()
}
