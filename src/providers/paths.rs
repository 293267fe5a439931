//! Which dialect a path belongs to, and whether calling it costs money.
//!
//! The path's last segments decide, since base URLs are often replaced by gateways; the host decides
//! only the price catalogue. A path that fits nothing is forwarded and counted as unmetered.

use percent_encoding::percent_decode_str;

use super::{Api, Dialect, Endpoint, Metering};

/// Longest model name taken from a path; a longer one is not a model.
const MODEL_BYTES_MAX: usize = 256;

/// Tells what a request calls. The query and empty segments are ignored; `method` is upper case.
pub fn endpoint(api: Api, method: &str, path: &str) -> Endpoint {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    google_method(method, &segments)
        .or_else(|| free(method, &segments))
        .or_else(|| metered(api, method, &segments))
        .unwrap_or(Endpoint {
            dialect: None,
            operation: "unknown",
            metering: Metering::Unmetered,
            model: None,
            streamed: None,
        })
}

/// The API whose marks a request without a provider's name bears: Anthropic's version header, or the
/// path shapes that only Anthropic or Gemini have. `Openai` says that the path is OpenAI-shaped, which
/// is the default provider's business; `None` says that nothing fits.
pub fn provider_by_marks<'a>(
    method: &str,
    path: &str,
    header: &dyn Fn(&str) -> Option<&'a str>,
) -> Option<Api> {
    if header("anthropic-version").is_some() {
        return Some(Api::Anthropic);
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    if matches!(segments.first(), Some(&("v1beta" | "v1alpha")))
        || header("x-goog-api-key").is_some()
        || google_method(method, &segments).is_some()
    {
        return Some(Api::Gemini);
    }
    let known = free(method, &segments).or_else(|| metered(Api::Auto, method, &segments));
    match known?.dialect {
        Some(dialect) => Some(dialect.api()),
        None if segments.contains(&"messages") => Some(Api::Anthropic),
        None => Some(Api::Openai),
    }
}

/// `models/{model}:{method}` and Vertex's publishers.
fn google_method(method: &str, segments: &[&str]) -> Option<Endpoint> {
    let (model, verb) = segments.last()?.rsplit_once(':')?;
    let parent = segments.iter().rev().nth(1).copied().unwrap_or_default();
    if method != "POST" || !matches!(parent, "models" | "tunedModels" | "endpoints") {
        return None;
    }
    let publisher = publisher(segments);
    let counts = model == "count-tokens";
    let (dialect, operation, streamed) = match (verb, publisher) {
        ("generateContent", _) => (Dialect::GeminiGenerate, "generate_content", Some(false)),
        ("streamGenerateContent", _) => (Dialect::GeminiGenerate, "generate_content", Some(true)),
        ("embedContent" | "batchEmbedContents", _) => (Dialect::GeminiEmbed, "embeddings", None),
        ("predict", _) if model.contains("embedding") => (Dialect::GeminiEmbed, "embeddings", None),
        ("rawPredict", Some("anthropic")) if !counts => {
            (Dialect::AnthropicMessages, "chat", Some(false))
        }
        ("streamRawPredict", Some("anthropic")) => (Dialect::AnthropicMessages, "chat", Some(true)),
        ("rawPredict", Some(_)) if !counts => (Dialect::OpenaiChat, "chat", None),
        ("streamRawPredict", Some(_)) => (Dialect::OpenaiChat, "chat", Some(true)),
        ("countTokens" | "computeTokens" | "rawPredict", _) => return Some(gratis("count_tokens")),
        _ => return None,
    };
    let model = percent_decode_str(model).decode_utf8().ok();
    let model = model.filter(|model| !model.is_empty() && model.len() <= MODEL_BYTES_MAX);
    Some(Endpoint {
        dialect: Some(dialect),
        operation,
        metering: Metering::Metered,
        model: model.map(|model| model.into_owned()),
        streamed: streamed.or((dialect == Dialect::GeminiEmbed).then_some(false)),
    })
}

/// Vertex's `publishers/{publisher}/models/…`.
fn publisher<'a>(segments: &[&'a str]) -> Option<&'a str> {
    let at = segments
        .iter()
        .position(|segment| *segment == "publishers")?;
    segments.get(at + 1).copied()
}

