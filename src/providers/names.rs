//! The names by which APIs, dialects and errors appear in settings, the ledger and metrics.
//!
//! They are part of the interface: a name written once into a ledger is never renamed.

use super::{Api, Dialect, ErrorType};

impl Api {
    /// Every API, in the order in which help lists them.
    pub const ALL: [Api; 4] = [Api::Auto, Api::Openai, Api::Anthropic, Api::Gemini];

    /// The name as `proxy.yaml` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Api::Auto => "auto",
            Api::Openai => "openai",
            Api::Anthropic => "anthropic",
            Api::Gemini => "gemini",
        }
    }

    /// The API of that name; `None` where there is none.
    pub fn parse(name: &str) -> Option<Api> {
        Api::ALL.into_iter().find(|api| api.name() == name)
    }
}

impl Dialect {
    /// Every dialect that weir reads.
    pub const ALL: [Dialect; 7] = [
        Dialect::OpenaiChat,
        Dialect::OpenaiCompletions,
        Dialect::OpenaiResponses,
        Dialect::OpenaiEmbeddings,
        Dialect::AnthropicMessages,
        Dialect::GeminiGenerate,
        Dialect::GeminiEmbed,
    ];

    /// The name as the ledger's `dialect` column holds it.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::OpenaiChat => "openai.chat",
            Dialect::OpenaiCompletions => "openai.completions",
            Dialect::OpenaiResponses => "openai.responses",
            Dialect::OpenaiEmbeddings => "openai.embeddings",
            Dialect::AnthropicMessages => "anthropic.messages",
            Dialect::GeminiGenerate => "gemini.generate",
            Dialect::GeminiEmbed => "gemini.embed",
        }
    }

    /// The dialect of that name; `None` where there is none.
    pub fn parse(name: &str) -> Option<Dialect> {
        Dialect::ALL
            .into_iter()
            .find(|dialect| dialect.name() == name)
    }

    /// The family that the dialect belongs to: it decides the shape of refusals.
    pub fn api(self) -> Api {
        match self {
            Dialect::OpenaiChat
            | Dialect::OpenaiCompletions
            | Dialect::OpenaiResponses
            | Dialect::OpenaiEmbeddings => Api::Openai,
            Dialect::AnthropicMessages => Api::Anthropic,
            Dialect::GeminiGenerate | Dialect::GeminiEmbed => Api::Gemini,
        }
    }
}

impl ErrorType {
    /// Every kind of error.
    pub const ALL: [ErrorType; 9] = [
        ErrorType::Network,
        ErrorType::Auth,
        ErrorType::RateLimit,
        ErrorType::TokenLimit,
        ErrorType::ModelNotFound,
        ErrorType::InvalidRequest,
        ErrorType::ServerError,
        ErrorType::Timeout,
        ErrorType::Unknown,
    ];

    /// The name as the ledger's `error_type` column holds it.
    pub fn name(self) -> &'static str {
        match self {
            ErrorType::Network => "network",
            ErrorType::Auth => "auth",
            ErrorType::RateLimit => "rate_limit",
            ErrorType::TokenLimit => "token_limit",
            ErrorType::ModelNotFound => "model_not_found",
            ErrorType::InvalidRequest => "invalid_request",
            ErrorType::ServerError => "server_error",
            ErrorType::Timeout => "timeout",
            ErrorType::Unknown => "unknown",
        }
    }

    /// The kind of that name; `None` where there is none.
    pub fn parse(name: &str) -> Option<ErrorType> {
        ErrorType::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back() {
        for api in Api::ALL {
            assert_eq!(Api::parse(api.name()), Some(api));
        }
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::parse(dialect.name()), Some(dialect));
            assert!(dialect.name().starts_with(dialect.api().name()));
        }
        for kind in ErrorType::ALL {
            assert_eq!(ErrorType::parse(kind.name()), Some(kind));
        }
        assert_eq!(Api::parse("OpenAI"), None);
    }
}
