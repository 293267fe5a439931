//! What a price depended on, as the JSON of `price_selectors`; NULL where it depended on nothing more.

use serde_json::{Map, Value};

use crate::providers::Selectors;

/// The column's text.
pub(super) fn write(selectors: &Selectors) -> Option<String> {
    let mut selectors = selectors.clone();
    let said = selectors.each().into_iter();
    let said: Map<String, Value> = said
        .filter_map(|(name, slot)| Some((name.to_owned(), slot.take()?.into())))
        .collect();
    (!said.is_empty()).then(|| Value::Object(said).to_string())
}

/// What the column's text says; names that are not known are left out.
pub(super) fn read(text: Option<&str>) -> Selectors {
    let mut selectors = Selectors::default();
    if let Some(Ok(Value::Object(said))) = text.map(serde_json::from_str) {
        for (name, slot) in selectors.each() {
            *slot = said.get(name).and_then(Value::as_str).map(str::to_owned);
        }
    }
    selectors
}
