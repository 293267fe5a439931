//! A lenient look into a small captured piece of JSON.
//!
//! Providers write counts as floats or strings, whole details objects as `null`, and fields that no
//! reference names. A typed struct would lose every number of a report over one of them, so a reader
//! asks for each number by its path and gets `None` for whatever is not there.

use serde_json::Value;

use crate::units::PicoUsd;

/// Largest count that is believed; above it a number is a fault, not usage.
const COUNT_MAX: u64 = 1_000_000_000;

/// Nano-cents of a US dollar, the unit of xAI's `cost_in_usd_ticks`, in pico-dollars.
const PICO_PER_TICK: i128 = 100;

pub use super::pruned::parse;

/// A value that may not be there.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(Option<&'a Value>);

impl<'a> Node<'a> {
    /// The value itself; `null` counts as absent.
    pub fn new(value: &'a Value) -> Self {
        Node(Some(value).filter(|value| !value.is_null()))
    }

    /// The member of that name.
    pub fn at(self, name: &str) -> Node<'a> {
        self.0
            .and_then(|value| value.get(name))
            .map_or(Node(None), Node::new)
    }

    /// The value, where there is one.
    pub fn value(self) -> Option<&'a Value> {
        self.0
    }

    /// Whether there is a value.
    pub fn exists(self) -> bool {
        self.0.is_some()
    }

    /// The elements of an array; none of anything else.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> {
        self.0
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(Node::new)
    }

    /// A count: a whole number, a float without a fraction worth keeping, or a string of digits.
    pub fn count(self) -> Option<u64> {
        let found = match self.0? {
            Value::Number(number) => match number.as_u64() {
                Some(whole) => whole,
                None => format!("{:.0}", number.as_f64()?).parse().ok()?,
            },
            Value::String(text) => text.parse().ok()?,
            _ => return None,
        };
        (found <= COUNT_MAX).then_some(found)
    }

    /// A length in seconds, rounded up: a second that has begun is billed.
    pub fn seconds(self) -> Option<u64> {
        let seconds = match self.0? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim_end_matches('s').parse().ok()?,
            _ => return None,
        };
        // What is negative or no number does not parse as a count.
        let whole = format!("{:.0}", seconds.ceil()).parse().ok();
        whole.filter(|count| *count <= COUNT_MAX)
    }

    /// A text that is not empty.
    pub fn text(self) -> Option<&'a str> {
        self.0
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// Whether it is `true`.
    pub fn is_true(self) -> bool {
        self.0.and_then(Value::as_bool) == Some(true)
    }

    /// An amount of US dollars, to the pico-dollar; negative ones are not believed.
    pub fn usd(self) -> Option<PicoUsd> {
        let text = match self.0? {
            Value::Number(number) => format!("{:.12}", number.as_f64()?),
            Value::String(text) => text.clone(),
            _ => return None,
        };
        text.parse().ok().filter(|amount| *amount >= PicoUsd::ZERO)
    }

    /// An amount in xAI's ticks, of which 10^10 make a dollar.
    pub fn ticks(self) -> Option<PicoUsd> {
        let ticks = self.0.and_then(Value::as_u64)?;
        Some(PicoUsd::new(i128::from(ticks) * PICO_PER_TICK))
    }
}

/// The largest of the counts that are there: one number is often written under several names.
pub fn largest(counts: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    counts.into_iter().flatten().max()
}

/// The count in a raw JSON value.
pub fn count(raw: &[u8]) -> Option<u64> {
    Node::new(&parse(raw)).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_read_in_every_spelling() {
        for (value, count) in [
            (json!(12), Some(12)),
            (json!(12.0), Some(12)),
            (json!("12"), Some(12)),
            (json!(0), Some(0)),
            (json!(null), None),
            (json!(-1), None),
            (json!({}), None),
            (json!("twelve"), None),
            (json!(1e12), None),
            (json!(u64::MAX), None),
        ] {
            assert_eq!(Node::new(&value).count(), count, "{value}");
        }
    }

    #[test]
    fn a_second_that_has_begun_counts() {
        for (value, seconds) in [
            (json!(8.470000267028809), Some(9)),
            (json!(36.709999084472656), Some(37)),
            (json!(7), Some(7)),
            (json!(7.0), Some(7)),
            (json!(7.01), Some(8)),
            (json!(0.2), Some(1)),
            (json!(0), Some(0)),
            (json!("4"), Some(4)),
            (json!("4.2s"), Some(5)),
            (json!(-1), None),
            (json!(1e300), None),
            (json!("inf"), None),
            (json!("soon"), None),
            (json!(null), None),
        ] {
            assert_eq!(Node::new(&value).seconds(), seconds, "{value}");
        }
    }

    #[test]
    fn money_is_exact_to_the_pico_dollar() {
        for (value, pico) in [
            (json!(0.0133176), Some(13_317_600_000)),
            (json!(3.4e-7), Some(340_000)),
            (json!(0), Some(0)),
            (json!("0.5"), Some(500_000_000_000)),
            (json!(-1), None),
            (json!("free"), None),
        ] {
            assert_eq!(Node::new(&value).usd(), pico.map(PicoUsd::new), "{value}");
        }
        assert_eq!(
            Node::new(&json!(1_466_250)).ticks(),
            Some(PicoUsd::new(146_625_000))
        );
    }
}
