//! Admit: the hold on every budget that a call matches, and its record in the ledger, before a byte of it goes
//! upstream.

use std::sync::Arc;

use pingora::proxy::Session;
use tracing::debug;

use super::call::{Admission, Call};
use super::engine::Engine;
use super::identify;
use super::replay::look_back;
use super::session::Kind;
use crate::budget::estimate::{Ask, Known};
use crate::budget::{Pending, Preview, Refusal, Size, Sizes};
use crate::config::{Orphans, Policy};
use crate::ledger::Hold;
use crate::pricing::Lookup;
use crate::providers::{Backend, Dialect, Metering, RequestFacts, Selectors};
use crate::units::PicoUsd;

/// What becomes of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    Forward,
    /// A budget refuses it.
    Refuse,
    /// Its client left while it waited for room.
    Left,
    /// The ledger cannot take its hold and `on_ledger_fault: block` is set.
    LedgerFault,
}

impl Call {
    /// What the budgets say of the head alone; a call that is free depends on nothing in its body.
    pub fn preview(&self, engine: &Engine) -> Preview {
        let metering = self.target.endpoint.metering;
        if metering.is_free_to_ask() {
            return Preview::AdmitNow;
        }
        let now = engine.clock.unix_ms();
        let said = engine
            .budgets
            .preview(&self.facts, self.pending(), self.costs_for_sure(), now);
        match said {
            // At a path that weir does not know a body tells no size, and may name a model all the same.
            Preview::AdmitNow if self.is_unread() && self.names_model(engine) => Preview::NeedBody,
            // Its body tells nothing of what it holds.
            Preview::NeedBody if metering == Metering::Deferred => Preview::AdmitNow,
            said => said,
        }
    }

    /// Takes a budget's no.
    pub fn refuse(&mut self, refusal: Box<Refusal>) -> Decision {
        self.is_not_sent();
        self.refusal = Some(refusal);
        self.admission = Admission::Refused;
        Decision::Refuse
    }

    /// Takes the hold with all that is known, and puts it on record.
    ///
    /// A call that waits for room is watched meanwhile, as far as its protocol tells that the client left.
    pub async fn admit(&mut self, session: &mut Session, engine: &Engine) -> Decision {
        let from = engine.clock.monotonic();
        let mut request = self.learn_from_body();
        if let Err(refusal) = self.choose_model(engine, &mut request) {
            return self.refuse(refusal);
        }
        let sizes = self.sizes(engine, &request);
        let started_at = self.head.started_at;
        let clock = engine.clock.as_ref();
        let admitted = engine
            .budgets
            .admit_waiting(clock, &self.facts, &sizes, started_at);
        let admitted = tokio::select! {
            biased;
            admitted = admitted => admitted,
            () = client_left(session) => return Decision::Left,
        };
        look_back(engine);
        match admitted {
            Ok(permit) => {
                if let Some(at) = permit.counted_apart_from(started_at) {
                    Arc::make_mut(&mut self.head).counted_at = Some(at);
                }
                self.permit = Some(permit);
            }
            Err(refusal) => return self.refuse(refusal),
        }
        self.body_is_known(session);
        let hold = self.hold(&sizes);
        if let Err(fault) = engine.ledger.hold(hold).await {
            // The ledger says so itself, once; a line for every call would fill the disk that may be full.
            debug!(%fault, "the ledger did not take a hold");
            if self.live.config.on_ledger_fault == Policy::Block {
                self.admission = Admission::Refused;
                return Decision::LedgerFault;
            }
        }
        if let Some(budget) = &self.downgraded {
            engine.metrics.downgraded(budget);
        }
        self.admission = Admission::Admitted;
        self.overhead = Some(engine.clock.monotonic().saturating_sub(from));
        Decision::Forward
    }

    /// Tells the ledger what the body said where the hold was taken before it was read.
    pub fn amend(&mut self, engine: &Engine) {
        let mut request = self.learn_from_body();
        // It was admitted: what it is recorded as is all that is left to choose.
        let _ = self.choose_model(engine, &mut request);
        let sizes = self.sizes(engine, &request);
        engine.ledger.amend(self.hold(&sizes));
    }

