//! Reads what a request's body says, as its bytes pass.
//!
//! One table of paths serves every dialect: no two give one name different meanings. Fields may stand in
//! any order; the model may come after megabytes of messages, so texts are handed out as they are found.

mod fields;
mod kinds;
mod media;
mod model;
mod signed;

pub use model::with_model;
pub use signed::{DIGESTS, is_signed};

use std::sync::LazyLock;

use serde_json::Value;

use crate::wire::json::{Found, Scanner};
use crate::wire::multipart::{Multipart, Part};

use super::node::{Node, count, parse};
use super::reader::{Paths, Text, TextSink, name, push_text, set_name};
use super::{Dialect, RequestFacts};
use fields::{ALL, OUTPUT_MAX, OUTSIDE, RUN_THERE};
use kinds::{exceeds_its_output, is_boundless, is_media, searches_unasked, server_tool};
use media::Asked;

/// Most bytes kept of one field. Up to four fields lie within one another, and each is kept apart.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Most bytes kept of a text that is to be spoken, whose characters are charged: OpenAI takes 4,096 of
/// them, each written with at most six bytes. A longer one is counted by its beginning and its length.
const SPOKEN_BYTES_MAX: usize = 32 * 1024;

/// Most models that a body is heard to name besides the last one: parsers take the first or the last.
pub const OTHER_MODELS_MAX: usize = 8;

/// What is read of a body in a dialect that weir does not know.
static HEAD: LazyLock<Paths> =
    LazyLock::new(|| Paths::new(&["model", "stream", "user", "metadata.user_id"]));

static BODY: LazyLock<Paths> = LazyLock::new(|| Paths::new(&ALL));

/// Reads one request body.
#[derive(Debug)]
pub struct RequestReader {
    paths: &'static Paths,
    dialect: Option<Dialect>,
    source: Source,
    facts: RequestFacts,
    /// Prompts of one legacy completion, each answered `n` times.
    prompts: u64,
    /// `n` or `best_of`, whichever is larger.
    choices: u64,
    /// The field that `user` came from outranks the others.
    has_user: bool,
    asked: Asked,
    /// Other models than the last that was named, each once.
    other_models: Vec<String>,
}

/// What turns bytes into fields.
#[derive(Debug)]
enum Source {
    Json(Scanner),
    Form(Multipart),
}

impl RequestReader {
    /// A reader at the beginning of a JSON body. Without a dialect only model, streaming and user are read.
    pub fn new(dialect: Option<Dialect>) -> Self {
        Self::of(dialect, None)
    }

