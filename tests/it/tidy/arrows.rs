//! A room imports from its left only.

use super::{Source, sources};

/// The rooms in their order. `insight` stands between budget and alert once it exists.
const ROOMS: [&str; 16] = [
    "units",
    "clock",
    "wire",
    "providers",
    "usage",
    "pricing",
    "ledger",
    "budget",
    "insight",
    "alert",
    "config",
    "metrics",
    "listen",
    "proxy",
    "admin",
    "cli",
];

fn place(room: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room)
}

/// Rooms that a text names by `crate::`, also within braces.
fn named(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let group = rest
            .strip_prefix('{')
            .and_then(|group| group.split_once('}'));
        let parts = group.map_or_else(|| vec![rest], |(group, _)| group.split(',').collect());
        for part in parts {
            let part = part.trim_start();
            let end = part
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(part.len());
            found.extend(Some(&part[..end]).filter(|name| !name.is_empty()));
        }
    }
    found
}

fn wrong_arrows(source: &Source) -> Vec<String> {
    let room = source.room();
    let Some(own) = place(room) else {
        return Vec::new();
    };
    let to_the_right = |name: &&str| place(name).is_some_and(|place| place > own);
    let names = named(&source.code).into_iter().filter(to_the_right);
    names
        .map(|name| {
            format!(
                "{} names {name}, which stands to the right of {room}",
                source.path
            )
        })
        .collect()
}

#[test]
fn arrows_point_to_the_left() {
    let sources = sources("src");
    let unplaced: Vec<&str> = sources
        .iter()
        .map(Source::room)
        .filter(|room| !matches!(*room, "lib" | "main") && place(room).is_none())
        .collect();
    assert!(unplaced.is_empty(), "rooms without a place: {unplaced:?}");
    let arrows: usize = sources.iter().map(|source| named(&source.code).len()).sum();
    assert!(arrows > 100, "{arrows} arrows were found");
    let wrong: Vec<String> = sources.iter().flat_map(wrong_arrows).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn arrows_are_found_in_every_form() {
    let code =
        "use crate::{ledger::Call, usage};\nfn f(a: crate::units::Tokens) { crate::clock() }";
    assert_eq!(named(code), ["ledger", "usage", "units", "clock"]);
}

#[test]
fn the_map_lists_every_room() {
    let map = std::fs::read_to_string(super::root().join("src/lib.rs")).expect("the map");
    for source in sources("src") {
        let room = source.room();
        assert!(
            matches!(room, "lib" | "main") || map.contains(&format!("pub mod {room};")),
            "src/lib.rs does not list {room}"
        );
    }
}
