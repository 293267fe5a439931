//! Parses a captured piece of JSON, and keeps no more of it than a report can need.
//!
//! A parsed value takes up to forty times the bytes that it was written in (`[[0],[0]…`), and the piece is
//! somebody else's. So values are counted, and those past the bound are read over.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

/// Most values that are kept of one piece; a usage object with a dozen rounds has some two hundred.
pub const VALUES_MAX: usize = 512;

/// Parses a piece; `null` where it is no JSON. Of what has more than [`VALUES_MAX`] values the first are kept.
pub fn parse(raw: &[u8]) -> Value {
    let mut left = VALUES_MAX;
    let mut reader = serde_json::Deserializer::from_slice(raw);
    let value = Kept { left: &mut left }.deserialize(&mut reader);
    value
        .and_then(|value| reader.end().map(|()| value))
        .unwrap_or(Value::Null)
}

/// One value, while there is room for it.
struct Kept<'l> {
    left: &'l mut usize,
}

impl<'de> DeserializeSeed<'de> for Kept<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if *self.left == 0 {
            return IgnoredAny::deserialize(deserializer).map(|_| Value::Null);
        }
        *self.left -= 1;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kept<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while *self.left > 0 {
            match items.next_element_seed(Kept { left: self.left })? {
                Some(item) => kept.push(item),
                None => return Ok(Value::Array(kept)),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while *self.left > 0 {
            let Some(name) = members.next_key::<String>()? else {
                return Ok(Value::Object(kept));
            };
            let value = members.next_value_seed(Kept { left: self.left })?;
            kept.insert(name, value);
        }
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_the_first_values_of_a_piece_that_has_too_many() {
        let many = format!("{{\"a\":[{}1],\"b\":2}}", "[0],".repeat(10_000));
        let kept = parse(many.as_bytes());
        assert_eq!(kept["a"].as_array().map(Vec::len), Some(VALUES_MAX / 2 - 1));
        assert_eq!(kept["b"], Value::Null);
        let late = format!("{{\"b\":2,\"a\":[{}1]}}", "[0],".repeat(10_000));
        assert_eq!(parse(late.as_bytes())["b"], json!(2));
        assert_eq!(parse(&many.as_bytes()[..many.len() - 1]), Value::Null);
    }

    proptest! {
        #[test]
        fn reads_a_small_piece_as_serde_json_does(text in r#"[\[\]{}":,0-9a-c.eE+\\u -]{0,24}|\{"[a-c]":(1|-2\.5|\[null,true\]|"\\u00e9")\}"#) {
            let whole: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
            prop_assert_eq!(parse(text.as_bytes()), whole);
        }
    }
}
