//! How a response in any dialect is read: fields are captured by path, and what they say accumulates.
//!
//! A message is one event of a stream or one whole body. Its fields come in any order, so a reader notes
//! what it is given and judges when the message ends.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::wire::json::{Fields, Found, unquoted};

use super::node::parse;
use super::openai_realtime;
use super::openai_responses;
use super::report::Report;
use super::{
    Api, Dialect, ErrorType, RequestFacts, Selectors, aleph_alpha, anthropic, bedrock, cohere,
    dashscope, errors, failed, gemini, hunyuan, llamacpp, mistral_ocr, ollama, openai_audio,
    openai_batch, openai_chat, openai_embeddings, openai_images, openai_speech, openai_videos,
    qianfan, replicate, sniffed, spark, tgi, voyage, watsonx,
};

/// Most bytes kept of one captured field. The largest usage object on record is under 4 KiB.
pub const CAPTURE_BYTES_MAX: usize = 16 * 1024;

/// Longest name of a model, tier or user that is kept.
pub const NAME_BYTES_MAX: usize = 256;

/// The paths that a reader wants, and the scanner's form of them.
#[derive(Debug)]
pub struct Paths {
    names: &'static [&'static str],
    fields: Fields,
}

impl Paths {
    /// Compiles the paths.
    pub fn new(names: &'static [&'static str]) -> Self {
        Paths {
            names,
            fields: Fields::new(names),
        }
    }

    /// What the scanner is given.
    pub fn fields(&'static self) -> &'static Fields {
        &self.fields
    }

    /// The field that a path names.
    pub fn position(&self, path: &str) -> Option<usize> {
        self.names.iter().position(|name| *name == path)
    }

    /// The path of a field that the scanner found.
    pub fn name(&self, field: usize) -> &'static str {
        self.names.get(field).copied().unwrap_or_default()
    }
}

/// A text that went through the model, for counting where nobody stated usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// The text, or its beginning.
    pub part: &'a str,
    /// Bytes of the whole, of which `part` may be only the first.
    pub bytes: u64,
}

/// Takes texts as they are found.
pub type TextSink<'a> = dyn FnMut(Text<'_>) + 'a;

/// How far a report can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Said before the answer: its output is a placeholder.
    #[default]
    Opening,
    /// Said while the answer grows: right only if the stream ends here by itself.
    Running,
    /// The provider's last word.
    Final,
}

/// What a response has said so far.
#[derive(Debug, Default)]
pub struct Said {
    /// The response's HTTP status.
    pub status: u16,
    pub model: Option<String>,
    pub report: Option<Report>,
    /// The report is weir's own count of what the call holds: nobody stated it.
    pub counted: bool,
    pub standing: Standing,
    /// What the price depends on, as the answer says it.
    pub selectors: Selectors,
    /// The provider's name for what was made, by which it can be fetched again.
    pub response_id: Option<String>,
    pub error: Option<ErrorType>,
    /// Tool calls that the model wrote, for counting what encloses them where nobody stated usage.
    pub calls: u64,
    /// The API never states its input, so it is counted beside the output that it states.
    pub counts_input: bool,
    /// No later frame changes the report, so the call can be settled.
    pub terminal: bool,
}

impl Said {
    /// Takes a report that states tokens in place of the one before.
    pub fn replace(&mut self, report: Report, standing: Standing) {
        if report.states_tokens() {
            self.report = Some(report);
            self.standing = standing;
        }
    }

    /// Takes a report that states anything in place of the one before: tokens, units,
    /// parts or a cost.
    pub fn state(&mut self, report: Report, standing: Standing) {
        if report.states_usage() {
            self.report = Some(report);
            self.counted = false;
            self.standing = standing;
        }
    }

    /// Takes what weir counted itself in place of a report.
    pub fn count(&mut self, units: BTreeMap<&'static str, u64>, standing: Standing) {
        if !units.is_empty() {
            self.report = Some(Report {
                units,
                ..Report::default()
            });
            self.counted = true;
            self.standing = standing;
        }
    }

    /// Notes an `error` value; `null` is none, and so is what is empty.
    pub fn note_error(&mut self, raw: &[u8]) {
        let value = parse(raw);
        if errors::says(&value) {
            self.error = Some(errors::classify(self.status, &value));
        }
    }

    /// Notes the answering model; an empty name says nothing.
    pub fn note_model(&mut self, raw: &[u8]) {
        set_name(&mut self.model, raw);
    }
}

/// One dialect's reading of responses.
pub trait Reader: Debug + Send + Sync {
    /// The paths that it wants captured.
    fn paths(&self) -> &'static Paths;

    /// The head of the response, by the names of its headers in lower case.
    fn head<'a>(&mut self, _said: &mut Said, _header: &dyn Fn(&str) -> Option<&'a str>) {}

    /// The name under which a message of a binary stream holds the real one in base64, where it does.
    fn wrapped_in(&self) -> Option<&'static str> {
        None
    }

    /// The headers of the current message, in a framing that has some; its fields follow.
    fn event<'a>(&mut self, _said: &mut Said, _header: &dyn Fn(&str) -> Option<&'a str>) {}

    /// A field of the current message.
    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, text: &mut TextSink<'_>);

    /// The current message ends. A sentinel without fields ends one too.
    fn message_end(&mut self, said: &mut Said, text: &mut TextSink<'_>);

    /// The body breaks off within the current document. A usage object that was captured by then is whole;
    /// a reader whose counts stand side by side in the document itself must not take those for all.
    fn message_cut(&mut self, said: &mut Said, text: &mut TextSink<'_>) {
        self.message_end(said, text);
    }

    /// The body is over. What is summed over many messages is told here, for telling it costs a copy of it all.
    fn body_end(&mut self, _said: &mut Said) {}
}

