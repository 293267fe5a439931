//! What kind of error an upstream's answer is, from its status and its own words.
//!
//! A status that means one thing decides at once. 400, 404 and an error inside a stream that began with
//! 200 mean several, so their codes and types are searched. Message text is searched, never kept.

mod numbers;

use serde_json::Value;

use super::ErrorType;
use super::node::Node;

pub use numbers::{of_hunyuan, of_minimax, of_qianfan, of_spark};

/// Code or type words and the kind that each stands for; the first that is contained wins.
const WORDS: &[(&str, ErrorType)] = &[
    ("context_length", ErrorType::TokenLimit),
    ("context_window", ErrorType::TokenLimit),
    ("context_size", ErrorType::TokenLimit),
    ("string_above_max_length", ErrorType::TokenLimit),
    ("request_too_large", ErrorType::TokenLimit),
    ("model_not_found", ErrorType::ModelNotFound),
    ("modelnotfound", ErrorType::ModelNotFound),
    ("model_not_exist", ErrorType::ModelNotFound),
    ("modelnotexist", ErrorType::ModelNotFound),
    ("deploymentnotfound", ErrorType::ModelNotFound),
    ("invalidendpointormodel", ErrorType::ModelNotFound),
    ("api_key", ErrorType::Auth),
    ("apikey", ErrorType::Auth),
    ("authentication", ErrorType::Auth),
    ("authfailure", ErrorType::Auth),
    ("unauthenticated", ErrorType::Auth),
    ("unauthorized", ErrorType::Auth),
    ("permission", ErrorType::Auth),
    ("accessdenied", ErrorType::Auth),
    ("access_denied", ErrorType::Auth),
    ("rate_limit", ErrorType::RateLimit),
    ("ratelimit", ErrorType::RateLimit),
    ("limitexceeded", ErrorType::RateLimit),
    ("throttl", ErrorType::RateLimit),
    ("toomanyrequests", ErrorType::RateLimit),
    ("too_many_requests", ErrorType::RateLimit),
    ("quota", ErrorType::RateLimit),
    ("billing", ErrorType::RateLimit),
    ("insufficient_balance", ErrorType::RateLimit),
    ("arrearage", ErrorType::RateLimit),
    ("exhaust", ErrorType::RateLimit),
    ("timeout", ErrorType::Timeout),
    ("timed_out", ErrorType::Timeout),
    ("deadline_exceeded", ErrorType::Timeout),
    ("overloaded", ErrorType::ServerError),
    ("server_error", ErrorType::ServerError),
    ("api_error", ErrorType::ServerError),
    ("internal", ErrorType::ServerError),
    ("unavailable", ErrorType::ServerError),
    ("modelerror", ErrorType::ServerError),
    ("modelstreamerror", ErrorType::ServerError),
    ("modelnotready", ErrorType::ServerError),
    ("not_found", ErrorType::ModelNotFound),
    ("notfound", ErrorType::ModelNotFound),
    ("invalid", ErrorType::InvalidRequest),
    ("validation", ErrorType::InvalidRequest),
    ("content_filter", ErrorType::InvalidRequest),
    ("contentfilter", ErrorType::InvalidRequest),
    ("content_policy", ErrorType::InvalidRequest),
    ("moderation_blocked", ErrorType::InvalidRequest),
    ("datainspection", ErrorType::InvalidRequest),
    ("data_inspection", ErrorType::InvalidRequest),
    ("failed_precondition", ErrorType::InvalidRequest),
];

/// Words of messages that mean a prompt too long; not every provider has a code for it.
const TOO_LONG: &[&str] = &[
    "context length",
    "context window",
    "context size",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input length should be",
    "input length exceeds",
    "maximum prompt length",
    "maximum number of tokens",
    "too many tokens",
    "total number of tokens",
    "exceed max message tokens",
    "reduce the length",
];

/// Most bytes of an error's message that are searched.
const MESSAGE_BYTES_MAX: usize = 2048;

