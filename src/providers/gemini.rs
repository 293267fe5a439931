//! Gemini's generateContent and embeddings, on Google's own hosts and on Vertex.
//!
//! A stream states usage with almost every element, cumulative for the current hop: with server tools it
//! falls back between hops, so the last whole object stands and maxima do not. Thoughts and tool prompts
//! are counted beside candidates and prompt.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use crate::wire::json::Found;

use super::node::{Node, parse};
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, push_text};
use super::report::{Convention, Placement, Report};

/// Most distinct searches told apart in one answer.
const SEARCHES_MAX: usize = 256;

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "error",
        "modelVersion",
        "usageMetadata",
        "candidates[].finishReason",
        "candidates[].content.parts[].text",
        "candidates[].content.parts[].functionCall",
        "candidates[].content.parts[].executableCode.code",
        "candidates[].groundingMetadata.webSearchQueries[]",
        "predictions[].embeddings.statistics.token_count",
        "metadata.billableCharacterCount",
        // A stream without `alt=sse` is one array.
        "[].error",
        "[].modelVersion",
        "[].usageMetadata",
        "[].candidates[].finishReason",
        "[].candidates[].content.parts[].text",
        "[].candidates[].content.parts[].functionCall",
        "[].candidates[].content.parts[].executableCode.code",
        "[].candidates[].groundingMetadata.webSearchQueries[]",
    ])
});

/// Reads `GenerateContentResponse`, one or many, and answers of the embedding methods.
#[derive(Debug, Default)]
pub struct Generate {
    /// Hashes of the searches made: elements repeat them, and the words are not kept.
    searches: Vec<u64>,
    /// The current element ends the answer, and states usage.
    finished: bool,
    has_usage: bool,
    predicted: Option<u64>,
    characters: Option<u64>,
}

impl Reader for Generate {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        match path.strip_prefix("[].").unwrap_or(path) {
            "error" => said.note_error(found.raw),
            "modelVersion" => said.note_model(found.raw),
            "usageMetadata" => self.note_usage(said, found.raw),
            "candidates[].finishReason" => self.finished |= name(found.raw).is_some(),
            "candidates[].groundingMetadata.webSearchQueries[]" => self.note_search(found.raw),
            "predictions[].embeddings.statistics.token_count" => {
                let count = Node::new(&parse(found.raw)).count();
                self.predicted = self.predicted.unwrap_or(0).checked_add(count.unwrap_or(0));
            }
            "metadata.billableCharacterCount" => {
                self.characters = Node::new(&parse(found.raw)).count();
            }
            _ => push_text(found, text),
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        if self.predicted.is_some() {
            let mut report = Report {
                input: self.predicted,
                ..Report::default()
            };
            report
                .units
                .extend(self.characters.map(|count| ("billable_characters", count)));
            // Only the end of the body tells that no prediction is missing from the sum.
            said.replace(report, Standing::Running);
        }
        if let Some(report) = said.report.as_mut() {
            let searches = u64::try_from(self.searches.len()).unwrap_or(u64::MAX);
            report.set_web_searches(Some(searches).filter(|count| *count > 0));
            if self.has_usage && self.finished {
                said.standing = Standing::Final;
            }
        }
        (self.has_usage, self.finished) = (false, false);
    }
}

impl Generate {
    fn note_usage(&mut self, said: &mut Said, raw: &[u8]) {
        let value = parse(raw);
        let usage = Node::new(&value);
        let tier = usage
            .at("serviceTier")
            .text()
            .or(usage.at("trafficType").text());
        let slot = &mut said.selectors.service_tier;
        *slot = tier.map(str::to_owned).or(slot.take());
        self.has_usage = true;
        said.replace(report(usage), Standing::Running);
    }

    fn note_search(&mut self, raw: &[u8]) {
        let mut hasher = DefaultHasher::new();
        raw.hash(&mut hasher);
        let hash = hasher.finish();
        if self.searches.len() < SEARCHES_MAX && !self.searches.contains(&hash) {
            self.searches.push(hash);
        }
    }
}

/// Reads a `usageMetadata` value. An element that only names its traffic's type states no tokens.
fn report(usage: Node<'_>) -> Report {
    let count = |name: &str| usage.at(name).count();
    let prompt = |modality| {
        of_modality(
            usage,
            &["promptTokensDetails", "promptTokenDetails"],
            modality,
        )
    };
    let answer = |modality| {
        of_modality(
            usage,
            &["candidatesTokensDetails", "responseTokensDetails"],
            modality,
        )
    };
    let (input, thoughts) = (count("promptTokenCount"), count("thoughtsTokenCount"));
    let candidates = count("candidatesTokenCount").or(count("responseTokenCount"));
    let total = count("totalTokenCount");
    Report {
        convention: Convention {
            cache: Placement::Within,
            reasoning: Placement::Beside,
        },
        // Missing candidates are none, as when a prompt is blocked or only thoughts were produced.
        output: candidates.or_else(|| (input.is_some() && total.is_some()).then_some(0)),
        input,
        total,
        cache_read: count("cachedContentTokenCount"),
        reasoning: thoughts,
        tool_input: count("toolUsePromptTokenCount"),
        audio_input: prompt(Modality::Audio),
        image_input: prompt(Modality::Image),
        audio_output: answer(Modality::Audio),
        image_output: answer(Modality::Image),
        ..Report::default()
    }
}

/// The modalities that are priced apart.
#[derive(Clone, Copy)]
enum Modality {
    Image,
    Audio,
}

impl Modality {
    /// Whether an entry is of this modality; some clients' recordings hold the enum's number.
    fn is(self, stated: Node<'_>) -> bool {
        let (word, number) = match self {
            Modality::Image => ("IMAGE", 2),
            Modality::Audio => ("AUDIO", 4),
        };
        stated.text() == Some(word) || stated.count() == Some(number)
    }
}

/// The tokens of one modality in the first of the lists that is there.
fn of_modality(usage: Node<'_>, lists: &[&str], modality: Modality) -> Option<u64> {
    let list = lists
        .iter()
        .map(|list| usage.at(list))
        .find(|list| list.exists())?;
    let entries = list
        .items()
        .filter(|entry| modality.is(entry.at("modality")));
    entries.map(|entry| entry.at("tokenCount").count()).sum()
}
