//! The door: whether a call is let in by its weir key, and what goes upstream in the key's place.

use std::sync::Arc;

use http::{HeaderValue, Method};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType as Fault, Result};

use super::own::Own;
use super::shown::{self, Off, Shown};
use super::{Known, Why};
use crate::config::{Held, HostPort, Provider};
use crate::ledger::Labels;
use crate::providers::credential::{self, Asked, HEADERS};
use crate::providers::hosts::pattern;
use crate::providers::{Dialect, ErrorType, RefusalResponse, refusal};
use crate::proxy::engine::{Engine, Live};
use crate::proxy::route::Target;

/// How a call came in, as far as keys are concerned.
#[derive(Debug, Default)]
pub struct Passage {
    /// Whose key it showed, whether or not that let it in.
    key: Option<Arc<Known>>,
    /// Why it goes no further.
    refused: Option<Refused>,
    /// What of its head stays behind.
    off: Option<Off>,
    /// What takes the place of what stays behind.
    own: Option<Arc<Own>>,
    /// The header in which the client's library put its credential.
    came_in: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Refused {
    ByKey(Why),
    /// The key is good, but there is nothing to put in its place.
    NothingOfOwn(String),
}

impl Passage {
    /// Looks at what a call shows, and takes the key out of its target's query.
    pub(in crate::proxy) fn of(
        engine: &Engine,
        live: &Live,
        target: &mut Arc<Target>,
        shown: Option<Shown>,
        head: &RequestHeader,
        has_credential: bool,
    ) -> Self {
        let Some(shown) = shown else {
            let missing = live
                .config
                .require_key
                .then_some(Refused::ByKey(Why::Missing));
            return Passage {
                refused: missing,
                ..Passage::default()
            };
        };
        let mut passage = Passage {
            off: Some(Off::Keys),
            ..Passage::default()
        };
        match engine.keys.open(shown.look, engine.clock.unix_ms()) {
            Ok(key) => {
                passage.key = Some(key);
                passage.substitute(live, target, shown, head, has_credential);
            }
            Err((why, key)) => {
                passage.key = key;
                passage.refused = Some(Refused::ByKey(why));
            }
        }
        let path = passage
            .off
            .and_then(|off| shown::query_off(&target.path, off));
        if let Some(path) = path {
            Arc::make_mut(target).path = path;
        }
        passage
    }

    /// Decides what takes the place of a good key.
    fn substitute(
        &mut self,
        live: &Live,
        target: &Target,
        shown: Shown,
        head: &RequestHeader,
        has_credential: bool,
    ) {
        let provider = &target.provider;
        let name = &provider.name;
        // Beside a key of the client's own, which goes on where nothing takes its place.
        let has_own = has_credential || !shown.as_api_key;
        let missing = match live.own_key(name) {
            Some(own) if *own.present() == Held::Nothing => return,
            // A TRACE would bring it back.
            Some(own) if may_have_key(provider, target) && head.method != Method::TRACE => {
                self.own = Some(own);
                self.off = Some(Off::All(provider.api));
                let carries = |header: &&str| head.headers.contains_key(*header);
                self.came_in = HEADERS.iter().copied().find(carries);
                return;
            }
            Some(_) => format!(
                "weir: the api_key of {name} does not go to this host; set `upstream` of {name} in proxy.yaml"
            ),
            None => format!(
                "weir: there is no key of {name}'s own to send; set `api_key` (`none` where it asks for none) or `api_key_file` of {name} in proxy.yaml"
            ),
        };
        if !has_own {
            self.refused = Some(Refused::NothingOfOwn(missing));
        }
    }

    /// Whether the call goes no further.
    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Whose key it showed.
    pub fn id(&self) -> Option<String> {
        self.key.as_ref().and_then(|key| key.labels.key.clone())
    }

    /// Lets the key's labels stand before all others, and its id be the call's key.
    pub fn label(&self, labels: &mut Labels) {
        if let Some(key) = &self.key {
            let mut own = key.labels.clone();
            own.fill(labels);
            *labels = own;
        }
    }

    /// The refusal in the shape of the provider.
    pub fn answer(&self, target: &Target) -> Option<RefusalResponse> {
        let refused = self.refused.as_ref()?;
        let api = target.endpoint.dialect.and_then(Dialect::api);
        let api = api.unwrap_or(target.provider.api);
        let (status, message) = match refused {
            Refused::ByKey(why) => (401, why.message()),
            Refused::NothingOfOwn(why) => (403, why.as_str()),
        };
        let mut answer = refusal::error_response(api, status, ErrorType::Auth, message);
        let stop = ("x-should-retry", "false".to_owned());
        answer.headers.push(stop);
        Some(answer)
    }

    /// Takes weir's keys off a head that goes upstream, and puts the provider's own in their place.
    pub fn rewrite(&self, head: &mut RequestHeader, target: &Target) -> Result<()> {
        let Some(off) = self.off else { return Ok(()) };
        let own = self.own.as_ref().map(|own| own.present());
        let put = match own.as_deref() {
            Some(Held::Key(key)) => {
                let provider = &target.provider;
                let asked = Asked {
                    api: provider.api,
                    dialect: target.endpoint.dialect,
                    is_azure: provider.catalog_id.as_deref() == Some("azure"),
                    came_in: self.came_in,
                };
                Some(credential::place(asked, key.expose()))
            }
            _ => None,
        };
        leave_behind(head, off, put.as_ref().map(|(place, _)| *place))?;
        let Some((place, value)) = put else {
            return Ok(());
        };
        let unfit = |_| Error::explain(Fault::InvalidHTTPHeader, "api_key");
        let mut value = HeaderValue::try_from(value).map_err(unfit)?;
        value.set_sensitive(true);
        head.insert_header(place, value)
    }
}

/// Whether a request may go to a host that no provider claims; and its path without a key of weir's.
pub fn passes(
    engine: &Engine,
    head: &RequestHeader,
    path: Vec<u8>,
) -> (std::result::Result<(), &'static str>, Vec<u8>) {
    let needs_key = engine.live.load().config.require_key;
    let query = head.uri.query();
    let shown = shown::shown(&head.headers, query, None).map(|shown| shown.look);
    let admitted = engine.keys.admits(shown, needs_key, engine.clock.unix_ms());
    let path = shown::query_off(&path, Off::Keys).unwrap_or(path);
    (admitted, path)
}

/// Takes weir's keys off a head that goes to a host that no provider claims.
pub fn take_off(head: &mut RequestHeader) -> Result<()> {
    leave_behind(head, Off::Keys, None)
}

/// Takes credentials off; the header at `place` stays, for it is replaced where it stands.
fn leave_behind(head: &mut RequestHeader, off: Off, place: Option<&str>) -> Result<()> {
    for (name, left) in shown::headers_off(&head.headers, off) {
        match left {
            Some(left) => head.insert_header(name, left)?,
            None if place.is_some_and(|place| name == place) => {}
            None => drop(head.remove_header(&name)),
        }
    }
    Ok(())
}

/// Whether a provider's own key may go where the call goes: to the upstream that the settings name, else by TLS to
/// a host that it claims, but not to one whose first label anyone may choose.
fn may_have_key(provider: &Provider, target: &Target) -> bool {
    let to = &target.upstream;
    let claimed = |claim: &HostPort| {
        let open = claim.host.starts_with("*.");
        claim.port == to.port && !open && pattern::fits(&claim.host, &to.host)
    };
    provider.upstream.as_ref() == Some(to) || to.tls && provider.hosts.iter().any(claimed)
}
