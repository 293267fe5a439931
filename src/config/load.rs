//! Reads a file, or a text, whole: to settings, or to everything that is wrong with it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::providers::Known;

use super::problem::{Found, Problems};
use super::read::Read;
use super::tree::{self, FILE_BYTES_MAX, Kind};
use super::{Config, check, file};

/// Where variables come from: `std::env::var` in the program, a table in tests.
pub type Env<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// The environment of this process; a variable that is not UTF-8 counts as unset.
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The settings in a file.
pub fn load(path: &Path, env: &Env<'_>) -> Result<Config, Problems> {
    let origin = path.display().to_string();
    match read(path) {
        Ok(bytes) => parse_bytes(&bytes, &origin, env),
        Err(error) => Err(unreadable(&origin, &error)),
    }
}

/// The settings in a text; `origin` names it in problems.
pub fn parse(text: &str, origin: &str, env: &Env<'_>) -> Result<Config, Problems> {
    parse_with(text, origin, env, crate::providers::hosts::KNOWN)
}

/// The settings where there is no file.
pub fn defaults() -> Config {
    parse("{}", "defaults", &|_| None).expect("the defaults are valid")
}

/// A file's bytes; one more than [`FILE_BYTES_MAX`] at most, so that a huge file costs no more.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn parse_bytes(bytes: &[u8], origin: &str, env: &Env<'_>) -> Result<Config, Problems> {
    if bytes.len() > FILE_BYTES_MAX {
        let message = format!("expected at most {FILE_BYTES_MAX} bytes, got more");
        return Err(Problems::of_file(
            origin,
            message,
            "is this the right file?",
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text, origin, env),
        Err(error) => {
            let line = 1 + memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count();
            let message = format!("expected UTF-8, got another byte on line {line}");
            Err(Problems::of_file(origin, message, "save the file as UTF-8"))
        }
    }
}

pub(super) fn unreadable(origin: &str, error: &io::Error) -> Problems {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "check the path, or create the file",
        io::ErrorKind::PermissionDenied => "let weir's user read it",
        _ => "check the path",
    };
    Problems::of_file(
        origin,
        format!("cannot read the file: {}", error.kind()),
        remedy,
    )
}

pub(super) fn parse_with(
    text: &str,
    origin: &str,
    env: &Env<'_>,
    known: &[Known],
) -> Result<Config, Problems> {
    let mut found = Found::default();
    let config = tree::parse(text, env, &mut found).and_then(|root| {
        if matches!(root.kind, Kind::Empty) {
            // A file that is being written is empty for a moment, and must not undo every budget
            // then.
            let place = root.place("");
            found.add(place.problem("the file holds no settings", "write `{}` for the defaults"));
            return None;
        }
        let file = file::File::read(&root, "", &mut found)?;
        Some(check::check(&file, known, &mut found))
    });
    found.into_result(origin)?;
    Ok(config.expect("without a problem there are settings"))
}
