//! Which API a request is, where that API states model and usage, and how it says no.

mod aleph_alpha;
mod anthropic;
mod backend;
mod bedrock;
mod cohere;
pub mod credential;
mod dashscope;
mod errors;
mod failed;
mod gemini;
pub mod hosts;
mod hunyuan;
mod llamacpp;
mod mistral_ocr;
mod names;
mod node;
mod ollama;
mod openai_audio;
mod openai_batch;
mod openai_chat;
mod openai_embeddings;
mod openai_images;
mod openai_realtime;
mod openai_responses;
mod openai_speech;
mod openai_usage;
mod openai_videos;
pub mod paths;
mod pruned;
mod qianfan;
pub mod reader;
pub mod refusal;
mod replicate;
pub mod report;
pub mod request;
pub mod session;
mod sniffed;
mod spark;
mod tally;
mod tgi;
mod voyage;
mod watsonx;

pub use backend::Backend;
pub use errors::by_status;

use std::collections::{BTreeMap, BTreeSet};

/// The dialect family that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Api {
    /// Told by path, headers and body.
    #[default]
    Auto,
    Openai,
    Anthropic,
    /// The Gemini API.
    Gemini,
    /// Google Cloud: Gemini and the models of others behind one path scheme.
    Vertex,
    Bedrock,
    Cohere,
    Ollama,
    Dashscope,
    Qianfan,
    Hunyuan,
    Spark,
}

/// One provider's shape for one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    OpenaiChat,
    OpenaiCompletions,
    OpenaiResponses,
    OpenaiEmbeddings,
    OpenaiImages,
    /// Transcription and translation of speech.
    OpenaiAudio,
    /// Text to speech.
    OpenaiSpeech,
    OpenaiVideos,
    /// A batch object, and the file of its results.
    OpenaiBatch,
    /// Realtime sessions over a WebSocket.
    OpenaiRealtime,
    AnthropicMessages,
    /// The text completions before messages.
    AnthropicComplete,
    /// The results of a batch of messages.
    AnthropicBatch,
    GeminiGenerate,
    GeminiEmbed,
    /// Vertex's `predict`: pictures, videos, embeddings.
    GeminiPredict,
    /// `cachedContents`: what is put into a cache.
    GeminiCache,
    GeminiInteractions,
    /// Live sessions over a WebSocket.
    GeminiLive,
    /// An operation that answers a batch, and the file of its results.
    GeminiBatch,
    BedrockConverse,
    BedrockInvoke,
    /// Every endpoint of Cohere's own API.
    Cohere,
    /// Ollama's own API.
    Ollama,
    /// llama.cpp's own completion.
    Llamacpp,
    /// Hugging Face's own servers: generation and embeddings.
    Tgi,
    /// DashScope's own API.
    Dashscope,
    Qianfan,
    Hunyuan,
    /// Spark's chat over a WebSocket.
    Spark,
    MistralOcr,
    /// Embeddings and rankings that state one total.
    Voyage,
    Watsonx,
    AlephAlpha,
    /// Replicate's predictions.
    Replicate,
    /// A path that weir does not know at a provider that it does: told by the keys of the answer.
    Sniffed,
}

/// Whether a path costs money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metering {
    /// Its usage is read and charged.
    Metered,
    /// Lists, counts, moderations: nothing to charge.
    Free,
    /// Begins what is charged when it is fetched (a batch): it holds nothing, and a spent budget refuses it.
    Deferred,
    /// Looks at what another call made (a stored response, a batch): its usage is counted unless it was
    /// counted before.
    Fetched,
    /// A known provider's path that weir cannot read: forwarded, counted as unmetered.
    Unmetered,
}

/// The operation of a connection over which responses are made, each of which has its own.
pub const SESSION: &str = "session";

impl Metering {
    /// Whether the call itself is charged nothing.
    pub fn is_free(self) -> bool {
        matches!(self, Metering::Free | Metering::Deferred)
    }

    /// Whether the call costs nothing and begins nothing that does, so that no budget stands in its way.
    pub fn is_free_to_ask(self) -> bool {
        matches!(self, Metering::Free | Metering::Fetched)
    }
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
    /// Where the path says where the model is served (Vertex's location).
    pub geo: Option<String>,
    /// What the path fetches, by the provider's name for it; only where `metering` is `Fetched`.
    pub fetched: Option<String>,
}

