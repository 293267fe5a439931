//! What has no column of its own, as the JSON of `other_units`.
//!
//! The object's keys are unit names with counts. Three keys are apart: `cache_write_other` is the part of
//! `cache_write_5m_tokens` that was written for another time to live; `sub_usages` is a list of
//! usage that another model's price applies to, each with `model` and the table's token columns; `rounds`
//! is a list of what the columns are made of, each with `context`, the input that its price depends on.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::usage::Usage;

const CACHE_WRITE_OTHER: &str = "cache_write_other";
const SUB_USAGES: &str = "sub_usages";
const ROUNDS: &str = "rounds";

/// Usage that stands inside usage is read to this depth; what is deeper is not written.
const DEPTH_MAX: u8 = 4;

/// The column's text; `{}` where there is nothing to say, which is nearly always.
pub(super) fn write(usage: &Usage) -> std::borrow::Cow<'static, str> {
    if usage.other_units.is_empty()
        && usage.sub_usages.is_empty()
        && usage.rounds.is_empty()
        && usage.cache_write_other.is_none()
    {
        return "{}".into();
    }
    Value::Object(object(usage, DEPTH_MAX)).to_string().into()
}

/// Adds the column's text to the usage that the other columns told.
pub(super) fn read(text: &str, usage: &mut Usage) {
    if let Ok(Value::Object(object)) = serde_json::from_str(text) {
        fill(usage, object, DEPTH_MAX);
    }
}

fn object(usage: &Usage, depth: u8) -> Map<String, Value> {
    let mut object = Map::new();
    for (&unit, &count) in &usage.other_units {
        object.insert(unit.to_owned(), count.into());
    }
    if let Some(count) = usage.cache_write_other {
        object.insert(CACHE_WRITE_OTHER.to_owned(), count.into());
    }
    if depth > 0 && !usage.sub_usages.is_empty() {
        let subs = usage.sub_usages.iter().map(|(model, usage)| {
            let mut sub = part(usage, depth);
            sub.insert("model".to_owned(), model.as_str().into());
            Value::Object(sub)
        });
        object.insert(SUB_USAGES.to_owned(), subs.collect());
    }
    if depth > 0 && !usage.rounds.is_empty() {
        let rounds = usage.rounds.iter().map(|(context, usage)| {
            let mut round = part(usage, depth);
            round.insert("context".to_owned(), (*context).into());
            Value::Object(round)
        });
        object.insert(ROUNDS.to_owned(), rounds.collect());
    }
    object
}

/// Usage within usage: with the token columns, which the table does not hold for it.
fn part(usage: &Usage, depth: u8) -> Map<String, Value> {
    let mut part = object(usage, depth - 1);
    for (name, count) in columns(&mut usage.clone()) {
        part.extend(count.map(|count| (name.to_owned(), count.into())));
    }
    part
}

fn fill(usage: &mut Usage, object: Map<String, Value>, depth: u8) {
    for (name, value) in object {
        if let Some((_, field)) = columns(usage)
            .into_iter()
            .find(|(column, _)| *column == name)
        {
            *field = value.as_u64();
        } else if name == CACHE_WRITE_OTHER {
            usage.cache_write_other = value.as_u64();
        } else if let (SUB_USAGES, Value::Array(subs)) = (name.as_str(), &value) {
            for sub in subs
                .iter()
                .filter(|_| depth > 0)
                .filter_map(Value::as_object)
            {
                let model = sub
                    .get("model")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                let mut inner = Usage::default();
                fill(&mut inner, sub.clone(), depth - 1);
                usage.sub_usages.push((model, inner));
            }
        } else if let (ROUNDS, Value::Array(rounds)) = (name.as_str(), &value) {
            for round in rounds.iter().filter(|_| depth > 0) {
                let context = round.get("context").and_then(Value::as_u64);
                let mut inner = Usage::default();
                fill(
                    &mut inner,
                    round.as_object().cloned().unwrap_or_default(),
                    depth - 1,
                );
                usage.rounds.push((context.unwrap_or_default(), inner));
            }
        } else if let (Some(unit), Some(count)) = (unit_name(&name), value.as_u64()) {
            usage.other_units.insert(unit, count);
        }
    }
}

fn columns(usage: &mut Usage) -> [(&'static str, &mut Option<u64>); 10] {
    [
        ("input_tokens", &mut usage.input),
        ("output_tokens", &mut usage.output),
        ("cache_read_tokens", &mut usage.cache_read),
        ("cache_write_5m_tokens", &mut usage.cache_write_5m),
        ("cache_write_1h_tokens", &mut usage.cache_write_1h),
        ("reasoning_tokens", &mut usage.reasoning),
        ("audio_input_tokens", &mut usage.audio_input),
        ("audio_output_tokens", &mut usage.audio_output),
        ("image_input_tokens", &mut usage.image_input),
        ("image_output_tokens", &mut usage.image_output),
    ]
}

/// Most names of units that are kept for reading; the dialects name about a dozen.
const UNIT_NAMES_MAX: usize = 256;

/// A unit's name for as long as the process lives. Each is kept once; past the bound a name is unknown.
fn unit_name(name: &str) -> Option<&'static str> {
    static NAMES: Mutex<BTreeMap<&'static str, ()>> = Mutex::new(BTreeMap::new());
    if matches!(name, "model" | "context") {
        return None;
    }
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((&known, ())) = names.get_key_value(name) {
        return Some(known);
    }
    if names.len() >= UNIT_NAMES_MAX {
        return None;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept, ());
    Some(kept)
}
