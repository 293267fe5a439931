//! What a budget is: an amount, a window, whom it covers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::budget::crossing::EXCEEDED;
use crate::units::{Currency, PicoUsd};

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// Pico-dollars.
    Cost,
    Tokens,
    InputTokens,
    OutputTokens,
    Requests,
    /// Calls in flight at once.
    Concurrent,
}

/// The window over which a limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Per {
    Minute,
    Hour,
    Day,
    /// From Monday.
    Week,
    Month,
    Year,
    Total,
    /// The time before every instant, this long: 1 to [`ROLLING_MINUTES_MAX`].
    Rolling {
        minutes: u16,
    },
}

/// The longest rolling window: 31 days.
pub const ROLLING_MINUTES_MAX: u16 = 31 * 24 * 60;

/// A property of a call that `each` separates and `match` selects by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    Provider,
    Model,
    Key,
    User,
    Team,
    Project,
    Task,
}

/// Values of which one must fit: exact, or a prefix that ends in `*`.
pub type AnyOf = Vec<String>;

/// Whether a value is the one that is meant, or begins with the prefix that is, where `pattern` ends in `*`.
pub fn fits(pattern: &str, value: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => value.starts_with(prefix),
        None => pattern == value,
    }
}

/// The calls that a budget covers: all that fit every entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    pub dimensions: BTreeMap<Dimension, AnyOf>,
    pub tags: BTreeMap<String, AnyOf>,
}

/// How large a hold is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldMode {
    #[default]
    Expected,
    WorstCase,
}

/// What becomes of a call whose cost cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    #[default]
    Allow,
    Block,
}

/// What becomes of an open session once the budget is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSpent {
    /// It is closed when the responses in flight have ended.
    #[default]
    Close,
    /// It goes on, counted.
    Leave,
}

/// What becomes of a call for which there is no room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// It is refused.
    #[default]
    Block,
    /// It passes, and is counted.
    Warn,
    /// It goes to another model: from what was asked for, a name or a prefix that ends in `*`, to what is
    /// sent. A model without an entry is refused; one that others are sent to passes, and is counted.
    Downgrade(BTreeMap<String, String>),
}

impl Action {
    /// The model that takes the place of `asked`.
    pub fn downgrade(&self, asked: &str) -> Option<&str> {
        let Action::Downgrade(models) = self else {
            return None;
        };
        let by_prefix = || {
            let fitting = models.iter().filter(|(from, _)| fits(from, asked));
            fitting.max_by_key(|(from, _)| from.len()).map(|(_, to)| to)
        };
        models
            .get(asked)
            .or_else(by_prefix)
            .map(String::as_str)
            .filter(|to| *to != asked)
    }

    /// Whether a call that finds no room passes all the same.
    pub fn lets_pass(&self, model: Option<&str>) -> bool {
        match self {
            Action::Block => false,
            Action::Warn => true,
            Action::Downgrade(models) => {
                model.is_some_and(|model| models.values().any(|to| to == model))
            }
        }
    }
}

/// Which models the calls that a budget covers may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Models {
    /// `None` = any.
    pub allow: Option<AnyOf>,
    pub deny: AnyOf,
}

impl Models {
    /// Whether nothing is ruled.
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty()
    }
}

/// The limit of a budget that only rules models.
pub const NO_LIMIT: i128 = i128::MAX;

