//! The names by which APIs, dialects and errors appear in settings, the ledger and metrics.
//!
//! They are part of the interface: a name written once into a ledger is never renamed.

use super::{Api, Dialect, ErrorType};

impl Api {
    /// Every API, in the order in which help lists them.
    pub const ALL: [Api; 12] = [
        Api::Auto,
        Api::Openai,
        Api::Anthropic,
        Api::Gemini,
        Api::Vertex,
        Api::Bedrock,
        Api::Cohere,
        Api::Ollama,
        Api::Dashscope,
        Api::Qianfan,
        Api::Hunyuan,
        Api::Spark,
    ];

    /// The name as `proxy.yaml` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Api::Auto => "auto",
            Api::Openai => "openai",
            Api::Anthropic => "anthropic",
            Api::Gemini => "gemini",
            Api::Vertex => "vertex",
            Api::Bedrock => "bedrock",
            Api::Cohere => "cohere",
            Api::Ollama => "ollama",
            Api::Dashscope => "dashscope",
            Api::Qianfan => "qianfan",
            Api::Hunyuan => "hunyuan",
            Api::Spark => "spark",
        }
    }

    /// The API of that name; `None` where there is none.
    pub fn parse(name: &str) -> Option<Api> {
        Api::ALL.into_iter().find(|api| api.name() == name)
    }
}

impl Dialect {
    /// Every dialect that weir reads.
    pub const ALL: [Dialect; 36] = [
        Dialect::OpenaiChat,
        Dialect::OpenaiCompletions,
        Dialect::OpenaiResponses,
        Dialect::OpenaiEmbeddings,
        Dialect::OpenaiImages,
        Dialect::OpenaiAudio,
        Dialect::OpenaiSpeech,
        Dialect::OpenaiVideos,
        Dialect::OpenaiBatch,
        Dialect::OpenaiRealtime,
        Dialect::AnthropicMessages,
        Dialect::AnthropicComplete,
        Dialect::AnthropicBatch,
        Dialect::GeminiGenerate,
        Dialect::GeminiEmbed,
        Dialect::GeminiPredict,
        Dialect::GeminiCache,
        Dialect::GeminiInteractions,
        Dialect::GeminiLive,
        Dialect::GeminiBatch,
        Dialect::BedrockConverse,
        Dialect::BedrockInvoke,
        Dialect::Cohere,
        Dialect::Ollama,
        Dialect::Llamacpp,
        Dialect::Tgi,
        Dialect::Dashscope,
        Dialect::Qianfan,
        Dialect::Hunyuan,
        Dialect::Spark,
        Dialect::MistralOcr,
        Dialect::Voyage,
        Dialect::Watsonx,
        Dialect::AlephAlpha,
        Dialect::Replicate,
        Dialect::Sniffed,
    ];

    /// The name as the ledger's `dialect` column holds it.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::OpenaiChat => "openai.chat",
            Dialect::OpenaiCompletions => "openai.completions",
            Dialect::OpenaiResponses => "openai.responses",
            Dialect::OpenaiEmbeddings => "openai.embeddings",
            Dialect::OpenaiImages => "openai.images",
            Dialect::OpenaiAudio => "openai.audio",
            Dialect::OpenaiSpeech => "openai.speech",
            Dialect::OpenaiVideos => "openai.videos",
            Dialect::OpenaiBatch => "openai.batch",
            Dialect::OpenaiRealtime => "openai.realtime",
            Dialect::AnthropicMessages => "anthropic.messages",
            Dialect::AnthropicComplete => "anthropic.complete",
            Dialect::AnthropicBatch => "anthropic.batch",
            Dialect::GeminiGenerate => "gemini.generate",
            Dialect::GeminiEmbed => "gemini.embed",
            Dialect::GeminiPredict => "gemini.predict",
            Dialect::GeminiCache => "gemini.cache",
            Dialect::GeminiInteractions => "gemini.interactions",
            Dialect::GeminiLive => "gemini.live",
            Dialect::GeminiBatch => "gemini.batch",
            Dialect::BedrockConverse => "bedrock.converse",
            Dialect::BedrockInvoke => "bedrock.invoke",
            Dialect::Cohere => "cohere",
            Dialect::Ollama => "ollama",
            Dialect::Llamacpp => "llamacpp",
            Dialect::Tgi => "tgi",
            Dialect::Dashscope => "dashscope",
            Dialect::Qianfan => "qianfan",
            Dialect::Hunyuan => "hunyuan",
            Dialect::Spark => "spark",
            Dialect::MistralOcr => "mistral.ocr",
            Dialect::Voyage => "voyage",
            Dialect::Watsonx => "watsonx",
            Dialect::AlephAlpha => "aleph_alpha",
            Dialect::Replicate => "replicate",
            Dialect::Sniffed => "sniffed",
        }
    }

    /// The dialect of that name; `None` where there is none.
    pub fn parse(name: &str) -> Option<Dialect> {
        Dialect::ALL
            .into_iter()
            .find(|dialect| dialect.name() == name)
    }

    /// The family that the dialect belongs to: it decides the shape of refusals. `None` where only the
    /// provider tells.
    pub fn api(self) -> Option<Api> {
        let family = self.name().split('.').next().unwrap_or_default();
        match self {
            Dialect::Sniffed => None,
            Dialect::Llamacpp
            | Dialect::Tgi
            | Dialect::Replicate
            | Dialect::MistralOcr
            | Dialect::Voyage
            | Dialect::Watsonx
            | Dialect::AlephAlpha => Some(Api::Openai),
            _ => Api::parse(family),
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
            assert_eq!(dialect.api().is_none(), dialect == Dialect::Sniffed);
        }
        for kind in ErrorType::ALL {
            assert_eq!(ErrorType::parse(kind.name()), Some(kind));
        }
        assert_eq!(Api::parse("OpenAI"), None);
    }
}
