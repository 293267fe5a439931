//! What is read: streams and documents as providers send them, made up to a wanted size.
//!
//! An event is as long as the recorded ones of its dialect are at the median, and says what they say; only
//! the words are drawn.

use std::fmt::Write as _;

use weir::providers::Dialect;

/// A body that is read again and again.
pub struct Body {
    pub name: &'static str,
    pub dialect: Dialect,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
    /// Its events; 0 where it is one document.
    pub events: usize,
}

/// Two in thirty-two hold an escape and one a character that is not ASCII.
const WORDS: [&str; 32] = [
    " the",
    " of",
    " and",
    " a",
    ".",
    ",",
    " to",
    " request",
    " is",
    "\\n\\n",
    " provider",
    " in",
    " stream",
    "ing",
    " caf\u{e9}",
    " for",
    " that",
    " with",
    " \\\"as",
    " on",
    " be",
    "ed",
    " this",
    " token",
    "s",
    " it",
    " are",
    " an",
    " by",
    " usage",
    "-",
    " from",
];

/// The same numbers in every run.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % (below as u64)).expect("a small number")
    }

    fn words(&mut self, count: usize) -> String {
        (0..count).map(|_| WORDS[self.next(WORDS.len())]).collect()
    }

    fn letters(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'A' + u8::try_from(self.next(26)).expect("a letter")))
            .collect()
    }
}

/// Every body, each of at least `size` bytes.
pub fn all(size: usize) -> Vec<Body> {
    let mut bodies = streams(size);
    bodies.extend(documents(size));
    bodies
}

/// Events that state no usage, and one stream whose events all do.
fn streams(size: usize) -> Vec<Body> {
    let stream = |name, dialect, event: fn(&mut Draw) -> String| {
        let (mut bytes, mut events, mut draw) = (Vec::new(), 0, Draw(7));
        while bytes.len() < size {
            bytes.extend_from_slice(event(&mut draw).as_bytes());
            events += 1;
        }
        Body {
            name,
            dialect,
            content_type: "text/event-stream",
            bytes,
            events,
        }
    };
    vec![
        stream("openai chat", Dialect::OpenaiChat, chat_event),
        stream(
            "openai responses",
            Dialect::OpenaiResponses,
            responses_event,
        ),
        stream("anthropic text", Dialect::AnthropicMessages, anthropic_text),
        stream(
            "anthropic tool input",
            Dialect::AnthropicMessages,
            anthropic_input,
        ),
        stream("gemini, no counts", Dialect::GeminiGenerate, gemini_event),
        stream(
            "gemini, usage in each",
            Dialect::GeminiGenerate,
            gemini_usage_event,
        ),
    ]
}

fn chat_event(draw: &mut Draw) -> String {
    let (word, padding) = (draw.words(1), draw.next(14));
    let padding = draw.letters(padding);
    format!(
        "data: {{\"id\":\"chatcmpl-C3jGlmc7wZ6pZbLWuf3jcsWGGc7Hv\",\"object\":\"chat.completion.chunk\",\"created\":1755005035,\
         \"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_560af6e559\",\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}},\"logprobs\":null,\"finish_reason\":null}}],\
         \"obfuscation\":\"{padding}\"}}\n\n"
    )
}

fn responses_event(draw: &mut Draw) -> String {
    let (word, number, padding) = (draw.words(1), draw.next(4000), draw.next(14));
    let padding = draw.letters(padding);
    format!(
        "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":{number},\
         \"item_id\":\"msg_06456cb9918b63780068cacd7c922081a1ae15f2672a51980f\",\"output_index\":0,\"content_index\":0,\
         \"delta\":\"{word}\",\"logprobs\":[],\"obfuscation\":\"{padding}\"}}\n\n"
    )
}

fn anthropic_text(draw: &mut Draw) -> String {
    let (words, padding) = (draw.words(3), draw.next(14));
    let padding = &"              "[..padding];
    format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{{\"type\":\"text_delta\",\"text\":\"{words}\"}}{padding}}}\n\n"
    )
}

fn anthropic_input(draw: &mut Draw) -> String {
    let (word, padding) = (draw.words(2), draw.next(14));
    let padding = &"              "[..padding];
    format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":1,\
         \"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":\"{word}\"}}{padding}}}\n\n"
    )
}

