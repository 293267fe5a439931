//! Where providers read a credential: the one table of headers, parameters and WebSocket protocols.

use super::{Api, Dialect};

/// Headers in which some provider reads a credential.
pub const HEADERS: [&str; 6] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
    "x-amz-security-token",
];

/// The WebSocket protocols in which OpenAI and xAI take a key, after this prefix: browsers set no headers there.
pub const PROTOCOL_PREFIXES: [&str; 2] = ["openai-insecure-api-key.", "xai-client-secret."];

/// Whether a query parameter of that name is a credential to providers of `api`.
pub fn is_parameter(api: Api, name: &str) -> bool {
    match api {
        Api::Gemini | Api::Vertex => matches!(name, "key" | "access_token"),
        Api::Openai => name == "api-key",
        Api::Auto => matches!(name, "key" | "api-key"),
        _ => false,
    }
}

/// What is known of a call when a key is to be put where its provider reads one.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub api: Api,
    pub dialect: Option<Dialect>,
    /// Azure reads keys in a header of its own.
    pub is_azure: bool,
    /// The header in which the client's own library put its credential, of [`HEADERS`].
    pub came_in: Option<&'a str>,
}

/// The header for `key`, and its value.
pub fn place(asked: Asked<'_>, key: &str) -> (&'static str, String) {
    let spoken = asked.dialect.and_then(Dialect::api);
    let plain = |header| (header, key.to_owned());
    let bearer = || ("authorization", format!("Bearer {key}"));
    match (asked.api, spoken) {
        // Entra's tokens are no keys.
        (Api::Openai, _) if asked.is_azure && key.starts_with("eyJ") => bearer(),
        (Api::Openai, Some(Api::Anthropic)) if asked.is_azure => plain("x-api-key"),
        (Api::Openai, _) if asked.is_azure => plain("api-key"),
        (Api::Anthropic, Some(Api::Openai)) => bearer(),
        (Api::Anthropic, _) if key.starts_with("sk-ant-oat") => bearer(),
        (Api::Anthropic, _) => plain("x-api-key"),
        (Api::Gemini, Some(Api::Openai)) => bearer(),
        (Api::Gemini, _) if key.starts_with("ya29.") => bearer(),
        (Api::Gemini, _) => plain("x-goog-api-key"),
        // Keys of Google's express mode; all else is a token.
        (Api::Vertex, _) if key.starts_with("AIza") || key.starts_with("AQ.") => {
            plain("x-goog-api-key")
        }
        // The client's library knows the provider better.
        (Api::Auto, _) => match asked.came_in {
            Some("x-api-key") => plain("x-api-key"),
            Some("api-key") => plain("api-key"),
            Some("x-goog-api-key") => plain("x-goog-api-key"),
            _ => bearer(),
        },
        _ => bearer(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(api: Api, dialect: Option<Dialect>, came_in: Option<&str>, key: &str) -> &'static str {
        let asked = Asked {
            api,
            dialect,
            is_azure: false,
            came_in,
        };
        let (header, value) = place(asked, key);
        let expected = match header {
            "authorization" => format!("Bearer {key}"),
            _ => key.to_owned(),
        };
        assert_eq!(value, expected);
        header
    }

    #[test]
    fn a_key_goes_where_its_provider_reads_it() {
        let chat = Some(Dialect::OpenaiChat);
        let messages = Some(Dialect::AnthropicMessages);
        for (api, dialect, key, header) in [
            (Api::Openai, chat, "sk-1", "authorization"),
            (Api::Anthropic, messages, "sk-ant-api03-1", "x-api-key"),
            (Api::Anthropic, messages, "sk-ant-oat01-1", "authorization"),
            (Api::Anthropic, chat, "sk-ant-api03-1", "authorization"),
            (Api::Anthropic, None, "sk-ant-api03-1", "x-api-key"),
            (Api::Gemini, None, "AIza1", "x-goog-api-key"),
            (Api::Gemini, chat, "AIza1", "authorization"),
            (Api::Gemini, None, "ya29.1", "authorization"),
            (Api::Vertex, None, "AQ.1", "x-goog-api-key"),
            (Api::Vertex, messages, "ya29.1", "authorization"),
            (Api::Bedrock, None, "ABSK1", "authorization"),
            (Api::Cohere, None, "c", "authorization"),
        ] {
            // Where the client put it says nothing to a provider that is known.
            for came_in in [None, Some("api-key")] {
                assert_eq!(
                    at(api, dialect, came_in, key),
                    header,
                    "{api:?} {dialect:?}"
                );
            }
        }
    }

    #[test]
    fn azure_reads_keys_in_its_own_header_and_tokens_as_everyone() {
        let azure = |dialect, key| {
            let asked = Asked {
                api: Api::Openai,
                dialect,
                is_azure: true,
                came_in: Some("authorization"),
            };
            place(asked, key).0
        };
        assert_eq!(azure(Some(Dialect::OpenaiChat), "k"), "api-key");
        assert_eq!(azure(Some(Dialect::AnthropicMessages), "k"), "x-api-key");
        assert_eq!(azure(None, "eyJ0"), "authorization");
    }

    #[test]
    fn a_provider_of_several_dialects_gets_it_where_the_client_put_its_own() {
        for (came_in, header) in [
            (None, "authorization"),
            (Some("authorization"), "authorization"),
            (Some("x-api-key"), "x-api-key"),
            (Some("x-goog-api-key"), "x-goog-api-key"),
        ] {
            let dialect = Some(Dialect::AnthropicMessages);
            assert_eq!(at(Api::Auto, dialect, came_in, "k"), header);
        }
    }

    #[test]
    fn parameters_are_credentials_only_to_those_who_read_them() {
        assert!(is_parameter(Api::Gemini, "key") && !is_parameter(Api::Openai, "key"));
        assert!(is_parameter(Api::Openai, "api-key") && !is_parameter(Api::Cohere, "key"));
    }
}