    /// A reader at the beginning of a body of this content type: a form's fields say what the members of
    /// a JSON object of the same names would.
    pub fn of(dialect: Option<Dialect>, content_type: Option<&str>) -> Self {
        let paths: &'static Paths = match dialect {
            None | Some(Dialect::Sniffed) => &HEAD,
            Some(_) => &BODY,
        };
        let kept = match dialect {
            Some(Dialect::OpenaiSpeech) => SPOKEN_BYTES_MAX,
            _ => TEXT_BYTES_MAX,
        };
        let form = content_type.and_then(|kind| Multipart::of(kind, kept));
        RequestReader {
            paths,
            dialect,
            source: match form {
                Some(form) => Source::Form(form),
                None => Source::Json(Scanner::new(paths.fields(), kept)),
            },
            asked: Asked::default(),
            facts: RequestFacts::default(),
            prompts: 0,
            choices: 1,
            has_user: false,
            other_models: Vec::new(),
        }
    }

    /// Reads the next bytes of the body, its `Content-Encoding` undone, and hands out the prompt's texts.
    /// A text of more than [`TEXT_BYTES_MAX`] is handed out by its beginning and its length.
    pub fn feed(&mut self, bytes: &[u8], text: &mut TextSink<'_>) {
        let empty = Source::Json(Scanner::new(self.paths.fields(), 0));
        let mut source = std::mem::replace(&mut self.source, empty);
        match &mut source {
            Source::Json(scanner) => scanner.feed(bytes, &mut |found| self.found(&found, text)),
            Source::Form(form) => form.feed(bytes, &mut |part| self.part_of_form(part, text)),
        }
        self.source = source;
    }

    /// A field of a form, as the JSON that it would be.
    fn part_of_form(&mut self, part: Part<'_>, text: &mut TextSink<'_>) {
        if part.is_file {
            self.facts.media_parts += 1;
            self.facts.file_bytes += part.bytes;
            return;
        }
        let name = part.name.trim_end_matches("[]");
        let Some(field) = self.paths.position(name) else {
            return;
        };
        let value = String::from_utf8_lossy(part.value);
        let raw = match value.trim() {
            plain @ ("true" | "false") => plain.to_owned(),
            _ => Value::from(&*value).to_string(),
        };
        let found = Found {
            field,
            raw: raw.as_bytes(),
            bytes: part.bytes,
            cut: part.bytes > part.value.len() as u64,
            plain: false,
        };
        self.found(&found, text);
    }

    /// Whether the body asks for a stream, as far as it was read.
    pub fn streams(&self) -> Option<bool> {
        self.facts.stream
    }

    /// The model that the body names, as far as it was read.
    pub fn model(&self) -> Option<&str> {
        self.facts.model.as_deref()
    }

    /// The models that it names besides the last one, at most [`OTHER_MODELS_MAX`].
    pub fn other_models(&self) -> &[String] {
        &self.other_models
    }

    /// What the body says, as far as it was read.
    pub fn facts(&self) -> RequestFacts {
        let choices = self.choices.max(1).saturating_mul(self.prompts.max(1));
        let mut facts = RequestFacts {
            choices,
            units: self.asked.units(self.dialect, choices),
            has_recording: self.dialect == Some(Dialect::OpenaiAudio),
            ..self.facts.clone()
        };
        let size = facts.selectors.size.take();
        facts.selectors.size = size.or_else(|| self.asked.size());
        let model = facts.model.as_deref().unwrap_or_default();
        if searches_unasked(model) {
            facts.refers_outside = true;
            if exceeds_its_output(model) {
                facts.max_output_tokens = None;
            }
            facts.tool_units.insert("web_searches");
        }
        facts
    }

    fn found(&mut self, found: &Found<'_>, text: &mut TextSink<'_>) {
        let path = self.paths.name(found.field);
        let value = || parse(found.raw);
        let facts = &mut self.facts;
        match path {
            _ if path == model::member_of(self.dialect) => self.named_model(found.raw),
            // Another dialect's name for it: believed here, it could hide the model that runs.
            "model" | "Model" | "model_id" => {}
            "setup.model" => self.named_model(found.raw),
            "stream" | "Stream" => facts.stream = value().as_bool().or(facts.stream),
            "store" => facts.store = value().as_bool().or(facts.store),
            "stream_options.include_usage" => facts.include_usage = value() == Value::Bool(true),
            _ if OUTPUT_MAX.contains(&path) => {
                facts.max_output_tokens = count(found.raw).max(facts.max_output_tokens);
            }
            "n"
            | "best_of"
            | "parameters.sampleCount"
            | "n_variants"
            | "generationConfig.candidateCount"
            | "generation_config.candidate_count" => {
                self.choices = self.choices.max(count(found.raw).unwrap_or(1));
            }
            "parameters.resolution" | "parameters.sampleImageSize" => {
                set_name(&mut facts.selectors.size, found.raw);
            }
            "user" => {
                self.has_user |= name(found.raw).is_some();
                set_name(&mut facts.user, found.raw);
            }
            "safety_identifier" | "metadata.user_id" if self.has_user => {}
            "safety_identifier" | "metadata.user_id" => set_name(&mut facts.user, found.raw),
            "service_tier" | "serviceTier" | "serviceTier.type" => {
                set_name(&mut facts.selectors.service_tier, found.raw)
            }
            "speed" => set_name(&mut facts.selectors.speed, found.raw),
            "inference_geo" => set_name(&mut facts.selectors.geo, found.raw),
            "prediction.type" => facts.predicts = true,
            "guardrailConfig.guardrailIdentifier" => facts.is_guarded = true,
            "background" => facts.in_background = found.raw == b"true",
            "max_tool_calls" => facts.tool_runs = count(found.raw).or(facts.tool_runs),
            "tools[].max_uses" => {
                let uses = count(found.raw).unwrap_or(0);
                facts.tool_runs = Some(facts.tool_runs.unwrap_or(0).saturating_add(uses));
            }
            "messages[].images[]" | "images[]" => facts.media_parts += 1,
            _ if path.ends_with(".format") => {
                facts.media_parts += 1;
                facts.refers_outside |= is_boundless(path);
            }
            "size"
            | "resolution"
            | "quality"
            | "width"
            | "height"
            | "seconds"
            | "duration"
            | "n_seconds"
            | "parameters.durationSeconds" => {
                self.asked.note(&mut facts.selectors, path, found);
            }
            _ if path.ends_with("search_context_size") => {
                set_name(&mut facts.selectors.search_context, found.raw);
            }
            "input" if self.dialect == Some(Dialect::OpenaiSpeech) => {
                self.asked.spoken(found);
                self.text(path, found, text);
            }
            _ if path.ends_with(".type")
                || path.ends_with("_type")
                || path.ends_with("mimeType") =>
            {
                self.part(path, found);
            }
            _ if OUTSIDE.contains(&path) => {
                facts.refers_outside |= Node::new(&value()).exists() && found.raw != b"false";
            }
            _ if let Some(unit) = run_there(path) => {
                if Node::new(&value()).exists() && found.raw != b"false" {
                    facts.refers_outside = true;
                    facts.tool_units.insert(unit);
                }
            }
            _ => self.text(path, found, text),
        }
    }

    /// Takes the last model that is named, and remembers what was named before it.
    fn named_model(&mut self, raw: &[u8]) {
        let before = self.facts.model.clone();
        set_name(&mut self.facts.model, raw);
        if before == self.facts.model {
            return;
        }
        self.other_models
            .retain(|other| Some(other) != self.facts.model.as_ref());
        let room = self.other_models.len() < OTHER_MODELS_MAX;
        self.other_models.extend(before.filter(|_| room));
    }

    /// The type of a part, a tool or a source.
    fn part(&mut self, path: &str, found: &Found<'_>) {
        let Some(kind) = name(found.raw) else { return };
        let facts = &mut self.facts;
        match path {
            "tools[].type" => {
                facts.tool_units.extend(server_tool(&kind));
                facts.refers_outside |= server_tool(&kind).is_some();
            }
            "messages[].content[].source.type" => {
                facts.refers_outside |= matches!(kind.as_str(), "file" | "url");
            }
            "input[].type" if kind == "item_reference" => facts.refers_outside = true,
            _ if path.contains("arts[]") => {
                facts.media_parts += u64::from(!kind.starts_with("text/"));
                facts.refers_outside |= kind.starts_with("video/") || kind.ends_with("/pdf");
            }
            _ => {
                facts.media_parts += u64::from(is_media(&kind));
                facts.refers_outside |= is_boundless(&kind);
            }
        }
    }

    fn text(&mut self, path: &str, found: &Found<'_>, text: &mut TextSink<'_>) {
        let first = found.raw.first().copied().unwrap_or_default();
        self.facts.documents += u64::from(path == "documents[]");
        match path {
            "prompt" | "prompt[]" if first == b'"' => {
                self.prompts += 1;
                return push_text(found, text);
            }
            "input[]" if first == b'"' => return push_text(found, text),
            // Tokens instead of text: each is taken for its digits.
            "prompt[]" | "input[]" if first != b'{' => return raw_text(found, text),
            "tools" | "functions" | "toolConfig.tools" => {
                self.facts.has_tools |= first == b'[' && found.bytes > 2;
                return push_text(found, text);
            }
            "input[].output" => return push_text(found, text),
            _ => {}
        }
        // The texts within an array, or within an item, come apart.
        let parted = first == b'[' || (first == b'{' && path_of_items(path));
        if !parted {
            push_text(found, text);
        }
    }
}

/// Hands on a value as it is written.
fn raw_text(found: &Found<'_>, text: &mut TextSink<'_>) {
    let part = String::from_utf8_lossy(found.raw);
    text(Text {
        part: &part,
        bytes: found.bytes,
    });
}

/// The unit in which the provider's tool is charged that a field asks for.
fn run_there(path: &str) -> Option<&'static str> {
    let found = RUN_THERE.iter().find(|(asks, _)| *asks == path);
    found.map(|(_, unit)| *unit)
}

fn path_of_items(path: &str) -> bool {
    matches!(path, "prompt" | "prompt[]" | "input" | "input[]")
}

#[cfg(test)]
mod tests;