impl Endpoint {
    /// Whether it is a session, of which weir reads what is made.
    pub fn is_session(&self) -> bool {
        self.operation == SESSION
    }
}

/// What a price may depend on besides provider and model, in the provider's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors {
    /// The tier that served, else the one that was asked: `flex`, `priority`, `batch`, `ON_DEMAND_FLEX`.
    pub service_tier: Option<String>,
    /// Anthropic's `speed`.
    pub speed: Option<String>,
    /// Where it was served: Anthropic's `inference_geo`, a cloud's region or location, `us` of a regional host.
    pub geo: Option<String>,
    /// Width and height of pictures and videos: `1024x1024`.
    pub size: Option<String>,
    /// `hd`, `high`, …
    pub quality: Option<String>,
    /// How much a search brings in: `low`, `medium`, `high`.
    pub search_context: Option<String>,
    /// The way that a request took, where it has a price (`eu`).
    pub route: Option<String>,
    /// Qwen's `cache_type`: explicit and implicit reads differ in price.
    pub cache_type: Option<String>,
}

impl Selectors {
    /// Nothing besides provider and model.
    pub const NONE: &'static Selectors = &Selectors {
        service_tier: None,
        speed: None,
        geo: None,
        size: None,
        quality: None,
        search_context: None,
        route: None,
        cache_type: None,
    };

    /// Every selector by its name in the ledger, in one order.
    pub fn each(&mut self) -> [(&'static str, &mut Option<String>); 8] {
        [
            ("service_tier", &mut self.service_tier),
            ("speed", &mut self.speed),
            ("geo", &mut self.geo),
            ("size", &mut self.size),
            ("quality", &mut self.quality),
            ("search_context", &mut self.search_context),
            ("route", &mut self.route),
            ("cache_type", &mut self.cache_type),
        ]
    }

    /// Takes from `other` what is not said here.
    pub fn or(mut self, mut other: Selectors) -> Selectors {
        for ((_, slot), (_, said)) in self.each().into_iter().zip(other.each()) {
            *slot = slot.take().or(said.take());
        }
        self
    }
}

/// A provider that weir knows without being told.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub name: &'static str,
    pub api: Api,
    /// The provider's id in the price catalogue, where it has a section of its own.
    pub catalog_id: Option<&'static str>,
    /// `https://api.openai.com`, without a path unless its API has a prefix that clients do not send; `None`
    /// where each customer has a host of its own.
    pub upstream: Option<&'static str>,
    /// Hosts that CONNECT and absolute-form requests are claimed for: `host`, which means port 443, or
    /// `host:port`. A `*` stands for a part of one label ([`hosts::pattern`]).
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
    /// Whether the answer is to be kept for fetching, where the body says.
    pub store: Option<bool>,
    /// What the price may depend on, as it was asked.
    pub selectors: Selectors,
    /// What is charged by the piece, as it was asked: `images`, `characters`, `video_seconds`.
    pub units: BTreeMap<&'static str, u64>,
    /// Bytes of the files in a form, of which nothing is text.
    pub file_bytes: u64,
    /// The body holds a recording that may be charged by its length.
    pub has_recording: bool,
    /// Image, audio and document parts.
    pub media_parts: u64,
    /// The body refers to input that it does not hold (file ids, `previous_response_id`, conversations, server
    /// tools, cached content), or holds documents or videos, of which their bytes do not tell the tokens.
    pub refers_outside: bool,
    /// The body offers tools.
    pub has_tools: bool,
    /// The units in which tools that the provider runs are charged, of those that the body offers.
    pub tool_units: BTreeSet<&'static str>,
    /// The answer is made in the background, and tells no usage yet.
    pub in_background: bool,
    /// How often such tools may run, where the body bounds it.
    pub tool_runs: Option<u64>,
    /// Texts that are to be ranked.
    pub documents: u64,
    /// The call passes a guardrail that is charged by what it reads.
    pub is_guarded: bool,
    /// The body predicts its answer: what it predicts wrongly is charged as output.
    pub predicts: bool,
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
