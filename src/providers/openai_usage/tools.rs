//! What the providers' own tools did, beside the tokens: each writes it in its own place.

use crate::providers::node::{Node, largest};
use crate::providers::report::{Report, WEB_SEARCHES};

/// Searches of the web, in every spelling.
const SEARCHES: &[&[&str]] = &[
    &["server_tool_use_details", "web_search_requests"],
    &["server_tool_use", "web_search_requests"],
    &["server_side_tool_usage_details", "web_search_calls"],
    &["tool_usage", "web_search"],
    &["tool_calls_details", "search_web", "invocation"],
    &["num_search_queries"],
];

/// Every other unit, and where it is stated; several places of one unit are added up.
const UNITS: &[(&str, &[&str])] = &[
    (
        "x_searches",
        &["server_side_tool_usage_details", "x_search_calls"],
    ),
    (
        "code_executions",
        &["server_side_tool_usage_details", "code_interpreter_calls"],
    ),
    (
        "file_searches",
        &["server_side_tool_usage_details", "file_search_calls"],
    ),
    (
        "file_searches",
        &["server_side_tool_usage_details", "document_search_calls"],
    ),
    (
        "mcp_calls",
        &["server_side_tool_usage_details", "mcp_calls"],
    ),
    (
        "generated_images",
        &["server_side_tool_usage_details", "image_generation_calls"],
    ),
    // xAI's searches before its tools are charged by what they found.
    ("search_sources", &["num_sources_used"]),
    (
        "page_visits",
        &["tool_calls_details", "fetch_url", "invocation"],
    ),
    ("mcp_calls", &["tool_usage", "mcp"]),
    ("knowledge_searches", &["tool_usage", "knowledge_search"]),
    (WEB_SEARCHES, &["connectors", "web_search"]),
    (WEB_SEARCHES, &["connectors", "web_search_premium"]),
    ("code_executions", &["connectors", "code_interpreter"]),
    ("generated_images", &["connectors", "image_generation"]),
    ("file_searches", &["connectors", "document_library"]),
    ("citation_tokens", &["citation_tokens"]),
    (
        "cache_read_audio_tokens",
        &["prompt_tokens_details", "audio_cached_tokens"],
    ),
    (
        "provisioned_input_tokens",
        &["prompt_tokens_details", "provisioned_tokens"],
    ),
    (
        "provisioned_output_tokens",
        &["completion_tokens_details", "provisioned_tokens"],
    ),
];

/// Notes the units that a `usage` value states. Besides searches, none of something is not noted: most
/// answers have every field, filled with zeros.
pub(super) fn note(report: &mut Report, usage: Node<'_>) {
    let at = |path: &[&str]| path.iter().fold(usage, |node, name| node.at(name)).count();
    report.set_web_searches(largest(SEARCHES.iter().map(|path| at(path))));
    for (unit, path) in UNITS {
        if let Some(count) = at(path).filter(|count| *count > 0) {
            *report.units.entry(unit).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_tool_is_counted_by_its_own_name() {
        let usage = json!({
            "server_side_tool_usage_details": {
                "web_search_calls": 2, "x_search_calls": 1, "code_interpreter_calls": 3,
                "file_search_calls": 4, "document_search_calls": 5, "mcp_calls": 0,
            },
            "num_sources_used": 0,
        });
        let mut report = Report::default();
        note(&mut report, Node::new(&usage));
        let found: Vec<(&str, u64)> = report.units.into_iter().collect();
        let expected = [
            ("code_executions", 3),
            ("file_searches", 9),
            ("web_searches", 2),
            ("x_searches", 1),
        ];
        assert_eq!(found, expected);
    }
}
