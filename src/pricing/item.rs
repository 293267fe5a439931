//! What one price is for: a class of tokens, a unit of media, or a fee.
//!
//! The keys are the ones that the published data uses, so that a catalogue line can be held against
//! its source by eye.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What one price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// Input tokens that no other item takes.
    Input,
    /// Input read from a cache.
    CacheRead,
    /// Input written to a cache, for as long as the provider keeps it.
    CacheWrite,
    /// Input written to a cache for five minutes.
    CacheWrite5m,
    /// Input written to a cache for an hour.
    CacheWrite1h,
    /// Input written to a cache for twelve hours.
    CacheWrite12h,
    /// Input tokens of audio.
    InputAudio,
    /// Input tokens of images.
    InputImage,
    /// Input tokens of video.
    InputVideo,
    /// Audio read from a cache.
    CacheAudioRead,
    /// Images read from a cache.
    CacheImageRead,
    /// Video read from a cache.
    CacheVideoRead,
    /// Output tokens that no other item takes.
    Output,
    /// Output tokens of reasoning, where they have a price of their own.
    OutputReasoning,
    /// Output tokens of citations.
    OutputCitation,
    /// Output tokens of audio.
    OutputAudio,
    /// Output tokens of images.
    OutputImage,
    /// Output tokens of video.
    OutputVideo,
    /// Characters of input, for speech.
    Characters,
    /// Messages of text into a voice session.
    TextMessages,
    /// Seconds of audio, in and out together or not told apart.
    AudioSeconds,
    /// Seconds of audio in.
    InputAudioSeconds,
    /// Seconds of audio out.
    OutputAudioSeconds,
    /// Pages read.
    DocumentPages,
    /// Pages read and annotated.
    AnnotatedPages,
    /// Searches ranked.
    RerankSearches,
    /// Images, made or read: which of the two follows from the model.
    Images,
    /// Pixels of images.
    ImagePixels,
    /// Seconds of video, made or read.
    VideoSeconds,
    /// Texts put into a class.
    Classifications,
    /// Searches of the web by a server tool.
    WebSearches,
    /// Searches of a social network.
    SocialSearches,
    /// Searches of stored files.
    StorageSearches,
    /// Searches of a map.
    MapsSearches,
    /// Runs of a code tool, or containers that it ran in, whichever the provider counts.
    CodeExecutions,
    /// Units of text held against a guardrail's topics.
    GuardrailTopic,
    /// Units of text held against its filter of content.
    GuardrailContent,
    /// Pictures held against it.
    GuardrailContentImage,
    /// Units of text held against its filter of sensitive information.
    GuardrailSensitive,
    /// Units of text held against what they should be grounded in.
    GuardrailGrounding,
    /// Units of text held against its rules by reasoning.
    GuardrailReasoning,
    /// Requests as such.
    Requests,
}

/// How an item is priced and named.
struct Row {
    item: Item,
    /// The key of its price in the published data and in the catalogue file.
    key: &'static str,
    /// How many units one price buys.
    per: u64,
    /// What `weir explain` calls it.
    label: &'static str,
}

const fn row(item: Item, key: &'static str, per: u64, label: &'static str) -> Row {
    Row {
        item,
        key,
        per,
        label,
    }
}

const MILLION: u64 = 1_000_000;

