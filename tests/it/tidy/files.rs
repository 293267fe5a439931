//! Sizes of files: one duty each, and short enough to be read in one go.

use super::sources;

/// Lines that no file may exceed, tests included.
const LINES_MAX: usize = 450;
/// Lines that nine files in ten stay below.
const LINES_OF_NINE_IN_TEN: usize = 400;
/// Lines of the file in the middle.
const LINES_MEDIAN: usize = 200;

#[test]
fn files_are_short() {
    let mut files: Vec<(usize, String)> = ["src", "tests"]
        .into_iter()
        .flat_map(sources)
        .map(|source| (source.text.lines().count(), source.path))
        .collect();
    files.sort();
    assert!(files.len() > 100, "{} files were found", files.len());
    let long: Vec<_> = files
        .iter()
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "longer than {LINES_MAX} lines: {long:?}");
    let (median, ninth) = (files[files.len() / 2].0, files[files.len() * 9 / 10].0);
    assert!(median <= LINES_MEDIAN, "the median is {median}");
    assert!(
        ninth <= LINES_OF_NINE_IN_TEN,
        "nine in ten are below {ninth} only"
    );
}

#[test]
fn files_begin_with_their_duty() {
    let mut without = Vec::new();
    for source in ["src", "tests"].into_iter().flat_map(sources) {
        // A file of tests has the duty of the file beside it.
        let of_another = source.path.contains("/tests") && source.path.starts_with("src/");
        let doc: Vec<&str> = source
            .text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .collect();
        let first = doc
            .split(|line| line.is_empty())
            .next()
            .unwrap_or_default()
            .concat();
        if !of_another && !first.ends_with(['.', ':']) {
            without.push(format!("{}: {first}", source.path));
        }
    }
    assert!(
        without.is_empty(),
        "no sentence says their duty:\n{}",
        without.join("\n")
    );
}
