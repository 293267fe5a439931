//! The sample is a file like any other.

use super::*;

fn sample() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy.yaml");
    std::fs::read_to_string(path).expect("the sample is at the top")
}

/// The sample with its examples in use: `#key` is one, `# text` is prose.
fn with_examples() -> String {
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with("  ") => rest.to_owned(),
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    sample()
        .lines()
        .map(uncommented)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn loads_and_names_its_schema() {
    let sample = sample();
    assert!(sample.starts_with("# yaml-language-server: $schema=./proxy.schema.json\n"));
    let config = parse(&sample, "proxy.yaml", &|_| None).unwrap_or_else(|p| panic!("{p}"));
    let expected = Config {
        budgets: config.budgets.clone(),
        ..defaults()
    };
    assert_eq!(
        config, expected,
        "but for a budget the sample writes the defaults"
    );
    assert_eq!(config.budgets.len(), 1);
}

#[test]
fn its_examples_load_and_name_every_key() {
    let text = with_examples();
    let config = parse(&text, "proxy.yaml", &|_| None).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!((config.budgets.len(), config.prices.len()), (10, 4));
    let schema: serde_json::Value = serde_json::from_str(&schema()).expect("the schema is JSON");
    let keys = schema["properties"]
        .as_object()
        .expect("the schema has keys");
    assert!(keys.len() >= 14, "{}", keys.len());
    for key in keys.keys() {
        let line = format!("{key}:");
        assert!(
            text.lines().any(|l| l.starts_with(&line)),
            "the sample does not name {key}"
        );
    }
    let budget = &schema["properties"]["budgets"]["items"]["properties"];
    for key in budget.as_object().expect("budgets have keys").keys() {
        assert!(
            text.contains(&format!(" {key}: ")),
            "the sample does not name budgets[].{key}"
        );
    }
}

/// `UPDATE_EXPECT=1` writes the file anew.
#[test]
fn the_schema_beside_it_is_the_readers() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy.schema.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, schema()).expect("the schema can be written");
    }
    let written = std::fs::read_to_string(path).expect("the schema is beside the sample");
    assert!(written == schema(), "run the tests with UPDATE_EXPECT=1");
}
