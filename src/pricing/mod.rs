//! Usage to cost, exactly.
//!
//! The room has two halves. The catalogue says which rates are in force for a model at a moment;
//! the rates say what a usage costs. A third, small part turns published price data into the
//! catalogue.

mod base;
mod catalog;
mod charge;
mod clause;
mod condition;
mod explain;
mod fields;
mod file;
mod genai;
mod import;
mod item;
mod leaves;
mod litellm;
mod literal;
mod merge;
mod names;
mod overrides;
mod price;
mod rates;
mod select;
mod selectors;
#[cfg(test)]
mod tests;

pub use catalog::{Catalog, Cost};
pub use charge::{Charge, Part, STATED_BY_PROVIDER};
pub use explain::{Explanation, Matched, Origin};
pub use import::{Imported, Published, import};
pub use item::Item;
pub use rates::{Line, Rate, Rates};

use crate::providers::Selectors;
use crate::units::Currency;

/// Why price data cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The published data that was to be imported.
    #[error("price data, line {line}: {problem}; {remedy}")]
    Source {
        /// Counted from 1; 0 where the fault is not in the data.
        line: u32,
        /// What is wrong there.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A catalogue file.
    #[error("price catalogue: {0}; make it anew with `weir prices import`")]
    Catalog(String),
}

/// A price from `proxy.yaml`, laid over the built-in catalogue. Rates are 10⁻¹² units of its currency
/// per million units, so that a price of `0.0000375` per million tokens is still a whole number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// The provider's name in `proxy.yaml`; `None` = whichever provider serves the model.
    pub provider: Option<String>,
    /// A model's name, or a prefix of one that ends in `*`.
    pub model: String,
    /// What the rates are written in, at the rate in force: a call is charged in USD.
    pub currency: Currency,
    /// Input that no other rate takes.
    pub input: Option<i128>,
    /// Input read from a cache; without it, at the rate of input.
    pub cached_input: Option<i128>,
    /// Input written to a cache; without it, at the rate of input.
    pub cache_write_5m: Option<i128>,
    /// Input written for an hour; without it, at the rate of other writes.
    pub cache_write_1h: Option<i128>,
    /// Output, with its reasoning.
    pub output: Option<i128>,
    /// Audio in; without it, at the rate of input.
    pub input_audio: Option<i128>,
    /// Audio out; without it, at the rate of output.
    pub output_audio: Option<i128>,
    /// Per request, not per million.
    pub request: Option<i128>,
}

/// What a price is looked up by.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// The provider's name in `proxy.yaml` (overrides are matched by it).
    pub provider: &'a str,
    /// The provider's id in the catalogue (`x-ai`, `google`), where it has one.
    pub catalog_id: Option<&'a str>,
    /// The model's name as the provider or the client said it.
    pub model: &'a str,
    /// Unix milliseconds at which the call began.
    pub at: i64,
    /// What else the price may depend on.
    pub selectors: &'a Selectors,
}
