//! How weir itself says no: in the shape that makes the caller's SDK raise the error that it means.
//!
//! It is the SDK that retries a refusal, by its own rules: Stainless's (OpenAI, Anthropic, Groq) retry a 429
//! twice, sleep what `retry-after` says and stop at `x-should-retry: false`; AWS's and Cohere's retry every 429
//! and read neither, so where waiting cannot help they get another status, the one by which their provider
//! says that an account's limit is reached; Google's, Mistral's and Ollama's do not retry unless told to.

mod client;
mod shapes;

pub use client::Client;

use serde_json::{Value, json};

use super::{Api, Dialect, ErrorType, RefusalResponse, RefusalText};

/// Longest wait that Gemini's body advises: its SDKs retry within a minute or not at all.
const RETRY_INFO_S_MAX: u64 = 600;

/// A no for a budget or a rate, as the SDK of `dialect` (else of `api`) expects it: a 429, but where no retry
/// helps a 400 to Bedrock's clients and a 402 to Cohere's, unless the client is one that obeys.
pub fn refusal(
    api: Api,
    dialect: Option<Dialect>,
    client: Client,
    text: &RefusalText,
) -> RefusalResponse {
    let api = spoken(api, dialect);
    if api == Api::Bedrock {
        return bedrock_refusal(client, text);
    }
    let own = shapes::of(api, ErrorType::RateLimit, 429, &text.message);
    let body = match (api, own) {
        (_, Some(own)) => own,
        (Api::Anthropic, _) => anthropic("rate_limit_error", &text.message),
        (Api::Gemini | Api::Vertex, _) => gemini_refusal(text),
        _ => {
            let code = if text.retry_helps {
                "rate_limit_exceeded"
            } else {
                "insufficient_quota"
            };
            openai(code, Some(code), &text.message)
        }
    };
    let status = match client {
        Client::Insists if !text.retry_helps => 402,
        _ => 429,
    };
    with_advice(json_response(status, &body), client, text)
}

/// The API whose errors the client reads: that of the dialect, where it has one of its own.
pub fn spoken(api: Api, dialect: Option<Dialect>) -> Api {
    dialect.and_then(Dialect::api).unwrap_or(api)
}

/// Adds when, and whether, to try again.
fn with_advice(
    mut response: RefusalResponse,
    client: Client,
    text: &RefusalText,
) -> RefusalResponse {
    let would_sleep = client == Client::Sleeps && !text.retry_helps;
    if let Some(seconds) = text.retry_after_s.filter(|_| !would_sleep) {
        // Zero reads as "no advice", and the SDKs fall back to half a second.
        response
            .headers
            .push(("retry-after", seconds.max(1).to_string()));
    }
    if !text.retry_helps {
        response
            .headers
            .push(("x-should-retry", "false".to_owned()));
    }
    response
}

/// Every AWS SDK retries throttling, and none an exceeded quota.
fn bedrock_refusal(client: Client, text: &RefusalText) -> RefusalResponse {
    let (status, exception) = if text.retry_helps || client == Client::Obeys {
        (429, "ThrottlingException")
    } else {
        (400, "ServiceQuotaExceededException")
    };
    with_advice(bedrock(status, exception, &text.message), client, text)
}

/// The exception's name is read from the header first.
fn bedrock(status: u16, exception: &str, message: &str) -> RefusalResponse {
    let mut response = json_response(status, &json!({ "message": message }));
    response
        .headers
        .push(("x-amzn-errortype", exception.to_owned()));
    response
}

/// An error of weir's own (a dead upstream, a revoked key), in the provider's shape.
pub fn error_response(api: Api, status: u16, kind: ErrorType, message: &str) -> RefusalResponse {
    let body = match (api, shapes::of(api, kind, status, message)) {
        (_, Some(own)) => own,
        (Api::Bedrock, _) => return bedrock(status, bedrock_exception(kind), message),
        (Api::Anthropic, _) => anthropic(anthropic_type(status, kind), message),
        (Api::Gemini | Api::Vertex, _) => json!({"error": {
            "code": status, "message": message, "status": gemini_status(status, kind),
        }}),
        _ => {
            let (kind, code) = openai_type(status, kind);
            openai(kind, code, message)
        }
    };
    json_response(status, &body)
}

