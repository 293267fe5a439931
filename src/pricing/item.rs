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
    /// Searches of the web by a server tool.
    WebSearches,
    /// Searches of a social network.
    SocialSearches,
    /// Searches of stored files.
    StorageSearches,
    /// Runs of a code tool.
    CodeExecutions,
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

/// In the order of the enum, which [`Item::row`] relies on and a test holds.
const TABLE: [Row; 30] = [
    row(Item::Input, "input_mtok", 1_000_000, "input"),
    row(Item::CacheRead, "cache_read_mtok", 1_000_000, "cache read"),
    row(
        Item::CacheWrite,
        "cache_write_mtok",
        1_000_000,
        "cache write",
    ),
    row(
        Item::CacheWrite5m,
        "cache_write_5m_mtok",
        1_000_000,
        "cache write, 5 minutes",
    ),
    row(
        Item::CacheWrite1h,
        "cache_write_1h_mtok",
        1_000_000,
        "cache write, 1 hour",
    ),
    row(
        Item::InputAudio,
        "input_audio_mtok",
        1_000_000,
        "audio input",
    ),
    row(
        Item::InputImage,
        "input_image_mtok",
        1_000_000,
        "image input",
    ),
    row(
        Item::InputVideo,
        "input_video_mtok",
        1_000_000,
        "video input",
    ),
    row(
        Item::CacheAudioRead,
        "cache_audio_read_mtok",
        1_000_000,
        "audio cache read",
    ),
    row(
        Item::CacheImageRead,
        "cache_image_read_mtok",
        1_000_000,
        "image cache read",
    ),
    row(
        Item::CacheVideoRead,
        "cache_video_read_mtok",
        1_000_000,
        "video cache read",
    ),
    row(Item::Output, "output_mtok", 1_000_000, "output"),
    row(
        Item::OutputReasoning,
        "output_reasoning_mtok",
        1_000_000,
        "reasoning",
    ),
    row(
        Item::OutputCitation,
        "output_citation_mtok",
        1_000_000,
        "citations",
    ),
    row(
        Item::OutputAudio,
        "output_audio_mtok",
        1_000_000,
        "audio output",
    ),
    row(
        Item::OutputImage,
        "output_image_mtok",
        1_000_000,
        "image output",
    ),
    row(
        Item::OutputVideo,
        "output_video_mtok",
        1_000_000,
        "video output",
    ),
    row(Item::Characters, "input_mchars", 1_000_000, "characters"),
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
        Item::CodeExecutions,
        "code_executions_kcount",
        1_000,
        "code executions",
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

    /// The item that a provider's other unit is charged as, by the unit's name.
    pub fn from_other_unit(name: &str) -> Option<Item> {
        Some(match name {
            "web_searches" => Item::WebSearches,
            "social_searches" | "x_searches" => Item::SocialSearches,
            "storage_searches" | "file_searches" => Item::StorageSearches,
            "code_executions" | "code_exec_sessions" => Item::CodeExecutions,
            "rerank_searches" | "search_units" => Item::RerankSearches,
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
