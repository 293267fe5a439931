//! What is wrong with a file, all of it at once.
//!
//! A person who edits settings wants every fault of an edit in one answer, each with its place,
//! what was expected, what was got and what to write instead. Nothing here ever holds an expanded
//! variable or a secret: those who report a problem quote the file as it is written, or nothing.

use std::fmt;

use serde::Serialize;

/// Most problems that one file reports; the rest are counted.
pub const PROBLEMS_MAX: usize = 100;

/// Most characters of a value that a message quotes.
const QUOTED_MAX: usize = 60;

/// Where something stands in the file, and what it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1; 0 where the whole file is meant.
    pub(super) line: usize,
    /// In characters, from 1; 0 where the whole file is meant.
    pub(super) column: usize,
    /// The path of keys: `budgets[2].limit`; empty for the file itself.
    pub(super) key: String,
}

impl Place {
    /// A problem of what stands here.
    pub(super) fn problem(&self, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem {
            line: self.line,
            column: self.column,
            key: self.key.clone(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// From 1; 0 where the whole file is meant.
    pub line: usize,
    /// In characters, from 1; 0 where the whole file is meant.
    pub column: usize,
    /// The path of keys: `budgets[2].limit`; empty for the file itself.
    pub key: String,
    /// What was expected and what was got.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{} ({})", self.message, self.remedy)
    }
}

/// All faults of one file, in the order of their places; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// The file's path as it was asked for.
    pub origin: String,
    /// At most [`PROBLEMS_MAX`].
    pub list: Vec<Problem>,
    /// Problems beyond those in the list.
    pub left_out: usize,
}

impl Problems {
    /// One problem of the file as a whole.
    pub(super) fn of_file(origin: &str, message: String, remedy: &str) -> Self {
        let problem = Place::default().problem(message, remedy);
        Problems {
            origin: origin.to_owned(),
            list: vec![problem],
            left_out: 0,
        }
    }
}

/// One line per problem: `proxy.yaml:4:10: budgets[2].limit: expected …, got … (…)`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            let space = if problem.line == 0 { " " } else { "" };
            write!(f, "{newline}{}:{space}{problem}", self.origin)?;
        }
        if self.left_out > 0 {
            write!(f, "\n{}: and {} more problems", self.origin, self.left_out)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects problems while a file is read.
#[derive(Debug, Default)]
pub(super) struct Found {
    list: Vec<Problem>,
    left_out: usize,
}

impl Found {
    /// Notes a problem; past [`PROBLEMS_MAX`] it is only counted.
    pub(super) fn add(&mut self, problem: Problem) {
        if self.is_full() {
            self.left_out += 1;
        } else {
            self.list.push(problem);
        }
    }

    /// Whether another problem would only be counted, so that nobody needs to word it well.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= PROBLEMS_MAX
    }

    /// What was found, if anything.
    pub(super) fn into_result(mut self, origin: &str) -> Result<(), Problems> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list
            .sort_by_key(|problem| (problem.line, problem.column));
        Err(Problems {
            origin: origin.to_owned(),
            list: self.list,
            left_out: self.left_out,
        })
    }
}

/// A text of the file as a message quotes it: on one line, cut, with control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(QUOTED_MAX).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", cut.escape_debug())
}

/// `did you mean …?` where one of `known` is close to `name`, else the list of them.
pub fn suggestion<'k>(name: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    let short: String = name.chars().take(QUOTED_MAX).collect();
    let closest = known
        .clone()
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&short.to_lowercase(), candidate),
                candidate,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3));
    match closest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None => format!(
            "known are {}",
            known.into_iter().collect::<Vec<_>>().join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_on_one_short_line() {
        assert_eq!(quoted("a\nb\"c"), r#""a\nb\"c""#);
        assert!(quoted(&"x".repeat(500)).chars().count() < 70);
    }

    #[test]
    fn suggests_only_what_is_close() {
        assert_eq!(
            suggestion("budget", ["listen", "budgets"]),
            "did you mean `budgets`?"
        );
        assert_eq!(
            suggestion("zzzzzz", ["listen", "budgets"]),
            "known are listen, budgets"
        );
    }

    #[test]
    fn counts_what_it_does_not_list() {
        let mut found = Found::default();
        for line in 0..PROBLEMS_MAX + 7 {
            let place = Place {
                line: PROBLEMS_MAX + 7 - line,
                column: 1,
                key: "k".to_owned(),
            };
            found.add(place.problem("m", "r"));
        }
        let problems = found
            .into_result("f.yaml")
            .expect_err("problems were added");
        assert_eq!((problems.list.len(), problems.left_out), (PROBLEMS_MAX, 7));
        assert!(problems.list.is_sorted_by_key(|problem| problem.line));
        assert!(
            problems
                .to_string()
                .ends_with("f.yaml: and 7 more problems")
        );
    }
}
