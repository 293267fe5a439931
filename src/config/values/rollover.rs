//! What a window may leave to the next: all that is unspent, nothing, or at most an amount.

use serde_json::{Value, json};

use super::super::read::{Fault, Scalar};
use super::Amount;

/// `rollover`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Carry {
    /// `true`: at most one whole limit; `false`: nothing.
    Flag(bool),
    AtMost(Amount),
}

impl Scalar for Carry {
    const EXPECTED: &'static str = "true, false, or the most that is carried over";
    const LIKE: &'static [&'static str] = &["true", "100 USD"];

    fn parse(text: &str) -> Result<Self, Fault> {
        match text.parse() {
            Ok(flag) => Ok(Carry::Flag(flag)),
            Err(_) => Amount::parse(text).map(Carry::AtMost),
        }
    }

    fn schema() -> Value {
        json!({ "type": ["boolean", "string"] })
    }
}