    /// Moves what the body said into the call's head.
    fn learn_from_body(&mut self) -> RequestFacts {
        let facts = self.request.facts();
        let endpoint = &self.target.endpoint;
        let head = Arc::make_mut(&mut self.head);
        if head.sent_model.is_none() {
            head.request_model.clone_from(&facts.model);
        }
        head.streamed = endpoint.streams(facts.stream);
        let known = Arc::make_mut(&mut self.facts);
        known.model.clone_from(&facts.model);
        if let Some(user) = facts.user.as_deref().and_then(identify::clean)
            && !self.user_is_named
            && self.live.config.trust_client_labels
        {
            known.labels.user = Some(user.clone());
            head.labels.user = Some(user);
        }
        facts
    }

    /// What only the body can tell.
    pub(super) fn pending(&self) -> Pending {
        if self.request.known || self.is_unread() {
            return Pending::NOTHING;
        }
        Pending {
            model: self.head.request_model.is_none(),
            user: self.kind == Kind::Whole
                && !self.user_is_named
                && self.live.config.trust_client_labels,
        }
    }

    fn is_unread(&self) -> bool {
        matches!(self.target.endpoint.dialect, None | Some(Dialect::Sniffed))
    }

    /// Whether a model that its body may name is ruled by a budget.
    fn names_model(&self, engine: &Engine) -> bool {
        let pending = Pending {
            model: true,
            user: false,
        };
        !self.request.known && engine.budgets.rules_models(&self.facts, pending)
    }

    /// Whether the call costs something, as far as its head tells: by its model where the path names it, else
    /// because the provider has none that is free.
    pub(super) fn costs_for_sure(&self) -> bool {
        let metering = self.target.endpoint.metering;
        if !matches!(metering, Metering::Metered | Metering::Deferred) {
            return false;
        }
        let provider = &self.target.provider;
        match self.priced_model() {
            Some(model) => self
                .live
                .catalog
                .find(&self.lookup(model, Selectors::NONE))
                .map_or_else(|| self.may_cost(), |rates| !rates.is_free()),
            None => self
                .live
                .catalog
                .always_costs(&provider.name, provider.catalog_id.as_deref()),
        }
    }

    /// Whether a model of which no price is known may be charged all the same: what answers may be one of those
    /// that the provider sells.
    fn may_cost(&self) -> bool {
        let provider = &self.target.provider;
        self.live
            .catalog
            .charges(&provider.name, provider.catalog_id.as_deref())
    }

    /// The model at whose price the call is expected: what the operator says is behind the name that was
    /// asked for, else that name itself. Where nobody knows a deployment, a hold of the size that the body's
    /// own name tells is better than none.
    pub(super) fn priced_model(&self) -> Option<&str> {
        let asked = self.head.asked_model()?;
        let behind = self.live.catalog.behind(&self.target.provider.name, asked);
        let named = behind.unwrap_or(asked);
        let said = self.request.other_model();
        // The body of a call that was sent elsewhere may still say what was asked for.
        let said = said.filter(|_| self.head.sent_model.is_none());
        let other = said.and_then(|said| {
            let lookup = self.lookup(named, Selectors::NONE);
            self.live.catalog.first_priced(&lookup, [named, said])
        });
        other.or(Some(named))
    }

