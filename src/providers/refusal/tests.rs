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
        let said = refusal(api, None, Client::Unknown, &text(Some(86_400), false));
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
    let said = refusal(Api::Openai, None, Client::Unknown, &text(Some(0), true));
    assert_eq!(header(&said, "retry-after"), Some("1"));
    assert_eq!(header(&said, "x-should-retry"), None);
    assert_eq!(body(&said)["error"]["code"], "rate_limit_exceeded");
    assert_eq!(
        header(
            &refusal(Api::Openai, None, Client::Unknown, &text(None, false)),
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
        Client::Unknown,
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
        let said = body(&refusal(
            Api::Gemini,
            None,
            Client::Unknown,
            &text(seconds, helps),
        ));
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
            let said = refusal(
                Api::Bedrock,
                dialect,
                Client::Unknown,
                &text(Some(60), helps),
            );
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

#[test]
fn a_client_that_obeys_gets_a_429_of_every_provider() {
    let said = refusal(
        Api::Bedrock,
        None,
        Client::Obeys,
        &text(Some(86_400), false),
    );
    assert_eq!(said.status, 429);
    assert_eq!(header(&said, "x-should-retry"), Some("false"));
    let said = refusal(Api::Cohere, None, Client::Obeys, &text(None, false));
    assert_eq!(said.status, 429);
}

#[test]
fn a_client_that_insists_is_stopped_by_another_status_and_only_where_no_retry_helps() {
    for (helps, status) in [(false, 402), (true, 429)] {
        let said = refusal(Api::Cohere, None, Client::Insists, &text(Some(60), helps));
        assert_eq!(said.status, status);
        assert_eq!(body(&said), json!({"message": "budget \"day\" is spent"}));
    }
}

#[test]
fn a_client_that_sleeps_what_it_is_told_is_told_no_month() {
    for (helps, after) in [(false, None), (true, Some("60"))] {
        let said = refusal(Api::Openai, None, Client::Sleeps, &text(Some(60), helps));
        assert_eq!((said.status, header(&said, "retry-after")), (429, after));
    }
}

#[test]
fn a_forbidden_call_is_told_from_an_unknown_caller() {
    for (api, place, unknown, forbidden) in [
        (
            Api::Openai,
            "/error/code",
            json!("invalid_api_key"),
            json!("permission_denied"),
        ),
        (
            Api::Anthropic,
            "/error/type",
            json!("authentication_error"),
            json!("permission_error"),
        ),
        (
            Api::Gemini,
            "/error/status",
            json!("UNAUTHENTICATED"),
            json!("PERMISSION_DENIED"),
        ),
        (
            Api::Dashscope,
            "/code",
            json!("InvalidApiKey"),
            json!("AccessDenied"),
        ),
        (Api::Qianfan, "/error_code", json!(110), json!(6)),
        (
            Api::Hunyuan,
            "/Response/Error/Code",
            json!("AuthFailure"),
            json!("UnauthorizedOperation"),
        ),
    ] {
        for (status, expected) in [(401, unknown), (403, forbidden)] {
            let said = error_response(api, status, ErrorType::Auth, "no");
            assert_eq!(said.status, status);
            assert_eq!(body(&said).pointer(place), Some(&expected), "{api:?}");
        }
    }
}
