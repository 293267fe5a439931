//! Settle: what a call was and what it cost, once: the ledger's row, the permit's end, the metrics.

use std::sync::Arc;
use std::time::Duration;

use pingora::{Error, ErrorSource, ErrorType as Fault};

use super::call::{Admission, Call};
use super::engine::Engine;
use super::session::Kind;
use crate::budget::Size;
use crate::budget::estimate::Caller;
use crate::ledger::{self, Outcome};
use crate::pricing::{Charge, STATED_BY_PROVIDER};
use crate::providers::{Dialect, ErrorType, Metering, Selectors};
use crate::units::PicoUsd;
use crate::usage::{Extraction, StreamEnd, Usage, UsageSource};

/// How a call ended, as the proxy saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The answer went through to its end, or weir gave one itself.
    Complete,
    ClientClosed,
    /// The upstream broke off, or could not be reached.
    Upstream(ErrorType),
    /// The task ended without a word: the shutdown's grace was over.
    Dropped,
}

impl Ending {
    /// The same, as the extractor calls it.
    fn of_stream(self) -> StreamEnd {
        match self {
            Ending::Complete => StreamEnd::Complete,
            Ending::ClientClosed => StreamEnd::ClientClosed,
            Ending::Upstream(_) | Ending::Dropped => StreamEnd::UpstreamClosed,
        }
    }

    /// What Pingora's error, or none, says of the end.
    pub fn of(error: Option<&Error>) -> Ending {
        let Some(error) = error else {
            return Ending::Complete;
        };
        match (error.etype(), error.esource()) {
            (Fault::HTTPStatus(_), ErrorSource::Downstream) => Ending::Complete,
            (_, ErrorSource::Downstream) => Ending::ClientClosed,
            _ => Ending::Upstream(upstream_fault(error)),
        }
    }
}

/// How an upstream failed.
pub fn upstream_fault(error: &Error) -> ErrorType {
    match error.etype() {
        Fault::ConnectTimedout | Fault::ReadTimedout | Fault::TLSHandshakeTimedout => {
            ErrorType::Timeout
        }
        _ => ErrorType::Network,
    }
}

/// A cost and where it is from.
pub(super) struct Priced {
    pub(super) cost: Option<PicoUsd>,
    pub(super) version: Option<String>,
}

impl Call {
    /// Ends the hold on the budgets as soon as the provider's terminal usage was seen: many clients leave right
    /// after it, and other calls may wait for the room.
    pub fn usage_is_final(&mut self) {
        let Some(extraction) = self.response.extraction.take() else {
            return;
        };
        let selectors = self.selectors(&extraction);
        let priced = self.price(&extraction, &selectors);
        if let Some(permit) = self.permit.take() {
            permit.settle(&size_of(extraction.usage.as_ref(), priced.cost));
        }
        self.response.extraction = Some(extraction);
    }

    /// Ends the call: called once, and it takes the call with it. Where its text must be counted, that is done
    /// elsewhere; by its length at once where there is no time or no room for it.
    pub fn settle(mut self: Box<Self>, engine: &Arc<Engine>, ending: Ending) {
        self.ended = Some(engine.clock.monotonic());
        let ending = self.end_session(engine, ending);
        if !self.must_count(ending) {
            return self.settle_counted(engine, ending);
        }
        let mut left = self;
        if ending != Ending::Dropped {
            match engine.counting.take(engine, left, ending) {
                Ok(()) => return,
                Err(back) => left = back,
            }
            engine.metrics.bound_hit("counting");
        }
        left.forget_text();
        left.settle_counted(engine, ending);
    }

    /// Ends the reading of the answer; tells whether text must be counted.
    fn must_count(&mut self, ending: Ending) -> bool {
        if self.response.extraction.is_some() {
            return false;
        }
        if self.kind == Kind::Part {
            return true;
        }
        match &mut self.response.extractor {
            Some(extractor) => extractor.close(ending.of_stream()),
            None => self.was_left(ending),
        }
    }

    fn forget_text(&mut self) {
        self.request.text.forget();
        if let Some(left) = &mut self.response.left {
            left.forget_text();
        }
        if let Some(extractor) = &mut self.response.extractor {
            extractor.forget_text();
        }
    }

