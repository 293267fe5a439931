//! The answer where every upstream of a provider is left alone.

use std::time::Duration;

use pingora::Result;
use pingora::proxy::Session;

use crate::providers::ErrorType;
use crate::proxy::answer;
use crate::proxy::call::{Admission, Call};
use crate::proxy::engine::Engine;

/// Answers at once where no upstream of the call would be asked; `true` where it did.
pub async fn answer_if_shut(
    session: &mut Session,
    call: &mut Call,
    engine: &Engine,
) -> Result<bool> {
    let Some(wait) = call.shut_for(engine) else {
        return Ok(false);
    };
    call.admission = Admission::Refused;
    call.attempts.shut_for = Some(wait);
    write_shut(session, call, engine).await?;
    Ok(true)
}

/// Writes a 503 in the provider's shape that says when to come back.
pub async fn write_shut(session: &mut Session, call: &mut Call, engine: &Engine) -> Result<()> {
    let provider = &call.target.provider.name;
    engine.metrics.breaker_refused(provider);
    let host = call.upstream_host();
    let wait = call.attempts.shut_for.unwrap_or_default();
    let seconds = u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
    let message = format!("weir: {host} has failed too often and is left alone for {seconds} s");
    let answer = call.error_answer(503, ErrorType::ServerError, &message);
    call.response.own_status = Some(answer.status);
    answer::write(session, answer, &[("retry-after", seconds.to_string())]).await
}

impl Call {
    /// How long the call would have to wait for an upstream; `None` where it need not.
    fn shut_for(&self, engine: &Engine) -> Option<Duration> {
        let provider = &self.target.provider;
        provider.resilience.breaker?;
        let now = engine.clock.monotonic();
        let shut = |group| engine.breakers.shut_for(group, now);
        let first = shut(self.destination.as_deref()?.group())?;
        match self.live.failover(provider) {
            Some(second) => Some(first.min(shut(second.group())?)),
            None => Some(first),
        }
    }
}
