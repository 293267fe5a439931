//! The breaker of one upstream: closed, open, half-open.
//!
//! A state machine without a lock, a clock or chance. Whoever is let through holds a [`Pass`] and tells what
//! became of it; what is told of an earlier state than the present one changes nothing, so a call that began
//! long ago can neither close nor open what others have found out since.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::resilience::Breaker as Terms;

/// What a caller is told to wait while another one probes.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// Where a breaker stands, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stand {
    /// Every call passes.
    Closed,
    /// One call at a time passes, to see.
    HalfOpen,
    /// None passes.
    Open,
}

impl Stand {
    /// The level in the metrics.
    pub fn level(self) -> u8 {
        match self {
            Stand::Closed => 0,
            Stand::HalfOpen => 1,
            Stand::Open => 2,
        }
    }

    /// The name in the log and in the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Stand::Closed => "closed",
            Stand::HalfOpen => "half_open",
            Stand::Open => "open",
        }
    }
}

/// Leave to send one call. It is to be given back, with a verdict or without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    round: u64,
}

#[derive(Debug)]
enum State {
    /// When each failure since the last success was, the oldest first; fewer than open it.
    Closed(VecDeque<Duration>),
    Open {
        until: Duration,
    },
    HalfOpen {
        probing: bool,
    },
}

/// One upstream's breaker.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    /// Grows with every change of state and every probe.
    round: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker {
            state: State::Closed(VecDeque::new()),
            round: 0,
        }
    }
}

impl Breaker {
    /// Where it stands. An open one whose time is over stands open until somebody asks.
    pub fn stand(&self) -> Stand {
        match self.state {
            State::Closed(_) => Stand::Closed,
            State::Open { .. } => Stand::Open,
            State::HalfOpen { .. } => Stand::HalfOpen,
        }
    }

    /// Whether it stands as a new one does.
    pub fn is_pristine(&self) -> bool {
        matches!(&self.state, State::Closed(failures) if failures.is_empty())
    }

    /// How long a call would have to wait at `now`; `None` where one would be let through.
    pub fn shut_for(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open { until } if now < until => Some(until.saturating_sub(now)),
            State::HalfOpen { probing: true } => Some(PROBE_WAIT),
            _ => None,
        }
    }

    /// Lets a call through, or says how long it would have to wait.
    pub fn ask(&mut self, now: Duration) -> Result<Pass, Duration> {
        if let Some(wait) = self.shut_for(now) {
            return Err(wait);
        }
        if !matches!(self.state, State::Closed(_)) {
            self.enter(State::HalfOpen { probing: true });
        }
        Ok(Pass { round: self.round })
    }

    /// The upstream answered as one does that works.
    pub fn succeeded(&mut self, pass: Pass) {
        if pass.round != self.round {
            return;
        }
        match &mut self.state {
            State::Closed(failures) => failures.clear(),
            _ => self.enter(State::Closed(VecDeque::new())),
        }
    }

    /// The upstream failed.
    pub fn failed(&mut self, pass: Pass, now: Duration, terms: &Terms) {
        if pass.round != self.round {
            return;
        }
        let until = now.saturating_add(terms.open_for);
        let State::Closed(failures) = &mut self.state else {
            self.enter(State::Open { until });
            return;
        };
        while failures
            .front()
            .is_some_and(|at| now.saturating_sub(*at) > terms.within)
        {
            failures.pop_front();
        }
        failures.push_back(now);
        if failures.len() >= usize::try_from(terms.failures).unwrap_or(usize::MAX) {
            self.enter(State::Open { until });
        }
    }

    /// The call ended without telling anything of the upstream: another may probe in its place.
    pub fn gave_up(&mut self, pass: Pass) {
        if pass.round == self.round && matches!(self.state, State::HalfOpen { .. }) {
            self.enter(State::HalfOpen { probing: false });
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.round += 1;
    }
}

#[cfg(test)]
mod tests;