    /// Ends the call, counting its text where nothing was reported.
    pub(super) fn settle_counted(mut self: Box<Self>, engine: &Engine, ending: Ending) {
        let outcome = self.outcome(ending);
        let mut extraction = self.extraction(engine, ending);
        let selectors = self.selectors(&extraction);
        let priced = self.price(&extraction, &selectors);
        if let Ending::Upstream(kind) = ending {
            extraction.error = Some(kind);
        }
        if self.passage.is_refused() {
            extraction.error = Some(ErrorType::Auth);
        }
        if let Some(permit) = self.permit.take() {
            if self.was_forwarded() {
                self.hold_on(engine, &permit, &extraction, priced.cost);
                permit.settle(&size_of(extraction.usage.as_ref(), priced.cost));
            } else {
                permit.release();
            }
        }
        self.free_fetched(engine, &extraction);
        if self.is_unseen(&extraction, &priced) {
            engine.metrics.unmetered(&self.head.provider);
        }
        self.teach(engine, &extraction, priced.cost, outcome);
        let overhead = self.overhead;
        let refused_by = self.refusal.take().map(|refusal| refusal.budget);
        let row = self.row(extraction, selectors, priced, outcome, refused_by);
        engine.metrics.call_settled(&row, overhead);
        engine.ledger.settle(row);
    }

    fn extraction(&mut self, engine: &Engine, ending: Ending) -> Extraction {
        if let Some(extraction) = self.response.extraction.take() {
            return extraction;
        }
        if let Some(left) = self.response.left.take() {
            return left.extraction();
        }
        match self.response.extractor.take() {
            Some(mut extractor) => {
                let found = extractor.extraction(ending.of_stream(), &self.request.text);
                self.count_once(engine, found)
            }
            None => self.unanswered(ending),
        }
    }

    /// Whether the client left, the upstream broke off, or weir stopped, before the answer to a delivered
    /// request began.
    fn was_left(&self, ending: Ending) -> bool {
        ending != Ending::Complete && self.may_bill_input()
    }

    /// Whether the provider had the request and may bill its input, though it gave no answer.
    pub(super) fn may_bill_input(&self) -> bool {
        self.target.endpoint.metering == Metering::Metered
            && self.kind == Kind::Whole
            && self.reached_upstream
            && self.admission == Admission::Admitted
    }

    /// A call whose answer never began: a provider that had the request may bill its input.
    fn unanswered(&self, ending: Ending) -> Extraction {
        if !self.was_left(ending) {
            return Extraction::nothing();
        }
        self.input_alone(self.request.text.tokens(self.head.asked_model()))
    }

    /// A call of which only the input is known, and that estimated.
    pub(super) fn input_alone(&self, input: u64) -> Extraction {
        let mut extraction = Extraction::nothing();
        let facts = self.request.facts();
        let usage = match self.target.endpoint.dialect {
            // Nothing is known of a job that was not answered.
            Some(Dialect::OpenaiVideos | Dialect::OpenaiAudio) => return extraction,
            _ if !facts.units.is_empty() => Usage {
                other_units: facts.units,
                ..Usage::default()
            },
            _ => Usage {
                input: Some(input),
                output: Some(0),
                ..Usage::default()
            },
        };
        extraction.usage = Some(usage);
        extraction.source = UsageSource::Estimated;
        extraction
    }

    /// Whether a path that weir does not know took the call past the budgets: it was answered, and what it used
    /// cannot be told.
    fn is_unseen(&self, extraction: &Extraction, priced: &Priced) -> bool {
        self.target.endpoint.metering == Metering::Unmetered
            && self.admission == Admission::Admitted
            && extraction.usage.is_none()
            && priced.cost.is_none()
    }

    fn outcome(&self, ending: Ending) -> Outcome {
        let is_error = self.failed();
        match ending {
            _ if self.admission == Admission::Refused => Outcome::Refused,
            // A client that leaves after the terminal usage got what it came for.
            Ending::ClientClosed
                if self.response.extraction.is_some() && self.kind == Kind::Whole && !is_error =>
            {
                Outcome::Ok
            }
            Ending::ClientClosed => Outcome::ClientClosed,
            Ending::Upstream(_) if self.response.status.is_some() => Outcome::UpstreamClosed,
            Ending::Upstream(_) => Outcome::UpstreamError,
            Ending::Dropped => Outcome::Orphaned,
            Ending::Complete if is_error || self.response.own_status.is_some() => {
                Outcome::UpstreamError
            }
            Ending::Complete => Outcome::Ok,
        }
    }

    /// Whether it counts on budgets: it was admitted, and its upstream could be reached.
    fn was_forwarded(&self) -> bool {
        self.admission == Admission::Admitted && self.reached_upstream
    }

    /// Whether the provider said no.
    fn failed(&self) -> bool {
        self.response.failed || self.response.status.is_some_and(|status| status >= 400)
    }

