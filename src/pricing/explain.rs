//! Why a call is priced as it is, for people.

use super::rates::Rates;
use crate::units::Currency;

/// Which rates apply to a call, and what made them so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The override or the catalogue's model.
    pub origin: Origin,
    /// The date or time of day that chose among the model's prices: `from 2026-08-21`.
    pub condition: Option<String>,
    /// What the call's tier changed: `service_tier=flex`.
    pub variants: Vec<String>,
    /// `None` = the catalogue knows the model and no price of it.
    pub rates: Option<Rates>,
}

/// Where a price stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In `proxy.yaml`, as written there.
    Override {
        /// The provider it is for; `None` = any.
        provider: Option<String>,
        /// A model's name, or a prefix of one that ends in `*`.
        model: String,
        /// What its prices are written in.
        currency: Currency,
    },
    /// In the catalogue.
    Catalogue {
        /// The provider's id; not the one asked where that one sells this one's models.
        provider: String,
        /// The model's id there.
        model: String,
        /// Its name for people.
        name: Option<String>,
        /// Whether its provider is about to retire it.
        deprecated: bool,
        /// Input tokens at most.
        context_window: Option<u64>,
        /// Which form of the name led there.
        matched: Matched,
        /// Where the row is from: `genai-prices` or `litellm`.
        source: String,
    },
}

/// Which form of a model's name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// As it was said, but for case.
    AsSaid,
    /// `-20251211` read as `-2025-12-11`.
    DashedDate,
    /// A fine-tuned model, charged as its base: its own price is not in the catalogue.
    FineTunedBase,
}