/// One budget of `proxy.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub name: String,
    pub unit: Unit,
    /// In the unit: pico-dollars, tokens, requests or calls. Positive; [`NO_LIMIT`] where it only rules models.
    pub amount: i128,
    /// What money is shown in: the limit was written in it. USD for any other unit.
    pub currency: Currency,
    /// `Per::Total` for `concurrent`, which has no window.
    pub per: Per,
    pub matches: Match,
    /// One such budget for every distinct value.
    pub each: Option<Dimension>,
    pub hold: HoldMode,
    /// A model without a price under a money budget.
    pub unpriced: Unknown,
    /// A route of a known provider that weir cannot meter.
    pub unmetered: Unknown,
    /// Open sessions (WebSockets) when the budget is spent.
    pub on_spent: OnSpent,
    /// How long a call may wait for holds to settle before it is refused.
    pub wait: Duration,
    /// Percentages of the limit at which it is told, once per window and instance.
    pub warn_at: Vec<u8>,
    pub action: Action,
    pub models: Models,
    /// Most of the unit that a calendar window leaves to the next one; `None` = nothing is left to it.
    pub rollover: Option<i128>,
}

impl Limit {
    /// Whether it limits nothing and only says which models may be asked for.
    pub fn is_rule(&self) -> bool {
        self.amount == NO_LIMIT
    }

    /// Whether it is told that all of it is used up: not where that is a rate at work, for a limit of
    /// so many a minute is reached all day long, unless `warn_at` asks to be told.
    pub fn tells_exceeded(&self) -> bool {
        let is_rate = self.unit == Unit::Concurrent || self.per == Per::Minute;
        !self.is_rule() && (!is_rate || !self.warn_at.is_empty())
    }

    /// The percentages at which it is told, 100 among them where it tells that.
    pub fn thresholds(&self) -> impl Iterator<Item = u8> {
        let exceeded = self.tells_exceeded().then_some(EXCEEDED);
        self.warn_at.iter().copied().chain(exceeded)
    }
}

impl Unit {
    /// Its name in metrics and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Cost => "usd",
            Unit::Tokens => "tokens",
            Unit::InputTokens => "input_tokens",
            Unit::OutputTokens => "output_tokens",
            Unit::Requests => "requests",
            Unit::Concurrent => "concurrent",
        }
    }

    /// An amount of the unit for a person, money in `currency`: `0.5 USD`, `1200 tokens`.
    pub fn show(self, amount: i128, currency: Currency) -> String {
        match self {
            Unit::Cost => currency.show(PicoUsd::new(amount)),
            Unit::Tokens => format!("{amount} tokens"),
            Unit::InputTokens => format!("{amount} input tokens"),
            Unit::OutputTokens => format!("{amount} output tokens"),
            Unit::Requests => format!("{amount} requests"),
            Unit::Concurrent => format!("{amount} calls at once"),
        }
    }
}

impl Per {
    /// Its kind, the first word of it in `proxy.yaml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Per::Minute => "minute",
            Per::Hour => "hour",
            Per::Day => "day",
            Per::Week => "week",
            Per::Month => "month",
            Per::Year => "year",
            Per::Total => "total",
            Per::Rolling { .. } => "rolling",
        }
    }

    /// The span of an amount, for a person: `per month`, `in any 5h`, `in total`.
    pub fn phrase(self) -> String {
        match self {
            Per::Total => "in total".to_owned(),
            Per::Rolling { .. } => self.to_string().replace("rolling", "in any"),
            per => format!("per {per}"),
        }
    }

    /// Whether it is one of the calendar's, which follow one another.
    pub fn is_calendar(self) -> bool {
        !matches!(self, Per::Total | Per::Rolling { .. })
    }
}

/// As it is written in `proxy.yaml`: `month`, `rolling 5h`.
impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Per::Rolling { minutes } = *self else {
            return f.write_str(self.as_str());
        };
        match (minutes % (24 * 60), minutes % 60) {
            (0, _) => write!(f, "rolling {}d", minutes / (24 * 60)),
            (_, 0) => write!(f, "rolling {}h", minutes / 60),
            _ => write!(f, "rolling {minutes}m"),
        }
    }
}

impl Dimension {
    /// Its name in `proxy.yaml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Dimension::Provider => "provider",
            Dimension::Model => "model",
            Dimension::Key => "key",
            Dimension::User => "user",
            Dimension::Team => "team",
            Dimension::Project => "project",
            Dimension::Task => "task",
        }
    }
}
