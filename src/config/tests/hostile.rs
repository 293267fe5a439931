//! Files that mean harm cost little.

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
