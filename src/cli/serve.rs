//! `weir serve`: everything is put together, runs, and is taken down in order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use pingora::apps::HttpServerOptions;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::ca::claimed_hosts;
use super::logging::{self, LogFormat};
use super::settings::{Addresses, File};
use super::{out, prices};
use crate::admin::{Admin, Readiness, Subject};
use crate::budget::estimate::Estimator;
use crate::budget::{Budgets, Facts, Spent};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Pace, Reload, Reloader, Watch};
use crate::ledger::query::Reader;
use crate::ledger::{Ledger, LedgerGuard};
use crate::listen::ca::{self, Authority, Files};
use crate::listen::front::Front;
use crate::listen::leaf::Interceptor;
use crate::listen::server::{self, Serving};
use crate::metrics::Metrics;
use crate::pricing::Catalog;
use crate::proxy::engine::{Engine, Live};
use crate::proxy::identify::KeyHasher;
use crate::proxy::phases::Weir;

/// Arguments of `weir serve`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// How log lines look.
    #[arg(long, value_enum, default_value_t, env = "WEIR_LOG_FORMAT")]
    log_format: LogFormat,
    /// Threads that serve traffic [default: one for each core].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
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
    if file.is_missing() {
        info!(file = %file.path().display(), "no settings file; the defaults are in force");
    }
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
    guard: LedgerGuard,
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
        ca::private_folder(&config.data_dir)?;
        let catalog = prices::catalog(&config)?;
        let (engine, guard) = engine(&config, &catalog, &clock)?;
        let files = Files::under(&config.data_dir);
        let authority = authority(&files, &config, clock.as_ref())?;
        let ca_pem = authority.pem().to_owned();
        let interceptor = Arc::new(Interceptor::new(authority, Arc::clone(&clock)));
        let app = Arc::new(app(&engine, &files));
        let claims = Arc::clone(&engine);
        let threads = args.threads.unwrap_or_else(cores);
        let serving = proxy_port.serve(Front::new(app, interceptor, claims), threads)?;
        let reloader = reloader(file, &config, &clock, &engine, catalog);
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
        let watch = Watch::start(Arc::clone(&reloader), Pace::default())?;
        addresses.publish(&config.data_dir)?;
        readiness.set(true);
        Ok(Running {
            engine,
            reloader,
            readiness,
            addresses,
            files,
            serving,
            admin,
            guard,
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
                    let _ = tokio::task::spawn_blocking(move || reloader.reload()).await;
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
        Addresses::withdraw(&config.data_dir);
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

fn engine(
    config: &Arc<Config>,
    catalog: &Arc<Catalog>,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Arc<Engine>, LedgerGuard)> {
    let live = Live::new(Arc::clone(config), catalog);
    let metrics = Metrics::new(live.label_policy());
    metrics.catalog_made(catalog.timestamp_ms());
    let (ledger, guard) = Ledger::open(
        &config.data_dir,
        Arc::clone(clock),
        Arc::clone(&metrics) as _,
    )?;
    let reader = ledger.reader()?;
    reader.counter_seed(|row| metrics.seed(&row))?;
    let budgets = Budgets::new(
        config.budgets.clone(),
        config.timezone.clone(),
        clock.unix_ms(),
    );
    replay(&budgets, &reader)?;
    let estimator = Estimator::default();
    for recent in reader.recent_output_tokens(RECENT_CALLS)? {
        if let Some(model) = &recent.model {
            estimator.learn(&recent.provider, model, recent.output_tokens);
        }
    }
    let engine = Engine {
        live: ArcSwap::from_pointee(live),
        ledger,
        budgets,
        metrics,
        estimator,
        hasher: KeyHasher::open(&config.data_dir)?,
        clock: Arc::clone(clock),
    };
    Ok((Arc::new(engine), guard))
}

/// How many recent calls the expected length of an answer is first learnt from.
const RECENT_CALLS: usize = 2_000;

/// Tells new budgets what the ledger has for their windows.
fn replay(budgets: &Budgets, reader: &Reader) -> anyhow::Result<()> {
    let read = budgets.replay_starts().into_iter().try_for_each(|since| {
        reader.spend_since(since, |row| {
            let spent = Spent {
                cost: row.cost,
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
                requests: row.requests,
            };
            let facts = Facts {
                provider: row.provider,
                model: row.model,
                labels: row.labels,
                metered: true,
            };
            budgets.record(&facts, since, &spent);
        })
    });
    budgets.replayed();
    Ok(read?)
}

fn authority(files: &Files, config: &Config, clock: &dyn Clock) -> anyhow::Result<Authority> {
    let hosts = claimed_hosts(config);
    let authority = Authority::open(files, &hosts, clock)?;
    let uncovered: Vec<&String> = hosts.difference(authority.hosts()).collect();
    if !uncovered.is_empty() {
        warn!(
            ?uncovered,
            "the CA may not sign for these hosts, so clients will refuse them; run `weir ca rotate` and let clients trust it"
        );
    }
    Ok(authority)
}

fn app(engine: &Arc<Engine>, files: &Files) -> HttpProxy<Weir> {
    let mut conf = ServerConf {
        upstream_keepalive_pool_size: POOLED_CONNECTIONS,
        ..ServerConf::default()
    };
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        // Pingora panics without roots, and a weir before plain-text upstreams needs none.
        warn!("no system roots were found: https upstreams need `ca`, or set SSL_CERT_FILE");
        conf.ca_file = Some(files.certificate.display().to_string());
    }
    let mut app = http_proxy(&Arc::new(conf), Weir::new(Arc::clone(engine)));
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(H2_IDLE);
    app.server_options = Some(options);
    app
}

/// Idle upstream connections that are kept, over all upstreams.
const POOLED_CONNECTIONS: usize = 512;
/// An idle h2 client connection is closed after this.
const H2_IDLE: Duration = Duration::from_secs(120);

fn reloader(
    file: &File,
    config: &Arc<Config>,
    clock: &Arc<dyn Clock>,
    engine: &Arc<Engine>,
    catalog: Arc<Catalog>,
) -> Arc<Reloader> {
    let engine = Arc::clone(engine);
    let apply = move |config: &Arc<Config>| {
        engine.apply(Live::new(Arc::clone(config), &catalog));
        if let Err(error) = engine
            .ledger
            .reader()
            .map_err(Into::into)
            .and_then(|reader| replay(&engine.budgets, &reader))
        {
            engine.budgets.replayed();
            warn!(%error, "new budgets count from here on: the ledger could not be read");
        }
    };
    Reloader::new(
        file.path().to_owned(),
        Box::new(|name: &str| std::env::var(name).ok()),
        Arc::clone(clock),
        config.as_ref().clone(),
        Box::new(apply),
    )
}

/// What the admin side asks about.
struct Operated {
    engine: Arc<Engine>,
    reloader: Arc<Reloader>,
    ca_pem: String,
}

impl Subject for Operated {
    fn metrics(&self) -> String {
        let status = self.reloader.status();
        self.engine
            .metrics
            .reloaded(status.last_ok, status.last_success_ms);
        self.engine.render_metrics()
    }

    fn ca_pem(&self) -> String {
        self.ca_pem.clone()
    }

    fn unready(&self) -> Option<String> {
        let blocked =
            self.engine.live.load().config.on_ledger_fault == crate::config::Policy::Block;
        (blocked && !self.engine.ledger.is_healthy())
            .then(|| "the ledger cannot be written and `on_ledger_fault: block` is set".to_owned())
    }

    fn reload(&self) -> Result<String, String> {
        match self.reloader.reload() {
            Reload::Unchanged => Ok("unchanged".to_owned()),
            Reload::Refused(problems) => Err(problems.to_string()),
            Reload::Applied {
                changes,
                needs_restart,
            } => {
                let mut said = changes;
                if !needs_restart.is_empty() {
                    said.push(format!("needs a restart: {}", needs_restart.join(", ")));
                }
                Ok(said.join("\n"))
            }
        }
    }
}
