//! Counts tokens where nothing was said of them, by the model's vocabulary or the nearest one.
//!
//! Only the beginning of a text is kept and counted, and the rest is taken to be like it: that
//! bounds both memory and time, and what is counted here is marked as an estimate anyway.
//!
//! A vocabulary is loaded when a model first needs it, which takes 20 to 80 ms and 5 to 24 MB that
//! stay; all of them together take about 115 MB. [`warm`] loads one ahead.

use std::fmt;

/// Most bytes of a text that are kept.
pub const SAMPLE_MAX: usize = 64 << 10;
/// Most bytes that are tokenised in one go: some texts take quadratic time in some vocabularies.
const PIECE_MAX: usize = 4 << 10;
/// How far before a piece's end a space is looked for, so that few words are cut in two.
const WORD_MAX: usize = 64;
/// Bytes of a token where no text at all was kept.
const BYTES_PER_TOKEN: u64 = 4;

/// The vocabulary of models that none is published for; the one most often nearest.
const DEFAULT: Vocabulary = Vocabulary {
    name: "o200k_base",
    percent: 100,
};

/// A vocabulary and the tokens that a model really uses for 100 of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Vocabulary {
    name: &'static str,
    percent: u64,
}

/// The vocabularies by marks in a model's name, in lower case; the first that fits is taken.
///
/// The percentages are means over recorded answers of a few hundred tokens, whose usage was
/// reported.
const VOCABULARIES: &[(&[&str], Vocabulary)] = &[
    (&["gpt-4o", "gpt-4.", "gpt-oss"], DEFAULT),
    (
        &[
            "gpt-4",
            "gpt-3.5",
            "gpt-35",
            "text-embedding-3",
            "text-embedding-ada",
        ],
        of("cl100k_base"),
    ),
    (
        &["claude"],
        Vocabulary {
            percent: 116,
            ..DEFAULT
        },
    ),
    (
        &["gemini", "gemma"],
        Vocabulary {
            percent: 108,
            ..DEFAULT
        },
    ),
    (
        &["mistral", "ministral", "magistral", "codestral", "devstral"],
        of("mistral_v3"),
    ),
    (&["mixtral", "pixtral", "voxtral"], of("mistral_v3")),
    (&["qwen", "qwq", "qvq"], of("qwen2")),
    (&["llama"], of("llama3")),
    (&["deepseek"], of("deepseek_v3")),
    (&["kimi", "moonshot"], of("kimi_k2")),
    (&["glm-5"], of("glm5")),
    (&["glm"], of("glm4")),
    (&["minimax"], of("minimax_m2")),
];

const fn of(name: &'static str) -> Vocabulary {
    Vocabulary { name, percent: 100 }
}

/// Text kept for counting: the first [`SAMPLE_MAX`] bytes, and the length of all of it.
#[derive(Default)]
pub struct TextSample {
    text: String,
    bytes: u64,
}

impl TextSample {
    /// Adds text; what does not fit is only counted in bytes.
    pub fn push(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        let room = SAMPLE_MAX - self.text.len();
        let kept = &text[..text.floor_char_boundary(room)];
        let needed = self.text.len() + kept.len();
        if needed > self.text.capacity() {
            let capacity = needed.max(self.text.capacity() * 2).min(SAMPLE_MAX);
            self.text.reserve_exact(capacity - self.text.len());
        }
        self.text.push_str(kept);
    }