    /// The key under which the model that was asked for is priced.
    pub fn lookup<'a>(&'a self, model: &'a str, selectors: &'a Selectors) -> Lookup<'a> {
        let backend = self.backend();
        Lookup {
            provider: &self.target.provider.name,
            catalog_id: backend.catalog_id,
            model: backend.model(model),
            at: self.head.started_at,
            selectors,
        }
    }

    /// By whose prices the call is priced.
    pub fn backend(&self) -> Backend<'_> {
        let own = self.target.provider.catalog_id.as_deref();
        Backend::of(own, self.head.asked_model(), self.route())
    }

    /// The way that the path names, where prices differ by it.
    pub fn route(&self) -> Option<&'static str> {
        let own = self.target.provider.catalog_id.as_deref();
        let path = std::str::from_utf8(&self.target.path).unwrap_or_default();
        Backend::route(own, path)
    }

    pub(super) fn sizes(&self, engine: &Engine, request: &RequestFacts) -> Sizes {
        if self.kind == Kind::Session {
            return self.session_sizes();
        }
        if self.target.endpoint.metering != Metering::Metered {
            let metering = self.target.endpoint.metering;
            let free = metering.is_free() || metering.is_free_to_ask();
            let cost = free.then_some(PicoUsd::ZERO);
            let nothing = Size { cost, ..Size::FREE };
            return Sizes::alike(nothing);
        }
        let mut selectors = request.selectors.clone();
        selectors.geo = selectors.geo.or_else(|| self.target.geo.clone());
        let model = self.priced_model().unwrap_or_default();
        let lookup = self.lookup(model, &selectors);
        let known = Known::of(&self.live.catalog, &lookup, self.target.endpoint.dialect);
        let sizes = engine.estimator.sizes(&Ask {
            provider: &self.head.provider,
            key: self.head.labels.key.as_deref(),
            request,
            answers: !matches!(self.target.endpoint.operation, "embeddings" | "videos"),
            body_bytes: self.request.size(),
            input_tokens: None,
            text_only: false,
            known: &known,
        });
        self.may_be_charged(sizes)
    }

    /// A session takes its place and nothing else; what it makes is held by itself. A model without a price
    /// is one all the same.
    fn session_sizes(&self) -> Sizes {
        let rates = |model| {
            let lookup = self.lookup(model, Selectors::NONE);
            self.live.catalog.find(&lookup)
        };
        let is_unpriced = self
            .priced_model()
            .is_some_and(|model| rates(model).is_none());
        let cost = (!is_unpriced).then_some(PicoUsd::ZERO);
        self.may_be_charged(Sizes::alike(Size { cost, ..Size::FREE }))
    }

    /// The sizes; what has no known price and may be charged holds no less than the least there is.
    pub(super) fn may_be_charged(&self, sizes: Sizes) -> Sizes {
        let least = match sizes.expected.cost {
            None if self.may_cost() => PicoUsd::new(1),
            _ => PicoUsd::ZERO,
        };
        Sizes {
            unpriced: sizes.unpriced.max(least),
            ..sizes
        }
    }

    /// The hold as the ledger keeps it, with what the call is charged if weir is killed before it ends.
    pub(super) fn claim(&self, sizes: &Sizes, input_tokens: Option<u64>) -> Hold {
        let model = self.priced_model().unwrap_or_default();
        let rates = self.live.catalog.find(&self.lookup(model, Selectors::NONE));
        let input_cost = || rates.as_ref()?.input_cost(input_tokens?);
        let (output_tokens, cost) = match self.live.config.orphans {
            Orphans::Input => (None, input_cost()),
            Orphans::Expected => (Some(sizes.expected.output_tokens), sizes.expected.cost),
            Orphans::WorstCase => (Some(sizes.worst_case.output_tokens), sizes.worst_case.cost),
        };
        Hold {
            head: Arc::clone(&self.head),
            input_tokens: match self.live.config.orphans {
                Orphans::WorstCase => input_tokens.map(|_| sizes.worst_case.input_tokens),
                _ => input_tokens,
            },
            output_tokens: input_tokens.and(output_tokens),
            cost,
            price_version: Some(self.live.catalog.version().to_owned()),
        }
    }

    pub(super) fn hold(&self, sizes: &Sizes) -> Hold {
        if self.kind == Kind::Session {
            return Hold {
                head: Arc::clone(&self.head),
                input_tokens: None,
                output_tokens: None,
                cost: Some(PicoUsd::ZERO),
                price_version: None,
            };
        }
        // What cannot be read, or was made by another call, has no size: an unknown cost is none, never 0.
        let metering = self.target.endpoint.metering;
        let input = (metering == Metering::Metered).then_some(sizes.expected.input_tokens);
        let mut hold = self.claim(sizes, input);
        if metering.is_free() {
            hold.cost = Some(PicoUsd::ZERO);
        } else if input.is_none() {
            hold.cost = None;
        }
        hold
    }
}

/// Ends when the client has left; never where that cannot be told, since its body is still to be read.
async fn client_left(session: &mut Session) {
    if session.is_http2() || session.is_body_done() {
        // Nobody waits for room on a connection that is half closed: it would be billed for nobody.
        let downstream = session.as_downstream_mut();
        downstream.set_abort_on_close(true);
        if downstream.read_body_or_idle(true).await.is_err() {
            return;
        }
    }
    std::future::pending().await
}
