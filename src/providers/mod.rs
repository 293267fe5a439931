//! Which API a request is, where that API states model and usage, and how it says no.

mod anthropic;
mod errors;
mod gemini;
pub mod hosts;
mod names;
mod node;
mod openai_chat;
mod openai_embeddings;
mod openai_responses;
mod openai_usage;
pub mod paths;
pub mod reader;
pub mod refusal;
pub mod report;
pub mod request;

pub use errors::by_status;

/// The dialect family that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Api {
    /// Told by path, headers and body.
    #[default]
    Auto,
    Openai,
    Anthropic,
    Gemini,
}

/// One provider's shape for one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    OpenaiChat,
    OpenaiCompletions,
    OpenaiResponses,
    OpenaiEmbeddings,
    AnthropicMessages,
    GeminiGenerate,
    GeminiEmbed,
}

/// Whether a path costs money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metering {
    /// Its usage is read and charged.
    Metered,
    /// Lists, counts, moderations: nothing to charge.
    Free,
    /// A known provider's path that weir cannot read: forwarded, counted as unmetered.
    Unmetered,
}

/// What a request's head says about the API that it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub dialect: Option<Dialect>,
    /// `chat`, `text_completion`, `responses`, `embeddings`, `generate_content`, `models`, … else `unknown`.
    pub operation: &'static str,
    pub metering: Metering,
    /// The model where the path names it (Gemini).
    pub model: Option<String>,
    /// Where the path says whether the answer is streamed (Gemini).
    pub streamed: Option<bool>,
}

/// A provider that weir knows without being told.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub name: &'static str,
    pub api: Api,
    /// The provider's id in the price catalogue, where it has a section of its own.
    pub catalog_id: Option<&'static str>,
    /// `https://api.openai.com`, without a path unless its API has a prefix that clients do not send.
    pub upstream: &'static str,
    /// Hosts that CONNECT and absolute-form requests are claimed for: `host`, which means port 443, or
    /// `host:port`.
    pub hosts: &'static [&'static str],
}

/// What a request's body says, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    pub model: Option<String>,
    pub stream: Option<bool>,
    /// `stream_options.include_usage`.
    pub include_usage: bool,
    /// `max_tokens`, `max_completion_tokens`, `max_output_tokens`, `generationConfig.maxOutputTokens`.
    pub max_output_tokens: Option<u64>,
    /// `n`, `candidateCount`; 1 where unsaid.
    pub choices: u64,
    /// OpenAI `user` or `safety_identifier`, Anthropic `metadata.user_id`.
    pub user: Option<String>,
    pub service_tier: Option<String>,
    /// Image, audio and document parts.
    pub media_parts: u64,
    /// The body refers to input that it does not hold: file ids, `previous_response_id`, conversations,
    /// server tools, cached content.
    pub refers_outside: bool,
}

/// What a refusal tells the caller, in every dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalText {
    /// One sentence for a person: budget, limit, spent, held, reset.
    pub message: String,
    /// Seconds until waiting helps; `None` where it never does.
    pub retry_after_s: Option<u64>,
    /// Whether a retry within minutes can succeed (rate limits) or not (spent money).
    pub retry_helps: bool,
}

/// A refusal as bytes for the wire; `content-length` is the writer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalResponse {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// Why an upstream's answer was an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorType {
    Network,
    Auth,
    RateLimit,
    TokenLimit,
    ModelNotFound,
    InvalidRequest,
    ServerError,
    Timeout,
    Unknown,
}
