//! What an answer was grounded on, in the units that it is charged by.
//!
//! From Gemini 3 on each search is charged, before it each prompt that was grounded, however many searches
//! that took. Elements of a stream repeat what was searched for; the words themselves are not kept.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::usage::MAPS_SEARCHES;
use crate::providers::report::{GROUNDED_PROMPTS, Report, WEB_SEARCHES};

/// Most distinct searches told apart in one answer.
const SEARCHES_MAX: usize = 256;

/// Names of models that are charged by the prompt begin so.
const BY_PROMPT: [&str; 2] = ["gemini-1", "gemini-2"];

/// The searches of one answer.
#[derive(Debug, Default)]
pub struct Grounding {
    /// Hashes of the searches made.
    searches: Vec<u64>,
    maps: bool,
}

impl Grounding {
    /// Notes a search by its raw words; empty ones are none.
    pub fn note_search(&mut self, raw: &[u8]) {
        if raw == b"\"\"" || raw == b"null" {
            return;
        }
        let mut hasher = DefaultHasher::new();
        raw.hash(&mut hasher);
        let hash = hasher.finish();
        if self.searches.len() < SEARCHES_MAX && !self.searches.contains(&hash) {
            self.searches.push(hash);
        }
    }

    /// Notes that a map was a source.
    pub fn note_maps(&mut self) {
        self.maps = true;
    }

    /// Writes the units into what an answer of that model reports.
    pub fn fill(&self, model: Option<&str>, report: &mut Report) {
        let searches = u64::try_from(self.searches.len()).unwrap_or(u64::MAX);
        if searches > 0 {
            report.units.insert(WEB_SEARCHES, searches);
        }
        if self.maps {
            // The wire tells that maps were asked, not how often.
            report.units.insert(MAPS_SEARCHES, 1);
        }
        by_prompt(model, report);
    }
}

/// Notes that the searches of a report are one grounded prompt, where the model is charged so.
pub fn by_prompt(model: Option<&str>, report: &mut Report) {
    let searched = report
        .units
        .get(WEB_SEARCHES)
        .is_some_and(|count| *count > 0);
    let model = model.unwrap_or_default();
    let model = model.rsplit('/').next().unwrap_or_default();
    if searched && BY_PROMPT.iter().any(|start| model.starts_with(start)) {
        report.units.insert(GROUNDED_PROMPTS, 1);
    }
}
