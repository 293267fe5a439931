//! Which names mean a model: the published matching rules.
//!
//! A name is compared in lower case. Patterns are compiled on first use, since most calls name
//! their model plainly and never reach one.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// Most bytes that one compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A rule over a model's name; texts are in lower case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clause {
    Equals(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Contains(Box<str>),
    Regex(Pattern),
    Or(Vec<Clause>),
    And(Vec<Clause>),
    Not(Box<Clause>),
}

impl Clause {
    /// Whether a name in lower case is meant.
    pub(super) fn fits(&self, name: &str) -> bool {
        match self {
            Clause::Equals(text) => name == &**text,
            Clause::StartsWith(text) => name.starts_with(&**text),
            Clause::EndsWith(text) => name.ends_with(&**text),
            Clause::Contains(text) => name.contains(&**text),
            Clause::Regex(pattern) => pattern.fits(name),
            Clause::Or(clauses) => clauses.iter().any(|clause| clause.fits(name)),
            Clause::And(clauses) => clauses.iter().all(|clause| clause.fits(name)),
            Clause::Not(clause) => !clause.fits(name),
        }
    }

    /// Hands on every name that is written out in the rule.
    pub(super) fn names<'a>(&'a self, each: &mut dyn FnMut(&'a str)) {
        match self {
            Clause::Equals(text) | Clause::StartsWith(text) => each(text),
            Clause::Or(clauses) => clauses.iter().for_each(|clause| clause.names(each)),
            _ => {}
        }
    }

    /// The first pattern that does not compile.
    pub(super) fn broken_pattern(&self) -> Option<&str> {
        match self {
            Clause::Regex(pattern) => pattern.compiled().is_none().then_some(&*pattern.text),
            Clause::Or(clauses) | Clause::And(clauses) => {
                clauses.iter().find_map(Clause::broken_pattern)
            }
            Clause::Not(clause) => clause.broken_pattern(),
            _ => None,
        }
    }
}

/// A regular expression without look-around, over bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Box<str>", into = "Box<str>")]
pub(super) struct Pattern {
    text: Box<str>,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Whether the pattern is found in the name; one that does not compile is found nowhere.
    pub(super) fn fits(&self, name: &str) -> bool {
        self.compiled()
            .is_some_and(|regex| regex.is_match(name.as_bytes()))
    }

    /// Whether the pattern is found at the very start of the text.
    pub(super) fn opens(&self, text: &str) -> bool {
        let found = self
            .compiled()
            .and_then(|regex| regex.find(text.as_bytes()));
        found.is_some_and(|found| found.start() == 0)
    }

    fn compiled(&self) -> Option<&Regex> {
        let compile = || {
            let mut builder = RegexBuilder::new(&self.text);
            builder
                .unicode(false)
                .size_limit(PATTERN_BYTES_MAX)
                .build()
                .ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

impl From<Box<str>> for Pattern {
    fn from(text: Box<str>) -> Self {
        Pattern {
            text,
            compiled: OnceLock::new(),
        }
    }
}

impl From<Pattern> for Box<str> {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(json: &str) -> Clause {
        serde_json::from_str(json).expect("a clause")
    }

    #[test]
    fn each_kind_fits_what_it_says() {
        let cases = [
            (r#"{"equals":"o1"}"#, "o1", "o1-mini"),
            (r#"{"starts_with":"o1"}"#, "o1-mini", "xo1"),
            (r#"{"ends_with":":free"}"#, "a:free", "a:free2"),
            (r#"{"contains":"nova"}"#, "us.nova-1", "us.no-va"),
            (r#"{"regex":"^a-\\d{8}$"}"#, "a-20250101", "a-2025010"),
            (r#"{"or":[{"equals":"a"},{"equals":"b"}]}"#, "b", "c"),
            (r#"{"and":[{"contains":"a"},{"contains":"b"}]}"#, "ba", "a"),
            (r#"{"not":{"contains":"-tts"}}"#, "flash", "flash-tts"),
        ];
        for (json, fits, other) in cases {
            let clause = clause(json);
            assert!(clause.fits(fits), "{json} and {fits}");
            assert!(!clause.fits(other), "{json} and {other}");
            assert_eq!(serde_json::to_string(&clause).expect("text"), json);
        }
    }

    #[test]
    fn a_pattern_that_does_not_compile_is_named_and_fits_nothing() {
        let broken = clause(r#"{"or":[{"equals":"a"},{"regex":"^(?!b)"}]}"#);
        assert_eq!(broken.broken_pattern(), Some("^(?!b)"));
        assert!(!broken.fits("c"));
    }
}
