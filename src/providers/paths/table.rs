//! The one table of paths that cost money, and the dialects in which their answers state it.
//!
//! A pattern is the end of a path, in lower case. `{}` stands for any one segment, `{model}` for one or
//! more that name the model. The first row that fits counts, so what is narrower stands first. What is
//! free to call is told apart in `paths` itself: there a wrong reading would be a way around a budget.

use std::ops::Range;

use crate::providers::{Api, Dialect, Metering};

/// The method of a request that opens a WebSocket.
pub(super) const UPGRADE: &str = "UPGRADE";

/// One kind of path.
#[derive(Debug)]
pub(super) struct Row {
    method: &'static str,
    pattern: &'static str,
    /// The APIs that have it; empty where every API may.
    apis: &'static [Api],
    pub dialect: Dialect,
    pub operation: &'static str,
    pub metering: Metering,
    pub streamed: Option<bool>,
}

const fn post(pattern: &'static str, dialect: Dialect, operation: &'static str) -> Row {
    Row {
        method: "POST",
        pattern,
        apis: &[],
        dialect,
        operation,
        metering: Metering::Metered,
        streamed: None,
    }
}

const fn session(pattern: &'static str, dialect: Dialect) -> Row {
    Row {
        method: UPGRADE,
        streamed: Some(true),
        ..post(pattern, dialect, "realtime")
    }
}

/// What looks at the result of another call.
const fn fetch(
    method: &'static str,
    pattern: &'static str,
    dialect: Dialect,
    operation: &'static str,
) -> Row {
    Row {
        method,
        metering: Metering::Fetched,
        ..post(pattern, dialect, operation)
    }
}

impl Row {
    /// How many segments its pattern has; `{model}` counts as one.
    pub(super) fn length(&self) -> usize {
        self.pattern
            .split('/')
            .filter(|step| !step.is_empty())
            .count()
    }

    /// Which segment of its pattern names what is fetched.
    pub(super) fn fetched(&self) -> Option<usize> {
        let names = || self.pattern.split('/').position(|step| step.contains("{}"));
        (self.metering == Metering::Fetched).then(names).flatten()
    }

    const fn of(mut self, apis: &'static [Api]) -> Row {
        self.apis = apis;
        self
    }

    const fn streamed(mut self, streamed: bool) -> Row {
        self.streamed = Some(streamed);
        self
    }
}

use Dialect::{
    AlephAlpha, AnthropicBatch, AnthropicComplete, AnthropicMessages, BedrockConverse,
    BedrockInvoke, Dashscope, GeminiBatch, GeminiCache, GeminiInteractions, GeminiLive, Hunyuan,
    Llamacpp, MistralOcr, Ollama, OpenaiAudio, OpenaiBatch, OpenaiChat, OpenaiCompletions,
    OpenaiEmbeddings, OpenaiImages, OpenaiRealtime, OpenaiResponses, OpenaiSpeech, OpenaiVideos,
    Qianfan, Replicate, Spark, Tgi, Voyage, Watsonx,
};

/// Hosts that speak Cohere's API, or may.
const COHERE: &[Api] = &[Api::Cohere, Api::Auto];

/// APIs of servers of one's own, which no provider's own path hides.
const OWN: &[Api] = &[Api::Openai, Api::Auto];

/// Hosts that speak DashScope's API, or may.
const DASHSCOPE: &[Api] = &[Api::Dashscope, Api::Auto];

/// Every API under which a bare `messages` is Anthropic's; OpenAI's threads have one too.
const NOT_OPENAI: &[Api] = &[Api::Auto, Api::Anthropic, Api::Vertex, Api::Bedrock];