fn gemini_event(draw: &mut Draw) -> String {
    let words = draw.words(45);
    format!(
        "data: {{\"candidates\": [{{\"content\": {{\"role\": \"model\",\"parts\": [{{\"text\": \"{words}\"}}]}}}}],\
         \"usageMetadata\": {{\"trafficType\": \"ON_DEMAND\"}},\"modelVersion\": \"gemini-2.5-flash\",\
         \"createTime\": \"2025-10-10T15:57:12.055169Z\",\"responseId\": \"2CzpaIGvA4C4nvgPk77D6Ak\"}}\r\n\r\n"
    )
}

fn gemini_usage_event(draw: &mut Draw) -> String {
    let words = draw.words(20);
    format!(
        "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{words}\"}}],\"role\": \"model\"}},\"index\": 0}}],\
         \"usageMetadata\": {{\"promptTokenCount\": 17,\"candidatesTokenCount\": 160,\"totalTokenCount\": 691,\
         \"promptTokensDetails\": [{{\"modality\": \"TEXT\",\"tokenCount\": 17}}],\"thoughtsTokenCount\": 412}},\
         \"modelVersion\": \"gemini-2.5-pro\",\"responseId\": \"ftnJaMmAMcm-qtsPwvCCoAo\"}}\r\n\r\n"
    )
}

/// Whole answers, nearly all of each in one place.
fn documents(size: usize) -> Vec<Body> {
    let document = |name, dialect, head: &str, bulk: String, tail: &str| Body {
        name,
        dialect,
        content_type: "application/json",
        bytes: [head, &bulk, tail].concat().into_bytes(),
        events: 0,
    };
    let usage = "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":120,\"total_tokens\":129}}";
    let chat = "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,";
    let list = "{\"object\":\"list\",\"model\":\"text-embedding-3-small\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":";
    vec![
        document(
            "chat answer",
            Dialect::OpenaiChat,
            &format!("{chat}\"message\":{{\"role\":\"assistant\",\"content\":\""),
            fill(size, |draw| draw.words(1)),
            &format!("\"}},\"finish_reason\":\"stop\"}}],{usage}"),
        ),
        document(
            "chat answer's log probabilities",
            Dialect::OpenaiChat,
            &format!(
                "{chat}\"message\":{{\"role\":\"assistant\",\"content\":\"hi\"}},\"logprobs\":{{\"content\":[0"
            ),
            fill(size, log_probability),
            &format!("]}},\"finish_reason\":\"stop\"}}],{usage}"),
        ),
        document(
            "embedding of floats",
            Dialect::OpenaiEmbeddings,
            &format!("{list}[0"),
            fill(size, |draw| {
                format!(",\n        -0.0{:08}", draw.next(100_000_000))
            }),
            &format!("]}}],{usage}"),
        ),
        document(
            "embedding in base64",
            Dialect::OpenaiEmbeddings,
            &format!("{list}\""),
            fill(size, |draw| draw.letters(64)),
            &format!("\"}}],{usage}"),
        ),
        document(
            "gemini image in base64",
            Dialect::GeminiGenerate,
            "{\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"",
            fill(size, |draw| draw.letters(64)),
            "\"}}]}}],\"usageMetadata\":{\"promptTokenCount\":1,\"candidatesTokenCount\":1290,\"totalTokenCount\":1291}}",
        ),
        document(
            "responses image in base64",
            Dialect::OpenaiResponses,
            "{\"id\":\"resp_1\",\"model\":\"gpt-5\",\"output\":[{\"type\":\"image_generation_call\",\"result\":\"",
            fill(size, |draw| draw.letters(64)),
            "\"}],\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}",
        ),
    ]
}

fn fill(size: usize, piece: impl Fn(&mut Draw) -> String) -> String {
    let (mut text, mut draw) = (String::with_capacity(size + 256), Draw(11));
    while text.len() < size {
        text.push_str(&piece(&mut draw));
    }
    text
}

fn log_probability(draw: &mut Draw) -> String {
    let mut text = String::new();
    let (word, number) = (draw.words(1), draw.next(100_000_000));
    let _ = write!(
        text,
        ",{{\"token\":\"{word}\",\"logprob\":-0.{number},\"bytes\":[32,116,104,101],\"top_logprobs\":[]}}"
    );
    text
}
