//! Next: whether a failed attempt is followed by another, where, and after which pause.

use std::sync::Arc;
use std::time::Duration;

use pingora::proxy::Session;
use pingora::{Error, ErrorType as Fault, Result};

use super::pause::{Asked, pause};
use crate::config::resilience::{Failure, Retry};
use crate::proxy::call::{Admission, Call, ResponseSide};
use crate::proxy::engine::Engine;
use crate::proxy::forward::Destination;

/// Where the next attempt goes.
enum Next {
    /// To the same upstream, after a pause.
    Here(Duration),
    /// To the second one, at once.
    Over,
}

impl Call {
    /// Gets ready for another attempt; `false` where there is none.
    pub(super) fn try_again(
        &mut self,
        session: &Session,
        engine: &Engine,
        failure: Failure,
        asked: Asked,
    ) -> bool {
        let Some(next) = self.next(session, engine, failure, asked) else {
            return false;
        };
        if self.reached_upstream
            && self.admission == Admission::Admitted
            && !self.end_attempt(engine, failure)
        {
            return false;
        }
        self.response = ResponseSide::default();
        self.reached_upstream = false;
        match next {
            Next::Here(pause) => {
                let provider = &self.target.provider.name;
                engine.metrics.retried(provider, failure.name());
                self.attempts.again = Some(pause);
            }
            Next::Over => {
                self.go_over(engine);
                self.attempts.again = Some(Duration::ZERO);
            }
        }
        true
    }

    fn next(
        &self,
        session: &Session,
        engine: &Engine,
        failure: Failure,
        asked: Asked,
    ) -> Option<Next> {
        let retry = self.target.provider.resilience.retry.as_ref();
        let listed = retry.filter(|retry| retry.on.contains(&failure));
        let now = engine.clock.monotonic();
        let is_open = |to: &Destination| engine.breakers.shut_for(to.group(), now).is_none();
        // What was never sent may go anywhere; what may have been is sent twice only where that was asked for.
        let over = self
            .second()
            .filter(|to| (failure == Failure::Connect || listed.is_some()) && is_open(to));
        if (listed.is_none() && over.is_none())
            || session.is_upgrade_req()
            || session.is_process_shutting_down()
        {
            return None;
        }
        if session.as_ref().retry_buffer_truncated() {
            engine.metrics.bound_hit("retry_body");
            return None;
        }
        let spent = now.saturating_sub(self.attempts.first);
        let goes_over_at_once = failure == Failure::Connect && over.is_some();
        let here = listed.filter(|retry| {
            self.attempts.here < retry.attempts
                && !goes_over_at_once
                && self.destination.as_deref().is_some_and(is_open)
        });
        let pause = here.and_then(|retry| {
            let pause = pause(retry, self.attempts.here, asked, self.head.id)?;
            (spent.saturating_add(pause) <= retry.within).then_some(pause)
        });
        let within = retry.map_or_else(|| Retry::default().within, |retry| retry.within);
        let over = over.filter(|_| spent <= within).map(|_| Next::Over);
        pause.map(Next::Here).or(over)
    }

    /// The second upstream, where the call has not gone there yet.
    fn second(&self) -> Option<&Arc<Destination>> {
        let first = self.attempts.over.is_none();
        self.live.failover(&self.target.provider).filter(|_| first)
    }

    /// Turns to the second upstream; `false` where there is none, or the call is there.
    fn go_over(&mut self, engine: &Engine) -> bool {
        let Some(second) = self.second().map(Arc::clone) else {
            return false;
        };
        let base = self.target.upstream.base_path.len();
        let path = self.target.path.get(base..).unwrap_or_default();
        self.attempts.over = Some([second.base_path().as_bytes(), path].concat());
        self.attempts.here = 0;
        self.destination = Some(second);
        engine.metrics.failed_over(&self.target.provider.name);
        true
    }

    /// Leave of the breaker of the upstream that the attempt goes to, else of the second one.
    pub(super) fn take_leave(&mut self, engine: &Engine) -> Result<()> {
        let Some(terms) = self.target.provider.resilience.breaker else {
            return Ok(());
        };
        let now = engine.clock.monotonic();
        loop {
            let Some(to) = self.destination.as_deref() else {
                return Ok(());
            };
            let provider = &self.target.provider.name;
            match engine.breakers.ask(provider, to.group(), terms, now) {
                Ok((ticket, change)) => {
                    if ticket.is_none() {
                        engine.metrics.bound_hit("breakers");
                    }
                    self.attempts.ticket = ticket;
                    self.note(engine, change);
                    return Ok(());
                }
                Err(_) if self.go_over(engine) => self.attempts.here = 1,
                Err(wait) => {
                    self.admission = Admission::Refused;
                    self.attempts.shut_for = Some(wait);
                    let shut = Error::explain(Fault::HTTPStatus(503), "breaker");
                    return Err(shut.into_down());
                }
            }
        }
    }
}
