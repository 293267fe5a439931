//! Which dialect a path belongs to, and whether calling it costs money.
//!
//! The path's last segments decide, since base URLs are often replaced by gateways; the host decides
//! only the price catalogue. What is metered wins over what is free, and a word makes a path free only
//! where it stands: a deployment may be called `files`. A path that fits nothing, or that upstreams may
//! read in different ways, is forwarded; its answer is sniffed, and counted as unmetered where it states
//! nothing.

mod plain;
mod renamed;
mod table;

pub use renamed::with_model;

use plain::Plain;

use percent_encoding::percent_decode_str;

use super::spark;
use super::{Api, Dialect, Endpoint, Metering, SESSION};

/// Longest model name taken from a path, in bytes; a longer one is not a model.
const MODEL_BYTES_MAX: usize = 256;

/// Google's methods that answer with content, and those that count it, in lower case.
const GOOGLE_CALLS: [&str; 13] = [
    "generatecontent",
    "streamgeneratecontent",
    "embedcontent",
    "batchembedcontents",
    "predict",
    "predictlongrunning",
    "rawpredict",
    "streamrawpredict",
    "counttokens",
    "computetokens",
    "batchgeneratecontent",
    "asyncbatchembedcontent",
    "fetchpredictoperation",
];

/// Words that tell an OpenAI-shaped path wherever they stand in it.
const OPENAI_WORDS: [&str; 6] = [
    "responses",
    "models",
    "files",
    "uploads",
    "batches",
    "moderations",
];

/// Tells what a request calls. The query is ignored, and so is the way in which the path is written:
/// escapes, case, parameters, empty and dot segments. `method` is upper case.
pub fn endpoint(api: Api, method: &str, path: &str) -> Endpoint {
    recognised(api, method, &Plain::of(path)).unwrap_or_else(|| Endpoint {
        // Its answer may state usage all the same.
        dialect: Some(Dialect::Sniffed),
        ..unknown()
    })
}

fn unknown() -> Endpoint {
    Endpoint {
        dialect: None,
        operation: "unknown",
        metering: Metering::Unmetered,
        model: None,
        streamed: None,
        geo: None,
        fetched: None,
    }
}

/// Tells what a request calls that opens a WebSocket. A session's model may stand in its query.
pub fn session(api: Api, path: &str, query: &str) -> Endpoint {
    let path = Plain::of(path);
    let found = metered(api, table::UPGRADE, &path);
    let mut endpoint = found.unwrap_or_else(unknown);
    if endpoint.dialect.is_some() {
        endpoint.operation = SESSION;
    }
    let of_query = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let value = percent_decode_str(values.next()?).decode_utf8_lossy();
        named(&value)
    };
    endpoint.model = endpoint
        .model
        .or_else(|| of_query("model"))
        .or_else(|| of_query("deployment"));
    endpoint
}

impl Endpoint {
    /// Whether the answer is a stream, where the body asks as it does.
    pub fn streams(&self, asked: Option<bool>) -> bool {
        let unasked = self.dialect == Some(Dialect::Ollama);
        self.streamed.or(asked).unwrap_or(unasked)
    }

    /// The same at a provider of the catalogue, where that one charges for what is free elsewhere.
    pub fn at(self, catalog_id: Option<&str>) -> Endpoint {
        if self.operation != "moderations" || catalog_id != Some("mistral") {
            return self;
        }
        Endpoint {
            dialect: Some(Dialect::OpenaiEmbeddings),
            metering: Metering::Metered,
            streamed: Some(false),
            ..self
        }
    }
}

/// The API whose marks a request without a provider's name bears: Anthropic's version header, or the
/// path shapes that only Anthropic, Google or Bedrock have. `Openai` says that the path is OpenAI-shaped, which
/// is the default provider's business; `None` says that nothing fits.
pub fn provider_by_marks<'a>(
    method: &str,
    path: &str,
    header: &dyn Fn(&str) -> Option<&'a str>,
) -> Option<Api> {
    if header("anthropic-version").is_some() {
        return Some(Api::Anthropic);
    }
    let path = Plain::of(path);
    let words = path.words();
    if words.contains(&"projects") && words.contains(&"locations") {
        let called = google_method(method, &path).or_else(|| metered(Api::Vertex, method, &path));
        return called.map(|_| Api::Vertex);
    }
    if matches!(words.first(), Some(&("v1beta" | "v1alpha")))
        || header("x-goog-api-key").is_some()
        || google_method(method, &path).is_some()
    {
        return Some(Api::Gemini);
    }
    if let Some(Endpoint {
        dialect: Some(dialect),
        ..
    }) = metered(Api::Auto, method, &path)
    {
        return dialect.api();
    }
    let of_messages = |pair: &[&str]| matches!(pair, ["messages", "batches" | "count_tokens"]);
    if words.windows(2).any(of_messages) {
        return Some(Api::Anthropic);
    }
    let openai = words.iter().any(|word| OPENAI_WORDS.contains(word));
    (openai || free(method, &words).is_some()).then_some(Api::Openai)
}