/// Whether a value says that there is an error: `null`, `false`, 0 and what is empty do not.
pub fn says(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// The kind of the `error` value of a body or an event under that status.
pub fn classify(status: u16, error: &Value) -> ErrorType {
    if let Some(kind) = plain(status) {
        return kind;
    }
    // A list of them is told by its first.
    let error = error.get(0).unwrap_or(error);
    let node = Node::new(error);
    let said = [node.at("type"), node.at("code"), node.at("status")];
    let reasons = node.at("details").items().map(|detail| detail.at("reason"));
    let mut words: Vec<String> = said
        .into_iter()
        .chain(reasons)
        .filter_map(Node::text)
        .map(str::to_lowercase)
        .collect();
    // A bare string is both; an error without any word has only its message.
    words.extend(error.as_str().map(str::to_lowercase));
    let message = node
        .at("message")
        .text()
        .or(error.as_str())
        .unwrap_or_default();
    let message: String = message.chars().take(MESSAGE_BYTES_MAX).collect();
    let message = message.to_lowercase();

    let holds = |word: &str| words.iter().any(|said| said.contains(word));
    let by_words = WORDS
        .iter()
        .find(|(word, _)| holds(word))
        .map(|(_, kind)| *kind);
    match by_words {
        Some(ErrorType::InvalidRequest) | None if TOO_LONG.iter().any(|t| message.contains(t)) => {
            ErrorType::TokenLimit
        }
        Some(kind) => kind,
        None if message.contains("api key") || message.contains("api token") => ErrorType::Auth,
        None if status == 404 && message.contains("model") => ErrorType::ModelNotFound,
        None if message.starts_with("model") && message.contains("not found") => {
            ErrorType::ModelNotFound
        }
        None if message.contains("model identifier is invalid") => ErrorType::ModelNotFound,
        None => numeric(node)
            .or(by_status(status))
            .unwrap_or(ErrorType::Unknown),
    }
}

/// The kind of an answer whose body says nothing; `None` below 400.
pub fn by_status(status: u16) -> Option<ErrorType> {
    plain(status).or(match status {
        413 => Some(ErrorType::TokenLimit),
        400..=499 => Some(ErrorType::InvalidRequest),
        _ => None,
    })
}

/// Statuses that mean one thing, whatever the body says.
fn plain(status: u16) -> Option<ErrorType> {
    match status {
        401 | 403 | 407 => Some(ErrorType::Auth),
        // Spent credit: the provider's own budget.
        402 | 429 => Some(ErrorType::RateLimit),
        408 | 504 => Some(ErrorType::Timeout),
        500..=599 => Some(ErrorType::ServerError),
        _ => None,
    }
}

/// A status that an event inside a stream states for itself.
fn numeric(node: Node<'_>) -> Option<ErrorType> {
    let stated = node
        .at("status_code")
        .count()
        .or_else(|| node.at("code").count())?;
    by_status(u16::try_from(stated).ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(status: u16, error: Value, kind: ErrorType) {
        assert_eq!(classify(status, &error), kind, "{status} {error}");
    }

    #[test]
    fn a_status_of_one_meaning_decides() {
        let misleading = json!({"type": "invalid_request_error", "code": null});
        for (status, kind) in [
            (401, ErrorType::Auth),
            (403, ErrorType::Auth),
            (408, ErrorType::Timeout),
            (429, ErrorType::RateLimit),
            (500, ErrorType::ServerError),
            (504, ErrorType::Timeout),
            (529, ErrorType::ServerError),
        ] {
            check(status, misleading.clone(), kind);
            assert_eq!(by_status(status), Some(kind));
        }
        assert_eq!(by_status(200), None);
        assert_eq!(by_status(422), Some(ErrorType::InvalidRequest));
    }

    #[test]
    fn a_400_is_told_by_its_words() {
        use ErrorType::*;
        check(
            400,
            json!({"code": "context_length_exceeded", "type": "invalid_request_error"}),
            TokenLimit,
        );
        check(
            400,
            json!({"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}),
            TokenLimit,
        );
        check(
            400,
            json!({"message": "This model's maximum context length is 9 tokens.", "code": "invalid_request_error"}),
            TokenLimit,
        );
        check(
            400,
            json!({"type": "invalid_request_error", "param": "n"}),
            InvalidRequest,
        );
        check(
            400,
            json!({"code": "model_not_found", "type": "invalid_request_error"}),
            ModelNotFound,
        );
        check(
            404,
            json!({"code": 404, "status": "NOT_FOUND", "message": "models/x"}),
            ModelNotFound,
        );
        check(
            404,
            json!({"code": "404", "message": "Resource not found"}),
            InvalidRequest,
        );
        check(
            400,
            json!({"status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}),
            Auth,
        );
        check(400, json!("the model is not loaded"), InvalidRequest);
    }

    #[test]
    fn every_vendors_words_are_known() {
        use ErrorType::*;
        for (status, error, kind) in [
            (400, json!({"type": "ThrottlingException"}), RateLimit),
            (
                400,
                json!({"type": "ValidationException", "message": "Input is too long for requested model."}),
                TokenLimit,
            ),
            (
                400,
                json!({"type": "ValidationException", "message": "bad"}),
                InvalidRequest,
            ),
            (
                400,
                json!({"message": "The provided model identifier is invalid."}),
                ModelNotFound,
            ),
            (424, json!({"type": "ModelErrorException"}), ServerError),
            (200, json!({"code": "Throttling.RateQuota"}), RateLimit),
            (400, json!({"code": "Arrearage"}), RateLimit),
            (400, json!({"code": "InvalidApiKey"}), Auth),
            (
                400,
                json!({"code": "InvalidParameter", "message": "Range of input length should be [1, 6000]"}),
                TokenLimit,
            ),
            (400, json!({"code": "DataInspectionFailed"}), InvalidRequest),
            (
                400,
                json!({"code": "content_filter", "message": "filtered"}),
                InvalidRequest,
            ),
            (
                400,
                json!({"message": "too many tokens: the total number of tokens cannot exceed 9"}),
                TokenLimit,
            ),
            (
                404,
                json!({"message": "model 'command-r' was removed"}),
                ModelNotFound,
            ),
            (
                404,
                json!("model \"x\" not found, try pulling it first"),
                ModelNotFound,
            ),
            (200, json!("model \"x\" not found"), ModelNotFound),
            (
                200,
                json!([{"code": "invalid_request", "message": "bad"}]),
                InvalidRequest,
            ),
        ] {
            check(status, error, kind);
        }
    }

    #[test]
    fn an_error_inside_a_stream_is_told_by_its_words_or_its_number() {
        use ErrorType::*;
        check(
            200,
            json!({"type": "overloaded_error", "message": "Overloaded"}),
            ServerError,
        );
        check(200, json!({"type": "rate_limit_error"}), RateLimit);
        check(
            200,
            json!({"code": 502, "message": "provider went away"}),
            ServerError,
        );
        check(
            200,
            json!({"message": "bad tool", "status_code": 400}),
            InvalidRequest,
        );
        check(200, json!({"message": "who knows"}), Unknown);
        check(200, json!(7), Unknown);
    }
}
