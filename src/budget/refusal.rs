//! A call that may not pass: which budget says so, and what it tells the caller.

use std::time::Duration;

use jiff::Timestamp;

use crate::budget::limits::{Dimension, Per, Unit};
use crate::providers::RefusalText;
use crate::units::Currency;

/// The longest wait after which a client's own retry is of use: the SDKs that bound what they sleep take no
/// more than this for a wait.
const RETRY_WITHIN: Duration = Duration::from_mins(2);

/// When to ask again for what calls in flight hold: they end within seconds, and nobody knows when.
const RETRY_HELD: Duration = Duration::from_secs(5);

/// Why a budget refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// What is spent leaves no room for the call.
    Spent,
    /// There will be room if calls in flight cost less than they hold.
    Held,
    /// The call alone is larger than the limit.
    TooLarge,
    /// The model has no price, and the budget blocks such calls.
    Unpriced,
    /// The route cannot be metered, and the budget blocks such calls.
    Unmetered,
    /// The budget does not let its calls ask for the model.
    Model,
}

impl Reason {
    /// Whether the budget has nothing to do with how much is left.
    pub fn is_of_kind(self) -> bool {
        matches!(self, Reason::Unpriced | Reason::Unmetered | Reason::Model)
    }
}

/// A refusal as the core decides it, before it is put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) reason: Reason,
    /// With what was left to the window.
    pub(crate) limit: i128,
    pub(crate) spent: i128,
    pub(crate) held: i128,
    pub(crate) needed: i128,
    /// When there is room again; `None` = never.
    pub(crate) resets_at: Option<i64>,
}

/// A cheaper model in the place of the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downgrade {
    /// The budget that says so.
    pub budget: String,
    pub to: String,
}

/// One budget's no. Where several refuse, it is the one that turns over last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub budget: String,
    /// Which instance, of a budget that has one for each value; empty where the call says none.
    pub each: Option<(Dimension, String)>,
    pub unit: Unit,
    /// What money is shown in.
    pub currency: Currency,
    pub per: Per,
    pub reason: Reason,
    /// In the unit, like the three below.
    pub limit: i128,
    pub spent: i128,
    pub held: i128,
    /// What this call would hold; 0 where it was refused before its size was known.
    pub needed: i128,
    /// Unix milliseconds; `None` = never.
    pub resets_at: Option<i64>,
    /// Unix milliseconds at which it was refused.
    pub now_ms: i64,
    /// How long the budget lets a call wait for room.
    pub wait: Duration,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The model to which a budget that has no room sends the call instead.
    pub downgrade: Option<Downgrade>,
    /// Why the call cannot be sent there.
    pub obstacle: Option<&'static str>,
}

impl Refusal {
    /// What the caller is told, in every dialect.
    pub fn text(&self) -> RefusalText {
        RefusalText {
            message: self.message(),
            retry_after_s: self.retry_after_s(),
            retry_helps: self.retry_helps(),
        }
    }