/// The reader of a dialect's responses. `asked` is what the request said, for what answers leave out.
pub fn reader(dialect: Dialect, asked: &RequestFacts) -> Box<dyn Reader> {
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiCompletions => {
            Box::new(openai_chat::Chat::new(asked.store == Some(true)))
        }
        Dialect::OpenaiResponses => {
            Box::new(openai_responses::Responses::new(asked.store == Some(false)))
        }
        Dialect::OpenaiRealtime => Box::<openai_realtime::Realtime>::default(),
        Dialect::OpenaiEmbeddings => Box::<openai_embeddings::Embeddings>::default(),
        Dialect::OpenaiImages => Box::new(openai_images::Images::new(asked)),
        Dialect::OpenaiAudio => Box::<openai_audio::Audio>::default(),
        Dialect::OpenaiSpeech => Box::new(openai_speech::Speech::new(asked)),
        Dialect::OpenaiVideos => Box::<openai_videos::Videos>::default(),
        Dialect::AnthropicMessages => Box::<anthropic::Messages>::default(),
        Dialect::OpenaiBatch => Box::<openai_batch::Batch>::default(),
        Dialect::BedrockConverse => Box::<bedrock::Converse>::default(),
        Dialect::BedrockInvoke => Box::<bedrock::Invoke>::default(),
        Dialect::AnthropicComplete => Box::<anthropic::complete::Complete>::default(),
        Dialect::AnthropicBatch => Box::<anthropic::batch::Results>::default(),
        Dialect::GeminiGenerate | Dialect::GeminiEmbed => Box::new(gemini::Generate::new(asked)),
        Dialect::GeminiInteractions => Box::new(gemini::interactions::Interactions::new(asked)),
        Dialect::GeminiPredict => Box::new(gemini::predict::Predict::new(asked)),
        Dialect::GeminiCache => Box::<gemini::cache::Cache>::default(),
        Dialect::GeminiLive => Box::new(gemini::live::Live::new(asked)),
        Dialect::GeminiBatch => Box::<gemini::batch::Batch>::default(),
        Dialect::Cohere => Box::<cohere::Cohere>::default(),
        Dialect::Ollama => Box::<ollama::Ollama>::default(),
        Dialect::Llamacpp => Box::<llamacpp::Completion>::default(),
        Dialect::Tgi => Box::<tgi::Generation>::default(),
        Dialect::Dashscope => Box::<dashscope::Dashscope>::default(),
        Dialect::Qianfan => Box::<qianfan::Qianfan>::default(),
        Dialect::Hunyuan => Box::<hunyuan::Hunyuan>::default(),
        Dialect::Spark => Box::<spark::Spark>::default(),
        Dialect::MistralOcr => Box::<mistral_ocr::Ocr>::default(),
        Dialect::Voyage => Box::<voyage::Ranks>::default(),
        Dialect::Watsonx => Box::<watsonx::Generation>::default(),
        Dialect::AlephAlpha => Box::<aleph_alpha::Completion>::default(),
        Dialect::Replicate => Box::<replicate::Prediction>::default(),
        Dialect::Sniffed => Box::<sniffed::Sniffed>::default(),
    }
}

/// The reader of an answer under a status of 400 or more. AWS names the error in the head, and Bedrock's
/// readers know its names; all others have one.
pub fn failure(dialect: Dialect, asked: &RequestFacts) -> Box<dyn Reader> {
    match dialect.api() {
        Some(Api::Bedrock) => reader(dialect, asked),
        _ => Box::<failed::Failed>::default(),
    }
}

/// Sets a name from a raw JSON string; anything else, the empty and the overlong leave it as it is.
pub fn set_name(slot: &mut Option<String>, raw: &[u8]) {
    // Every event of a stream repeats it.
    let held = slot.as_deref().unwrap_or_default().as_bytes();
    if let [b'"', name @ .., b'"'] = raw
        && name == held
    {
        return;
    }
    if let Some(name) = name(raw) {
        *slot = Some(name);
    }
}

/// A short name in a raw JSON string.
pub fn name(raw: &[u8]) -> Option<String> {
    short(raw).map(Cow::into_owned)
}

/// A short name in a raw JSON string, without a copy where it is written plainly.
pub fn short(raw: &[u8]) -> Option<Cow<'_, str>> {
    unquoted(raw).filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX)
}

/// Hands on the name of a tool that the model calls, and counts the call.
pub fn push_call(said: &mut Said, found: &Found<'_>, text: &mut TextSink<'_>) {
    said.calls += u64::from(found.raw.starts_with(b"\"") && found.bytes > 2);
    push_text(found, text);
}

/// Hands on a raw JSON string, or the raw text of any other value that a model wrote.
pub fn push_text(found: &Found<'_>, text: &mut TextSink<'_>) {
    match found.raw.first() {
        Some(b'"') => {
            if let Some(part) = found.text() {
                text(Text {
                    part: &part,
                    bytes: if found.cut {
                        found.bytes
                    } else {
                        part.len() as u64
                    },
                });
            }
        }
        Some(b'{' | b'[') => {
            let part = String::from_utf8_lossy(found.raw);
            text(Text {
                part: &part,
                bytes: found.bytes,
            });
        }
        _ => {}
    }
}
