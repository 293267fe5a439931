//! What the types of parts and tools say of a request's size.

/// Tools that the provider runs, whose results become input that the body does not hold.
pub(super) fn is_server_tool(kind: &str) -> bool {
    const RUN_THERE: &[&str] = &[
        "search",
        "web_fetch",
        "code_interpreter",
        "code_execution",
        "image_generation",
        "mcp",
        "advisor",
    ];
    RUN_THERE.iter().any(|word| kind.contains(word))
}

/// Parts whose tokens are not in their text.
pub(super) fn is_media(kind: &str) -> bool {
    const MEDIA: &[&str] = &["image", "audio", "video", "file", "document", "screenshot"];
    MEDIA.iter().any(|word| kind.contains(word)) && !kind.ends_with("_call")
}
