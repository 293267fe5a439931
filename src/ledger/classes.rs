//! Tokens in classes that do not overlap, so that their sum is the total.
//!
//! The table's columns are totals and subsets of them; here the subsets are taken out of the totals.

use crate::usage::Usage;

/// How many classes there are.
pub const COUNT: usize = 10;

/// The classes' names, in the order of [`of`].
pub const NAMES: [&str; COUNT] = [
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
];

/// A call's tokens by class; 0 where nothing was said. Subsets that exceed their total, which no
/// provider means, leave 0 of it.
pub fn of(usage: &Usage) -> [u64; COUNT] {
    let stored = |count: Option<u64>| count.unwrap_or(0).min(i64::MAX.unsigned_abs());
    // Cohere's may be more than what it bills as input.
    let cache_read = stored(usage.cache_read).min(stored(usage.input.or(usage.cache_read)));
    let cache_write_5m = stored(Some(
        usage
            .cache_write_5m
            .unwrap_or(0)
            .saturating_add(usage.cache_write_other.unwrap_or(0)),
    ));
    let cache_write_1h = stored(usage.cache_write_1h);
    let reasoning = stored(usage.reasoning);
    let [audio_input, audio_output] = [stored(usage.audio_input), stored(usage.audio_output)];
    let [image_input, image_output] = [stored(usage.image_input), stored(usage.image_output)];
    let without = |total: Option<u64>, subsets: &[u64]| {
        subsets
            .iter()
            .fold(stored(total), |rest, subset| rest.saturating_sub(*subset))
    };
    [
        without(
            usage.input,
            &[
                cache_read,
                cache_write_5m,
                cache_write_1h,
                audio_input,
                image_input,
            ],
        ),
        cache_read,
        cache_write_5m,
        cache_write_1h,
        without(usage.output, &[reasoning, audio_output, image_output]),
        reasoning,
        audio_input,
        audio_output,
        image_input,
        image_output,
    ]
}
