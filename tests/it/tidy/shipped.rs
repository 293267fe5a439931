//! What ships beside the binary names what the binary has: metrics, commands, flags, settings.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use weir::metrics::families;

use super::{relative, root, walk};
use crate::support::weir::command;

fn weir(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = command(folder);
    // What the shipped settings expect of their surroundings.
    command.env("WEIR_ADMIN_TOKEN", "a-token-for-the-test");
    command
        .args(arguments)
        .output()
        .expect("the binary can be run")
}

/// Words of a text that begin with `weir_`, as metrics do.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !part_of_name(c));
    words
        .filter(|word| word.starts_with("weir_") && word.len() > 5)
        .collect()
}

fn families() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for family in families::ALL {
        names.insert(family.name.to_owned());
        if matches!(family.kind, families::Kind::Histogram(_)) {
            names.extend(["bucket", "sum", "count"].map(|end| format!("{}_{end}", family.name)));
        }
    }
    names
}

#[test]
fn dashboards_and_pages_name_metrics_that_exist() {
    let families = families();
    let mut named = 0;
    let mut unknown = Vec::new();
    let mut files = walk("dashboards", &["json"]);
    files.extend(walk("deploy", &["yml", "yaml"]));
    files.push(root().join("README.md"));
    for file in files {
        let text = fs::read_to_string(&file).expect("a readable file");
        for metric in metrics_in(&text) {
            // Names of secrets and volumes are no metrics; metrics end in a unit or in what they count.
            if metric == "weir_admin_token" {
                continue;
            }
            named += 1;
            if !families.contains(metric) {
                unknown.push(format!("{} names {metric}", relative(&file)));
            }
        }
    }
    assert!(named >= 15, "{named} names were found");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn dashboards_are_json_with_panels() {
    for file in walk("dashboards", &["json"]) {
        let text = fs::read(&file).expect("a readable file");
        let board: Value = serde_json::from_slice(&text).expect("a board is JSON");
        let panels = board["panels"].as_array().expect("a board has panels");
        assert!(panels.len() >= 5, "{}", relative(&file));
        assert!(
            board["title"].is_string() && board["uid"].is_string(),
            "{}",
            relative(&file)
        );
    }
}

/// `weir COMMAND --flag…` as far as a line calls it.
fn calls(line: &str) -> Vec<(String, Vec<String>)> {
    let separators = [' ', '"', '\'', '[', ']', ',', '`', '(', ')', ';', '\t', '|'];
    let words: Vec<&str> = line
        .split(separators)
        .filter(|word| !word.is_empty())
        .collect();
    let mut calls = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let program = *word == "weir" || word.ends_with("/weir");
        let Some(command) = words.get(at + 1).filter(|_| program) else {
            continue;
        };
        let flags = words[at + 2..]
            .iter()
            .take_while(|word| !matches!(**word, "&&" | "--" | "#") && !word.ends_with("/weir"))
            .filter(|word| word.starts_with("--"))
            .map(|flag| flag.split('=').next().unwrap_or(flag).to_owned());
        calls.push(((*command).to_owned(), flags.collect()));
    }
    calls
}

/// Lines that call weir: those of code, not of prose.
fn code_lines(path: &Path, text: &str) -> Vec<String> {
    let markdown = path.extension().is_some_and(|end| end == "md");
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if markdown && line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced
            || (!markdown
                && ["ExecStart", "CMD", "command:", "args:", "exec "]
                    .iter()
                    .any(|at| line.contains(at)))
        {
            // A Dockerfile's CMD is what follows its ENTRYPOINT; a comment is prose again.
            let line = line.replace("CMD [", "weir [");
            lines.push(line.split(" #").next().unwrap_or_default().to_owned());
        }
    }
    lines
}

#[test]
fn shipped_files_call_commands_and_flags_that_exist() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = walk("deploy", &["yaml", "yml", "service"]);
    files.extend(["deploy/Dockerfile", "README.md", "Makefile"].map(|name| root().join(name)));
    let mut found = 0;
    let mut unknown = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a readable file");
        for (name, flags) in code_lines(&file, &text).iter().flat_map(|line| calls(line)) {
            if !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
                continue;
            }
            found += 1;
            let help = weir(folder.path(), &[&name, "--help"]);
            let told = String::from_utf8_lossy(&help.stdout);
            let bad = flags.iter().filter(|flag| !told.contains(flag.as_str()));
            unknown
                .extend(bad.map(|flag| format!("{}: weir {name} has no {flag}", relative(&file))));
            if !help.status.success() {
                unknown.push(format!("{}: there is no weir {name}", relative(&file)));
            }
        }
    }
    assert!(found >= 5, "{found} calls were found");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

fn assert_checks(text: &str, what: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("proxy.yaml"), text).expect("the folder is writable");
    let output = weir(folder.path(), &["check", "proxy.yaml"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{what}: {told}");
}

#[test]
fn shipped_settings_are_valid() {
    let mut settings: Vec<(String, String)> = ["proxy.yaml", "deploy/config/proxy.yaml"]
        .into_iter()
        .map(|name| {
            (
                name.to_owned(),
                fs::read_to_string(root().join(name)).expect("a readable file"),
            )
        })
        .collect();
    let kubernetes =
        fs::read_to_string(root().join("deploy/kubernetes-sidecar.yaml")).expect("a readable file");
    let inside = kubernetes
        .split_once("proxy.yaml: |\n")
        .expect("a config map")
        .1;
    let lines = inside
        .lines()
        .take_while(|line| line.starts_with("    "))
        .map(|line| format!("{}\n", &line[4..]));
    settings.push(("the config map".to_owned(), lines.collect()));
    for (name, text) in &settings {
        assert!(text.contains("providers:"), "{name} has settings");
        assert_checks(text, name);
    }
}

#[test]
fn the_samples_examples_are_valid_and_name_every_setting() {
    let sample = fs::read_to_string(root().join("proxy.yaml")).expect("a readable file");
    let uncommented: String = sample
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(example)
                if example.starts_with(|c: char| c != ' ') || example.starts_with("  ") =>
            {
                format!("{example}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(uncommented, sample, "the sample has examples");
    assert_checks(&uncommented, "proxy.yaml with its examples");

    let folder = tempfile::tempdir().expect("a folder");
    let schema: Value =
        serde_json::from_slice(&weir(folder.path(), &["schema"]).stdout).expect("JSON");
    let mut keys = BTreeSet::new();
    properties(&schema, &mut keys);
    assert!(keys.len() >= 30, "{keys:?}");
    let missing: Vec<&String> = keys.iter().filter(|key| !names(&sample, key)).collect();
    assert!(missing.is_empty(), "proxy.yaml does not name {missing:?}");
}

/// Whether a text has a word of its own, as a key or in a comment that lists keys.
fn names(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|found| found == word)
}

/// Every key of every mapping that a schema describes.
fn properties(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(named)) = object.get("properties") {
                keys.extend(named.keys().cloned());
            }
            object.values().for_each(|value| properties(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|value| properties(value, keys)),
        _ => {}
    }
}