/// A 404 for a path that names no provider; the message lists the prefixes that do.
pub fn not_found(prefixes: &[&str]) -> RefusalResponse {
    let listed: Vec<String> = prefixes.iter().map(|name| format!("/{name}/…")).collect();
    let message = format!(
        "no provider at this path; start it with one of: {}",
        listed.join(", ")
    );
    let mut response = json_response(
        404,
        &openai("invalid_request_error", Some("unknown_provider"), &message),
    );
    response
        .headers
        .push(("x-should-retry", "false".to_owned()));
    response
}

fn json_response(status: u16, body: &Value) -> RefusalResponse {
    RefusalResponse {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    }
}

/// The Node SDK loses the message unless it lies under `error`.
fn openai(kind: &str, code: Option<&str>, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn anthropic(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

fn gemini_refusal(text: &RefusalText) -> Value {
    let mut error = json!({
        "code": 429, "message": text.message, "status": "RESOURCE_EXHAUSTED",
    });
    let advice = text
        .retry_after_s
        .filter(|s| text.retry_helps && *s <= RETRY_INFO_S_MAX);
    if let Some(seconds) = advice {
        error["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", seconds.max(1)),
        }]);
    }
    json!({ "error": error })
}

fn openai_type(status: u16, kind: ErrorType) -> (&'static str, Option<&'static str>) {
    match kind {
        // A key that is known and may not do this.
        ErrorType::Auth if status == 403 => ("invalid_request_error", Some("permission_denied")),
        ErrorType::Auth => ("invalid_request_error", Some("invalid_api_key")),
        ErrorType::RateLimit => ("rate_limit_exceeded", Some("rate_limit_exceeded")),
        ErrorType::TokenLimit => ("invalid_request_error", Some("context_length_exceeded")),
        ErrorType::ModelNotFound => ("invalid_request_error", Some("model_not_found")),
        ErrorType::InvalidRequest => ("invalid_request_error", None),
        ErrorType::Network | ErrorType::ServerError | ErrorType::Unknown => ("server_error", None),
        ErrorType::Timeout => ("server_error", Some("timeout")),
    }
}

fn anthropic_type(status: u16, kind: ErrorType) -> &'static str {
    match kind {
        ErrorType::Auth if status == 403 => "permission_error",
        ErrorType::Auth => "authentication_error",
        ErrorType::RateLimit => "rate_limit_error",
        ErrorType::ModelNotFound => "not_found_error",
        ErrorType::InvalidRequest | ErrorType::TokenLimit => "invalid_request_error",
        ErrorType::Timeout => "timeout_error",
        ErrorType::Network | ErrorType::ServerError | ErrorType::Unknown => "api_error",
    }
}

fn bedrock_exception(kind: ErrorType) -> &'static str {
    match kind {
        ErrorType::Auth => "AccessDeniedException",
        ErrorType::RateLimit => "ThrottlingException",
        ErrorType::ModelNotFound => "ResourceNotFoundException",
        ErrorType::InvalidRequest | ErrorType::TokenLimit => "ValidationException",
        ErrorType::Timeout => "ModelTimeoutException",
        ErrorType::Network => "ServiceUnavailableException",
        ErrorType::ServerError | ErrorType::Unknown => "InternalServerException",
    }
}

fn gemini_status(status: u16, kind: ErrorType) -> &'static str {
    match (kind, status) {
        (ErrorType::Auth, 403) => "PERMISSION_DENIED",
        (ErrorType::Auth, _) => "UNAUTHENTICATED",
        (ErrorType::RateLimit, _) => "RESOURCE_EXHAUSTED",
        (ErrorType::ModelNotFound, _) => "NOT_FOUND",
        (ErrorType::InvalidRequest | ErrorType::TokenLimit, _) => "INVALID_ARGUMENT",
        (ErrorType::Timeout, _) => "DEADLINE_EXCEEDED",
        (ErrorType::Network, _) | (_, 502 | 503) => "UNAVAILABLE",
        (ErrorType::ServerError | ErrorType::Unknown, _) => "INTERNAL",
    }
}

#[cfg(test)]
mod tests;