    /// The cost of what was read, by the price in force when the call began.
    pub(super) fn price(&self, extraction: &Extraction, selectors: &Selectors) -> Priced {
        if let Some(cost) = extraction.provider_cost {
            return Priced {
                cost: Some(cost),
                version: Some(STATED_BY_PROVIDER.to_owned()),
            };
        }
        let free = Priced {
            cost: Some(PicoUsd::ZERO),
            version: None,
        };
        // Providers bill no error, whatever it states, and what never arrived costs nothing. What arrived and was
        // not answered may have been billed.
        let failed = match self.response.status {
            Some(status) => status >= 400,
            None => !self.reached_upstream,
        };
        let metering = self.target.endpoint.metering;
        // A look at what was made costs nothing by itself.
        let looks = metering == Metering::Fetched && extraction.usage.is_none();
        let is_free = metering.is_free() || looks || failed;
        if self.admission != Admission::Admitted || is_free {
            return free;
        }
        // What a session makes is charged by itself.
        let is_read = extraction.source == UsageSource::Reported;
        if self.kind == Kind::Session && is_read {
            return free;
        }
        let Some(usage) = &extraction.usage else {
            // An error that is the whole answer, though its status is 200.
            let is_error = extraction.error.is_some() && extraction.source == UsageSource::None;
            return if self.failed() || is_error {
                free
            } else {
                Priced {
                    cost: None,
                    version: None,
                }
            };
        };
        let charge = Charge {
            provider: &self.target.provider.name,
            catalog_id: self.target.provider.catalog_id.as_deref(),
            dialect: self.target.endpoint.dialect,
            model: self.model(extraction),
            request_model: self.head.asked_model(),
            at: self.head.started_at,
            selectors,
            usage,
        };
        let cost = charge.cost(&self.live.catalog);
        Priced {
            cost: cost.amount,
            version: Some(cost.version),
        }
    }

    /// What the price depends on besides the model. Tier, speed and place are those of the answer or
    /// of the host alone: a provider may not know the ones that were asked for.
    pub(super) fn selectors(&self, extraction: &Extraction) -> Selectors {
        let asked = Selectors {
            service_tier: None,
            speed: None,
            geo: None,
            ..self.request.facts().selectors
        };
        let mut selectors = extraction.selectors.clone().or(asked);
        let route = self.route().map(str::to_owned);
        selectors.route = selectors.route.take().or(route);
        let geo = selectors.geo.take();
        selectors.geo = geo.or_else(|| self.target.geo.clone());
        selectors
    }

    /// What answered, else what was asked.
    fn model<'a>(&'a self, extraction: &'a Extraction) -> Option<&'a str> {
        extraction.model.as_deref().or(self.head.asked_model())
    }

    fn teach(
        &self,
        engine: &Engine,
        extraction: &Extraction,
        cost: Option<PicoUsd>,
        outcome: Outcome,
    ) {
        let reported = extraction.source == UsageSource::Reported && outcome == Outcome::Ok;
        let usage = extraction.usage.as_ref().map(Usage::overall);
        let Some(model) = self.head.asked_model().filter(|_| reported) else {
            return;
        };
        let caller = Caller {
            provider: &self.head.provider,
            model,
            key: self.head.labels.key.as_deref(),
        };
        let output = usage.and_then(|usage| usage.output);
        engine.estimator.learn(&caller, output, cost);
    }

    fn row(
        self: Box<Self>,
        extraction: Extraction,
        selectors: Selectors,
        priced: Priced,
        outcome: Outcome,
        refused_by: Option<String>,
    ) -> ledger::Call {
        let model = self.model(&extraction).map(str::to_owned);
        let took = self.ended.unwrap_or(self.began).saturating_sub(self.began);
        let first_byte = self
            .response
            .first_byte
            .map(|at| at.saturating_sub(self.began));
        let duration_ms = milliseconds(took);
        let forwarded = self.was_forwarded();
        ledger::Call {
            ended_at: self.head.started_at.saturating_add(duration_ms),
            model,
            usage: extraction.usage,
            usage_source: extraction.source,
            selectors,
            response_id: extraction.response_id,
            cost: priced.cost,
            price_version: priced.version,
            http_status: self.response.own_status.or(self.response.status),
            outcome,
            error_type: extraction.error,
            first_byte_ms: first_byte.map(milliseconds),
            duration_ms: Some(duration_ms),
            request_bytes: self.request.bytes,
            response_bytes: self.response.bytes,
            upstream_request_id: self.response.upstream_request_id,
            refused_by,
            forwarded,
            head: self.head,
        }
    }
}

pub(super) fn size_of(usage: Option<&Usage>, cost: Option<PicoUsd>) -> Size {
    let overall = usage.map(Usage::overall).unwrap_or_default();
    Size {
        cost,
        input_tokens: overall.input.unwrap_or(0),
        output_tokens: overall.output.unwrap_or(0),
    }
}

pub(super) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