/// In the order of the enum, which [`Item::row`] relies on and a test holds.
const TABLE: [Row; 42] = [
    row(Item::Input, "input_mtok", MILLION, "input"),
    row(Item::CacheRead, "cache_read_mtok", MILLION, "cache read"),
    row(Item::CacheWrite, "cache_write_mtok", MILLION, "cache write"),
    row(
        Item::CacheWrite5m,
        "cache_write_5m_mtok",
        MILLION,
        "cache write, 5 minutes",
    ),
    row(
        Item::CacheWrite1h,
        "cache_write_1h_mtok",
        MILLION,
        "cache write, 1 hour",
    ),
    row(
        Item::CacheWrite12h,
        "cache_write_12h_mtok",
        MILLION,
        "cache write, 12 hours",
    ),
    row(Item::InputAudio, "input_audio_mtok", MILLION, "audio input"),
    row(Item::InputImage, "input_image_mtok", MILLION, "image input"),
    row(Item::InputVideo, "input_video_mtok", MILLION, "video input"),
    row(
        Item::CacheAudioRead,
        "cache_audio_read_mtok",
        MILLION,
        "audio cache read",
    ),
    row(
        Item::CacheImageRead,
        "cache_image_read_mtok",
        MILLION,
        "image cache read",
    ),
    row(
        Item::CacheVideoRead,
        "cache_video_read_mtok",
        MILLION,
        "video cache read",
    ),
    row(Item::Output, "output_mtok", MILLION, "output"),
    row(
        Item::OutputReasoning,
        "output_reasoning_mtok",
        MILLION,
        "reasoning",
    ),
    row(
        Item::OutputCitation,
        "output_citation_mtok",
        MILLION,
        "citations",
    ),
    row(
        Item::OutputAudio,
        "output_audio_mtok",
        MILLION,
        "audio output",
    ),
    row(
        Item::OutputImage,
        "output_image_mtok",
        MILLION,
        "image output",
    ),
    row(
        Item::OutputVideo,
        "output_video_mtok",
        MILLION,
        "video output",
    ),
    row(Item::Characters, "input_mchars", MILLION, "characters"),
    row(
        Item::TextMessages,
        "input_text_messages_kcount",
        1_000,
        "text messages",
    ),
    row(Item::AudioSeconds, "audio_hours", 3_600, "seconds of audio"),
    row(
        Item::InputAudioSeconds,
        "input_audio_hours",
        3_600,
        "seconds of audio input",
    ),
    row(
        Item::OutputAudioSeconds,
        "output_audio_hours",
        3_600,
        "seconds of audio output",
    ),
    row(Item::DocumentPages, "input_document_kpages", 1_000, "pages"),
    row(
        Item::AnnotatedPages,
        "input_annotated_document_kpages",
        1_000,
        "annotated pages",
    ),
    row(
        Item::RerankSearches,
        "rerank_searches_kcount",
        1_000,
        "rerank searches",
    ),
    row(Item::Images, "images", 1, "images"),
    row(
        Item::ImagePixels,
        "input_gpixels",
        1_000_000_000,
        "pixels of images",
    ),
    row(Item::VideoSeconds, "video_seconds", 1, "seconds of video"),
    row(
        Item::Classifications,
        "classifications_kcount",
        1_000,
        "classifications",
    ),
    row(
        Item::WebSearches,
        "web_searches_kcount",
        1_000,
        "web searches",
    ),
    row(
        Item::SocialSearches,
        "social_searches_kcount",
        1_000,
        "social searches",
    ),
    row(
        Item::StorageSearches,
        "storage_searches_kcount",
        1_000,
        "file searches",
    ),
    row(
        Item::MapsSearches,
        "maps_searches_kcount",
        1_000,
        "searches of maps",
    ),
    row(
        Item::CodeExecutions,
        "code_executions_kcount",
        1_000,
        "code executions",
    ),
    row(
        Item::GuardrailTopic,
        "guardrail_topic_units",
        1,
        "guardrail, topics",
    ),
    row(
        Item::GuardrailContent,
        "guardrail_content_units",
        1,
        "guardrail, content",
    ),
    row(
        Item::GuardrailContentImage,
        "guardrail_content_image_units",
        1,
        "guardrail, pictures",
    ),
    row(
        Item::GuardrailSensitive,
        "guardrail_sensitive_information_units",
        1,
        "guardrail, sensitive information",
    ),
    row(
        Item::GuardrailGrounding,
        "guardrail_contextual_grounding_units",
        1,
        "guardrail, grounding",
    ),
    row(
        Item::GuardrailReasoning,
        "guardrail_automated_reasoning_units",
        1,
        "guardrail, reasoning",
    ),
    row(Item::Requests, "requests_kcount", 1_000, "requests"),
];

