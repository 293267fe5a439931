//! Runs one target: all of its seeds, then what chance makes of them, until the time is up.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use weir::clock::SystemClock;

use crate::mutate::{Chance, mutate};
use crate::recorded::{self, Record};

/// Longest input that is tried.
const INPUT_BYTES_MAX: usize = 64 << 10;
/// Most inputs that are kept for saying something new.
const KEPT_MAX: usize = 4096;
const SECONDS: u64 = 1;

/// What is fuzzed, and how.
pub struct Target {
    pub name: &'static str,
    /// Makes an input of a recorded call, where it can.
    pub recorded: fn(&Record) -> Option<Vec<u8>>,
    /// Words of the parsed language.
    pub words: &'static [&'static str],
    /// Panics where the parser is wrong. Gives what the parser said of the input, in few enough shades
    /// that an input with a new one is worth changing further: see [`shade`].
    pub check: fn(&[u8]) -> u64,
}

/// One number for what was seen.
pub fn shade(seen: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    seen.hash(&mut hasher);
    hasher.finish()
}

/// Runs a target; fails at the first input that its check panics at, and keeps that input.
pub fn run(target: &Target) {
    let clock = SystemClock::shared();
    let until = clock.monotonic() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(SECONDS));
    let mut chance = Chance::new(number("FUZZ_SEED").unwrap_or(1));
    let mut pool = seeds(target.name);
    assert!(
        !pool.is_empty(),
        "tests/fuzz/seeds/{} has no seeds",
        target.name
    );
    let mut shades: HashSet<u64> = pool.iter().map(|seed| attempt(target, seed)).collect();
    let seeds = pool.len();
    pool.extend(recorded::all().iter().filter_map(target.recorded));
    pool.retain(|input| input.len() <= INPUT_BYTES_MAX);
    let (recordings, mut tried) = (pool.len() - seeds, 0_u64);
    while clock.monotonic() < until {
        let input = mutate(&pool, target.words, INPUT_BYTES_MAX, &mut chance);
        tried += 1;
        if shades.insert(attempt(target, &input)) && pool.len() < seeds + recordings + KEPT_MAX {
            pool.push(input);
        }
    }
    println!(
        "{}: {seeds} seeds, {recordings} recordings, {tried} inputs tried, {} shades",
        target.name,
        shades.len()
    );
}

fn attempt(target: &Target, input: &[u8]) -> u64 {
    match catch_unwind(AssertUnwindSafe(|| (target.check)(input))) {
        Ok(shade) => shade,
        Err(_) => panic!(
            "{} fails at the input in {}; mend it, and keep the input among its seeds",
            target.name,
            keep(target.name, input).display()
        ),
    }
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("fuzz")
        .join(name);
    std::fs::create_dir_all(&folder).expect("a folder for the input");
    let file = folder.join(format!("{:016x}", shade(&input)));
    std::fs::write(&file, input).expect("the input is kept");
    file
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/seeds")
        .join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).expect("a seed"))
        .collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    )
}
