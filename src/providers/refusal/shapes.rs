//! Errors as Cohere, Ollama and the providers of China write them.
//!
//! Some of these state their own errors under status 200. Weir's have a status of their own, so that no
//! client takes one for an answer; the body is what their SDKs look into.

use serde_json::{Value, json};

use crate::providers::{Api, ErrorType};

/// The body of an error in an API's own shape; `None` where that is OpenAI's or another family's.
pub(super) fn of(api: Api, kind: ErrorType, status: u16, message: &str) -> Option<Value> {
    Some(match api {
        Api::Cohere => json!({ "message": message }),
        Api::Ollama => json!({ "error": message }),
        Api::Dashscope => json!({
            "code": dashscope_code(status, kind), "message": message, "request_id": "",
        }),
        Api::Qianfan => json!({"error_code": qianfan_code(status, kind), "error_msg": message}),
        Api::Hunyuan => json!({"Response": {
            "Error": {"Code": hunyuan_code(status, kind), "Message": message}, "RequestId": "",
        }}),
        Api::Spark => json!({"header": {
            "code": spark_code(kind), "message": message, "sid": "", "status": 2,
        }}),
        _ => return None,
    })
}

fn dashscope_code(status: u16, kind: ErrorType) -> &'static str {
    match kind {
        ErrorType::Auth if status == 403 => "AccessDenied",
        ErrorType::RateLimit => "Throttling",
        ErrorType::Auth => "InvalidApiKey",
        ErrorType::ModelNotFound => "ModelNotFound",
        ErrorType::InvalidRequest | ErrorType::TokenLimit => "InvalidParameter",
        ErrorType::Timeout => "RequestTimeOut",
        ErrorType::Network | ErrorType::ServerError | ErrorType::Unknown => "InternalError",
    }
}

fn qianfan_code(status: u16, kind: ErrorType) -> u64 {
    match kind {
        ErrorType::Auth if status == 403 => 6,
        ErrorType::RateLimit => 18,
        ErrorType::Auth => 110,
        ErrorType::ModelNotFound => 3,
        ErrorType::TokenLimit => 336_007,
        ErrorType::InvalidRequest => 100,
        _ => 2,
    }
}

fn hunyuan_code(status: u16, kind: ErrorType) -> &'static str {
    match kind {
        ErrorType::Auth if status == 403 => "UnauthorizedOperation",
        ErrorType::RateLimit => "RequestLimitExceeded",
        ErrorType::Auth => "AuthFailure",
        ErrorType::ModelNotFound => "ResourceNotFound",
        ErrorType::InvalidRequest | ErrorType::TokenLimit => "InvalidParameter",
        _ => "InternalError",
    }
}

fn spark_code(kind: ErrorType) -> u64 {
    match kind {
        ErrorType::RateLimit => 11_202,
        ErrorType::Auth => 11_200,
        ErrorType::ModelNotFound => 10_404,
        ErrorType::TokenLimit => 10_907,
        ErrorType::InvalidRequest => 10_163,
        _ => 10_110,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Dialect;
    use crate::providers::RefusalText;
    use crate::providers::refusal::{Client, error_response, refusal};

    #[test]
    fn a_refusal_stands_where_each_sdk_looks_for_it() {
        let text = RefusalText {
            message: "budget \"day\" is spent".to_owned(),
            retry_after_s: Some(60),
            retry_helps: false,
        };
        for (dialect, place, code) in [
            (Dialect::Cohere, "/message", None),
            (Dialect::Ollama, "/error", None),
            (
                Dialect::Dashscope,
                "/message",
                Some(("/code", json!("Throttling"))),
            ),
            (
                Dialect::Qianfan,
                "/error_msg",
                Some(("/error_code", json!(18))),
            ),
            (
                Dialect::Hunyuan,
                "/Response/Error/Message",
                Some(("/Response/Error/Code", json!("RequestLimitExceeded"))),
            ),
            (
                Dialect::Spark,
                "/header/message",
                Some(("/header/code", json!(11_202))),
            ),
        ] {
            let said = refusal(Api::Auto, Some(dialect), Client::Unknown, &text);
            assert_eq!(said.status, 429, "{}", dialect.name());
            let body: Value = serde_json::from_slice(&said.body).expect("JSON");
            assert_eq!(body.pointer(place), Some(&json!(text.message)), "{body}");
            if let Some((place, code)) = code {
                assert_eq!(body.pointer(place), Some(&code), "{body}");
            }
        }
    }

    #[test]
    fn weirs_own_errors_have_these_shapes_too() {
        let said = error_response(Api::Ollama, 502, ErrorType::Network, "no answer");
        assert_eq!(
            (said.status, said.body),
            (502, br#"{"error":"no answer"}"#.to_vec())
        );
        for kind in ErrorType::ALL {
            let said = error_response(Api::Qianfan, 500, kind, "no");
            let body: Value = serde_json::from_slice(&said.body).expect("JSON");
            assert_ne!(body["error_code"], 0, "{}", kind.name());
        }
    }
}