/// What is known of a path. Nothing is free by a reading that the upstream may not share.
fn recognised(api: Api, method: &str, path: &Plain) -> Option<Endpoint> {
    google_method(method, path)
        .or_else(|| metered(api, method, path))
        .or_else(|| free(method, &path.words()))
        .filter(|found| found.metering == Metering::Metered || !path.doubtful)
}

/// `models/{model}:{method}` and Vertex's publishers.
fn google_method(method: &str, path: &Plain) -> Option<Endpoint> {
    let words = path.words();
    let (_, verb) = words.last()?.rsplit_once(':')?;
    let parents = &words[..words.len() - 1];
    // A gateway's model may hold a slash.
    let at = parents
        .iter()
        .rposition(|word| matches!(*word, "models" | "tunedmodels" | "endpoints" | "dynamic"))?;
    if method != "POST" {
        return None;
    }
    let publisher = match &words[..=at] {
        [.., "publishers", publisher, "models"] => Some(*publisher),
        _ => None,
    };
    let model = path.names_from(at + 1);
    let model = &model[..model.len() - verb.len() - 1];
    let (dialect, operation, streamed) = match (verb, publisher) {
        ("generatecontent", _) => (Dialect::GeminiGenerate, "generate_content", Some(false)),
        ("streamgeneratecontent", _) => (Dialect::GeminiGenerate, "generate_content", Some(true)),
        ("embedcontent" | "batchembedcontents", _) => {
            (Dialect::GeminiEmbed, "embeddings", Some(false))
        }
        ("predict", _) if model.contains("embedding") => {
            (Dialect::GeminiEmbed, "embeddings", Some(false))
        }
        ("predict", Some("google") | None) => (Dialect::GeminiPredict, "predict", Some(false)),
        ("predictlongrunning", Some("google") | None) => {
            (Dialect::GeminiPredict, "videos", Some(false))
        }
        ("rawpredict", Some("anthropic")) if model == "count-tokens" => {
            return Some(gratis("count_tokens"));
        }
        ("rawpredict", Some("anthropic")) => (Dialect::AnthropicMessages, "chat", Some(false)),
        ("streamrawpredict", Some("anthropic")) => (Dialect::AnthropicMessages, "chat", Some(true)),
        ("rawpredict", Some(_)) => (Dialect::OpenaiChat, "chat", None),
        ("streamrawpredict", Some(_)) => (Dialect::OpenaiChat, "chat", Some(true)),
        // Charged when the answers are fetched; videos, when they are asked for.
        ("batchgeneratecontent" | "asyncbatchembedcontent", _) if at + 1 == parents.len() => {
            return Some(Endpoint {
                model: named(model),
                ..deferred()
            });
        }
        ("fetchpredictoperation", _) if at + 1 == parents.len() => {
            return Some(gratis("operations"));
        }
        ("counttokens" | "computetokens", _) if at + 1 == parents.len() => {
            return Some(gratis("count_tokens"));
        }
        _ => return None,
    };
    Some(Endpoint {
        dialect: Some(dialect),
        operation,
        metering: Metering::Metered,
        model: named(model),
        streamed,
        geo: location(path),
        fetched: None,
    })
}

/// Paths whose answers state usage in a dialect that weir reads, by the one table.
fn metered(api: Api, method: &str, path: &Plain) -> Option<Endpoint> {
    let words = path.words();
    let (row, model) = table::find(api, method, &words)?;
    let base = &words[..words.len().saturating_sub(row.length())];
    if row.metering == Metering::Fetched && !is_base(base) {
        return None;
    }
    let model = model.map(|at| path.names_in(at));
    let fetched = row
        .fetched()
        .and_then(|at| named(path.name(base.len() + at)?))
        .filter(|name| !name.contains(' '));
    Some(Endpoint {
        dialect: Some(row.dialect),
        operation: row.operation,
        metering: row.metering,
        model: model
            .map(|name| match row.dialect {
                Dialect::Spark => spark::model(&name).to_owned(),
                _ => name,
            })
            .and_then(|name| named(&name))
            .or_else(|| deployment(path)),
        streamed: row.streamed,
        geo: location(path),
        fetched,
    })
}

