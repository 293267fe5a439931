use super::*;

fn check(method: &str, path: &str, dialect: Option<Dialect>, operation: &str) -> Endpoint {
    let found = endpoint(Api::Auto, method, path);
    assert_eq!(found.dialect, dialect, "{method} {path}");
    assert_eq!(found.operation, operation, "{method} {path}");
    let metering = match (dialect, operation) {
        (Some(_), _) => Metering::Metered,
        (None, "unknown") => Metering::Unmetered,
        (None, _) => Metering::Free,
    };
    assert_eq!(found.metering, metering, "{method} {path}");
    found
}

#[test]
fn the_last_segments_tell_the_dialect() {
    use Dialect::*;
    for (path, dialect, operation) in [
        ("/v1/chat/completions", OpenaiChat, "chat"),
        ("/openai/v1/chat/completions?x=/models", OpenaiChat, "chat"),
        ("/v1beta/openai/chat/completions", OpenaiChat, "chat"),
        ("/api/coding/paas/v4/chat/completions", OpenaiChat, "chat"),
        ("/v1/prompts/p-1/completions", OpenaiChat, "chat"),
        ("/v1/fim/completions", OpenaiChat, "chat"),
        ("/v1/completions", OpenaiCompletions, "text_completion"),
        ("/v1/responses", OpenaiResponses, "responses"),
        ("/v1/responses/compact", OpenaiResponses, "responses"),
        ("/v1/embeddings", OpenaiEmbeddings, "embeddings"),
        ("/v1/messages?beta=true", AnthropicMessages, "chat"),
        ("/api/anthropic/v1/messages", AnthropicMessages, "chat"),
    ] {
        check("POST", path, Some(dialect), operation);
    }
}

#[test]
fn google_names_model_and_streaming_in_the_path() {
    use Dialect::*;
    let google = "/v1/projects/p/locations/l/publishers";
    for (path, dialect, operation, model, streamed) in [
        (
            "/v1beta/models/gemini-2.5-pro:generateContent",
            GeminiGenerate,
            "generate_content",
            "gemini-2.5-pro",
            false,
        ),
        (
            "/v1beta/models/g:streamGenerateContent?alt=sse",
            GeminiGenerate,
            "generate_content",
            "g",
            true,
        ),
        (
            "/v1beta/models/e:batchEmbedContents",
            GeminiEmbed,
            "embeddings",
            "e",
            false,
        ),
        (
            &format!("{google}/google/models/text-embedding-005:predict"),
            GeminiEmbed,
            "embeddings",
            "text-embedding-005",
            false,
        ),
        (
            &format!("{google}/anthropic/models/claude-x%4020250929:rawPredict"),
            AnthropicMessages,
            "chat",
            "claude-x@20250929",
            false,
        ),
        (
            &format!("{google}/anthropic/models/claude-x@1:streamRawPredict"),
            AnthropicMessages,
            "chat",
            "claude-x@1",
            true,
        ),
        (
            &format!("{google}/mistralai/models/m:streamRawPredict"),
            OpenaiChat,
            "chat",
            "m",
            true,
        ),
    ] {
        let found = check("POST", path, Some(dialect), operation);
        assert_eq!(found.model.as_deref(), Some(model));
        assert_eq!(found.streamed, Some(streamed), "{path}");
    }
}

#[test]
fn azure_names_its_deployment_in_the_path() {
    let path = "//openai/deployments/my%20gpt/chat/completions?api-version=1";
    let found = check("POST", path, Some(Dialect::OpenaiChat), "chat");
    assert_eq!(found.model.as_deref(), Some("my gpt"));
}

#[test]
fn what_counts_lists_or_repeats_is_free() {
    for (method, path, operation) in [
        ("POST", "/v1/messages/count_tokens", "count_tokens"),
        ("POST", "/v1/responses/input_tokens", "count_tokens"),
        ("POST", "/v1beta/models/g:countTokens", "count_tokens"),
        (
            "POST",
            "/v1/publishers/anthropic/models/count-tokens:rawPredict",
            "count_tokens",
        ),
        ("POST", "/v1/moderations", "moderations"),
        ("GET", "/v1/responses/resp_1?stream=true", "fetch_response"),
        ("POST", "/v1/responses/resp_1/cancel", "fetch_response"),
        ("GET", "/v1/chat/completions/chatcmpl-1", "fetch_response"),
        ("GET", "/v1/models", "models"),
        ("GET", "/v1beta/models/gemini-2.5-pro", "models"),
        ("POST", "/v1/files", "files"),
        ("GET", "/v1/files/f/content", "files"),
        ("GET", "/api/tags", "models"),
    ] {
        check(method, path, None, operation);
    }
}

#[test]
fn anything_else_is_unmetered() {
    for (method, path) in [
        ("POST", "/"),
        ("POST", "/v1/images/generations"),
        ("GET", "/v1/realtime"),
        ("POST", "/v1/batches"),
        ("POST", "/v1beta/models/veo:predictLongRunning"),
        ("POST", "/v1beta/models/imagen:predict"),
        ("POST", "/api/embeddings"),
        ("POST", "/v1/threads/t/messages/m"),
    ] {
        check(method, path, None, "unknown");
    }
}

#[test]
fn an_openai_provider_has_no_anthropic_messages_in_its_threads() {
    let found = endpoint(Api::Openai, "POST", "/v1/threads/t/messages");
    assert_eq!(found.metering, Metering::Unmetered);
}

#[test]
fn the_apis_own_marks_tell_it() {
    let none: &dyn Fn(&str) -> Option<&'static str> = &|_| None;
    let version: &dyn Fn(&str) -> Option<&'static str> =
        &|name| (name == "anthropic-version").then_some("2023-06-01");
    for (path, header, api) in [
        ("/v1/messages", version, Some(Api::Anthropic)),
        ("/v1/models", version, Some(Api::Anthropic)),
        ("/v1/messages", none, Some(Api::Anthropic)),
        ("/v1/messages/count_tokens", none, Some(Api::Anthropic)),
        ("/v1beta/models/g:generateContent", none, Some(Api::Gemini)),
        (
            "/v1/models/g:streamGenerateContent",
            none,
            Some(Api::Gemini),
        ),
        ("/v1/chat/completions", none, Some(Api::Openai)),
        ("/chat/completions", none, Some(Api::Openai)),
        ("/v1/moderations", none, Some(Api::Openai)),
        ("/favicon.ico", none, None),
        ("/", none, None),
    ] {
        assert_eq!(provider_by_marks("POST", path, header), api, "{path}");
    }
    assert_eq!(
        provider_by_marks("GET", "/v1/models", none),
        Some(Api::Openai)
    );
}

proptest::proptest! {
    #[test]
    fn any_path_has_an_answer(path in ".*", method in "GET|POST|PUT") {
        let found = endpoint(Api::Auto, &method, &path);
        proptest::prop_assert_eq!(found.dialect.is_some(), found.metering == Metering::Metered);
    }
}
