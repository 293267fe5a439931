//! Turns published price lists into a catalogue file.
//!
//! Two projects publish them under the MIT licence: genai-prices as a Python module or as JSON,
//! litellm as JSON. The first is the base, for its prices are exact decimals with rules, dates and
//! tiers; the second completes it. The same lists always make the same bytes.

use super::condition::Day;
use super::file::File;
use super::literal::{Node, parse};
use super::{Error, catalog, genai, litellm, merge};

/// A catalogue file and what became of its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The file, as [`Catalog::parse`](super::Catalog::parse) reads it.
    pub text: String,
    /// How many providers it has.
    pub providers: usize,
    /// How many models they have together.
    pub models: usize,
    /// What was left out and why.
    pub skipped: Vec<String>,
}

/// A price list as it was published: genai-prices' `data.py` or the same data as JSON, or litellm's
/// `model_prices_and_context_window.json`.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    /// The whole file.
    pub text: &'a str,
    /// The package's version (`0.2.3`), which does not stand in the file.
    pub version: &'a str,
}

/// Makes a catalogue file of one list, or of one of each project.
///
/// A list of litellm by itself completes the catalogue that weir carries, in place of the list that
/// completes it there. `date` is the day as of which the prices are meant, as `2026-11-20`.
pub fn import(lists: &[Published<'_>], date: &str) -> Result<Imported, Error> {
    let date: Day = date.parse().map_err(|_| Error::Source {
        line: 0,
        problem: format!("\"{date}\" is not a day"),
        remedy: "write it as 2026-11-20",
    })?;
    let (mut base, mut added, mut skipped) = (None, None, Vec::new());
    for list in lists {
        let value = parse(list.text)?;
        let (place, (file, remarks)) = match &value.node {
            Node::Object(rows) => (&mut added, litellm::file(rows, list.version, date)?),
            _ => (&mut base, genai::file(&value, list.version, date)?),
        };
        if place.replace(file).is_some() {
            return Err(Error::Source {
                line: 0,
                problem: "two lists of one project".to_owned(),
                remedy: "give one of genai-prices and one of litellm",
            });
        }
        skipped.extend(remarks);
    }
    let file = match (base, added) {
        (Some(base), None) => base,
        (base, Some(added)) => {
            let base = base.unwrap_or_else(|| catalog::builtin_file().without_added());
            let (file, remarks) = merge::merge(base, added);
            skipped.extend(remarks);
            file
        }
        (None, None) => {
            return Err(Error::Source {
                line: 0,
                problem: "no list".to_owned(),
                remedy: "give one of genai-prices, one of litellm, or both",
            });
        }
    };
    written(&file, skipped)
}

fn written(file: &File, skipped: Vec<String>) -> Result<Imported, Error> {
    let models = file.providers.iter().map(|provider| provider.models.len());
    Ok(Imported {
        text: file.write()?,
        providers: file.providers.len(),
        models: models.sum(),
        skipped,
    })
}
