//! One call in flight: what is known of it between its head and its row in the ledger.

use std::sync::Arc;
use std::time::Duration;

use pingora::proxy::Session;

use super::engine::{Engine, Live};
use super::forward::Destination;
use super::gate::WITHHELD_MAX;
use super::identify;
use super::keys::{Passage, shown};
use super::origin;
use super::request::RequestSide;
use super::resilience::Attempts;
use super::route::Target;
use super::session::{Kind, Tap};
use crate::budget::{Facts, Permit, Refusal};
use crate::ledger::{self, CallHead};
use crate::listen::connect::Connect;
use crate::metrics::InflightGuard;
use crate::providers::{Api, Dialect, Metering};
use crate::usage::Extraction;
use crate::usage::extract::Extractor;
use crate::usage::session::Unended;

/// Pingora's per-request context.
pub struct Ctx {
    pub engine: Arc<Engine>,
    /// The call, once it was routed to a provider.
    pub call: Option<Box<Call>>,
    /// Where a request goes that no provider claims, and its path there; a guard counts it as in flight.
    pub passthrough: Option<(Destination, Vec<u8>, InflightGuard)>,
}

impl Ctx {
    /// A context for the next request.
    pub fn new(engine: Arc<Engine>) -> Self {
        Ctx {
            engine,
            call: None,
            passthrough: None,
        }
    }

    /// The provider's name, for the log.
    pub fn provider(&self) -> &str {
        self.call
            .as_ref()
            .map_or("-", |call| call.head.provider.as_str())
    }

    /// Where the request's bytes go, with path and query for the upstream.
    pub fn destination(&self) -> Option<(&Destination, &[u8])> {
        match &self.call {
            Some(call) => {
                let destination = call.destination.as_deref()?;
                let path = call.attempts.over().unwrap_or(&call.target.path);
                Some((destination, path))
            }
            None => {
                let (destination, path, _) = self.passthrough.as_ref()?;
                Some((destination, path))
            }
        }
    }
}

/// Pingora drops a request's task at the end of the shutdown grace without calling its `logging`; a panic in a
/// filter does the same. The call is settled here then.
impl Drop for Ctx {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            call.settle(&self.engine, super::settle::Ending::Dropped);
        }
    }
}

/// Where admission stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// The body is withheld until it is known.
    Awaiting,
    /// Forwarded.
    Admitted,
    /// Answered by weir itself: a budget's no, or a ledger's fault.
    Refused,
}

/// A call to a provider.
pub struct Call {
    pub live: Arc<Live>,
    pub target: Arc<Target>,
    /// Where its bytes go.
    pub destination: Option<Arc<Destination>>,
    pub head: Arc<CallHead>,
    pub kind: Kind,
    /// What is read of a session, from its handshake on.
    pub tap: Option<Box<Tap>>,
    /// What the budgets go by.
    pub facts: Arc<Facts>,
    /// Whether the client named its user, so that the body's field does not count.
    pub user_is_named: bool,
    /// How it came in, by a key of weir's or without.
    pub passage: Passage,
    /// Monotonic time of the request head.
    pub began: Duration,
    /// Monotonic time of its end.
    pub ended: Option<Duration>,
    pub admission: Admission,
    pub permit: Option<Permit>,
    pub refusal: Option<Box<Refusal>>,
    /// The budget that sent it to another model.
    pub downgraded: Option<String>,
    /// Its body may yet be replaced after its head went upstream, so that states no length.
    pub may_be_rewritten: bool,
    pub request: RequestSide,
    pub response: ResponseSide,
    /// Time from the body, or what was needed of it, to the admission: what weir added.
    pub overhead: Option<Duration>,
    /// Whether its head went to the upstream, so that it may have been billed.
    pub reached_upstream: bool,
    pub attempts: Attempts,
    /// Counts the call as in flight until it is settled.
    pub inflight: InflightGuard,
}

