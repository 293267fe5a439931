//! What every call shares: the settings in force, the ledger, the budgets, the metrics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use pingora::protocols::tls::CaType;
use pingora::utils::tls::WrappedX509;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::background::Background;
use super::counting::Counting;
use super::forward::Destination;
use super::key_hash::KeyHasher;
use super::keys::shown::of_proxy;
use super::keys::{Keys, Own};
use super::once::Once;
use super::replay::replay;
use super::resilience::breakers::Breakers;
use crate::budget::estimate::Estimator;
use crate::budget::limits::Dimension;
use crate::budget::{Budgets, Facts};
use crate::clock::Clock;
use crate::config::{Config, HostPort, Policy, Provider, Upstream};
use crate::ledger::reprice::Change;
use crate::ledger::{self, Error, Ledger};
use crate::listen::front::Claims;
use crate::metrics::{LabelPolicy, Metrics};
use crate::pricing::Catalog;
use crate::providers::hosts::pattern;

/// The settings in force and what is derived from them; a call takes one at its start and keeps it.
#[derive(Debug)]
pub struct Live {
    pub config: Arc<Config>,
    pub catalog: Arc<Catalog>,
    by_name: HashMap<String, Arc<Provider>>,
    by_host: HashMap<HostPort, Arc<Provider>>,
    /// Claims with a `*`, the narrowest first.
    by_pattern: Vec<(HostPort, Arc<Provider>)>,
    /// The providers' own keys, by their names.
    own_keys: HashMap<String, Arc<Own>>,
    /// By provider: the roots of its own, if any, and where its upstream is.
    peers: HashMap<String, Peers>,
}

/// Where a provider's calls may go.
#[derive(Debug)]
struct Peers {
    roots: Option<Arc<CaType>>,
    upstream: Option<Arc<Destination>>,
    failover: Option<Arc<Destination>>,
}

impl Live {
    /// Derives what routing and pricing need.
    pub fn new(config: Arc<Config>, base: &Arc<Catalog>) -> Self {
        let mut live = Live {
            config: Arc::clone(&config),
            catalog: config.catalog(base),
            by_name: HashMap::new(),
            by_host: HashMap::new(),
            by_pattern: Vec::new(),
            own_keys: HashMap::new(),
            peers: HashMap::new(),
        };
        for provider in &config.providers {
            live.by_name
                .insert(provider.name.clone(), Arc::clone(provider));
            for host in &provider.hosts {
                if pattern::is_pattern(&host.host) {
                    let claim = (host.clone(), Arc::clone(provider));
                    live.by_pattern.push(claim);
                } else {
                    live.by_host.insert(host.clone(), Arc::clone(provider));
                }
            }
            let own = provider
                .api_key
                .as_ref()
                .map(|from| Own::new(&provider.name, from));
            live.own_keys
                .extend(own.map(|own| (provider.name.clone(), Arc::new(own))));
            let roots = provider.ca.as_ref().map(|ca| roots(&ca.certificates));
            let upstream = provider
                .upstream
                .as_ref()
                .map(|to| Arc::new(Destination::of_provider(provider, to, roots.clone())));
            let failover = provider.resilience.failover.as_ref().map(|second| {
                let own = second.ca.as_ref().map(|ca| self::roots(&ca.certificates));
                Arc::new(Destination::of_failover(provider, second, own))
            });
            let peers = Peers {
                roots,
                upstream,
                failover,
            };
            live.peers.insert(provider.name.clone(), peers);
        }
        live.by_pattern
            .sort_by_key(|(claim, _)| std::cmp::Reverse(pattern::said(&claim.host)));
        live
    }

    /// Which label values the metrics may show.
    pub fn label_policy(&self) -> LabelPolicy {
        let config = &self.config;
        let by_budgets = config
            .budgets
            .iter()
            .filter_map(|limit| limit.matches.dimensions.get(&Dimension::Team));
        let by_rules = config
            .identify
            .iter()
            .filter_map(|rule| rule.labels.team.as_ref());
        let teams = config.labels.team.iter().chain(by_rules);
        let teams = teams.chain(by_budgets.flatten());
        let catalog = Arc::clone(&self.catalog);
        LabelPolicy {
            providers: self.by_name.keys().cloned().collect(),
            teams: teams.filter(|team| !team.ends_with('*')).cloned().collect(),
            knows_model: Arc::new(move |_provider, model| catalog.knows_model(model)),
        }
    }

    /// The provider of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<Provider>> {
        self.by_name.get(name)
    }

    /// What takes the place of a weir key on the way to that provider.
    pub fn own_key(&self, provider: &str) -> Option<Arc<Own>> {
        self.own_keys.get(provider).cloned()
    }

    /// Reads the providers' own keys again where their files changed.
    pub fn look_at_keys(&self) {
        self.own_keys.values().for_each(|own| own.look());
    }

    /// The provider that claims the host: by its name, else by the narrowest pattern that it fits.
    pub fn claiming(&self, target: &HostPort) -> Option<&Arc<Provider>> {
        let fits = |claim: &HostPort| {
            claim.port == target.port && pattern::fits(&claim.host, &target.host)
        };
        self.by_host.get(target).or_else(|| {
            let mut claims = self.by_pattern.iter();
            claims.find(|(claim, _)| fits(claim)).map(|(_, by)| by)
        })
    }

    /// The second upstream of one of these settings' providers.
    pub fn failover(&self, provider: &Provider) -> Option<&Arc<Destination>> {
        self.peers.get(&provider.name)?.failover.as_ref()
    }

    /// Where a call of one of these settings' providers goes: its upstream, or another host that it claims.
    ///
    /// The latter is made for each call: what is kept between calls is the pool, by the destination's group.
    pub fn destination(&self, provider: &Provider, to: &Upstream) -> Option<Arc<Destination>> {
        let peers = self.peers.get(&provider.name)?;
        match &peers.upstream {
            Some(upstream) if provider.upstream.as_ref() == Some(to) => Some(Arc::clone(upstream)),
            _ => {
                let roots = peers.roots.clone();
                Some(Arc::new(Destination::of_provider(provider, to, roots)))
            }
        }
    }
}

