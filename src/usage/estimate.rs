//! Counts tokens where nothing was said of them, by the model's vocabulary or the nearest one.
//!
//! Only the beginning of a text is kept and counted, and the rest is taken to be like it: that
//! bounds both memory and time, and what is counted here is marked as an estimate anyway.
//!
//! A vocabulary is loaded when a model first needs it, which takes 20 to 80 ms and 5 to 24 MB that
//! stay; all of them together take about 115 MB. [`warm`] loads one ahead.

use std::fmt;

use super::vocabulary::{Frame, vocabulary};

/// Most bytes of a text that are kept.
pub const SAMPLE_MAX: usize = 48 << 10;
/// Most bytes that are tokenised in one go: some texts take quadratic time in some vocabularies.
const PIECE_MAX: usize = 4 << 10;
/// How far before a piece's end a space is looked for, so that few words are cut in two.
const WORD_MAX: usize = 64;
/// Bytes of a token where no text at all was kept.
const BYTES_PER_TOKEN: u64 = 4;

/// Text kept for counting: the first [`SAMPLE_MAX`] bytes, and the length of all of it.
#[derive(Default)]
pub struct TextSample {
    text: String,
    bytes: u64,
    /// How many texts were added, the empty ones left out.
    texts: u64,
}

impl TextSample {
    /// Adds text; what does not fit is only counted in bytes.
    pub fn push(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        self.texts = self.texts.saturating_add(u64::from(!text.is_empty()));
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
        (self.bytes, self.texts) = (0, 0);
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
        let tokenizer = (!self.text.is_empty())
            .then(|| tiktoken::get_encoding(vocabulary.name))
            .flatten();
        let Some(tokenizer) = tokenizer else {
            return self.bytes.div_ceil(BYTES_PER_TOKEN);
        };
        let counted: usize = pieces(&self.text).map(|piece| tokenizer.count(piece)).sum();
        let all = counted as u128 * u128::from(vocabulary.percent) * u128::from(self.bytes);
        let whole = self.text.len() as u128 * 100;
        u64::try_from((all + whole / 2) / whole).unwrap_or(u64::MAX)
    }
}

impl TextSample {
    /// Estimates the tokens of a prompt whose texts were added: theirs, and those that the model's
    /// template puts around each of them and around tools.
    pub fn tokens_of_prompt(&self, model: Option<&str>, has_tools: bool) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let Frame {
            prompt,
            text,
            tools,
            ..
        } = vocabulary(model).frame;
        let tools = if has_tools { tools } else { 0 };
        let around = prompt + tools + text.saturating_mul(self.texts);
        self.tokens(model).saturating_add(around)
    }

    /// Estimates the tokens of an answer whose texts were added, so many calls of tools among them.
    pub fn tokens_of_answer(&self, model: Option<&str>, calls: u64) -> u64 {
        let around = vocabulary(model).frame.call.saturating_mul(calls);
        self.tokens(model).saturating_add(around)
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
