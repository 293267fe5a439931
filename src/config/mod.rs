//! The file as written becomes settings that are valid by construction.
//!
//! `file` is what was written, [`Config`] what is true. Reading a file reports all of its faults at
//! once; a file with a fault gives no settings at all.

mod api_key;
mod check;
mod diff;
mod expand;
mod file;
pub mod identify;
pub mod keys;
mod load;
mod problem;
mod read;
mod reload;
pub mod resilience;
mod schema;
mod tree;
mod values;

pub use api_key::{ApiKey, Held};
pub use diff::{changes, needs_restart};
pub use load::{Env, defaults, load, parse, process_env};
pub use problem::{PROBLEMS_MAX, Problem, Problems, suggestion};
pub use reload::{
    Cause, OnApply, OnDone, Pace, Reload, Reloader, SharedEnv, Status, Watch, load_or_default,
};
pub use schema::schema;
pub use tree::{DEPTH_MAX, FILE_BYTES_MAX, NODES_MAX};

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::alert::anomaly::Anomaly;
use crate::alert::{self, Webhook};
use crate::budget::limits::Limit;
use crate::ledger::Labels;
use crate::pricing::{Catalog, Override};
use crate::providers::Api;
use crate::units::Currencies;

pub use resilience::Resilience;

pub use crate::units::Secret;

/// `tunnel`, `on_ledger_fault`: what becomes of what is not weir's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Allow,
    Block,
}

/// What a call is charged that was in flight when weir was killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orphans {
    /// Its input, which was surely read.
    #[default]
    Input,
    /// What it was expected to cost.
    Expected,
    /// The most that it can have cost: no crash overruns a budget with `hold: worst_case`.
    WorstCase,
}

/// A host name with the port that is claimed on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Lower case, without a trailing dot; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
}

/// Where a provider's bytes go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Upstream {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// Prefix of every path, without a trailing slash; mostly empty.
    pub base_path: String,
}

/// A corporate proxy between weir and an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamProxy {
    pub host: String,
    pub port: u16,
    /// `user:password` for Basic authorization.
    pub credentials: Option<Secret>,
}

/// Limits on one upstream's slowness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Dial and TLS handshake together. Default 10 s.
    pub connect: Duration,
    /// Between two reads: an unstreamed answer takes minutes. Default 900 s.
    pub read: Duration,
    /// Default 60 s.
    pub write: Duration,
    /// Idle pooled connections are closed after this. Default 10 s.
    pub idle: Duration,
}

/// Certificates of a PEM file.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Roots {
    pub path: PathBuf,
    /// As DER.
    pub certificates: Arc<[Vec<u8>]>,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Roots").field(&self.path).finish()
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(900),
            write: Duration::from_secs(60),
            idle: Duration::from_secs(10),
        }
    }
}

/// A provider as it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub name: String,
    pub api: Api,
    /// The provider's id in the price catalogue.
    pub catalog_id: Option<String>,
    /// Where calls by base URL go; `None` where only the caller's own host would tell.
    pub upstream: Option<Upstream>,
    /// Whether calls to claimed hosts go to `upstream` too, not to the very host: the file says so by
    /// naming an upstream.
    pub redirects: bool,
    /// Claimed for CONNECT and absolute-form requests; a name may be a pattern with `*`.
    pub hosts: Vec<HostPort>,
    /// The catalogue's model behind each name of the operator's own, for prices alone.
    pub models: BTreeMap<String, String>,
    /// What takes the place of a weir key on the way to it.
    pub api_key: Option<ApiKey>,
    /// A PEM file with more roots for its upstream.
    pub ca: Option<Roots>,
    pub upstream_proxy: Option<UpstreamProxy>,
    pub timeouts: Timeouts,
    /// Retries, breaker and second upstream; none of them unless written.
    pub resilience: Resilience,
}

impl Config {
    /// The price catalogue's id of each provider that has one.
    pub fn catalog_ids(&self) -> HashMap<&str, &str> {
        let named = self.providers.iter();
        named
            .filter_map(|one| Some((&*one.name, one.catalog_id.as_deref()?)))
            .collect()
    }

    /// A catalogue with what the operator says over it: prices, and what is behind names.
    pub fn catalog(&self, base: &Arc<Catalog>) -> Arc<Catalog> {
        let named = self.providers.iter().filter(|one| !one.models.is_empty());
        let names = named.map(|one| (one.name.clone(), one.models.clone()));
        base.with_overrides(&self.prices)
            .with_names(names.collect())
    }
}

impl Config {
    /// What is raised, and who is told.
    pub fn alerting(&self) -> alert::Settings {
        alert::Settings {
            webhooks: self.alerts.clone(),
            anomaly: self.anomaly.clone(),
            timezone: self.timezone.clone(),
        }
    }
}

/// The admin side's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    pub listen: SocketAddr,
    pub token: Option<Secret>,
}

/// Settings that are valid by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub listen: SocketAddr,
    pub admin: Admin,
    pub data_dir: PathBuf,
    pub tunnel: Policy,
    pub default_provider: String,
    pub labels: Labels,
    pub trust_client_labels: bool,
    /// Whether calls need a key that weir gave out.
    pub require_key: bool,
    /// Whose calls are, in the order in which they are asked.
    pub identify: Vec<identify::Rule>,
    /// An IANA name that jiff knows.
    pub timezone: jiff::tz::TimeZone,
    /// The known providers and the file's own, by name.
    pub providers: Vec<Arc<Provider>>,
    /// What amounts may be written and read in.
    pub currencies: Currencies,
    pub budgets: Vec<Limit>,
    pub prices: Vec<Override>,
    /// Who is told of alerts.
    pub alerts: Vec<Webhook>,
    /// What spending is out of the ordinary; `None` = nothing is.
    pub anomaly: Option<Anomaly>,
    pub on_ledger_fault: Policy,
    pub orphans: Orphans,
    /// Whether responses carry `x-weir-*` headers.
    pub response_headers: bool,
    /// How long calls in flight may go on after SIGTERM. Default 25 s.
    pub shutdown_grace: Duration,
}

#[cfg(test)]
mod tests;