/// Paths that list, count or look at what was charged before.
fn free(method: &str, words: &[&str]) -> Option<Endpoint> {
    let operation = match method {
        "OPTIONS" => "preflight",
        // What follows is a name of the operator's choice, and calling a deployment costs.
        _ if words.contains(&"deployments") => return None,
        "GET" | "HEAD" | "DELETE" => free_look(method, words)?,
        "PATCH" if matches!(words, [.., "cachedcontents", _]) => "cached_contents",
        "POST" if matches!(words, [base @ .., "messages", "batches"] | [base @ .., "batches"] if is_base(base)) =>
        {
            return Some(deferred());
        }
        "POST" => free_post(words)?,
        _ => return None,
    };
    Some(gratis(operation))
}

/// What may be fetched and deleted. Bare `responses` is left out: a WebSocket that makes responses opens
/// by a GET of it.
fn free_look(method: &str, words: &[&str]) -> Option<&'static str> {
    Some(match words {
        // A stored response repeats the usage of the call that made it.
        [.., "responses", _] | [.., "responses", _, "input_items"] => "fetch_response",
        [.., "chat", "completions"]
        | [.., "chat", "completions", _]
        | [.., "chat", "completions", _, "messages"] => "fetch_response",
        [.., "models"] => "models",
        [.., "models", last] | [.., "models", _, last] if !calls_google(last) => "models",
        [.., "models", _, _, "endpoints"] => "models",
        [.., "files" | "uploads"] | [.., "files" | "uploads", _] | [.., "files", _, "content"] => {
            "files"
        }
        // A video that was charged when it was asked for, or a batch that still runs.
        [.., "operations"] | [.., "operations", _] => "operations",
        [.., "interactions", _] if method == "DELETE" => "fetch_response",
        [.., "cachedcontents"] | [.., "cachedcontents", _] => "cached_contents",
        [.., "videos"] | [.., "videos", _] | [.., "videos", _, "content"] => "videos",
        [.., "batches"] | [.., "batches", _] | [.., "batches", _, "results"] => "batches",
        [.., "api", "tags" | "ps" | "version"] if method != "DELETE" => "models",
        _ => return None,
    })
}

/// What may be posted: only paths that are known whole, since a POST is what a call that costs looks like.
fn free_post(words: &[&str]) -> Option<&'static str> {
    let (base, operation) = match words {
        [base @ .., "messages", "count_tokens"] => (base, "count_tokens"),
        [base @ .., "responses", "input_tokens"] => (base, "count_tokens"),
        // An ARN in the place of the model may hold a slash.
        [base @ .., "model", _, "count-tokens"] | [base @ .., "model", _, _, "count-tokens"] => {
            (base, "count_tokens")
        }
        [base @ .., "messages", "batches", _, "cancel"] => (base, "batches"),
        [base @ .., "batches", last] if last.ends_with(":cancel") => (base, "batches"),
        [base @ .., "moderations"] => (base, "moderations"),
        [base @ .., "tokenize" | "detokenize"] => (base, "count_tokens"),
        [base @ .., "responses", _, "cancel"] => (base, "fetch_response"),
        [base @ .., "files" | "uploads"]
        | [base @ .., "uploads", _, "parts" | "complete" | "cancel"] => (base, "files"),
        _ => return None,
    };
    is_base(base).then_some(operation)
}

/// Whether a resource that follows these segments is the API's own: it is none of another resource's.
fn is_base(segments: &[&str]) -> bool {
    match segments.last() {
        None | Some(&"openai") => true,
        Some(word) => word
            .strip_prefix('v')
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit())),
    }
}

/// Whether a model's segment calls a method of the model, in lower case.
fn calls_google(segment: &str) -> bool {
    segment
        .rsplit_once(':')
        .is_some_and(|(_, verb)| GOOGLE_CALLS.contains(&verb))
}

/// Azure's `deployments/{name}`, the model's name where a body has none.
fn deployment(path: &Plain) -> Option<String> {
    let words = path.words();
    let at = words.iter().position(|word| *word == "deployments")?;
    named(path.name(at + 1)?)
}

/// Vertex's `locations/{location}`.
fn location(path: &Plain) -> Option<String> {
    let at = path.words().iter().position(|word| *word == "locations")?;
    named(path.name(at + 1)?)
}

/// A name from a path, unless it can be none.
fn named(name: &str) -> Option<String> {
    let fits = !name.is_empty()
        && name.len() <= MODEL_BYTES_MAX
        && !name.contains(char::REPLACEMENT_CHARACTER);
    fits.then(|| name.to_owned())
}

fn gratis(operation: &'static str) -> Endpoint {
    Endpoint {
        dialect: None,
        operation,
        metering: Metering::Free,
        model: None,
        streamed: None,
        geo: None,
        fetched: None,
    }
}

/// A batch, which is charged when its results are fetched.
fn deferred() -> Endpoint {
    Endpoint {
        metering: Metering::Deferred,
        ..gratis("batches")
    }
}

#[cfg(test)]
mod tests;
