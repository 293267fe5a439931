//! The breakers of all upstreams that have failed, and the leave that calls hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::breaker::{Breaker, Pass, Stand};
use crate::config::resilience::Breaker as Terms;

/// Most upstreams that have a breaker at a time: with a pattern of hosts it is the clients who name them. One more
/// takes the place of an upstream without failures, or has none.
pub const BREAKERS_MAX: usize = 1024;

/// Whoever changes a breaker's stand is told to what.
pub type Change = Option<Stand>;

/// One upstream's.
#[derive(Debug)]
struct Kept {
    provider: String,
    breaker: Arc<Mutex<Breaker>>,
}

/// Every upstream's breaker.
#[derive(Debug, Default)]
pub struct Breakers {
    by_group: Mutex<HashMap<u64, Kept>>,
}

/// Leave to send one attempt; dropped without a verdict, it is given back.
#[derive(Debug)]
pub struct Ticket {
    breaker: Arc<Mutex<Breaker>>,
    terms: Terms,
    /// `None` once the verdict was given.
    pass: Option<Pass>,
}

impl Breakers {
    /// Leave to send an attempt to the upstream of `group`, or how long it is shut; neither where there is no room
    /// for another breaker.
    pub fn ask(
        &self,
        provider: &str,
        group: u64,
        terms: Terms,
        now: Duration,
    ) -> Result<(Option<Ticket>, Change), Duration> {
        let Some(breaker) = self.of(provider, group) else {
            return Ok((None, None));
        };
        let (pass, change) = changing(&breaker, |breaker| breaker.ask(now));
        let ticket = Ticket {
            terms,
            pass: Some(pass?),
            breaker,
        };
        Ok((Some(ticket), change))
    }

    /// How long the upstream of `group` is shut, without taking leave.
    pub fn shut_for(&self, group: u64, now: Duration) -> Option<Duration> {
        let breaker = Arc::clone(&self.lock().get(&group)?.breaker);
        one(&breaker).shut_for(now)
    }

    /// How each provider's upstreams stand: that of the worst.
    pub fn stands(&self) -> BTreeMap<String, Stand> {
        let mut stands = BTreeMap::new();
        for kept in self.lock().values() {
            let stand = one(&kept.breaker).stand();
            let worst = stands.entry(kept.provider.clone()).or_insert(stand);
            *worst = (*worst).max(stand);
        }
        stands
    }

    /// Forgets the breakers of providers that have none any more.
    pub fn keep(&self, has_one: impl Fn(&str) -> bool) {
        self.lock().retain(|_, kept| has_one(&kept.provider));
    }

    fn of(&self, provider: &str, group: u64) -> Option<Arc<Mutex<Breaker>>> {
        let mut all = self.lock();
        if let Some(kept) = all.get(&group) {
            return Some(Arc::clone(&kept.breaker));
        }
        if all.len() >= BREAKERS_MAX {
            all.retain(|_, kept| {
                Arc::strong_count(&kept.breaker) > 1 || !one(&kept.breaker).is_pristine()
            });
        }
        if all.len() >= BREAKERS_MAX {
            return None;
        }
        let breaker = Arc::new(Mutex::new(Breaker::default()));
        let kept = Kept {
            provider: provider.to_owned(),
            breaker: Arc::clone(&breaker),
        };
        all.insert(group, kept);
        Some(breaker)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Kept>> {
        self.by_group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The upstream answered as one does that works.
    pub fn succeeded(mut self) -> Change {
        let pass = self.pass.take()?;
        changing(&self.breaker, |breaker| breaker.succeeded(pass)).1
    }

    /// The upstream failed at `now`.
    pub fn failed(mut self, now: Duration) -> Change {
        let pass = self.pass.take()?;
        let terms = self.terms;
        changing(&self.breaker, |breaker| breaker.failed(pass, now, &terms)).1
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            one(&self.breaker).gave_up(pass);
        }
    }
}

fn one(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}

fn changing<T>(breaker: &Mutex<Breaker>, act: impl FnOnce(&mut Breaker) -> T) -> (T, Change) {
    let mut breaker = one(breaker);
    let before = breaker.stand();
    let done = act(&mut breaker);
    let after = breaker.stand();
    (done, (after != before).then_some(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        failures: 1,
        within: Duration::from_secs(30),
        open_for: Duration::from_secs(10),
    };
    const NOW: Duration = Duration::from_secs(100);

    fn ticket(breakers: &Breakers, group: u64, now: Duration) -> Ticket {
        let asked = breakers.ask("p", group, TERMS, now);
        asked.expect("a call passes").0.expect("there is room")
    }

    #[test]
    fn upstreams_fail_each_for_itself_and_the_worst_is_shown() {
        let breakers = Breakers::default();
        assert_eq!(ticket(&breakers, 1, NOW).failed(NOW), Some(Stand::Open));
        assert_eq!(ticket(&breakers, 2, NOW).succeeded(), None);
        assert_eq!(breakers.shut_for(1, NOW), Some(TERMS.open_for));
        assert_eq!(breakers.shut_for(2, NOW), None);
        assert_eq!(
            breakers.stands(),
            BTreeMap::from([("p".to_owned(), Stand::Open)])
        );
        breakers.keep(|_| false);
        assert!(breakers.stands().is_empty());
    }

    #[test]
    fn a_ticket_that_is_dropped_lets_another_probe() {
        let breakers = Breakers::default();
        ticket(&breakers, 1, NOW).failed(NOW);
        let later = NOW + TERMS.open_for;
        let probe = ticket(&breakers, 1, later);
        assert!(breakers.ask("p", 1, TERMS, later).is_err());
        drop(probe);
        assert_eq!(ticket(&breakers, 1, later).succeeded(), Some(Stand::Closed));
    }

    #[test]
    fn they_are_bounded_and_those_that_failed_stay() {
        let breakers = Breakers::default();
        for group in 0..BREAKERS_MAX as u64 {
            ticket(&breakers, group, NOW).failed(NOW);
        }
        let (none, _) = breakers.ask("p", u64::MAX, TERMS, NOW).expect("it passes");
        assert!(none.is_none());
        let later = NOW + TERMS.open_for;
        ticket(&breakers, 7, later).succeeded();
        ticket(&breakers, u64::MAX, later);
        assert_eq!(breakers.lock().len(), BREAKERS_MAX);
        assert!(breakers.shut_for(8, NOW).is_some());
    }
}
