//! How weir itself says no: in the shape that makes the caller's SDK raise the error that it means.
//!
//! The Stainless SDKs (OpenAI, Anthropic and their kin) retry a 429 twice. A long `retry-after` alone
//! makes Node clients sleep for hours and old Python clients hammer, so a refusal that waiting cannot
//! lift carries `x-should-retry: false`. Google's SDKs read neither and do not retry unless told to. AWS's
//! retry every 429 and read neither, so there a hard stop has another status.

mod shapes;

use serde_json::{Value, json};

use super::{Api, Dialect, ErrorType, RefusalResponse, RefusalText};

/// Longest wait that Gemini's body advises: its SDKs retry within a minute or not at all.
const RETRY_INFO_S_MAX: u64 = 600;

/// A no for a budget or a rate, as the SDK of `dialect` (else of `api`) expects it: a 429, but to Bedrock's
/// clients a 400 where no retry helps.
pub fn refusal(api: Api, dialect: Option<Dialect>, text: &RefusalText) -> RefusalResponse {
    let api = dialect.and_then(Dialect::api).unwrap_or(api);
    if api == Api::Bedrock {
        return bedrock_refusal(text);
    }
    let own = shapes::of(api, ErrorType::RateLimit, &text.message);
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
    with_advice(json_response(429, &body), text)
}

/// Adds when, and whether, to try again.
fn with_advice(mut response: RefusalResponse, text: &RefusalText) -> RefusalResponse {
    if let Some(seconds) = text.retry_after_s {
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
fn bedrock_refusal(text: &RefusalText) -> RefusalResponse {
    let (status, exception) = if text.retry_helps {
        (429, "ThrottlingException")
    } else {
        (400, "ServiceQuotaExceededException")
    };
    with_advice(bedrock(status, exception, &text.message), text)
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
    let body = match (api, shapes::of(api, kind, message)) {
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
        ErrorType::Auth if status == 403 => ("permission_error", Some("permission_denied")),
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
mod tests {
    use super::*;

    fn text(retry_after_s: Option<u64>, retry_helps: bool) -> RefusalText {
        RefusalText {
            message: "budget \"day\" is spent".to_owned(),
            retry_after_s,
            retry_helps,
        }
    }

    fn header<'a>(response: &'a RefusalResponse, name: &str) -> Option<&'a str> {
        response
            .headers
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_str())
    }

    fn body(response: &RefusalResponse) -> Value {
        serde_json::from_slice(&response.body).expect("JSON")
    }

    #[test]
    fn spent_money_stops_the_openai_sdk() {
        for api in [Api::Openai, Api::Auto] {
            let said = refusal(api, None, &text(Some(86_400), false));
            assert_eq!(said.status, 429);
            assert_eq!(header(&said, "content-type"), Some("application/json"));
            assert_eq!(header(&said, "retry-after"), Some("86400"));
            assert_eq!(header(&said, "x-should-retry"), Some("false"));
            let expected = json!({"error": {"message": "budget \"day\" is spent",
                "type": "insufficient_quota", "param": null, "code": "insufficient_quota"}});
            assert_eq!(body(&said), expected);
        }
    }

    #[test]
    fn a_rate_that_recovers_lets_the_sdk_retry() {
        let said = refusal(Api::Openai, None, &text(Some(0), true));
        assert_eq!(header(&said, "retry-after"), Some("1"));
        assert_eq!(header(&said, "x-should-retry"), None);
        assert_eq!(body(&said)["error"]["code"], "rate_limit_exceeded");
        assert_eq!(
            header(
                &refusal(Api::Openai, None, &text(None, false)),
                "retry-after"
            ),
            None
        );
    }

    #[test]
    fn the_dialect_outranks_the_provider() {
        let said = refusal(
            Api::Openai,
            Some(Dialect::AnthropicMessages),
            &text(Some(9), false),
        );
        let expected = json!({"type": "error",
            "error": {"type": "rate_limit_error", "message": "budget \"day\" is spent"}});
        assert_eq!(body(&said), expected);
        assert_eq!(header(&said, "x-should-retry"), Some("false"));
    }

    #[test]
    fn gemini_is_told_when_to_retry_only_where_it_helps() {
        for (seconds, helps, delay) in [
            (Some(30), true, Some("30s")),
            (Some(86_400), true, None),
            (Some(30), false, None),
            (None, true, None),
        ] {
            let said = body(&refusal(Api::Gemini, None, &text(seconds, helps)));
            assert_eq!(said["error"]["status"], "RESOURCE_EXHAUSTED");
            assert_eq!(said["error"]["code"], 429);
            assert_eq!(said["error"]["details"][0]["retryDelay"].as_str(), delay);
        }
    }

    #[test]
    fn bedrock_is_throttled_where_a_retry_helps_and_stopped_where_none_does() {
        for (helps, status, exception) in [
            (true, 429, "ThrottlingException"),
            (false, 400, "ServiceQuotaExceededException"),
        ] {
            for dialect in [None, Some(Dialect::BedrockConverse)] {
                let said = refusal(Api::Bedrock, dialect, &text(Some(60), helps));
                assert_eq!(said.status, status);
                assert_eq!(header(&said, "x-amzn-errortype"), Some(exception));
                assert_eq!(header(&said, "retry-after"), Some("60"));
                assert_eq!(body(&said), json!({"message": "budget \"day\" is spent"}));
            }
        }
        let said = error_response(Api::Bedrock, 502, ErrorType::Network, "no answer");
        assert_eq!(
            (said.status, header(&said, "x-amzn-errortype")),
            (502, Some("ServiceUnavailableException"))
        );
    }

    #[test]
    fn weirs_own_errors_have_the_providers_shape() {
        let said = error_response(Api::Anthropic, 504, ErrorType::Timeout, "no answer");
        assert_eq!(
            (said.status, body(&said)["error"]["type"].as_str()),
            (504, Some("timeout_error"))
        );
        let said = error_response(Api::Gemini, 502, ErrorType::Network, "no answer");
        assert_eq!(body(&said)["error"]["status"], "UNAVAILABLE");
        let said = error_response(Api::Openai, 401, ErrorType::Auth, "revoked");
        assert_eq!(body(&said)["error"]["code"], "invalid_api_key");
    }

    #[test]
    fn an_unknown_path_is_answered_with_the_prefixes() {
        let said = not_found(&["openai", "local-vllm"]);
        assert_eq!(said.status, 404);
        let message = body(&said)["error"]["message"].to_string();
        assert!(
            message.contains("/openai/") && message.contains("/local-vllm/"),
            "{message}"
        );
    }
}
