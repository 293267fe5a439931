//! `weir serve`: everything is put together, runs, and is taken down in order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::logging::{self, LogFormat};
use super::settings::{Addresses, File};
use super::{assemble, out, prices};
use crate::admin::{Admin, Operated, Readiness, deeds};
use crate::alert::Desk;
use crate::clock::SystemClock;
use crate::config::{Cause, Config, Pace, Reloader, Watch};
use crate::ledger::{LedgerGuard, Via};
use crate::listen::ca::Files;
use crate::listen::front::Front;
use crate::listen::leaf::Interceptor;
use crate::listen::private;
use crate::listen::server::{self, Serving};
use crate::listen::tunnel;
use crate::proxy::engine::Engine;
use crate::proxy::keys::Keeper;

/// Arguments of `weir serve`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// How log lines look.
    #[arg(long, value_enum, default_value_t, env = "WEIR_LOG_FORMAT")]
    log_format: LogFormat,
    /// Threads that serve traffic [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// How long dropped calls may take to be settled, and the runtime to end.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How often the end of the last call is looked for while stopping.
const DRAIN_EVERY: Duration = Duration::from_millis(10);

/// Serves until a signal ends it.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    logging::start(args.log_format);
    raise_open_files();
    let config = file.load()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Signals are caught before anything else is started, so that none ends a half-started weir.
    let signals = {
        let _entered = runtime.enter();
        Signals::catch()?
    };
    let weir = Running::start(args, file, config)?;
    weir.announce()?;
    runtime.block_on(weir.until_told(signals));
    weir.stop(&runtime)
}

/// Each stream holds two file descriptors; the default of 1,024 would be 500 streams.
fn raise_open_files() {
    if let Err(error) = rlimit::increase_nofile_limit(1 << 20) {
        warn!(%error, "the limit of open files stays as it is");
    }
}

/// The signals that weir listens to.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches them from here on.
    pub(super) fn catch() -> anyhow::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// A weir that runs.
pub(super) struct Running {
    engine: Arc<Engine>,
    reloader: Arc<Reloader>,
    readiness: Readiness,
    addresses: Addresses,
    files: Files,
    serving: Serving,
    admin: Admin,
    keeper: Keeper,
    guard: LedgerGuard,
    desk: Arc<Desk>,
    /// Ends with it; the watcher's thread too.
    _watch: Watch,
}

impl Running {
    /// Starts everything; the ports are bound first.
    pub(super) fn start(args: &Args, file: &File, config: Arc<Config>) -> anyhow::Result<Self> {
        let clock = SystemClock::shared();
        let proxy_port =
            server::bind(config.listen).with_context(|| taken("listen", config.listen))?;
        let admin_port = std::net::TcpListener::bind(config.admin.listen)
            .with_context(|| taken("admin.listen", config.admin.listen))?;
        let addresses = Addresses {
            proxy: proxy_port.address(),
            admin: admin_port.local_addr()?,
        };
        tunnel::keep_own(vec![addresses.proxy, addresses.admin]);
        private::folder(&config.data_dir)?;
        let catalog = prices::catalog(&config)?;
        let (engine, guard) = assemble::engine(&config, &catalog, &clock)?;
        let desk = Arc::new(assemble::desk(&engine, &config)?);
        let files = Files::under(&config.data_dir);
        let authority = assemble::authority(&files, &config, clock.as_ref())?;
        let ca_pem = authority.pem().to_owned();
        let interceptor = Arc::new(Interceptor::new(authority, Arc::clone(&clock)));
        let app = Arc::new(assemble::app(&engine, &files));
        let claims = Arc::clone(&engine);
        let threads = args.threads.map_or_else(cores, usize::from);
        let serving =
            proxy_port.serve(Front::new(app, Arc::clone(&interceptor), claims), threads)?;
        let reloader = assemble::reloader(
            file,
            &config,
            &clock,
            &engine,
            catalog,
            (&interceptor, &desk),
        );
        let readiness = Readiness::default();
        let subject = Arc::new(Operated {
            engine: Arc::clone(&engine),
            reloader: Arc::clone(&reloader),
            ca_pem,
        });
        let admin = Admin::start(
            admin_port,
            config.admin.token.clone(),
            subject,
            readiness.clone(),
        )?;
        let keeper = Keeper::start(Arc::clone(&engine))?;
        let watch = Watch::start(Arc::clone(&reloader), Pace::default())?;
        let began = json!({ "orphans": guard.orphans() });
        let began = deeds::of_weir(clock.unix_ms(), "weir.start", Via::Cli, began);
        deeds::note(&config.data_dir, &began);
        readiness.set(true);
        // Who waits for this file may ask at once.
        addresses.publish(&config.data_dir)?;
        Ok(Running {
            engine,
            reloader,
            readiness,
            addresses,
            files,
            serving,
            admin,
            keeper,
            guard,
            desk,
            _watch: watch,
        })
    }

