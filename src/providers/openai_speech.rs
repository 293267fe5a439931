//! Text made speech: the answer is sound, and mostly states nothing.
//!
//! What is charged is the text that was sent, by its characters, so weir counts those; a stream of events
//! may end by stating tokens instead.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::wire::json::Found;

use super::RequestFacts;
use super::node::parse;
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink};

static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths::new(&["error", "usage"]));

/// Reads the answer to a text that is to be spoken.
#[derive(Debug)]
pub struct Speech {
    asked: BTreeMap<&'static str, u64>,
}

impl Speech {
    /// A reader of the answer to what was asked.
    pub fn new(asked: &RequestFacts) -> Self {
        Speech {
            asked: asked.units.clone(),
        }
    }
}

impl Reader for Speech {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    /// The whole text is charged, whoever hangs up before its end was spoken.
    fn head<'a>(&mut self, said: &mut Said, _: &dyn Fn(&str) -> Option<&'a str>) {
        if (200..300).contains(&said.status) {
            said.count(self.asked.clone(), Standing::Opening);
        }
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "error" => {
                said.note_error(found.raw);
                if said.error.is_some() && said.counted {
                    said.report = None;
                }
            }
            _ => {
                said.state(openai_usage::report(&parse(found.raw)), Standing::Final);
                said.terminal |= !said.counted;
            }
        }
    }

    fn message_end(&mut self, _: &mut Said, _: &mut TextSink<'_>) {}
}