const TABLE: &[Row] = &[
    // OpenAI, and everyone who speaks it.
    post("v1/chat", OpenaiChat, "chat").of(&[Api::Openai]),
    post("chat/completions", OpenaiChat, "chat"),
    post("fim/completions", OpenaiChat, "chat"),
    post("agents/completions", OpenaiChat, "chat"),
    post("prompts/{}/completions", OpenaiChat, "chat"),
    post("text/chatcompletion_v2", OpenaiChat, "chat"),
    post("completions", OpenaiCompletions, "text_completion"),
    post("v1/edits", OpenaiCompletions, "text_completion"),
    post("responses", OpenaiResponses, "responses"),
    post("responses/compact", OpenaiResponses, "responses"),
    post("decisions", OpenaiResponses, "decisions"),
    post("cortex/inference:complete", OpenaiChat, "chat"),
    post("serving-endpoints/{model}/invocations", OpenaiChat, "chat"),
    post("ai/run/{model}", OpenaiChat, "chat"),
    post("api/embeddings", Ollama, "embeddings").streamed(false),
    post("ml/v1/text/embeddings", Watsonx, "embeddings").streamed(false),
    post("ml/v1/text/rerank", Watsonx, "rerank").streamed(false),
    post("embeddings", OpenaiEmbeddings, "embeddings").streamed(false),
    post("images/generations", OpenaiImages, "images"),
    post("images/edits", OpenaiImages, "images"),
    post("images/variations", OpenaiImages, "images"),
    post("audio/transcriptions", OpenaiAudio, "transcription"),
    post("audio/translations", OpenaiAudio, "translation"),
    post("audio/speech", OpenaiSpeech, "speech"),
    post("videos", OpenaiVideos, "videos").streamed(false),
    post("videos/generations", OpenaiVideos, "videos").streamed(false),
    post("video/generations/jobs", OpenaiVideos, "videos").streamed(false),
    post("videos/{}/remix", OpenaiVideos, "videos").streamed(false),
    post("videos/edits", OpenaiVideos, "videos").streamed(false),
    post("videos/extensions", OpenaiVideos, "videos").streamed(false),
    session("realtime", OpenaiRealtime),
    session("live", OpenaiRealtime),
    session("live/{}", OpenaiRealtime),
    session("voice-live/realtime", OpenaiRealtime),
    session("responses", OpenaiResponses),
    // What was made before.
    fetch("GET", "responses/{}", OpenaiResponses, "fetch_response"),
    fetch(
        "POST",
        "responses/{}/cancel",
        OpenaiResponses,
        "fetch_response",
    ),
    fetch("GET", "chat/completions/{}", OpenaiChat, "fetch_response"),
    fetch(
        "GET",
        "messages/batches/{}/results",
        AnthropicBatch,
        "batches",
    ),
    fetch("GET", "v1beta/batches/{}", GeminiBatch, "batches"),
    fetch("GET", "batches/{}", GeminiBatch, "batches").of(&[Api::Gemini]),
    fetch("GET", "files/{}:download", GeminiBatch, "files"),
    fetch("GET", "batches/{}", OpenaiBatch, "batches"),
    fetch("GET", "files/{}/content", OpenaiBatch, "files"),
    fetch("GET", "videos/{}", OpenaiVideos, "videos"),
    fetch("GET", "video/generations/jobs/{}", OpenaiVideos, "videos"),
    fetch(
        "GET",
        "interactions/{}",
        GeminiInteractions,
        "fetch_response",
    ),
    fetch(
        "POST",
        "interactions/{}/cancel",
        GeminiInteractions,
        "fetch_response",
    ),
    // Anthropic.
    post("v1/messages", AnthropicMessages, "chat"),
    post("messages", AnthropicMessages, "chat").of(NOT_OPENAI),
    post("v1/complete", AnthropicComplete, "text_completion"),
    // Google, besides the methods of its models.
    post("interactions", GeminiInteractions, "interactions"),
    post("cachedcontents", GeminiCache, "cached_contents").streamed(false),
    session("ws/{}bidigeneratecontent", GeminiLive),
    session("ws/{}bidiservice/bidigeneratecontent", GeminiLive),
    // Bedrock.
    post("model/{model}/converse", BedrockConverse, "chat").streamed(false),
    post("model/{model}/converse-stream", BedrockConverse, "chat").streamed(true),
    post("model/{model}/invoke", BedrockInvoke, "invoke").streamed(false),
    post(
        "model/{model}/invoke-with-response-stream",
        BedrockInvoke,
        "invoke",
    )
    .streamed(true),
    // Cohere.
    post("v1/chat", Dialect::Cohere, "chat").of(COHERE),
    post("v2/chat", Dialect::Cohere, "chat").of(COHERE),
    post("v1/generate", Dialect::Cohere, "text_completion").of(COHERE),
    post("v1/summarize", Dialect::Cohere, "text_completion").of(COHERE),
    post("v1/embed", Dialect::Cohere, "embeddings").of(COHERE),
    post("v2/embed", Dialect::Cohere, "embeddings").of(COHERE),
    post("v1/rerank", Dialect::Cohere, "rerank").of(COHERE),
    post("v2/rerank", Dialect::Cohere, "rerank").of(COHERE),
    post("v1/classify", Dialect::Cohere, "classify").of(COHERE),
    post("v2/parse", Dialect::Cohere, "parse").of(COHERE),
    post("rerank", Voyage, "rerank").streamed(false),
    post("reranking", Voyage, "rerank").streamed(false),
    post("v1/classify", Voyage, "classify")
        .of(&[Api::Openai])
        .streamed(false),
    post("multimodalembeddings", Voyage, "embeddings").streamed(false),
    post("contextualizedembeddings", Voyage, "embeddings").streamed(false),
    // Servers of one's own.
    post("api/chat", Ollama, "chat"),
    post("api/generate", Ollama, "text_completion"),
    post("api/embed", Ollama, "embeddings").streamed(false),
    post("completion", Llamacpp, "text_completion"),
    post("infill", Llamacpp, "text_completion"),
    post("generate", Tgi, "text_completion").of(OWN),
    post("generate_stream", Tgi, "text_completion").of(OWN),
    post("embed", Tgi, "embeddings").of(OWN).streamed(false),
    // China.
    post("services/aigc/{}/generation", Dashscope, "chat"),
    post("services/aigc/{}/image-synthesis", Dashscope, "images"),
    post("services/aigc/{}/video-synthesis", Dashscope, "videos"),
    post("services/embeddings/{}/{}", Dashscope, "embeddings"),
    post("services/rerank/{}/{}", Dashscope, "rerank"),
    post("services/audio/{}/{}", Dashscope, "transcription"),
    fetch("GET", "tasks/{}", Dashscope, "fetch_task").of(DASHSCOPE),
    session("api-ws/v1/inference", Dashscope),
    session("api-ws/v1/realtime", OpenaiRealtime),
    post("wenxinworkshop/chat/{model}", Qianfan, "chat"),
    post(
        "wenxinworkshop/completions/{model}",
        Qianfan,
        "text_completion",
    ),
    post("wenxinworkshop/embeddings/{model}", Qianfan, "embeddings"),
    post("", Hunyuan, "chat").of(&[Api::Hunyuan]),
    session("{model}/chat", Spark).of(&[Api::Spark]),
    // The rest.
    post("v1/ocr", MistralOcr, "ocr").streamed(false),
    post("v1/conversations", OpenaiChat, "chat"),
    post("v1/conversations/{}", OpenaiChat, "chat"),
    post("v1/conversations/{}/restart", OpenaiChat, "chat"),
    post("context/create", OpenaiChat, "context"),
    post("text/generation", Watsonx, "text_completion"),
    post("text/generation_stream", Watsonx, "text_completion"),
    post("generation/text", Watsonx, "text_completion"),
    post("generation/text_stream", Watsonx, "text_completion"),
    post("text/chat", OpenaiChat, "chat"),
    post("text/chat_stream", OpenaiChat, "chat"),
    post("models/{model}/predictions", Replicate, "predictions").streamed(false),
    post("deployments/{model}/predictions", Replicate, "predictions").streamed(false),
    post("predictions", Replicate, "predictions").streamed(false),
    fetch("GET", "predictions/{}", Replicate, "fetch_response"),
    fetch("POST", "predictions/{}/cancel", Replicate, "fetch_response"),
    post("complete", AlephAlpha, "text_completion").of(&[Api::Openai, Api::Auto]),
];

