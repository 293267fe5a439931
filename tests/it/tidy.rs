//! What the house keeps to and no compiler checks: arrows, bans, sizes, and files that name what exists.

mod arrows;
mod bans;
mod files;
mod shipped;

use std::fs;
use std::path::{Path, PathBuf};

/// One Rust file of the project.
struct Source {
    /// Relative to the package's root.
    path: String,
    text: String,
    /// The text without tests and without whole-line comments; empty for files of tests.
    code: String,
}

impl Source {
    /// The room of a file under `src`: the first folder or file.
    fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").expect("a file under src");
        inside
            .split('/')
            .next()
            .expect("a name")
            .trim_end_matches(".rs")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with one of the extensions under a folder of the project.
fn walk(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|e| extensions.iter().any(|wanted| e == *wanted))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{folder} has files");
    found
}

fn relative(path: &Path) -> String {
    let inside = path.strip_prefix(root()).expect("a path of the project");
    inside.to_str().expect("a name in UTF-8").to_owned()
}

/// Every Rust file under a folder.
fn sources(folder: &str) -> Vec<Source> {
    let paths = walk(folder, &["rs"]);
    let texts: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            (
                relative(path),
                fs::read_to_string(path).expect("a readable file"),
            )
        })
        .collect();
    let tests: Vec<String> = texts
        .iter()
        .flat_map(|(path, text)| test_modules(path, text))
        .collect();
    texts
        .into_iter()
        .map(|(path, text)| {
            let is_test = tests.iter().any(|module| {
                let rest = path.strip_prefix(module.as_str());
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            });
            let code = if is_test {
                String::new()
            } else {
                code_of(&text)
            };
            Source { path, text, code }
        })
        .collect()
}

/// Paths, without their ends, of the modules that a file declares for tests alone.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let folder = match path
        .strip_suffix("/mod.rs")
        .or(path.strip_suffix("/lib.rs"))
    {
        Some(folder) => folder.to_owned(),
        None => path.trim_end_matches(".rs").to_owned(),
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter_map(|pair| {
        let name = pair[1].strip_suffix(';')?.rsplit_once("mod ")?.1;
        (pair[0] == "#[cfg(test)]").then(|| format!("{folder}/{name}"))
    });
    declared.collect()
}

/// A file up to its tests, which stand at its foot, without whole-line comments.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let next_is_tests = lines
            .peek()
            .is_some_and(|next| next.contains("mod tests {"));
        if line.trim() == "#[cfg(test)]" && next_is_tests {
            break;
        }
        if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

#[test]
fn code_is_told_from_tests_and_comments() {
    let text =
        "//! doc\nuse crate::a;\n    // why\nfn f() {}\n#[cfg(test)]\nmod tests {\n    bad\n}\n";
    assert_eq!(code_of(text), "use crate::a;\nfn f() {}\n");
    assert_eq!(
        test_modules("src/a/mod.rs", "#[cfg(test)]\nmod tests;\nmod b;"),
        ["src/a/tests"]
    );
    assert_eq!(
        test_modules("src/a/b.rs", "#[cfg(test)]\npub(crate) mod samples;"),
        ["src/a/b/samples"]
    );
    let sources = sources("src");
    assert!(sources.len() > 50, "{} files were found", sources.len());
    assert!(
        sources.iter().any(|source| source.code.is_empty()),
        "some are tests"
    );
}
