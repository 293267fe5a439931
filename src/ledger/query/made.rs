//! Which responses were counted, so that fetching one again is not charged again.

use super::Reader;
use crate::ledger::{Error, names, rows, units_json};
use crate::usage::{Usage, UsageSource};

/// A response that a call was charged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub provider: String,
    /// The names by which it can be fetched, apart by spaces.
    pub response_id: String,
    pub usage: Usage,
    /// Whether the usage is all of it: the provider's own last word.
    pub whole: bool,
}

impl Reader {
    /// The last responses that were counted, the oldest first.
    pub fn recently_made(&self, limit: usize) -> Result<Vec<Made>, Error> {
        let read = || {
            let mut statement = self.db.prepare(
                "SELECT provider, response_id, usage_source, other_units,
                    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
                    cache_write_1h_tokens, reasoning_tokens, audio_input_tokens,
                    audio_output_tokens, image_input_tokens, image_output_tokens
                FROM calls WHERE response_id IS NOT NULL
                    AND usage_source IN ('reported', 'estimated', 'partial')
                ORDER BY started_at DESC LIMIT ?1",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let made = statement.query_map([limit], |row| {
                let mut usage = rows::token_columns(row, 4)?;
                units_json::read(row.get_ref(3)?.as_str()?, &mut usage);
                Ok(Made {
                    provider: row.get(0)?,
                    response_id: row.get(1)?,
                    usage,
                    whole: names::usage_source(row.get_ref(2)?.as_str()?)
                        == Some(UsageSource::Reported),
                })
            })?;
            let mut made = made.collect::<rusqlite::Result<Vec<_>>>()?;
            made.reverse();
            Ok(made)
        };
        read().map_err(|source| self.named(source))
    }
}
