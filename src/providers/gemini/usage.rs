//! Google's usage objects: `usageMetadata` of content and live turns, `usage` of interactions.
//!
//! Thoughts and tool prompts are counted beside candidates and prompt, cached content within the prompt.
//! Modalities may not add up to their total; what they leave is text. Documents are not told apart: a model
//! prices them as what it read in them.

use crate::providers::node::{Node, largest};
use crate::providers::report::{Convention, Placement, Report, WEB_SEARCHES};

const CONVENTION: Convention = Convention {
    cache: Placement::Within,
    reasoning: Placement::Beside,
};

/// The unit of searches in maps that grounded an answer.
pub const MAPS_SEARCHES: &str = "maps_searches";

/// The modalities that are priced apart.
#[derive(Clone, Copy)]
enum Modality {
    Image,
    Video,
    Audio,
}

impl Modality {
    /// Whether an entry is of this modality; some clients' recordings hold the enum's number.
    fn is(self, stated: Node<'_>) -> bool {
        let (word, number) = match self {
            Modality::Image => ("image", 2),
            Modality::Video => ("video", 3),
            Modality::Audio => ("audio", 4),
        };
        let named = |text: &str| text.eq_ignore_ascii_case(word);
        stated.text().is_some_and(named) || stated.count() == Some(number)
    }
}

/// The tokens of one modality in the first of the lists that is there.
fn of_modality(usage: Node<'_>, lists: &[&str], modality: Modality) -> Option<u64> {
    let list = first(usage, lists);
    list.exists().then_some(())?;
    let entries = list
        .items()
        .filter(|entry| modality.is(entry.at("modality")));
    entries
        .map(|entry| first(entry, &["tokenCount", "tokens"]).count())
        .sum()
}

/// The first of these members that is there.
fn first<'a>(node: Node<'a>, names: &[&str]) -> Node<'a> {
    let present = |name: &&str| node.at(name).exists();
    node.at(names.iter().find(|name| present(name)).unwrap_or(&""))
}

/// The lists that divide prompt, answer and cached content by modality.
struct Lists<'a> {
    prompt: &'a [&'a str],
    answer: &'a [&'a str],
    cached: &'a [&'a str],
}

impl Lists<'_> {
    /// Fills in what is told by modality.
    fn fill(&self, usage: Node<'_>, report: &mut Report) {
        let prompt = |modality| of_modality(usage, self.prompt, modality);
        let answer = |modality| of_modality(usage, self.answer, modality);
        let cached = |modality| of_modality(usage, self.cached, modality);
        report.audio_input = prompt(Modality::Audio);
        report.image_input = prompt(Modality::Image);
        report.audio_output = answer(Modality::Audio);
        report.image_output = answer(Modality::Image);
        for (unit, count) in [
            ("video_input_tokens", prompt(Modality::Video)),
            ("video_output_tokens", answer(Modality::Video)),
            ("cache_read_audio_tokens", cached(Modality::Audio)),
            ("cache_read_image_tokens", cached(Modality::Image)),
            ("cache_read_video_tokens", cached(Modality::Video)),
        ] {
            let some = count.filter(|count| *count > 0);
            report.units.extend(some.map(|count| (unit, count)));
        }
    }
}

/// Reads a `usageMetadata` value. An element that only names its traffic's type states no tokens.
pub fn metadata(usage: Node<'_>) -> Report {
    let count = |name: &str| usage.at(name).count();
    let input = count("promptTokenCount");
    let candidates = count("candidatesTokenCount").or(count("responseTokenCount"));
    let total = count("totalTokenCount");
    let mut report = Report {
        convention: CONVENTION,
        // Missing candidates are none, as when a prompt is blocked or only thoughts were produced.
        output: candidates.or_else(|| (input.is_some() && total.is_some()).then_some(0)),
        input,
        total,
        cache_read: count("cachedContentTokenCount"),
        reasoning: count("thoughtsTokenCount"),
        tool_input: count("toolUsePromptTokenCount"),
        ..Report::default()
    };
    let lists = Lists {
        prompt: &["promptTokensDetails", "promptTokenDetails"],
        answer: &["candidatesTokensDetails", "responseTokensDetails"],
        cached: &["cacheTokensDetails"],
    };
    lists.fill(usage, &mut report);
    report
}

/// The tier that a `usageMetadata` value names: the Gemini API's, else Vertex's.
pub fn tier(usage: Node<'_>) -> Option<String> {
    let tier = usage.at("serviceTier").text();
    tier.or(usage.at("trafficType").text()).map(str::to_owned)
}

/// Reads the `usage` of an interaction; Vertex writes its names in camel case.
pub fn interaction(usage: Node<'_>) -> Report {
    let count = |names: &[&str]| first(usage, names).count();
    let input = count(&["total_input_tokens", "totalInputTokens"]);
    let mut report = Report {
        convention: CONVENTION,
        output: count(&["total_output_tokens", "totalOutputTokens"])
            .or(input.is_some().then_some(0)),
        input,
        total: count(&["total_tokens", "totalTokens"]),
        cache_read: count(&["total_cached_tokens", "totalCachedTokens"]),
        reasoning: count(&["total_thought_tokens", "totalThoughtTokens"]),
        tool_input: count(&["total_tool_use_tokens", "totalToolUseTokens"]),
        ..Report::default()
    };
    let lists = Lists {
        prompt: &["input_tokens_by_modality", "inputTokensByModality"],
        answer: &["output_tokens_by_modality", "outputTokensByModality"],
        cached: &["cached_tokens_by_modality", "cachedTokensByModality"],
    };
    lists.fill(usage, &mut report);
    let tools = first(usage, &["grounding_tool_count", "groundingToolCount"]);
    for (kind, unit) in [
        ("google_search", WEB_SEARCHES),
        ("google_maps", MAPS_SEARCHES),
    ] {
        let of_kind = |entry: &Node<'_>| {
            let named = |text: &str| text.eq_ignore_ascii_case(kind);
            entry.at("type").text().is_some_and(named)
        };
        let counts = tools.items().filter(of_kind);
        let count = largest(counts.map(|entry| entry.at("count").count()));
        report.units.extend(count.map(|count| (unit, count)));
    }
    report
}
