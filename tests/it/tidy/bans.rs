//! Words that belong to one room, and words that belong nowhere.

use super::{Source, sources};

/// `providers` alone reads provider JSON; the demo in `cli` plays a provider and writes it.
const PROVIDER_JSON: &[&str] = &["providers", "cli"];

/// What only some rooms may name.
const OF_ROOMS: [(&str, &[&str]); 13] = [
    ("pingora", &["listen", "proxy", "admin", "cli"]),
    ("rusqlite", &["ledger"]),
    ("prometheus::", &["metrics", "admin"]),
    ("granit_parser", &["config"]),
    ("SystemTime::now", &["clock"]),
    ("Instant::now", &["clock"]),
    ("Timestamp::now", &["clock"]),
    ("Zoned::now", &["clock"]),
    ("println!", &["cli", "main"]),
    ("usageMetadata", PROVIDER_JSON),
    ("prompt_tokens", PROVIDER_JSON),
    ("cache_read_input_tokens", PROVIDER_JSON),
    ("max_completion_tokens", PROVIDER_JSON),
];

/// What no code may say.
const NOWHERE: [&str; 13] = [
    "todo!(",
    "unimplemented!(",
    "dbg!(",
    "unbounded_channel",
    "thread::sleep",
    "#[allow(",
    "#![allow(",
    "unsafe {",
    "env::set_var",
    "mem::forget",
    "process::exit",
    "serde_yaml",
    "mpsc::channel::<",
];

/// Rooms whose sums must be exact.
const WITHOUT_FLOATS: [&str; 3] = ["pricing", "ledger", "budget"];

/// Whether a word stands alone in the code.
fn says(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(part_of_name);
        let after = code[at + word.len()..]
            .chars()
            .next()
            .is_some_and(part_of_name);
        !before && !after
    })
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_belongs_to_a_room_is_named_there_alone() {
    let sources = sources("src");
    let mut found = Vec::new();
    for (word, rooms) in OF_ROOMS {
        let (inside, outside): (Vec<&Source>, Vec<&Source>) = sources
            .iter()
            .filter(|source| source.code.contains(word))
            .partition(|source| rooms.contains(&source.room()));
        assert!(
            !inside.is_empty() || word.contains("now") || word.ends_with('!'),
            "nobody names {word}: is the ban still right?"
        );
        found.extend(
            outside
                .iter()
                .map(|source| format!("{} names {word}", source.path)),
        );
    }
    assert_none(&found);
}

#[test]
fn nothing_left_over_and_nothing_unbounded() {
    let mut found = Vec::new();
    for source in sources("src") {
        let bad = NOWHERE.iter().filter(|word| source.code.contains(**word));
        found.extend(bad.map(|word| format!("{} says {word}", source.path)));
        let left_over = ["TODO", "FIXME", "XXX"];
        let bad = left_over
            .into_iter()
            .filter(|word| says(&source.text, word));
        found.extend(bad.map(|word| format!("{} says {word}", source.path)));
        if source.text.contains(concat!("#[ig", "nore")) {
            found.push(format!("{} leaves a test out", source.path));
        }
    }
    assert_none(&found);
}

#[test]
fn money_is_never_a_float() {
    let mut found = Vec::new();
    for source in sources("src")
        .iter()
        .filter(|source| WITHOUT_FLOATS.contains(&source.room()))
    {
        let floats = ["f64", "f32"]
            .into_iter()
            .filter(|word| says(&source.code, word));
        found.extend(floats.map(|word| format!("{} says {word}", source.path)));
    }
    assert_none(&found);
}

#[test]
fn wire_knows_no_provider() {
    let names = ["openai", "anthropic", "gemini", "claude", "gpt"];
    let wire: Vec<Source> = sources("src")
        .into_iter()
        .filter(|source| source.room() == "wire")
        .collect();
    assert!(!wire.is_empty());
    let mut found = Vec::new();
    for source in wire {
        let lower = source.code.to_ascii_lowercase();
        let known = names.iter().filter(|name| lower.contains(**name));
        found.extend(known.map(|name| format!("{} names {name}", source.path)));
    }
    assert_none(&found);
}

#[test]
fn tests_wait_for_events_and_in_one_place_for_conditions() {
    let may_sleep = [
        "tests/it/support/patience.rs",
        "tests/it/support/upstream/h1.rs",
        "tests/it/support/upstream/h2.rs",
    ];
    let mut found = Vec::new();
    for source in sources("tests") {
        if may_sleep.contains(&source.path.as_str()) || source.path.starts_with("tests/it/tidy") {
            continue;
        }
        let bad = [
            "::sleep(",
            "thread::sleep",
            concat!("#[ig", "nore"),
            "#[allow(",
        ];
        let bad = bad.into_iter().filter(|word| source.text.contains(word));
        found.extend(bad.map(|word| format!("{} says {word}", source.path)));
    }
    assert_none(&found);
}

#[test]
fn nothing_points_outside_the_project() {
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        for source in sources(folder)
            .iter()
            .filter(|source| !source.path.ends_with("tidy/bans.rs"))
        {
            if source.text.contains("\"/work/") || source.text.contains(" /work/") {
                found.push(format!("{} names a folder of one machine", source.path));
            }
        }
    }
    assert_none(&found);
}
