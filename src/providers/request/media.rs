//! What a request asks for that is charged by the piece: pictures, videos, spoken text.

use std::collections::BTreeMap;

use crate::providers::node::{Node, count, parse};
use crate::providers::reader::name;
use crate::providers::report::{CHARACTERS, IMAGES, VIDEO_SECONDS};
use crate::providers::{Dialect, Selectors};
use crate::wire::json::{Found, unquote};

/// Seconds of a video whose length was not asked for: hosts make short ones then.
const VIDEO_SECONDS_UNASKED: u64 = 12;

/// What was asked, as far as the body was read.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Width and height of a picture, where they are asked for apart.
    sides: [Option<u64>; 2],
    seconds: Option<u64>,
    characters: Option<u64>,
}

impl Asked {
    /// Takes a field that says what a picture, a video or a recording is to be like.
    pub(super) fn note(&mut self, selectors: &mut Selectors, path: &str, found: &Found<'_>) {
        // What the provider is left to choose is said by its answer.
        let chosen = || name(found.raw).filter(|word| word != "auto");
        match path {
            "size" => selectors.size = chosen().or(selectors.size.take()),
            "resolution" => selectors.size = selectors.size.take().or_else(chosen),
            "quality" => selectors.quality = chosen().or(selectors.quality.take()),
            "width" => self.sides[0] = count(found.raw),
            "height" => self.sides[1] = count(found.raw),
            _ => self.seconds = Node::new(&parse(found.raw)).seconds().or(self.seconds),
        }
    }

    /// Takes the text that is to be spoken.
    pub(super) fn spoken(&mut self, found: &Found<'_>) {
        self.characters = characters(found).or(self.characters);
    }

    /// Width and height in one, where they were asked for apart.
    pub(super) fn size(&self) -> Option<String> {
        let [width, height] = self.sides;
        Some(format!("{}x{}", width?, height?))
    }

    /// What is charged by the piece, of `choices` answers.
    pub(super) fn units(
        &self,
        dialect: Option<Dialect>,
        choices: u64,
    ) -> BTreeMap<&'static str, u64> {
        let (unit, count) = match dialect {
            Some(Dialect::OpenaiImages) => (IMAGES, Some(choices)),
            Some(Dialect::OpenaiSpeech) => (CHARACTERS, self.characters),
            Some(Dialect::OpenaiVideos) => {
                let seconds = self.seconds.unwrap_or(VIDEO_SECONDS_UNASKED);
                (VIDEO_SECONDS, Some(seconds.saturating_mul(choices)))
            }
            Some(Dialect::GeminiPredict) => match self.seconds {
                Some(seconds) => (VIDEO_SECONDS, Some(seconds.saturating_mul(choices))),
                None => (IMAGES, Some(choices)),
            },
            _ => return BTreeMap::new(),
        };
        count.map(|count| (unit, count)).into_iter().collect()
    }
}

/// The characters of a text; of one that was cut, as many as its beginning lets expect.
fn characters(found: &Found<'_>) -> Option<u64> {
    let seen = unquote(found.raw)?.chars().count() as u64;
    if !found.cut {
        return Some(seen);
    }
    let (bytes, read) = (u128::from(found.bytes), found.raw.len().max(1) as u128);
    u64::try_from((u128::from(seen) * bytes).div_ceil(read)).ok()
}
