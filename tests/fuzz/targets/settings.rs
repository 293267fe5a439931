//! Files that an operator brings: settings and prices.

use weir::config::{self, PROBLEMS_MAX};
use weir::pricing::{Catalog, Published, import};

use crate::engine::{Target, shade};

pub const CONFIGURATION: Target = Target {
    name: "configuration",
    recorded: |_| None,
    words: &[
        "providers:",
        "budgets:",
        "  - name: ",
        "limit: 5 USD",
        "per: day",
        "match: {",
        "each: user",
        "&a ",
        "*a",
        "<<: *a",
        "${A}",
        "${A:-b}",
        "!!str ",
        "|\n",
        "---\n",
        "\t",
        "prices: [",
        "labels:",
        "null",
        "~",
        "0x1",
        "  ",
        "\n",
    ],
    check: configuration,
};

fn configuration(input: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(input) else {
        return 0;
    };
    let env = |name: &str| (name == "A").then(|| "value-of-a".to_owned());
    match config::parse(text, "proxy.yaml", &env) {
        Ok(found) => {
            let again = config::parse(text, "proxy.yaml", &env).expect("as before");
            assert!(config::changes(&found, &again).is_empty());
            shade(&(1, found.providers.len().min(40), found.budgets.len().min(4)))
        }
        Err(problems) => {
            let said = problems.to_string();
            assert!(!said.is_empty(), "a fault is named");
            let lines = said.lines().count();
            assert!(lines <= 4 * (PROBLEMS_MAX + 2), "{lines} lines of faults");
            shade(
                &said
                    .chars()
                    .filter(|c| c.is_ascii_alphabetic())
                    .take(48)
                    .collect::<String>(),
            )
        }
    }
}

pub const CATALOGUE: Target = Target {
    name: "price_catalogue",
    recorded: |_| None,
    words: &[
        "\"prices\":{",
        "\"input_mtok\":\"1\"",
        "\"match\":{\"regex\":\"(\"}",
        "\"tiers\":[",
        "\"or\":[",
        "-1",
        "1e-40",
        "{",
        "}",
    ],
    check: catalogue,
};

fn catalogue(input: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(input) else {
        return 0;
    };
    match Catalog::parse(text) {
        Ok(catalog) => shade(&(
            catalog.models().count().min(8),
            catalog.version().len().min(8),
        )),
        Err(error) => shade(&error.to_string().chars().take(24).collect::<String>()),
    }
}

pub const IMPORT: Target = Target {
    name: "price_import",
    recorded: |_| None,
    words: &[
        "Provider(",
        "ModelInfo(",
        "ModelPrice(",
        "Decimal('",
        "id='",
        "[",
        "]",
        "(",
        ")",
        ",",
        "=",
        "'",
        "\\",
        "# ",
        "prices=",
        "None",
    ],
    check: imported,
};

fn imported(input: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(input) else {
        return 0;
    };
    let version = "0.0.1";
    match import(&[Published { text, version }], "2026-11-20") {
        Ok(made) => {
            let catalog = Catalog::parse(&made.text).expect("what was made can be read");
            assert_eq!(catalog.models().count(), made.models);
            shade(&(
                made.providers.min(4),
                made.models.min(8),
                made.skipped.len().min(4),
            ))
        }
        Err(error) => shade(
            &error
                .to_string()
                .chars()
                .filter(|c| !c.is_ascii_digit())
                .take(40)
                .collect::<String>(),
        ),
    }
}
