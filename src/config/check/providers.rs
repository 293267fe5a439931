//! The providers: those that weir knows, with what the file says over them, and the file's own.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::providers::{Api, Known, hosts};

use super::super::file;
use super::super::problem::{Found, Place, quoted};
use super::super::read::{At, Fault, Field, Named, Scalar};
use super::super::values::{Folder, Host, Label, ProviderName, Span, Url};
use super::super::{ApiKey, HostPort, Provider, Resilience, Roots, Timeouts, Upstream};
use super::resilience;

/// Timeouts where none are written.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    read: Duration::from_secs(900),
    write: Duration::from_secs(60),
    idle: Duration::from_secs(10),
};

/// Most bytes of a CA file that are looked at for a certificate.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// All providers, by name: the known ones are always present.
pub(super) fn check(
    written: &Field<Named<file::Provider>>,
    known: &[Known],
    own: [SocketAddr; 2],
    found: &mut Found,
) -> Vec<Arc<Provider>> {
    let mut all: Vec<Provider> = known.iter().map(as_known).collect();
    let written = written
        .value()
        .map(|Named(list)| list.as_slice())
        .unwrap_or_default();
    for (name, settings) in written {
        match ProviderName::parse(&name.value) {
            Err(fault) => {
                let why = if let Fault::Because(why) = fault {
                    format!(": {why}")
                } else {
                    String::new()
                };
                let (expected, got) = (ProviderName::EXPECTED, quoted(&name.value));
                let message = format!("expected {expected}, got {got}{why}");
                found.add(name.place.problem(message, "rename it"));
            }
            Ok(_) => match all.iter_mut().find(|provider| provider.name == name.value) {
                Some(provider) => overlay(provider, settings, found),
                None => all.extend(custom(name, settings, known, found)),
            },
        }
    }
    claim_once(&all, written, found);
    for (_, settings) in written {
        refuse_loop(settings, own, found);
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all.into_iter().map(Arc::new).collect()
}

/// An upstream that is weir itself would send each call round until no socket is left.
fn refuse_loop(written: &file::Provider, own: [SocketAddr; 2], found: &mut Found) {
    let first = written.upstream.here().map(|at| (&at.value.0, &at.place));
    let second = written.failover.here().and_then(|at| {
        let url = match &at.value {
            file::Second::Url(url) => Some(url),
            file::Second::Mapping(second) => second.upstream.value(),
        };
        url.map(|url| (&url.0, &at.place))
    });
    for (upstream, place) in first.into_iter().chain(second) {
        refuse_own(upstream, place, own, found);
    }
}

fn refuse_own(to: &Upstream, place: &Place, own: [SocketAddr; 2], found: &mut Found) {
    let Upstream { host, port, .. } = to;
    let address = match host.as_str() {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.parse().ok(),
    };
    let Some(address) = address.map(|ip| SocketAddr::new(ip, *port)) else {
        return;
    };
    if own
        .into_iter()
        .any(|listen| super::overlap(address, listen))
    {
        let message = format!("expected a provider's upstream, got weir's own address {address}");
        found.add(place.problem(message, "write where the provider itself listens"));
    }
}

fn as_known(known: &Known) -> Provider {
    let host = |text: &&str| Host::parse(text).map(|host| host.0);
    // Only servers of one's own are known by a plain-text address, and they ask for no key.
    let asks_for_none = known
        .upstream
        .is_some_and(|upstream| upstream.starts_with("http://"));
    Provider {
        name: known.name.to_owned(),
        api: known.api,
        catalog_id: known.catalog_id.map(str::to_owned),
        upstream: known.upstream.map(upstream),
        redirects: false,
        hosts: known
            .hosts
            .iter()
            .map(host)
            .collect::<Result<_, _>>()
            .expect("known hosts are hosts"),
        models: BTreeMap::new(),
        api_key: asks_for_none.then_some(ApiKey::NOTHING),
        ca: None,
        upstream_proxy: None,
        timeouts: TIMEOUTS,
        resilience: Resilience::default(),
    }
}

fn upstream(known: &str) -> Upstream {
    Url::parse(known).expect("known upstreams are URLs").0
}

fn custom(
    name: &At<String>,
    settings: &file::Provider,
    known: &[Known],
    found: &mut Found,
) -> Option<Provider> {
    if settings.upstream.is_absent() {
        let message = format!(
            "weir does not know {}, so it needs an upstream",
            quoted(&name.value)
        );
        let names: Vec<&str> = known.iter().map(|known| known.name).collect();
        let remedy = match super::suggestion(&name.value, names.iter().copied()) {
            close if close.starts_with("did you mean") => close,
            _ => "add `upstream: https://…`".to_owned(),
        };
        found.add(name.place.problem(message, remedy));
    }
    let written = settings.upstream.value().map(|url| url.0.clone());
    let claimed = written
        .as_ref()
        .and_then(|to| hosts::of(known, &to.host, to.port));
    let catalog_id = claimed.and_then(|known| known.catalog_id);
    let mut provider = Provider {
        name: name.value.clone(),
        api: Api::Auto,
        catalog_id: catalog_id.map(str::to_owned),
        upstream: written,
        redirects: true,
        hosts: Vec::new(),
        models: BTreeMap::new(),
        api_key: None,
        ca: None,
        upstream_proxy: None,
        timeouts: TIMEOUTS,
        resilience: Resilience::default(),
    };
    overlay(&mut provider, settings, found);
    Some(provider)
}

/// Lays what is written over a provider.
fn overlay(provider: &mut Provider, written: &file::Provider, found: &mut Found) {
    if let Some(api) = written.api.value() {
        provider.api = api.0;
    }
    if let Some(url) = written.upstream.value() {
        provider.upstream = Some(url.0.clone());
        provider.redirects = true;
    }
    if let Some(hosts) = written.hosts.value() {
        provider.hosts = hosts.iter().map(|at| at.value.0.clone()).collect();
    }
    if let Some(proxy) = written.upstream_proxy.value() {
        provider.upstream_proxy = Some(proxy.0.clone());
    }
    if let Some(Named(models)) = written.models.value() {
        let pair = |(name, model): &(At<String>, Label)| (name.value.clone(), model.0.clone());
        provider.models = models.iter().map(pair).collect();
    }
    provider.api_key = api_key(written, found).or(provider.api_key.take());
    provider.ca = written.ca.here().and_then(|at| ca(at, found));
    let own = provider.upstream.as_ref();
    let roots = |field: &Field<Folder>, found: &mut Found| ca(field.here()?, found);
    provider.resilience = resilience::check(written, own, roots, found);
    if let Some(timeouts) = written.timeouts.value() {
        for (field, timeout) in [
            (&timeouts.connect, &mut provider.timeouts.connect),
            (&timeouts.read, &mut provider.timeouts.read),
            (&timeouts.write, &mut provider.timeouts.write),
            (&timeouts.idle, &mut provider.timeouts.idle),
        ] {
            if let Some(at) = field.here() {
                *timeout = positive(at, found);
            }
        }
    }
}

fn positive(at: &At<Span>, found: &mut Found) -> Duration {
    if at.value.0.is_zero() {
        let message = "expected a duration of more than nothing, got 0";
        found.add(at.place.problem(message, "write it like `30s`"));
    }
    at.value.0
}

/// A file is read at once, as the CA's is.
fn api_key(written: &file::Provider, found: &mut Found) -> Option<ApiKey> {
    let (key, file) = (written.api_key.here(), written.api_key_file.here());
    match (key, file) {
        (Some(at), None) => Some(ApiKey::written(at.value.0.clone())),
        (None, Some(at)) => match ApiKey::in_file(at.value.0.clone()) {
            Ok(key) => Some(key),
            Err(why) => {
                let remedy = "write the path of a file with the key and nothing else";
                found.add(at.place.problem(why, remedy));
                None
            }
        },
        (Some(_), Some(at)) => {
            let message = "`api_key` is written besides";
            found.add(at.place.problem(message, "remove one of them"));
            None
        }
        (None, None) => None,
    }
}

/// A CA file is read at once, since an upstream that fails its first handshake says so too late.
fn ca(at: &At<Folder>, found: &mut Found) -> Option<Roots> {
    let path = at.value.0.clone();
    let (message, remedy) = match certificates(&path) {
        Ok(certificates) if !certificates.is_empty() => {
            return Some(Roots {
                path,
                certificates: certificates.into(),
            });
        }
        Ok(_) => (
            "expected a PEM file with certificates, found none in it".to_owned(),
            "write the path of a file with `-----BEGIN CERTIFICATE-----`",
        ),
        Err(error) => (
            format!("cannot read the file: {}", error.kind()),
            "a relative path counts from the folder that weir is started in",
        ),
    };
    found.add(at.place.problem(message, remedy));
    None
}

/// The certificates in a PEM file, as DER; what is no certificate is passed over.
fn certificates(path: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?
        .take(CA_BYTES_MAX)
        .read_to_end(&mut text)?;
    let blocks = pem::parse_many(&text).unwrap_or_default();
    let certificates = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE");
    Ok(certificates.map(pem::Pem::into_contents).collect())
}

/// A host that two providers claim would go to whichever comes first: neither is right.
fn claim_once(all: &[Provider], written: &[(At<String>, file::Provider)], found: &mut Found) {
    let mut owners: HashMap<&HostPort, &str> = HashMap::new();
    for provider in all {
        let settings = written.iter().find(|(name, _)| name.value == provider.name);
        let hosts = settings.and_then(|(_, settings)| settings.hosts.value());
        if hosts.is_none() {
            owners.extend(
                provider
                    .hosts
                    .iter()
                    .map(|host| (host, provider.name.as_str())),
            );
        }
    }
    for (name, settings) in written {
        for at in settings.hosts.value().into_iter().flatten() {
            let HostPort { host, port } = &at.value.0;
            let Some(owner) = owners.insert(&at.value.0, &name.value) else {
                continue;
            };
            let message = format!("{host}:{port} is claimed by provider `{owner}` already");
            let remedy = if owner == name.value {
                "remove one of them".to_owned()
            } else {
                format!("remove it, or take it from the other: `{owner}: {{ hosts: [] }}`")
            };
            found.add(at.place.problem(message, remedy));
        }
    }
}
