//! Resilience: another attempt, another upstream, or none for a while, each only where a provider's settings ask
//! for it.
//!
//! The decision falls before a byte of an answer went to the client: where no connection came about, where it broke
//! before the head of an answer, or at that head. Pingora replays the body, as far as its buffer of 64 KiB reaches;
//! what is larger is never sent twice, and only a failed connection, under which nothing was sent, is overcome.
//! Sessions over WebSockets are left out.

mod attempt;
pub mod breaker;
pub mod breakers;
mod next;
pub mod pause;
mod shut;

use std::time::Duration;

use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType as Fault, Result};

use self::breakers::{Change, Ticket};
use self::pause::Asked;
use super::answer;
use super::call::Call;
use super::engine::Engine;
use super::settle::upstream_fault;
use crate::config::resilience::Failure;
use crate::providers::ErrorType;

pub use self::shut::{answer_if_shut, write_shut};

/// Most times that Pingora may begin anew for one call: ten attempts at each of two upstreams, and as many pooled
/// connections that turn out dead.
pub const TRIES_MAX: usize = 40;

/// What was tried for one call.
#[derive(Debug, Default)]
pub struct Attempts {
    /// Over both upstreams; a repetition on a pooled connection that was dead belongs to the attempt that it repeats.
    made: u32,
    /// At the present upstream.
    here: u32,
    /// Monotonic time of the first.
    first: Duration,
    /// Monotonic time of the present one.
    began: Duration,
    /// Unix milliseconds of the same.
    started_at: i64,
    /// Leave to send it, until its breaker was told.
    ticket: Option<Ticket>,
    /// Another is due: after this pause.
    again: Option<Duration>,
    /// Path and query at the second upstream, once the call has gone over.
    over: Option<Vec<u8>>,
    /// No upstream may be asked for that long.
    shut_for: Option<Duration>,
}

impl Attempts {
    /// How many were made.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// How long no upstream may be asked, where that ended the call.
    pub fn shut_for(&self) -> Option<Duration> {
        self.shut_for
    }

    /// Path and query at the second upstream, where the call goes there.
    pub fn over(&self) -> Option<&[u8]> {
        self.over.as_deref()
    }
}

/// Begins an attempt: pauses first where another has failed, and asks the upstream's breaker.
pub async fn begin(session: &mut Session, call: &mut Call, engine: &Engine) -> Result<()> {
    let again = call.attempts.again.take();
    if again.is_none() && call.attempts.made > 0 {
        return Ok(());
    }
    if let Some(pause) = again.filter(|pause| !pause.is_zero()) {
        back_off(session, call, pause).await?;
    }
    let now = engine.clock.monotonic();
    let attempts = &mut call.attempts;
    if attempts.made == 0 {
        attempts.first = now;
    }
    attempts.made += 1;
    attempts.here += 1;
    attempts.began = now;
    attempts.started_at = engine.clock.unix_ms();
    call.take_leave(engine)
}

/// No connection came about: whether there is another attempt is told in the error.
pub fn unconnected(session: &Session, call: &mut Call, engine: &Engine, error: &mut Error) {
    call.tell_breaker(engine, Some(Failure::Connect));
    if call.try_again(session, engine, Failure::Connect, Asked::Nothing) {
        error.set_retry(true);
    }
}

/// The exchange broke: whether there is another attempt is told in the error.
pub fn broke(session: &Session, call: &mut Call, engine: &Engine, error: &mut Error) {
    if call.attempts.again.is_some() {
        error.set_retry(true);
        return;
    }
    let is_unanswered = call.response.status.is_none() && answer::given(session).is_none();
    if error.retry() || *error.esource() != ErrorSource::Upstream || !is_unanswered {
        return;
    }
    let failure = match upstream_fault(error) {
        ErrorType::Timeout => Failure::Timeout,
        _ => Failure::Reset,
    };
    call.tell_breaker(engine, Some(failure));
    if call.try_again(session, engine, failure, Asked::Nothing) {
        error.set_retry(true);
    }
}

/// The head of an answer is here: an error where it is not passed on, since there is another attempt.
pub fn answered(
    session: &Session,
    call: &mut Call,
    engine: &Engine,
    head: &ResponseHeader,
) -> Result<()> {
    if head.status.is_informational() {
        return Ok(());
    }
    let failure = Failure::of_status(head.status.as_u16());
    call.tell_breaker(engine, failure);
    let Some(failure) = failure else {
        return Ok(());
    };
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let asked = Asked::of(header, engine.clock.unix_ms());
    call.watch_head(head);
    if call.try_again(session, engine, failure, asked) {
        let status = Fault::HTTPStatus(head.status.as_u16());
        return Err(Error::explain(status, "another attempt is due").into_up());
    }
    Ok(())
}

/// Waits; a client that leaves meanwhile ends it, for nothing that it would pay for is being made.
async fn back_off(session: &mut Session, call: &mut Call, pause: Duration) -> Result<()> {
    let pause = tokio::time::sleep(pause);
    if !session.is_body_done() {
        // What comes are bytes of the body, and they are for the next attempt to read.
        pause.await;
        return Ok(());
    }
    tokio::pin!(pause);
    let downstream = session.as_downstream_mut();
    downstream.set_abort_on_close(true);
    let left = tokio::select! {
        () = &mut pause => None,
        idle = downstream.read_body_or_idle(true) => match idle {
            Err(error) => Some(error),
            Ok(_) => {
                pause.await;
                None
            }
        },
    };
    call.body_is_known(session);
    left.map_or(Ok(()), |error| Err(error.into_down()))
}

impl Call {
    /// Tells the upstream's breaker once what became of the attempt.
    fn tell_breaker(&mut self, engine: &Engine, failure: Option<Failure>) {
        let Some(ticket) = self.attempts.ticket.take() else {
            return;
        };
        let change = if failure.is_some_and(Failure::is_outage) {
            ticket.failed(engine.clock.monotonic())
        } else {
            ticket.succeeded()
        };
        self.note(engine, change);
    }

    /// Says that a breaker stands otherwise.
    fn note(&self, engine: &Engine, change: Change) {
        if let Some(stand) = change {
            let provider = self.target.provider.name.as_str();
            let upstream = self.upstream_host();
            tracing::warn!(provider, upstream, stand = stand.name(), "breaker changed");
            engine.metrics.breaker_changed(provider, stand.name());
        }
    }

    /// The host that the present attempt goes to.
    pub fn upstream_host(&self) -> &str {
        let present = self.destination.as_deref();
        present.map_or(&self.target.upstream.host, |to| to.host_name())
    }
}