/// The first row that fits a path's segments, in lower case, and those that name the model.
pub(super) fn find(
    api: Api,
    method: &str,
    words: &[&str],
) -> Option<(&'static Row, Option<Range<usize>>)> {
    let fits = |row: &'static Row| {
        if row.method != method || !(row.apis.is_empty() || row.apis.contains(&api)) {
            return None;
        }
        Some((row, fit(row.pattern, words)?))
    };
    TABLE.iter().find_map(fits)
}

/// Where the pattern's model stands, if the path ends as the pattern says.
fn fit(pattern: &str, words: &[&str]) -> Option<Option<Range<usize>>> {
    if pattern.is_empty() {
        return words.is_empty().then_some(None);
    }
    let mut end = words.len();
    let mut steps = pattern.rsplit('/').peekable();
    let mut model = None;
    while let Some(step) = steps.next() {
        if step == "{model}" {
            // Everything up to the step before, which is a word, belongs to the name.
            let start = match steps.peek() {
                Some(before) => words.get(..end)?.iter().rposition(|word| word == before)? + 1,
                None => end.checked_sub(1)?,
            };
            if start >= end {
                return None;
            }
            model = Some(start..end);
            end = start;
            continue;
        }
        end = end.checked_sub(1)?;
        let word = words.get(end)?;
        let same = match step.split_once("{}") {
            Some((start, rest)) => word.starts_with(start) && word.ends_with(rest),
            None => step == *word,
        };
        if !same {
            return None;
        }
    }
    Some(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_end_of_a_path() {
        let found = |pattern, path: &str| fit(pattern, &path.split('/').collect::<Vec<_>>());
        assert_eq!(found("a/b", "x/a/b"), Some(None));
        assert_eq!(found("a/b", "b"), None);
        assert_eq!(found("a/b", "a/b/c"), None);
        assert_eq!(found("a/{}/b", "a/x/b"), Some(None));
        assert_eq!(found("a/{}/b", "a/b"), None);
        assert_eq!(found("m/{model}/b", "v/m/x/y/b"), Some(Some(2..4)));
        assert_eq!(found("m/{model}/b", "m/b"), None);
        assert_eq!(found("{model}/b", "x/b"), Some(Some(0..1)));
        assert_eq!(found("a{}z/b", "a.v1.z/b"), Some(None));
        assert_eq!(found("a{}z/b", "a.v1/b"), None);
    }

    #[test]
    fn every_row_can_be_reached() {
        for row in TABLE {
            let path = row.pattern.replace("{model}", "m").replace("{}", "x");
            let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
            let api = row.apis.first().copied().unwrap_or_default();
            let (first, _) = find(api, row.method, &words).expect("it fits itself");
            let same = (first.dialect, first.operation) == (row.dialect, row.operation);
            assert!(same, "{} is hidden by {}", row.pattern, first.pattern);
        }
    }
}