impl Item {
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The key of its price: `input_mtok`.
    pub fn key(self) -> &'static str {
        self.row().key
    }

    /// How many units one price buys.
    pub fn per(self) -> u64 {
        self.row().per
    }

    /// A few words for people.
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// The item with this price key.
    pub fn from_key(key: &str) -> Option<Item> {
        TABLE.iter().find(|row| row.key == key).map(|row| row.item)
    }

    /// Counted in input tokens.
    pub fn is_input(self) -> bool {
        self <= Item::CacheVideoRead
    }

    /// Counted in output tokens.
    pub fn is_output(self) -> bool {
        self >= Item::Output && self <= Item::OutputVideo
    }

    /// Charged beside what a model reads and writes, so its price alone does not price a call.
    pub fn is_fee(self) -> bool {
        self >= Item::WebSearches
    }

    /// Counted neither in tokens nor as a fee: without a rate for it the cost is unknown.
    pub fn is_media(self) -> bool {
        !self.is_input() && !self.is_output() && !self.is_fee()
    }

    /// The item that a provider's other unit is charged as, by the unit's name; `None` for what is
    /// only told (`tool_input_tokens`, which the input contains).
    pub fn from_other_unit(name: &str) -> Option<Item> {
        Some(match name {
            "web_searches" => Item::WebSearches,
            "social_searches" | "x_searches" => Item::SocialSearches,
            "storage_searches" | "file_searches" => Item::StorageSearches,
            "code_executions" | "code_exec_sessions" => Item::CodeExecutions,
            "maps_searches" => Item::MapsSearches,
            "rerank_searches" | "search_units" => Item::RerankSearches,
            "classifications" => Item::Classifications,
            "images" => Item::Images,
            "image_pixels" => Item::ImagePixels,
            "video_seconds" => Item::VideoSeconds,
            "requests" => Item::Requests,
            "guardrail_topic_units" => Item::GuardrailTopic,
            "guardrail_content_units" => Item::GuardrailContent,
            "guardrail_content_image_units" => Item::GuardrailContentImage,
            "guardrail_sensitive_information_units" => Item::GuardrailSensitive,
            "guardrail_contextual_grounding_units" => Item::GuardrailGrounding,
            "guardrail_automated_reasoning_units" => Item::GuardrailReasoning,
            "cache_write_12h_tokens" => Item::CacheWrite12h,
            "pages" | "document_pages" => Item::DocumentPages,
            "annotated_pages" => Item::AnnotatedPages,
            "characters" | "input_characters" => Item::Characters,
            "text_messages" => Item::TextMessages,
            "seconds" | "audio_seconds" => Item::AudioSeconds,
            "input_audio_seconds" | "prompt_audio_seconds" => Item::InputAudioSeconds,
            "output_audio_seconds" => Item::OutputAudioSeconds,
            "cache_read_audio_tokens" => Item::CacheAudioRead,
            "cache_read_image_tokens" => Item::CacheImageRead,
            "cache_read_video_tokens" => Item::CacheVideoRead,
            "video_input_tokens" => Item::InputVideo,
            "video_output_tokens" => Item::OutputVideo,
            "citation_tokens" => Item::OutputCitation,
            _ => return None,
        })
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl de::Visitor<'_> for Key {
            type Value = Item;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a price key")
            }
            fn visit_str<E: de::Error>(self, key: &str) -> Result<Item, E> {
                Item::from_key(key)
                    .ok_or_else(|| E::custom(format_args!("unknown price key \"{key}\"")))
            }
        }
        deserializer.deserialize_str(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_stands_at_its_own_row() {
        for row in &TABLE {
            assert_eq!(row.item.row().key, row.key);
            assert_eq!(Item::from_key(row.key), Some(row.item));
        }
    }

    #[test]
    fn an_item_is_of_one_side_only() {
        let sides = |item: Item| [item.is_input(), item.is_output(), item.is_fee()];
        for row in &TABLE {
            assert!(
                sides(row.item).iter().filter(|side| **side).count() <= 1,
                "{}",
                row.key
            );
        }
        assert!(Item::Input.is_input() && Item::Output.is_output() && Item::Requests.is_fee());
    }
}