    /// Adds text of this many bytes that is not at hand.
    pub fn push_unkept(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether no text was added.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The length of all text added, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Forgets the text; keeps its allocation.
    pub fn clear(&mut self) {
        self.text.clear();
        self.bytes = 0;
    }

    /// Gives up what was kept; the length stays, and is what [`tokens`](TextSample::tokens) goes by.
    pub fn forget(&mut self) {
        self.text = String::new();
    }

    /// Estimates the tokens of all text added: those of the sample by the model's vocabulary, for
    /// as many bytes as there are. Takes 1 to 6 ms for a full sample of prose and 25 ms at worst,
    /// besides loading the vocabulary.
    ///
    /// A model that counts more than its vocabulary does is counted up, by a percentage.
    pub fn tokens(&self, model: Option<&str>) -> u64 {
        let vocabulary = vocabulary(model);
        let tokenizer = tiktoken::get_encoding(vocabulary.name);
        let Some(tokenizer) = tokenizer.filter(|_| !self.text.is_empty()) else {
            return self.bytes.div_ceil(BYTES_PER_TOKEN);
        };
        let counted: usize = pieces(&self.text).map(|piece| tokenizer.count(piece)).sum();
        let all = counted as u128 * u128::from(vocabulary.percent) * u128::from(self.bytes);
        let whole = self.text.len() as u128 * 100;
        u64::try_from((all + whole / 2) / whole).unwrap_or(u64::MAX)
    }
}

/// Shows lengths only, for the text is somebody's.
impl fmt::Debug for TextSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, bytes) = (self.text.len(), self.bytes);
        f.debug_struct("TextSample")
            .field("kept", &kept)
            .field("bytes", &bytes)
            .finish()
    }
}

/// Loads the vocabulary of a model, so that the first estimate need not wait. Blocks meanwhile.
pub fn warm(model: Option<&str>) {
    tiktoken::get_encoding(vocabulary(model).name);
}

/// The vocabulary of a model, by the last part of names such as `vendor/model`.
fn vocabulary(model: Option<&str>) -> Vocabulary {
    let name = model
        .unwrap_or_default()
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let fits = |marks: &&[&str]| marks.iter().any(|mark| name.contains(mark));
    VOCABULARIES
        .iter()
        .find(|(marks, _)| fits(marks))
        .map_or(DEFAULT, |(_, known)| *known)
}

