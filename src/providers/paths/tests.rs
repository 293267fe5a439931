mod spellings;
mod vendors;

use super::*;

fn check(method: &str, path: &str, dialect: Option<Dialect>, operation: &str) -> Endpoint {
    let found = endpoint(Api::Auto, method, path);
    assert_eq!(found.dialect, dialect, "{method} {path}");
    assert_eq!(found.operation, operation, "{method} {path}");
    let metering = match (dialect, operation) {
        (Some(Dialect::Sniffed), _) => Metering::Unmetered,
        (Some(_), "fetch_response" | "fetch_task" | "batches" | "files") => Metering::Fetched,
        (Some(_), _) => Metering::Metered,
        (None, _) => Metering::Free,
    };
    assert_eq!(found.metering, metering, "{method} {path}");
    found
}

#[test]
fn who_begins_a_batch_is_charged_later_and_not_for_nothing() {
    for (path, model) in [
        ("/v1/messages/batches", None),
        ("/v1/batches", None),
        ("/openai/batches", None),
        ("/v1beta/models/g:batchGenerateContent", Some("g")),
        ("/v1beta/models/g:asyncBatchEmbedContent", Some("g")),
    ] {
        let found = endpoint(Api::Auto, "POST", path);
        assert_eq!(found.metering, Metering::Deferred, "{path}");
        let said = (found.operation, found.dialect, found.model.as_deref());
        assert_eq!(said, ("batches", None, model), "{path}");
    }
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
        ("/v1/edits", OpenaiCompletions, "text_completion"),
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
fn vertex_names_its_location_in_the_path() {
    let base = "/v1/projects/p/locations/europe-west4";
    for rest in [
        "publishers/google/models/g:generateContent",
        "publishers/anthropic/models/c@1:rawPredict",
        "endpoints/openapi/chat/completions",
        "interactions",
        "cachedContents",
    ] {
        let found = endpoint(Api::Vertex, "POST", &format!("{base}/{rest}"));
        assert_eq!(found.metering, Metering::Metered, "{rest}");
        assert_eq!(found.geo.as_deref(), Some("europe-west4"), "{rest}");
    }
}

#[test]
fn azure_names_its_deployment_in_the_path() {
    let path = "//openai/deployments/my%20gpt/chat/completions?api-version=1";
    let found = check("POST", path, Some(Dialect::OpenaiChat), "chat");
    assert_eq!(found.model.as_deref(), Some("my gpt"));
}

#[test]
fn a_gateways_model_may_hold_a_slash() {
    let path = "/v1beta/models/google%2FGemini:generateContent";
    let found = check(
        "POST",
        path,
        Some(Dialect::GeminiGenerate),
        "generate_content",
    );
    assert_eq!(found.model.as_deref(), Some("google/Gemini"));
}

#[test]
fn a_model_in_a_path_is_decoded_once_and_bounded() {
    let model = |name: &str| {
        let google = format!("/v1beta/models/{name}:generateContent");
        let azure = format!("/openai/deployments/{name}/chat/completions");
        let [google, azure] = [google, azure].map(|path| {
            let found = endpoint(Api::Auto, "POST", &path);
            assert_eq!(found.metering, Metering::Metered, "{path}");
            found.model
        });
        assert_eq!(google, azure);
        google
    };
    assert_eq!(model("My%2DGpt").as_deref(), Some("My-Gpt"));
    assert_eq!(model("a%2541").as_deref(), Some("a%41"));
    assert_eq!(model("a%FF"), None, "no UTF-8");
    assert_eq!(model(&"m".repeat(256)), Some("m".repeat(256)));
    assert_eq!(model(&"m".repeat(257)), None);
}

#[test]
fn what_counts_lists_or_repeats_is_free() {
    for (method, path, operation) in [
        (
            "POST",
            "/v1/messages/count_tokens?beta=true",
            "count_tokens",
        ),
        (
            "POST",
            "/anthropic/v1/messages/count_tokens",
            "count_tokens",
        ),
        ("POST", "/v1/responses/input_tokens", "count_tokens"),
        ("POST", "/v1beta/models/g:countTokens", "count_tokens"),
        (
            "POST",
            "/v1/publishers/anthropic/models/count-tokens:rawPredict",
            "count_tokens",
        ),
        ("POST", "/v1/moderations", "moderations"),
        ("GET", "/v1/responses/resp_1/input_items", "fetch_response"),
        ("DELETE", "/v1/responses/resp_1", "fetch_response"),
        ("GET", "/v1/chat/completions", "fetch_response"),
        (
            "GET",
            "/v1/chat/completions/chatcmpl-1/messages",
            "fetch_response",
        ),
        ("GET", "/models", "models"),
        ("GET", "/v1//models/", "models"),
        ("GET", "/v1/models/ft:gpt-4o:org::id", "models"),
        ("GET", "/v1/models/meta%2Dllama%2FLlama-3", "models"),
        ("GET", "/api/v1/models/a/m/endpoints", "models"),
        ("GET", "/v1beta/models/gemini-2.5-pro", "models"),
        ("POST", "/v1/files", "files"),
        ("POST", "/openai/files?api-version=1", "files"),
        ("POST", "/upload/v1beta/files", "files"),
        ("DELETE", "/v1/files/f", "files"),
        ("POST", "/v1/uploads", "files"),
        ("POST", "/v1/uploads/u/parts", "files"),
        ("GET", "/v1/vector_stores/v/files", "files"),
        ("GET", "/v1beta/cachedContents/c", "cached_contents"),
        ("GET", "/v1/batches", "batches"),
        ("POST", "/v1/messages/batches/b/cancel", "batches"),
        ("GET", "/v1/messages/batches/b", "batches"),
        ("POST", "/v1beta/batches/b:cancel", "batches"),
        ("GET", "/v1beta/models/veo/operations/o", "operations"),
        (
            "POST",
            "/v1/projects/p/locations/l/publishers/google/models/veo:fetchPredictOperation",
            "operations",
        ),
        ("PATCH", "/v1beta/cachedContents/c", "cached_contents"),
        ("DELETE", "/v1beta/interactions/i", "fetch_response"),
        ("GET", "/api/tags", "models"),
        (
            "OPTIONS",
            "/openai/deployments/d/chat/completions",
            "preflight",
        ),
    ] {
        check(method, path, None, operation);
    }
}

#[test]
fn what_another_call_made_is_fetched() {
    use Dialect::*;
    for (method, path, dialect, operation) in [
        (
            "GET",
            "/v1/responses/resp_1?stream=true",
            OpenaiResponses,
            "fetch_response",
        ),
        (
            "POST",
            "/openai/responses/resp_1/cancel",
            OpenaiResponses,
            "fetch_response",
        ),
        (
            "GET",
            "/v1/chat/completions/chatcmpl-1",
            OpenaiChat,
            "fetch_response",
        ),
        ("GET", "/v1/files/f/content", OpenaiBatch, "files"),
        ("GET", "/v1/batches/b", OpenaiBatch, "batches"),
        ("GET", "/v1beta/batches/b", GeminiBatch, "batches"),
        (
            "GET",
            "/download/v1beta/files/f:download?alt=media",
            GeminiBatch,
            "files",
        ),
        (
            "GET",
            "/v1beta/interactions/i",
            GeminiInteractions,
            "fetch_response",
        ),
        (
            "GET",
            "/v1/messages/batches/b/results",
            AnthropicBatch,
            "batches",
        ),
    ] {
        check(method, path, Some(dialect), operation);
    }
}

#[test]
fn anything_else_is_unmetered() {
    for (method, path) in [
        ("POST", "/"),
        ("GET", "/v1/realtime"),
        ("GET", "/v1/responses"),
        ("POST", "/v1/responses/resp_1"),
        ("POST", "/v1/batches/b/cancel"),
        ("POST", "/v1/projects/p/locations/l/batchPredictionJobs"),
        ("POST", "/v1/fine_tuning/jobs"),
        ("GET", "/v1/fine_tuning/jobs/j"),
        ("POST", "/v1/chat/moderations"),
        ("POST", "/v1/vector_stores/v/files"),
        ("POST", "/v1/files/f/anything"),
        ("POST", "/v1/projects/p/locations/l/endpoints/e:rawPredict"),
        ("GET", "/v1beta/models/g:generateContent"),
        ("GET", "/v1beta/models/g%3AstreamGenerateContent"),
        ("POST", "/v1/threads/t/messages/m"),
    ] {
        check(method, path, Some(Dialect::Sniffed), "unknown");
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
        ("/v1/files/../Chat%2Fcompletions", none, Some(Api::Openai)),
        ("/v1/vector_stores/v/files", none, Some(Api::Openai)),
        ("/v1/moderations;x=1", none, Some(Api::Openai)),
        ("/v1/messages/batches", none, Some(Api::Anthropic)),
        ("/v1/models/g%3AgenerateContent", none, Some(Api::Gemini)),
        (
            "/v1/projects/p/locations/l/publishers/google/models/g:generateContent",
            none,
            Some(Api::Vertex),
        ),
        ("/model/m/converse", none, Some(Api::Bedrock)),
        ("/favicon.ico", none, None),
        ("/", none, None),
    ] {
        assert_eq!(provider_by_marks("POST", path, header), api, "{path}");
    }
    for path in ["/v1/models", "/v1/responses", "/api/tags"] {
        assert_eq!(
            provider_by_marks("GET", path, none),
            Some(Api::Openai),
            "{path}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn any_path_has_an_answer(path in ".*", method in "GET|POST|PUT") {
        let found = endpoint(Api::Auto, &method, &path);
        proptest::prop_assert_eq!(found.dialect.is_some(), found.metering != Metering::Free);
    }
}

#[test]
fn a_session_is_told_by_its_path_and_its_model_by_path_or_query() {
    for (api, path, query, dialect, model) in [
        (
            Api::Openai,
            "/v1/realtime",
            "model=gpt-realtime%2D2",
            Some(Dialect::OpenaiRealtime),
            Some("gpt-realtime-2"),
        ),
        (
            Api::Openai,
            "/openai/realtime",
            "api-version=1&deployment=mine",
            Some(Dialect::OpenaiRealtime),
            Some("mine"),
        ),
        (
            Api::Openai,
            "/v1/responses",
            "",
            Some(Dialect::OpenaiResponses),
            None,
        ),
        (
            Api::Gemini,
            "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
            "key=k",
            Some(Dialect::GeminiLive),
            None,
        ),
        (
            Api::Spark,
            "/v4.0/chat",
            "authorization=x",
            Some(Dialect::Spark),
            Some("Spark-4.0-Ultra"),
        ),
        (Api::Openai, "/v1/elsewhere", "model=m", None, Some("m")),
    ] {
        let endpoint = session(api, path, query);
        assert_eq!(endpoint.dialect, dialect, "{path}");
        assert_eq!(endpoint.model.as_deref(), model, "{path}");
        assert_eq!(endpoint.is_session(), dialect.is_some(), "{path}");
        assert_eq!(
            endpoint.metering == Metering::Metered,
            dialect.is_some(),
            "{path}"
        );
    }
}
