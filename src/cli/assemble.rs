//! Puts the parts of a weir together from its settings.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::apps::HttpServerOptions;
use pingora::connectors::ConnectorOptions;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use tracing::warn;

use super::ca::claimed_hosts;
use super::settings::File;
use crate::admin::deeds;
use crate::alert::Desk;
use crate::budget::Budgets;
use crate::budget::estimate::{Caller, Estimator};
use crate::budget::limits::Limit;
use crate::clock::Clock;
use crate::config::{Config, Reload, Reloader, process_env};
use crate::ledger::query::Reader;
use crate::ledger::{Error, Ledger, LedgerGuard};
use crate::listen::ca::{Authority, Files};
use crate::listen::leaf::Interceptor;
use crate::metrics::Metrics;
use crate::pricing::Catalog;
use crate::proxy::background::Background;
use crate::proxy::counting::Counting;
use crate::proxy::engine::{Engine, Live};
use crate::proxy::key_hash::KeyHasher;
use crate::proxy::keys::Keys;
use crate::proxy::once::{Counted, NAMES_MAX, Once};
use crate::proxy::phases::Weir;
use crate::proxy::replay::{record, replay};
use crate::proxy::resilience::TRIES_MAX;
use crate::proxy::resilience::breakers::Breakers;

/// What calls share: the ledger opened, budgets and counters as it tells them.
pub(super) fn engine(
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
    let keys = Keys::default();
    keys.replace(reader.keys()?, &config.currencies, clock.unix_ms());
    let mut policy = live.label_policy();
    policy.teams.extend(keys.teams());
    metrics.set_policy(policy);
    let limits = [config.budgets.clone(), keys.limits()].concat();
    let budgets = Budgets::new(limits, config.timezone.clone(), clock.unix_ms());
    budgets.recall_resets(&reader.resets()?);
    replay(&budgets, &ledger)?;
    let estimator = Estimator::default();
    // The newest comes last, as it weighs most.
    for recent in reader.recent_calls(RECENT_CALLS)?.iter().rev() {
        if let Some(model) = &recent.model {
            let caller = Caller {
                provider: &recent.provider,
                model,
                key: recent.key.as_deref(),
            };
            estimator.learn(&caller, recent.output_tokens, recent.cost);
        }
    }
    let once = Once::default();
    for made in reader.recently_made(NAMES_MAX)? {
        let counted = if made.whole {
            Counted::Whole
        } else {
            Counted::Part(Box::new(made.usage))
        };
        once.made(&made.provider, &made.response_id, &counted);
    }
    let engine = Engine {
        live: ArcSwap::from_pointee(live),
        ledger,
        budgets,
        metrics,
        estimator,
        hasher: KeyHasher::open(&config.data_dir)?,
        keys,
        counting: Counting::start()?,
        once,
        background: Background::default(),
        breakers: Breakers::default(),
        clock: Arc::clone(clock),
        recounting: Arc::default(),
    };
    Ok((Arc::new(engine), guard))
}

/// The desk that raises and delivers alerts.
pub(super) fn desk(engine: &Engine, config: &Config) -> Result<Desk, Error> {
    Desk::open(
        engine.ledger.dir(),
        config.alerting(),
        &engine.budgets,
        Arc::clone(&engine.clock),
        Arc::clone(&engine.metrics) as _,
    )
}

/// How many recent calls it is first learnt from what is to be expected of one.
const RECENT_CALLS: usize = 2_000;

/// The budgets of the settings and of keys on record.
pub(super) fn limits(config: &Config, reader: &Reader, now_ms: i64) -> Result<Vec<Limit>, Error> {
    let keys = Keys::default();
    keys.replace(reader.keys()?, &config.currencies, now_ms);
    Ok([config.budgets.clone(), keys.limits()].concat())
}

/// The settings' budgets as the ledger tells them, where no weir runs.
pub(super) fn budgets_of(
    config: &Config,
    reader: &Reader,
    now_ms: i64,
) -> anyhow::Result<Arc<Budgets>> {
    let limits = limits(config, reader, now_ms)?;
    let budgets = Budgets::new(limits, config.timezone.clone(), now_ms);
    budgets.recall_resets(&reader.resets()?);
    record(&budgets, reader)?;
    budgets.replayed();
    Ok(budgets)
}

/// The CA; a warning where it may not sign for a host that a provider claims.
pub(super) fn authority(
    files: &Files,
    config: &Config,
    clock: &dyn Clock,
) -> anyhow::Result<Authority> {
    let authority = Authority::open(files, &claimed_hosts(config), clock)?;
    warn_of_uncovered(&authority, config);
    Ok(authority)
}

/// Most hosts that one line of the log names: a cloud's pattern alone stands for dozens.
const SHOWN_MAX: usize = 8;

fn warn_of_uncovered(authority: &Authority, config: &Config) {
    let hosts = claimed_hosts(config);
    let uncovered = authority.uncovered(&hosts);
    if !uncovered.is_empty() {
        let more = uncovered.len().saturating_sub(SHOWN_MAX);
        let uncovered = &uncovered[..uncovered.len() - more];
        warn!(
            ?uncovered,
            more,
            "the CA may not sign for these hosts, so CONNECT to them is refused; run `weir ca rotate`, restart weir and let clients trust it"
        );
    }
}

/// Pingora's app over `engine`.
pub(super) fn app(engine: &Arc<Engine>, files: &Files) -> HttpProxy<Weir> {
    let mut conf = ServerConf {
        upstream_keepalive_pool_size: POOLED_CONNECTIONS,
        max_retries: TRIES_MAX,
        ..ServerConf::default()
    };
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        // Pingora panics without roots, and a weir before plain-text upstreams needs none.
        warn!("no system roots were found: https upstreams need `ca`, or set SSL_CERT_FILE");
        conf.ca_file = Some(files.certificate.display().to_string());
    }
    let weir = Weir::new(
        Arc::clone(engine),
        ConnectorOptions::from_server_conf(&conf),
    );
    let mut app = http_proxy(&Arc::new(conf), weir);
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(H2_IDLE);
    app.server_options = Some(options);
    app
}

/// Idle upstream connections that are kept, over all upstreams.
const POOLED_CONNECTIONS: usize = 512;
/// An idle h2 client connection is closed after this.
const H2_IDLE: Duration = Duration::from_secs(120);

/// The reloader that puts edits of `file` in force in `engine`.
pub(super) fn reloader(
    file: &File,
    config: &Arc<Config>,
    clock: &Arc<dyn Clock>,
    engine: &Arc<Engine>,
    catalog: Arc<Catalog>,
    (interceptor, desk): (&Arc<Interceptor>, &Arc<Desk>),
) -> Arc<Reloader> {
    let told = {
        let (engine, path) = (Arc::clone(engine), file.path().to_owned());
        move |cause, done: &Reload| {
            if let Some(deed) = deeds::of_reload(engine.clock.unix_ms(), cause, &path, done) {
                deeds::note(engine.ledger.dir(), &deed);
            }
        }
    };
    let engine = Arc::clone(engine);
    let interceptor = Arc::clone(interceptor);
    let desk = Arc::clone(desk);
    let apply = move |config: &Arc<Config>| {
        warn_of_uncovered(interceptor.authority(), config);
        if let Err(error) = engine.apply(Live::new(Arc::clone(config), &catalog)) {
            warn!(%error, "new budgets count from here on: the ledger could not be read");
        }
        desk.apply(config.alerting());
    };
    Reloader::new(
        file.path().to_owned(),
        Box::new(process_env),
        Arc::clone(clock),
        config.as_ref().clone(),
        Box::new(apply),
        Box::new(told),
    )
}
