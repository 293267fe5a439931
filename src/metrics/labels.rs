//! Which values a label may have: what config and catalogue name, else `other`.
//!
//! A request's model and a client's team are the client's text, and every distinct value is a series
//! for ever; this is where they are bounded.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::series::OTHER;

/// Teams that config does not name and that still get a label: the first so many that call.
pub const TEAMS_MAX: usize = 100;

/// Models that get a label, however many the catalogue and an override's `*` know.
pub const MODELS_MAX: usize = 300;

/// A longer value gets none; no name that is meant for people is longer.
pub const VALUE_BYTES_MAX: usize = 128;

/// Whether a provider (first) has a model (second).
pub type KnowsModel = dyn Fn(&str, &str) -> bool + Send + Sync;

/// What the settings and the catalogue say about label values; replaced at a reload.
#[derive(Clone)]
pub struct LabelPolicy {
    /// Every provider of the settings.
    pub providers: BTreeSet<String>,
    /// Every team that the settings name, in labels or in a budget's `match`.
    pub teams: BTreeSet<String>,
    /// Whether catalogue or override know the model.
    pub knows_model: Arc<KnowsModel>,
}

impl fmt::Debug for LabelPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LabelPolicy {
            providers, teams, ..
        } = self;
        f.debug_struct("LabelPolicy")
            .field("providers", providers)
            .field("teams", teams)
            .finish_non_exhaustive()
    }
}

/// The values that came first, at most so many.
#[derive(Debug)]
pub(super) struct FirstComers {
    values: RwLock<HashSet<String>>,
    max: usize,
}

impl FirstComers {
    pub(super) fn new(max: usize) -> Self {
        FirstComers {
            values: RwLock::default(),
            max,
        }
    }

    /// Whether the value is one of them.
    pub(super) fn admits(&self, value: &str) -> bool {
        let seen = self.values.read().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= self.max || seen.contains(value) {
            return seen.contains(value);
        }
        drop(seen);
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if values.len() < self.max {
            values.insert(value.to_owned());
        }
        values.contains(value)
    }
}

/// The labels of one call. A value that is not known is empty, which Prometheus takes for no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Values<'v> {
    pub(super) provider: &'v str,
    pub(super) model: &'v str,
    pub(super) team: &'v str,
}

/// Bounds a call's values; tells `collapsed` of every label that lost its own.
pub(super) fn bound<'v>(
    policy: &LabelPolicy,
    (teams, models): (&FirstComers, &FirstComers),
    asked: Values<'v>,
    mut collapsed: impl FnMut(&'static str),
) -> Values<'v> {
    let mut keep = |label, value: &'v str, known: bool| {
        if value.is_empty() || (known && value.len() <= VALUE_BYTES_MAX) {
            return value;
        }
        collapsed(label);
        OTHER
    };
    let Values {
        provider,
        model,
        team,
    } = asked;
    let short = |value: &str| value.len() <= VALUE_BYTES_MAX;
    Values {
        provider: keep("provider", provider, policy.providers.contains(provider)),
        model: keep(
            "model",
            model,
            short(model) && (policy.knows_model)(provider, model) && models.admits(model),
        ),
        team: keep(
            "team",
            team,
            policy.teams.contains(team) || (short(team) && !team.is_empty() && teams.admits(team)),
        ),
    }
}
