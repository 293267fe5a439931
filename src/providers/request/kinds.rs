//! What the types of parts and tools say of a request's size.

/// The unit in which a tool is charged that the provider runs, whose results become input that the body does
/// not hold; `None` for a tool of the caller's.
pub(super) fn server_tool(kind: &str) -> Option<&'static str> {
    const RUN_THERE: &[(&str, &str)] = &[
        ("file_search", "file_searches"),
        ("x_search", "x_searches"),
        ("search", "web_searches"),
        ("web_fetch", "web_fetches"),
        ("code_interpreter", "code_executions"),
        ("code_execution", "code_executions"),
        ("image_generation", "images_by_tool"),
        ("mcp", "mcp_calls"),
        ("advisor", "advisor_calls"),
    ];
    let found = RUN_THERE.iter().find(|(word, _)| kind.contains(word));
    found.map(|(_, unit)| *unit)
}

/// Whether a model searches without being asked to, so that its input is not in the body.
pub(super) fn searches_unasked(model: &str) -> bool {
    const SEARCHING: &[&str] = &[
        "sonar",
        "deep-research",
        "search-preview",
        "search-api",
        "compound",
    ];
    SEARCHING.iter().any(|word| model.contains(word))
}

/// Whether a model reasons, cites and searches past the output that the body allows.
pub(super) fn exceeds_its_output(model: &str) -> bool {
    model.contains("deep-research") || model.contains("sonar-reasoning")
}

/// Parts whose tokens neither their bytes nor an allowance bounds: a page of a document may be empty, and a
/// minute of video small.
pub(super) fn is_boundless(kind: &str) -> bool {
    const BOUNDLESS: &[&str] = &["video", "file", "document", "pdf"];
    BOUNDLESS.iter().any(|word| kind.contains(word)) && !kind.ends_with("_call")
}

/// Parts whose tokens are not in their text.
pub(super) fn is_media(kind: &str) -> bool {
    const MEDIA: &[&str] = &["image", "audio", "video", "file", "document", "screenshot"];
    MEDIA.iter().any(|word| kind.contains(word)) && !kind.ends_with("_call")
}
