//! Files that mean harm cost little.

use proptest::prelude::*;

use super::*;

#[test]
fn hostile_files_are_refused_quickly_and_in_few_words() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]";
    let long_key = format!("{}: 1", "k".repeat(900));
    for (name, text) in [
        ("alias bomb", bomb.to_owned()),
        ("deep flow", "[".repeat(FILE_BYTES_MAX)),
        ("deep flow maps", "{a: ".repeat(FILE_BYTES_MAX / 4)),
        (
            "deep block",
            (0..600).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
        ),
        ("dashes", "- ".repeat(FILE_BYTES_MAX / 2)),
        ("question marks", "? ".repeat(FILE_BYTES_MAX / 2)),
        ("large", " ".repeat(100 * FILE_BYTES_MAX)),
        (
            "many strange keys",
            (0..100_000).map(|i| format!("k{i}: 1\n")).collect(),
        ),
        (
            "many faults",
            format!("budgets: [{}]", "{},".repeat(200_000)),
        ),
        ("duplicates", "listen: x\n".repeat(100_000)),
        ("long key", long_key),
        (
            "long scalar",
            format!("listen: {}", "x".repeat(FILE_BYTES_MAX - 100)),
        ),
        (
            "long quoted",
            format!("listen: \"{}\"", "\\x00".repeat(FILE_BYTES_MAX / 4 - 100)),
        ),
        (
            "variables",
            format!("listen: \"{}\"", "${PORT}".repeat(FILE_BYTES_MAX / 7 - 100)),
        ),
        ("comments", "#\n".repeat(FILE_BYTES_MAX / 2)),
    ] {
        let started = crate::clock::SystemClock::shared();
        let problems = parse(&text, "f", &env).map(|_| ()).expect_err(name);
        let took = started.monotonic();
        println!("{name}: {took:?}");
        assert!(
            !problems.list.is_empty() && problems.to_string().len() < 64 * 1024,
            "{name}"
        );
        assert!(took < Duration::from_secs(10), "{name} took {took:?}");
    }
}

/// Pieces that YAML and the settings give meaning to.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "listen",
        "admin",
        "budgets",
        "match",
        "limit",
        "5 USD",
        "per",
        "day",
        "name",
        "providers",
        ": ",
        ":",
        "- ",
        "\n",
        "  ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        "\"",
        "#",
        "&a ",
        "*a",
        "!!str ",
        "? ",
        "|\n",
        ">-\n",
        "---\n",
        "${",
        "${SECRET}",
        "}",
        "$$",
        "%",
        "~",
        "\t",
        "\u{feff}",
        "é",
        "\u{2028}",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_at_a_place_within_it(text in pieces()) {
        if let Err(problems) = parse(&text, "f", &env) {
            prop_assert!(!problems.list.is_empty());
            prop_assert!(!problems.to_string().contains(CANARY));
            let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}']).count() + 1;
            for problem in &problems.list {
                prop_assert!((1..=lines).contains(&problem.line), "{problem:?}");
                prop_assert!(problem.column > 0, "{problem:?}");
                prop_assert!(!problem.message.is_empty() && !problem.remedy.is_empty());
            }
        }
    }

    #[test]
    fn a_cut_sample_is_read_or_refused(cut in 0_usize..5_000) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy.yaml");
        let mut sample = std::fs::read(path).expect("the sample is at the top");
        sample.truncate(cut);
        let text = String::from_utf8_lossy(&sample);
        if let Err(problems) = parse(&text, "f", &|_| None) {
            prop_assert!(!problems.list.is_empty());
        }
    }

    #[test]
    fn a_duration_is_what_it_says(number in 0_u64..80_000) {
        let text = format!("shutdown: {{ grace: {}ms }}", number * 10);
        prop_assert_eq!(read(&text).shutdown_grace, Duration::from_millis(number * 10));
    }

    #[test]
    fn a_price_survives_its_text(pico in 0_i128..=10_i128.pow(18)) {
        let price = crate::units::PicoUsd::new(pico);
        let config = read(&format!("prices: [{{ model: m, input: {price} }}]"));
        prop_assert_eq!(config.prices[0].input, Some(pico));
    }
}