/// Paths that list, count or look at what was charged before.
fn free(method: &str, segments: &[&str]) -> Option<Endpoint> {
    let last = *segments.last()?;
    let parent = segments.iter().rev().nth(1).copied().unwrap_or_default();
    let has = |name: &str| segments.contains(&name);
    if last == "count_tokens" || (last == "input_tokens" && parent == "responses") {
        return Some(gratis("count_tokens"));
    }
    if last == "moderations" {
        return Some(gratis("moderations"));
    }
    match method {
        // A stored response repeats the usage of the call that made it.
        "GET" | "DELETE" | "HEAD" if has("responses") => Some(gratis("fetch_response")),
        "GET" | "DELETE" | "HEAD" if parent == "completions" || last == "completions" => {
            Some(gratis("fetch_response"))
        }
        "POST" if last == "cancel" && has("responses") => Some(gratis("fetch_response")),
        "GET" | "HEAD" | "DELETE" if has("models") => Some(gratis("models")),
        "GET" | "HEAD" | "DELETE" | "POST" if has("files") || has("uploads") => {
            Some(gratis("files"))
        }
        "GET" | "HEAD" | "DELETE" if has("cachedContents") => Some(gratis("cached_contents")),
        "GET" | "HEAD" | "DELETE" if has("batches") => Some(gratis("batches")),
        "GET" | "HEAD" if matches!(last, "tags" | "ps" | "version") && parent == "api" => {
            Some(gratis("models"))
        }
        "OPTIONS" => Some(gratis("preflight")),
        _ => None,
    }
}

/// Paths whose answers state usage in a dialect that weir reads.
fn metered(api: Api, method: &str, segments: &[&str]) -> Option<Endpoint> {
    if method != "POST" {
        return None;
    }
    let last = *segments.last()?;
    let parent = segments.iter().rev().nth(1).copied().unwrap_or_default();
    let (dialect, operation) = match (parent, last) {
        // Cohere's and Writer's `/v1/chat` share the word, not the shape; Writer's is OpenAI's.
        ("chat" | "fim", "completions") => (Dialect::OpenaiChat, "chat"),
        ("v1", "chat") if api == Api::Openai => (Dialect::OpenaiChat, "chat"),
        ("agents", "completions") => (Dialect::OpenaiChat, "chat"),
        (_, "completions") if segments.contains(&"prompts") => (Dialect::OpenaiChat, "chat"),
        (_, "completions") => (Dialect::OpenaiCompletions, "text_completion"),
        (_, "responses") | ("responses", "compact") => (Dialect::OpenaiResponses, "responses"),
        // Ollama's own `/api/embeddings` says nothing of usage.
        ("api", "embeddings") => return None,
        (_, "embeddings") => (Dialect::OpenaiEmbeddings, "embeddings"),
        (_, "messages") if api != Api::Openai || parent == "v1" => {
            (Dialect::AnthropicMessages, "chat")
        }
        _ => return None,
    };
    Some(Endpoint {
        dialect: Some(dialect),
        operation,
        metering: Metering::Metered,
        model: deployment(segments),
        streamed: (dialect == Dialect::OpenaiEmbeddings).then_some(false),
    })
}

/// Azure's `deployments/{name}`, the model's name where a body has none.
fn deployment(segments: &[&str]) -> Option<String> {
    let at = segments
        .iter()
        .position(|segment| *segment == "deployments")?;
    let name = percent_decode_str(segments.get(at + 1)?)
        .decode_utf8()
        .ok()?;
    (name.len() <= MODEL_BYTES_MAX).then(|| name.into_owned())
}

fn gratis(operation: &'static str) -> Endpoint {
    Endpoint {
        dialect: None,
        operation,
        metering: Metering::Free,
        model: None,
        streamed: None,
    }
}

#[cfg(test)]
mod tests;
