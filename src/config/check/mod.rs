//! The file as written, to settings that are valid by construction.
//!
//! Each value was read by itself; here they are held against each other: what one key demands of
//! another, names that must exist or be unique, defaults that depend on the rest.

mod alerts;
mod budgets;
mod currencies;
mod identify;
mod prices;
mod providers;
mod resilience;
mod rollover;

pub(super) use budgets::key_amount;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::ledger::Labels;
use crate::providers::Known;

use super::file;
use super::problem::{Found, suggestion};
use super::read::{At, Field, Named};
use super::values::{Label, Span};
use super::{Admin, Config, Policy, Provider};

/// The proxy's address where none is written.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8900);

/// The admin side's address where none is written.
const ADMIN_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8901);

/// The data folder where none is written.
const DATA_DIR: &str = "./weir-data";

/// The provider of a base URL that names none.
const DEFAULT_PROVIDER: &str = "openai";

/// How long calls in flight may go on after SIGTERM, where nothing is written: below the 30 s after
/// which Kubernetes kills.
const GRACE: Duration = Duration::from_secs(25);

/// Longest grace.
const GRACE_MAX: Duration = Duration::from_secs(60 * 60);

/// Settings from a file; what does not fit together is noted, and the settings are then not to be
/// used.
pub(super) fn check(file: &file::File, known: &[Known], found: &mut Found) -> Config {
    let listen = file.listen.value().map_or(LISTEN, |address| address.0);
    let admin = admin(file, listen, found);
    let providers = providers::check(&file.providers, known, [listen, admin.listen], found);
    let currencies = currencies::check(&file.currencies, found);
    let budgets = budgets::budgets(&file.budgets, &providers, &currencies, found);
    let loopback = if listen.ip().is_loopback() {
        Policy::Allow
    } else {
        Policy::Block
    };
    Config {
        listen,
        admin,
        data_dir: file
            .data_dir
            .value()
            .map_or_else(|| PathBuf::from(DATA_DIR), |d| d.0.clone()),
        tunnel: file.tunnel.value().map_or(loopback, |policy| policy.0),
        default_provider: default_provider(&file.default_provider, &providers, found),
        labels: labels(file.labels.value()),
        trust_client_labels: file.trust_client_labels.value().is_none_or(|flag| flag.0),
        require_key: file.require_key.value().is_some_and(|flag| flag.0),
        identify: identify::rules(&file.identify, found),
        timezone: file
            .timezone
            .value()
            .map_or(TimeZone::UTC, |zone| zone.0.clone()),
        prices: prices::prices(&file.prices, &providers, &currencies, found),
        alerts: alerts::webhooks(&file.alerts, &budgets, found),
        anomaly: alerts::anomaly(&file.anomaly, &currencies, found),
        budgets,
        currencies,
        on_ledger_fault: file
            .on_ledger_fault
            .value()
            .map_or(Policy::Allow, |policy| policy.0),
        orphans: file
            .orphans
            .value()
            .map(|charge| charge.0)
            .unwrap_or_default(),
        response_headers: file.response_headers.value().is_some_and(|flag| flag.0),
        shutdown_grace: grace(file, found),
        providers,
    }
}

fn admin(file: &file::File, proxy: SocketAddr, found: &mut Found) -> Admin {
    let written = file.admin.value();
    let address = written.and_then(|admin| admin.listen.here());
    let listen = address.map_or(ADMIN_LISTEN, |at| at.value.0);
    let token = written
        .and_then(|admin| admin.token.value())
        .map(|token| token.0.clone());
    let is_absent = written.is_none_or(|admin| admin.token.is_absent());
    if let Some(at) = address.filter(|_| is_absent && !listen.ip().is_loopback()) {
        let message =
            format!("an admin address that is not a loopback one ({listen}) needs a token");
        found.add(
            at.place
                .problem(message, "add `token: ${WEIR_ADMIN_TOKEN}` to `admin`"),
        );
    }
    let place = address
        .map(|at| &at.place)
        .or(file.listen.here().map(|at| &at.place));
    if let Some(place) = place.filter(|_| overlap(listen, proxy)) {
        let message = format!("the proxy ({proxy}) and the admin side ({listen}) share a port");
        found.add(place.problem(message, "give each a port of its own"));
    }
    Admin { listen, token }
}

/// Whether two sockets cannot both be opened; port 0 is any free one.
pub(super) fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let same_host =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && same_host
}

fn default_provider(
    written: &Field<super::values::ProviderName>,
    providers: &[Arc<Provider>],
    found: &mut Found,
) -> String {
    let Some(at) = written.here() else {
        return DEFAULT_PROVIDER.to_owned();
    };
    let name = &at.value.0;
    match providers.iter().find(|provider| provider.name == *name) {
        None => found.add(
            at.place
                .problem(no_provider(name), known_providers(name, providers)),
        ),
        // Every customer has a host of its own, and a base URL names none.
        Some(provider) if provider.upstream.is_none() => {
            let message = format!("provider `{name}` has no upstream to be the default");
            let remedy = format!("add `{name}: {{ upstream: https://… }}` to the providers");
            found.add(at.place.problem(message, remedy));
        }
        Some(_) => {}
    }
    name.clone()
}

fn no_provider(name: &str) -> String {
    format!(
        "expected a provider's name, but none is called {}",
        super::problem::quoted(name)
    )
}

fn known_providers(name: &str, providers: &[Arc<Provider>]) -> String {
    suggestion(
        name,
        providers.iter().map(|provider| provider.name.as_str()),
    )
}

fn labels(written: Option<&file::Labels>) -> Labels {
    let Some(written) = written else {
        return Labels::default();
    };
    let text = |field: &Field<Label>| field.value().map(|label| label.0.clone());
    let pair = |(name, value): &(At<String>, Label)| (name.value.clone(), value.0.clone());
    let tags = |Named(tags): &Named<Label>| tags.iter().map(pair).collect();
    Labels {
        key: None,
        user: text(&written.user),
        team: text(&written.team),
        project: text(&written.project),
        task: text(&written.task),
        tags: written.tags.value().map(tags).unwrap_or_default(),
    }
}

fn grace(file: &file::File, found: &mut Found) -> Duration {
    let written = file
        .shutdown
        .value()
        .and_then(|shutdown| shutdown.grace.here());
    written.map_or(GRACE, |at| at_most(at, GRACE_MAX, found))
}

/// A duration that must not pass `max`; past it the problem is noted.
fn at_most(at: &At<Span>, max: Duration, found: &mut Found) -> Duration {
    if at.value.0 > max {
        let message = format!(
            "expected at most {}s, got {}s",
            max.as_secs(),
            at.value.0.as_secs()
        );
        found.add(at.place.problem(message, "write a shorter duration"));
    }
    at.value.0
}