/// Cuts a text into pieces of at most [`PIECE_MAX`] bytes, before a space where one is near.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let longest = rest.floor_char_boundary(PIECE_MAX);
        let end = if longest == rest.len() {
            longest
        } else {
            let near = rest.floor_char_boundary(longest - WORD_MAX);
            rest[near..longest]
                .rfind(' ')
                .map_or(longest, |space| near + space)
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn sample(text: &str) -> TextSample {
        let mut sample = TextSample::default();
        sample.push(text);
        sample
    }

    #[test]
    fn a_model_is_counted_by_its_own_vocabulary() {
        for (model, name, percent) in [
            ("gpt-4o-mini-2024-07-18", "o200k_base", 100),
            ("ft:gpt-4o:org::abc", "o200k_base", 100),
            ("gpt-5.4-mini", "o200k_base", 100),
            ("gpt-4.1", "o200k_base", 100),
            ("o3-mini", "o200k_base", 100),
            ("openai/gpt-oss-120b", "o200k_base", 100),
            ("gpt-4-0613", "cl100k_base", 100),
            ("gpt-35-turbo", "cl100k_base", 100),
            (
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "o200k_base",
                116,
            ),
            ("models/gemini-2.5-flash", "o200k_base", 108),
            ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "llama3", 100),
            ("us.meta.llama3-1-70b-instruct-v1:0", "llama3", 100),
            ("ollama/unknown", "o200k_base", 100),
            ("deepseek-chat", "deepseek_v3", 100),
            ("deepseek-r1-distill-qwen-32b", "qwen2", 100),
            ("Qwen/QwQ-32B", "qwen2", 100),
            ("mistral-small-latest", "mistral_v3", 100),
            ("moonshot-v1-8k", "kimi_k2", 100),
            ("glm-5", "glm5", 100),
            ("zai-org/GLM-4.6", "glm4", 100),
            ("MiniMax-M2", "minimax_m2", 100),
            ("grok-4", "o200k_base", 100),
            ("", "o200k_base", 100),
        ] {
            assert_eq!(
                vocabulary(Some(model)),
                Vocabulary { name, percent },
                "{model}"
            );
        }
        assert_eq!(vocabulary(None), DEFAULT);
    }

    #[test]
    fn every_vocabulary_named_is_there() {
        let names = VOCABULARIES.iter().map(|(_, vocabulary)| vocabulary.name);
        assert!(names.clone().count() > 5);
        for name in names {
            assert!(tiktoken::list_encodings().contains(&name), "{name}");
        }
    }

    #[test]
    fn counts_what_fits_by_the_vocabulary() {
        let text = "The quick brown fox jumps over the lazy dog. ".repeat(20);
        let exact = tiktoken::get_encoding("o200k_base").unwrap().count(&text) as u64;
        assert!(exact > 180, "{exact}");
        assert_eq!(sample(&text).tokens(Some("gpt-4o")), exact);
        assert_eq!(
            sample(&text).tokens(Some("claude-haiku-4-5")),
            (exact * 116 + 50) / 100
        );
        assert_eq!(sample("hello world").tokens(None), 2);
    }

    #[test]
    fn what_was_not_kept_is_taken_to_be_like_the_sample() {
        let text = "The quick brown fox jumps over the lazy dog. ".repeat(1000);
        let once = sample(&text).tokens(None);
        let mut longer = sample(&text);
        longer.push_unkept(9 * text.len() as u64);
        assert_eq!((longer.tokens(None), longer.bytes()), (10 * once, 450_000));

        let mut unkept = TextSample::default();
        assert_eq!((unkept.is_empty(), unkept.tokens(None)), (true, 0));
        unkept.push_unkept(9);
        assert_eq!((unkept.is_empty(), unkept.tokens(None)), (false, 3));

        let mut endless = sample("x");
        endless.push_unkept(u64::MAX);
        assert_eq!(endless.tokens(None), u64::MAX);
    }

    #[test]
    fn a_sample_holds_no_more_than_its_bound_and_shows_nothing() {
        let mut sample = sample("secret €");
        for _ in 0..100_000 {
            sample.push("€uro");
        }
        assert!(
            sample.text.capacity() <= SAMPLE_MAX,
            "{}",
            sample.text.capacity()
        );
        assert!(sample.text.len() > SAMPLE_MAX - 4);
        assert_eq!(sample.bytes(), 600_010);
        assert_eq!(
            format!("{sample:?}"),
            format!(
                "TextSample {{ kept: {}, bytes: 600010 }}",
                sample.text.len()
            )
        );
        sample.clear();
        assert!(sample.is_empty() && sample.tokens(None) == 0);
    }

    #[test]
    fn a_hostile_text_is_counted_too() {
        for text in [
            "a", " ", "\n", "  é", " \u{a0}", "\u{300}", "é", "中", "😀", "\0", "'s", "Ab",
        ] {
            let sample = sample(&text.repeat(SAMPLE_MAX / text.len()));
            for model in ["gpt-4o", "deepseek-chat"] {
                let tokens = sample.tokens(Some(model));
                assert!(tokens <= sample.bytes(), "{text:?} by {model}: {tokens}");
                assert!(text == "\0" || tokens > 0, "{text:?} by {model}: {tokens}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn pieces_are_short_and_make_up_the_text(words in vec("[ -~é中]{0,600}", 0..40)) {
            let text = words.join(" ");
            prop_assert!(pieces(&text).all(|piece| !piece.is_empty() && piece.len() <= PIECE_MAX));
            prop_assert_eq!(pieces(&text).collect::<String>(), text);
        }

        #[test]
        fn words_are_not_cut_in_two(words in vec("[a-z]{1,9}", 700..1100)) {
            let text = words.join(" ");
            let tokenizer = tiktoken::get_encoding("o200k_base").unwrap();
            let cut: usize = pieces(&text).map(|piece| tokenizer.count(piece)).sum();
            prop_assert_eq!(cut, tokenizer.count(&text));
        }

        #[test]
        fn text_counts_the_same_in_deltas(words in vec(".{0,9}", 0..30)) {
            let mut deltas = TextSample::default();
            words.iter().for_each(|word| deltas.push(word));
            prop_assert_eq!(deltas.tokens(None), sample(&words.concat()).tokens(None));
        }
    }
}
