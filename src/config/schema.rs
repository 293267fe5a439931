//! The JSON Schema of the file, for editors.
//!
//! It comes from the definitions that read the file, so it knows the same keys. It says less than
//! the reader: what one key demands of another is left to `weir check`.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::file::File;
use super::read::Read;

impl JsonSchema for File {
    fn schema_name() -> Cow<'static, str> {
        "proxy.yaml".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = <File as Read>::schema();
        // A mapping within may be left blank; a blank file is refused.
        schema.insert("type".to_owned(), "object".into());
        schema
    }
}

/// The JSON Schema of `proxy.yaml`, indented, in the draft that editors' YAML servers know best.
pub fn schema() -> String {
    let schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<File>();
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use serde_json::Value;

    /// Every path of keys that a schema describes; `*` where the user chooses the key.
    fn paths(schema: &Value, path: &str, out: &mut Vec<String>) {
        let alternatives = schema
            .get("anyOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let items = schema.get("items").into_iter();
        for inner in alternatives.chain(items) {
            paths(inner, path, out);
        }
        if let Some(any) = schema
            .get("additionalProperties")
            .filter(|any| any.is_object())
        {
            paths(any, &format!("{path}.*"), out);
        }
        for (key, inner) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let path = format!("{path}.{key}");
            paths(inner, &path, out);
            out.push(path);
        }
    }

    /// A file that writes nothing under one path: strange keys are then the only possible
    /// complaint.
    fn file_with(path: &str) -> String {
        let mut yaml = String::from("null");
        for key in path.trim_start_matches('.').rsplit('.') {
            let key = if key == "*" { "openai" } else { key };
            yaml = match key {
                "budgets" | "prices" => format!("{{{key}: [{yaml}]}}"),
                _ => format!("{{{key}: {yaml}}}"),
            };
        }
        yaml
    }

    #[test]
    fn the_reader_knows_every_key_of_the_schema() {
        let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
        let mut all = Vec::new();
        paths(&schema, "", &mut all);
        assert!(all.len() >= 60, "{all:?}");
        for path in all {
            let yaml = file_with(&path);
            if let Err(problems) = parse(&yaml, "f", &|_| None) {
                let strange = problems
                    .list
                    .iter()
                    .find(|p| p.message.contains("unknown key"));
                assert_eq!(strange, None, "{yaml}");
            }
        }
    }

    #[test]
    fn the_schema_knows_every_key_of_the_reader() {
        let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
        for (place, yaml, properties) in [
            ("the file", "{zzzzzzzz: 1}", "/properties"),
            (
                "admin",
                "{admin: {zzzzzzzz: 1}}",
                "/properties/admin/properties",
            ),
            (
                "labels",
                "{labels: {zzzzzzzz: 1}}",
                "/properties/labels/properties",
            ),
            (
                "budgets",
                "{budgets: [{zzzzzzzz: 1}]}",
                "/properties/budgets/items/properties",
            ),
            (
                "match",
                "{budgets: [{match: {zzzzzzzz: 1}}]}",
                "/properties/budgets/items/properties/match/properties",
            ),
            (
                "prices",
                "{prices: [{zzzzzzzz: 1}]}",
                "/properties/prices/items/properties",
            ),
            (
                "providers",
                "{providers: {openai: {zzzzzzzz: 1}}}",
                "/properties/providers/additionalProperties/properties",
            ),
            (
                "shutdown",
                "{shutdown: {zzzzzzzz: 1}}",
                "/properties/shutdown/properties",
            ),
        ] {
            let problems = parse(yaml, "f", &|_| None).expect_err("the key is strange");
            let strange = problems.list.iter().find(|p| p.message == "unknown key");
            let remedy = &strange.expect("it is called unknown").remedy;
            let known = remedy
                .strip_prefix("known are ")
                .expect("no key is close")
                .split(", ");
            let known: Vec<&str> = known.collect();
            let object = schema.pointer(properties).and_then(Value::as_object);
            let object = object.unwrap_or_else(|| panic!("{place} is in the schema"));
            assert_eq!(known.len(), object.len(), "{place}");
            assert!(
                known.iter().all(|key| object.contains_key(*key)),
                "{place}: {known:?}"
            );
        }
    }

    #[test]
    fn every_key_says_what_it_is() {
        fn walk(schema: &Value, path: &str, seen: &mut usize) {
            for (key, inner) in schema.as_object().into_iter().flatten() {
                let path = format!("{path}/{key}");
                if path.ends_with(&format!("properties/{key}")) {
                    *seen += 1;
                    let description = inner.get("description").and_then(Value::as_str);
                    assert!(
                        description.is_some_and(|text| text.ends_with('.')),
                        "{path}"
                    );
                }
                walk(inner, &path, seen);
            }
        }
        let mut seen = 0;
        walk(
            &serde_json::from_str(&schema()).expect("the schema is JSON"),
            "",
            &mut seen,
        );
        assert!(seen >= 60, "{seen}");
    }
}