/// A provider's own roots together with the system's.
fn roots(own: &[Vec<u8>]) -> Arc<CaType> {
    let system = rustls_native_certs::load_native_certs().certs;
    let all = own
        .iter()
        .cloned()
        .chain(system.into_iter().map(|root| root.to_vec()));
    let parsed = all.filter(|der| X509Certificate::from_der(der).is_ok());
    parsed.map(wrap).collect::<Vec<WrappedX509>>().into()
}

fn wrap(der: Vec<u8>) -> WrappedX509 {
    WrappedX509::new(der, |der| {
        X509Certificate::from_der(der)
            .expect("only certificates that parse are wrapped")
            .1
    })
}

/// Everything that calls share.
pub struct Engine {
    pub live: ArcSwap<Live>,
    pub ledger: Ledger,
    pub budgets: Arc<Budgets>,
    pub metrics: Arc<Metrics>,
    pub estimator: Estimator,
    pub hasher: KeyHasher,
    pub keys: Keys,
    pub counting: Counting,
    pub once: Once,
    pub background: Background,
    pub breakers: Breakers,
    pub clock: Arc<dyn Clock>,
    /// See [`recount`](Engine::recount).
    pub recounting: Arc<Mutex<()>>,
}

impl Engine {
    /// Puts other settings in force; calls in flight keep theirs.
    ///
    /// # Errors
    ///
    /// Where the ledger could not be read: new budgets then count from here on.
    pub fn apply(&self, live: Live) -> Result<(), Error> {
        let _alone = self.recount();
        self.keys
            .reread(&live.config.currencies, self.clock.unix_ms());
        self.breakers.keep(|name| {
            live.named(name)
                .is_some_and(|provider| provider.resilience.breaker.is_some())
        });
        self.live.store(Arc::new(live));
        self.put_in_force()
    }

    /// Takes over what operators did to keys.
    ///
    /// # Errors
    ///
    /// Where the ledger could not be read.
    pub fn keys_changed(&self) -> Result<(), Error> {
        let _alone = self.recount();
        let keys = self.ledger.reader()?.keys()?;
        let now = self.clock.unix_ms();
        self.keys
            .replace(keys, &self.live.load().config.currencies, now);
        self.put_in_force()
    }

    /// Puts in force what settings and keys say together: budgets, and label values for the metrics.
    fn put_in_force(&self) -> Result<(), Error> {
        let live = self.live.load();
        let mut policy = live.label_policy();
        policy.teams.extend(self.keys.teams());
        self.metrics.set_policy(policy);
        let mut limits = live.config.budgets.clone();
        limits.extend(self.keys.limits());
        let zone = live.config.timezone.clone();
        self.budgets.replace(limits, zone, self.clock.unix_ms());
        replay(&self.budgets, &self.ledger)
    }

    /// Puts other costs on record, and tells budgets and metrics once they are.
    ///
    /// # Errors
    ///
    /// Those of `commit`; nothing is told then.
    pub fn correct(
        &self,
        changes: &[Change],
        commit: &mut dyn FnMut() -> Result<(), ledger::Error>,
    ) -> Result<(), ledger::Error> {
        let _alone = self.recount();
        commit()?;
        let now = self.clock.unix_ms();
        for Change { call, cost, .. } in changes {
            let more = cost.unwrap_or_default() - call.cost.unwrap_or_default();
            let head = &call.head;
            let counted_at = head.counted_at.unwrap_or(head.started_at);
            self.budgets
                .correct(&Facts::of(call), counted_at, more, now);
            self.metrics.cost_added(call, more);
        }
        Ok(())
    }

    /// Waits until nobody tells the budgets of the past; until it is dropped nobody else does. What is both read
    /// from the ledger and told of a change in it would count twice.
    pub fn recount(&self) -> MutexGuard<'_, ()> {
        self.recounting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The metrics as they stand, budgets included.
    pub fn render_metrics(&self) -> String {
        self.background.expire(self.clock.unix_ms());
        for (budget, calls) in self.budgets.take_overruns() {
            self.metrics.overrun(&budget, calls);
        }
        let stands = self.breakers.stands();
        let stands = stands
            .iter()
            .map(|(name, stand)| (name.as_str(), stand.level()));
        self.metrics.show_breakers(stands);
        self.metrics
            .render(&self.budgets.snapshot(self.clock.unix_ms()))
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Claims for Engine {
    fn claims(&self, target: &HostPort) -> bool {
        self.live.load().claiming(target).is_some()
    }

    fn tunnel(&self) -> Policy {
        self.live.load().config.tunnel
    }

    fn may_tunnel(&self, authorization: Option<&str>) -> Result<(), &'static str> {
        let needs_key = self.live.load().config.require_key;
        let shown = authorization.and_then(of_proxy);
        self.keys.admits(shown, needs_key, self.clock.unix_ms())
    }

    fn tunnelled(&self, allowed: bool) {
        self.metrics.tunnel(allowed);
    }
}