    /// Where it serves.
    pub(super) fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Waits until all that ended is on record.
    pub(super) async fn flush(&self) {
        // A fault is in the log and in the metrics already.
        let _ = self.engine.ledger.flush().await;
    }

    /// Says where it is and what to paste.
    fn announce(&self) -> anyhow::Result<()> {
        let proxy = self.addresses.proxy_url();
        info!(proxy = %self.addresses.proxy, admin = %self.addresses.admin, "weir serves");
        let certificate = std::path::absolute(&self.files.certificate)?;
        out::complain(&format!(
            "\n  base URLs   OpenAI     {proxy}/openai/v1\n  \
                           Anthropic  {proxy}/anthropic\n  \
                           Gemini     {proxy}/gemini\n\n  \
             or, for programs with a fixed host:   eval \"$(weir env)\"   (CA: {})\n  \
             metrics     {}/metrics\n",
            certificate.display(),
            self.addresses.admin_url(),
        ));
        Ok(())
    }

    /// Runs until SIGTERM or SIGINT; SIGHUP reloads.
    pub(super) async fn until_told(&self, mut signals: Signals) {
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return info!("SIGTERM: stopping"),
                _ = signals.interrupt.recv() => return info!("SIGINT: stopping"),
                _ = signals.hangup.recv() => {
                    let reloader = Arc::clone(&self.reloader);
                    // File access stays off the signal loop; what came of it is in the log.
                    let _ = tokio::task::spawn_blocking(move || reloader.reload(Cause::Signal)).await;
                }
            }
        }
    }

    /// Takes everything down: no new calls, calls in flight within the grace, their rows, the files.
    pub(super) fn stop(self, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
        self.readiness.set(false);
        self.serving.stop_accepting();
        let config = self.reloader.current();
        let metrics = Arc::clone(&self.engine.metrics);
        runtime.block_on(async {
            let drained = async {
                let mut ticks = tokio::time::interval(DRAIN_EVERY);
                while metrics.inflight_count() > 0 || !self.serving.is_closed() {
                    ticks.tick().await;
                }
            };
            let second = async {
                let Ok(mut signals) = Signals::catch() else { return std::future::pending().await };
                tokio::select! {
                    _ = signals.terminate.recv() => {}
                    _ = signals.interrupt.recv() => {}
                }
            };
            tokio::select! {
                () = drained => info!("no call is left"),
                () = tokio::time::sleep(config.shutdown_grace) => warn!("the grace is over; calls are cut off"),
                () = second => warn!("a second signal; calls are cut off"),
            }
        });
        self.serving.end(END_LIMIT);
        self.engine.counting.close();
        Addresses::withdraw(&config.data_dir);
        drop(self.keeper);
        self.desk.close();
        let now = self.engine.clock.unix_ms();
        let ended = deeds::of_weir(now, "weir.stop", Via::Signal, json!({}));
        deeds::note(&config.data_dir, &ended);
        self.guard.close();
        drop(self.admin);
        info!("weir has stopped");
        Ok(())
    }
}

fn taken(key: &str, address: std::net::SocketAddr) -> String {
    format!(
        "{key}: {address} cannot be bound; is another weir running? Choose another port in proxy.yaml"
    )
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