impl Call {
    /// A call that has just arrived.
    pub fn begin(
        engine: &Engine,
        live: Arc<Live>,
        mut target: Arc<Target>,
        session: &Session,
        connect: Option<&Connect>,
    ) -> Self {
        let request = session.req_header();
        let query = request.uri.query();
        // Claude on Azure is called with its own header for keys, or with Azure's.
        let credentials = match (
            target.provider.api,
            target.endpoint.dialect.and_then(Dialect::api),
        ) {
            (Api::Openai, Some(Api::Anthropic)) => Api::Auto,
            (api, _) => api,
        };
        let by_proxy = connect.and_then(|connect| connect.authorization.as_deref());
        let mut caller = identify::identify(
            credentials,
            &request.headers,
            query,
            target.labels.as_deref(),
            by_proxy,
            live.config.trust_client_labels,
            &engine.hasher,
        );
        let shown = shown::shown(&request.headers, query, by_proxy);
        let has_credential = caller.labels.key.is_some();
        let passage = Passage::of(engine, &live, &mut target, shown, request, has_credential);
        // Rules go by the key that calls show.
        caller.labels.key = passage.id().or(caller.labels.key);
        origin::overrule(
            &mut caller,
            &live.config.identify,
            session,
            connect.is_some(),
        );
        let mut labels = caller.labels;
        passage.label(&mut labels);
        let user_is_named = labels.user.is_some();
        labels.fill(&live.config.labels);
        let started_at = engine.clock.unix_ms();
        let facts = Facts {
            provider: target.provider.name.clone(),
            model: target.endpoint.model.clone(),
            labels: labels.clone(),
            metered: target.endpoint.metering != Metering::Unmetered,
        };
        let head = CallHead {
            id: ledger::new_id(started_at),
            started_at,
            provider: target.provider.name.clone(),
            operation: target.endpoint.operation.to_owned(),
            dialect: target.endpoint.dialect.map_or("", Dialect::name).to_owned(),
            request_model: target.endpoint.model.clone(),
            labels,
            streamed: target.endpoint.streamed.unwrap_or(false),
            sent_model: None,
            attempt_of: None,
            counted_at: None,
        };
        Call {
            request: RequestSide::new(&target, session),
            kind: if target.endpoint.is_session() {
                Kind::Session
            } else {
                Kind::Whole
            },
            tap: None,
            inflight: engine.metrics.inflight(),
            destination: live.destination(&target.provider, &target.upstream),
            live,
            target,
            head: Arc::new(head),
            facts: Arc::new(facts),
            user_is_named,
            passage,
            began: engine.clock.monotonic(),
            ended: None,
            admission: Admission::Awaiting,
            permit: None,
            refusal: None,
            downgraded: None,
            may_be_rewritten: false,
            response: ResponseSide::default(),
            overhead: None,
            reached_upstream: false,
            attempts: Attempts::default(),
        }
    }

    /// Something that the session `of` makes: admitted, and with nothing of a request to read.
    pub fn part(engine: &Engine, of: &Call, head: CallHead, facts: Facts) -> Self {
        Call {
            live: Arc::clone(&of.live),
            target: Arc::clone(&of.target),
            destination: None,
            head: Arc::new(head),
            kind: Kind::Part,
            tap: None,
            facts: Arc::new(facts),
            user_is_named: of.user_is_named,
            passage: Passage::default(),
            began: engine.clock.monotonic(),
            ended: None,
            admission: Admission::Admitted,
            permit: None,
            refusal: None,
            downgraded: None,
            may_be_rewritten: false,
            request: RequestSide::unread(),
            response: ResponseSide {
                status: of.response.status,
                ..ResponseSide::default()
            },
            overhead: None,
            reached_upstream: true,
            attempts: Attempts::default(),
            inflight: engine.metrics.inflight(),
        }
    }

    /// Gets ready to send the request, for the first time or again: on a repeat Pingora hands the whole body to
    /// the filter once more.
    pub fn begin_attempt(&mut self, session: &Session) {
        let is_read = self.request.known || self.request.replaced.is_some();
        if self.attempts.made() > 0 && !is_read {
            self.request = RequestSide::new(&self.target, session);
        }
    }

    /// Bytes of the body that may go upstream in one write, since they are withheld until they are admitted.
    pub fn body_at_once(&self) -> u64 {
        match self.admission {
            Admission::Awaiting if self.request.stated > 0 => self.request.stated.min(WITHHELD_MAX),
            Admission::Awaiting => WITHHELD_MAX,
            _ => 0,
        }
    }

    /// Now that the body is known, decides what a client means that closes its side.
    ///
    /// One that streams has left, and its upstream is cut off at once. An unstreamed answer is billed whole
    /// whether anybody reads it or not, so a half-closed client still gets it and the count is exact.
    pub fn body_is_known(&mut self, session: &mut Session) {
        let streamed = self.target.endpoint.streams(self.request.streams());
        let upgrade = session.is_upgrade_req();
        session
            .as_downstream_mut()
            .set_abort_on_close(streamed || upgrade);
    }
}

/// What was read of the response.
#[derive(Default)]
pub struct ResponseSide {
    pub status: Option<u16>,
    pub extractor: Option<Extractor>,
    /// What was read, once the provider's terminal usage was seen.
    pub extraction: Option<Extraction>,
    /// What a session's end left unfinished.
    pub left: Option<Unended>,
    /// Within a session, the provider said no.
    pub failed: bool,
    pub bytes: u64,
    /// Monotonic time of the first body byte.
    pub first_byte: Option<Duration>,
    pub upstream_request_id: Option<String>,
    /// What the client got where weir answered in the upstream's place.
    pub own_status: Option<u16>,
}
