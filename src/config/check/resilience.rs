//! What a provider's file says of retries, the breaker and the second upstream.

use std::time::Duration;

use crate::config::file;
use crate::config::problem::Found;
use crate::config::read::{At, Field, OneOrMany};
use crate::config::resilience::{Breaker, Failover, Resilience, Retry};
use crate::config::values::{Folder, Span};
use crate::config::{Roots, Upstream};

/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Longest time in which attempts may begin.
const WITHIN_MAX: Duration = Duration::from_secs(60 * 60);
/// Longest time for which an upstream is left alone: what a `retry-after` may say.
const OPEN_MAX: Duration = Duration::from_secs(600);

/// Everything of it. `ca` reads a file of roots.
pub(super) fn check(
    written: &file::Provider,
    upstream: Option<&Upstream>,
    ca: impl FnOnce(&Field<Folder>, &mut Found) -> Option<Roots>,
    found: &mut Found,
) -> Resilience {
    Resilience {
        retry: written.retry.here().map(|at| retry(at, found)),
        breaker: written.breaker.value().map(|one| breaker(one, found)),
        failover: written
            .failover
            .here()
            .and_then(|at| failover(at, upstream, ca, found)),
    }
}

fn retry(at: &At<file::Retry>, found: &mut Found) -> Retry {
    let written = &at.value;
    let mut retry = Retry::default();
    if let Some(attempts) = written.attempts.value() {
        retry.attempts = attempts.0;
    }
    if let Some(OneOrMany(classes)) = written.on.value() {
        retry.on = classes.iter().map(|at| at.value.0).collect();
    }
    if let Some(backoff) = written.backoff.value() {
        set(&mut retry.first, &backoff.first, PAUSE_MAX, found);
        set(&mut retry.most, &backoff.most, PAUSE_MAX, found);
    }
    set(&mut retry.within, &written.within, WITHIN_MAX, found);
    if retry.first > retry.most {
        let message = "the first pause is longer than the longest";
        let remedy = "write a larger `backoff.most`, or a smaller `backoff.first`";
        found.add(at.place.problem(message, remedy));
    }
    retry
}

fn breaker(written: &file::Breaker, found: &mut Found) -> Breaker {
    let mut breaker = Breaker::default();
    if let Some(failures) = written.failures.value() {
        breaker.failures = failures.0;
    }
    set(&mut breaker.within, &written.within, WITHIN_MAX, found);
    set(&mut breaker.open_for, &written.open_for, OPEN_MAX, found);
    breaker
}

fn failover(
    at: &At<file::Second>,
    upstream: Option<&Upstream>,
    ca: impl FnOnce(&Field<Folder>, &mut Found) -> Option<Roots>,
    found: &mut Found,
) -> Option<Failover> {
    let (to, ca) = match &at.value {
        file::Second::Url(url) => (url.0.clone(), None),
        file::Second::Mapping(second) => {
            (second.upstream.value()?.0.clone(), ca(&second.ca, found))
        }
    };
    if upstream == Some(&to) {
        let message = "expected a second upstream, got the provider's own";
        found.add(
            at.place
                .problem(message, "write another, or remove the key"),
        );
    }
    Some(Failover { upstream: to, ca })
}

fn set(to: &mut Duration, written: &Field<Span>, most: Duration, found: &mut Found) {
    let Some(at) = written.here() else {
        return;
    };
    if at.value.0.is_zero() || at.value.0 > most {
        let most = most.as_secs();
        let message = format!("expected a duration of more than nothing and at most {most}s");
        found.add(at.place.problem(message, "write it like `5s`"));
    }
    *to = at.value.0;
}