    /// Whether a retry that a client makes by itself can succeed.
    fn retry_helps(&self) -> bool {
        match self.reason {
            Reason::TooLarge | Reason::Unpriced | Reason::Unmetered | Reason::Model => false,
            Reason::Held if self.unit != Unit::Requests => true,
            Reason::Held | Reason::Spent => {
                is_rate(self.per) && self.turns_in().is_some_and(|left| left <= RETRY_WITHIN)
            }
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        let seconds = |wait: Duration| {
            let part = u64::from(wait.subsec_nanos() > 0);
            wait.as_secs().saturating_add(part).max(1)
        };
        match self.reason {
            Reason::TooLarge | Reason::Unpriced | Reason::Unmetered | Reason::Model => None,
            Reason::Held if self.unit == Unit::Concurrent => Some(1),
            Reason::Held if self.unit != Unit::Requests => {
                let turns_in = self.turns_in().unwrap_or(RETRY_HELD);
                Some(seconds(turns_in.min(RETRY_HELD)))
            }
            // A request that is held is one that is spent.
            Reason::Held | Reason::Spent => self.turns_in().map(seconds),
        }
    }

    /// The time up to the end of the window; `None` = it has none. At least a millisecond.
    fn turns_in(&self) -> Option<Duration> {
        let left_ms = self.resets_at?.saturating_sub(self.now_ms).max(1);
        Some(Duration::from_millis(u64::try_from(left_ms).unwrap_or(1)))
    }

    fn message(&self) -> String {
        let name = match &self.each {
            None => self.budget.clone(),
            Some((dimension, value)) if value.is_empty() => {
                format!("{} (no {})", self.budget, dimension.as_str())
            }
            Some((dimension, value)) => format!("{} ({} {value})", self.budget, dimension.as_str()),
        };
        let why = match self.reason {
            Reason::Spent => "is spent",
            Reason::Held => "is held by calls in flight",
            Reason::TooLarge => "is smaller than this call",
            Reason::Unpriced => "blocks models without a known price",
            Reason::Unmetered => "blocks calls that cannot be metered",
            Reason::Model => {
                let model = self.model.as_deref().unwrap_or_default();
                let stays = self.obstacle();
                return format!("weir: budget {name} does not allow the model {model}{stays}");
            }
        };
        let standing = self.standing();
        format!("weir: budget {name} {why}: {standing}{}", self.obstacle())
    }

    /// What kept the call from being sent to another model, as the end of a message.
    fn obstacle(&self) -> String {
        let said = self.downgrade.as_ref().zip(self.obstacle);
        said.map_or_else(String::new, |(downgrade, why)| {
            format!("; it is not sent to {} instead, since {why}", downgrade.to)
        })
    }

    fn standing(&self) -> String {
        let show = |amount| self.unit.show(amount, self.currency);
        if self.unit == Unit::Concurrent {
            return format!("limit {}, {} in flight", show(self.limit), self.held);
        }
        let per = self.per.phrase();
        let mut text = format!(
            "limit {} {per}, spent {}, held by calls in flight {}",
            show(self.limit),
            show(self.spent),
            show(self.held),
        );
        if self.needed > 0 {
            text.push_str(&format!(", this call may take {}", show(self.needed)));
        }
        match self
            .resets_at
            .and_then(|at| Timestamp::from_millisecond(at).ok())
        {
            Some(at) if self.per.is_calendar() => text.push_str(&format!("; it resets at {at}")),
            Some(at) => text.push_str(&format!("; enough of it will have left at {at}")),
            None => text.push_str("; it never resets"),
        }
        text
    }

    /// How much longer a call may wait for this budget, and for how long at a time: until a hold
    /// ends or the window does. `None` where waiting cannot help.
    pub(crate) fn patience(&self, waited: Duration) -> Option<Duration> {
        let left = self
            .wait
            .checked_sub(waited)
            .filter(|left| !left.is_zero())?;
        let turns_in = self.turns_in();
        match self.reason {
            Reason::Held => Some(turns_in.map_or(left, |turns_in| turns_in.min(left))),
            Reason::Spent => turns_in.filter(|turns_in| *turns_in <= left),
            Reason::TooLarge | Reason::Unpriced | Reason::Unmetered | Reason::Model => None,
        }
    }

    /// Whether a call that can wait should be asked again with its size known.
    pub(crate) fn may_pass_later(&self) -> bool {
        self.patience(Duration::ZERO).is_some()
    }
}

/// Whether a limit per window is a rate: one that comes back while a client waits for it. A window of an hour
/// or more is none, not even just before its end: its budget is spent, and that is to be said.
fn is_rate(per: Per) -> bool {
    match per {
        Per::Minute => true,
        Per::Rolling { minutes } => minutes < 60,
        Per::Hour | Per::Day | Per::Week | Per::Month | Per::Year | Per::Total => false,
    }
}

#[cfg(test)]
mod tests;
