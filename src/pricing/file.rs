//! The catalogue file: providers, their models, and the prices of each under their conditions.
//!
//! It is JSON with one model per line, so that a change of price is one line of a diff. The same
//! types serve the file and the lookups; prices are written as decimals in quotes and read as
//! integers.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::Error;
use super::clause::{Clause, Pattern};
use super::condition::{Condition, Day};
use super::price::{PriceSet, Times};

/// Most bytes of a catalogue file.
const FILE_BYTES_MAX: usize = 32 << 20;

/// A whole catalogue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Where the facts come from, and under which licence.
    pub source: String,
    pub version: String,
    /// The day as of which the prices are meant.
    pub date: Day,
    /// Where the rows come from that name a source of their own: what `source` and `version` lack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<Added>,
    pub providers: Vec<Provider>,
}

/// A second source, which completes the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Added {
    pub source: String,
    pub version: String,
}

/// A provider and what it sells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    pub id: Box<str>,
    pub name: Box<str>,
    /// Found at the start of the URLs of its API.
    pub url: Pattern,
    /// Providers whose models it sells too, at their prices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<Box<str>>,
    /// What it charges beside any of its models that have no such price of their own. They are from
    /// the second source.
    #[serde(default, skip_serializing_if = "PriceSet::is_empty")]
    pub fees: PriceSet,
    pub models: Vec<Model>,
}

/// A model and its prices.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    pub id: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// The second source, where the row is from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<str>>,
    /// Which names mean it; of a provider's models the first that fits counts.
    #[serde(rename = "match")]
    pub clause: Clause,
    /// Input tokens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// The last whose condition holds counts, else the first; empty where no price is known but
    /// that of a variant.
    pub prices: Vec<Conditional>,
    /// Prices for a tier of service, laid over those above, key by key; the first that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// Prices and when they hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conditional {
    #[serde(default, skip_serializing_if = "Condition::is_none")]
    pub when: Condition,
    pub prices: PriceSet,
}

/// Prices for requests of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    /// All of these must be so: `service_tier`, `speed`, `processing`, `route`, `search_type`, `geo`,
    /// `size`, `resolution`, `quality`, `search_context`, `cache_type`. With none of them the prices
    /// hold for every request, where the model has no such price of its own.
    #[serde(rename = "for", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Condition::is_none")]
    pub when: Condition,
    /// What every price of a token is multiplied by, after all variants were laid over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    #[serde(default, skip_serializing_if = "PriceSet::is_empty")]
    pub prices: PriceSet,
    /// The second source, where the variant is from there and its model is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<str>>,
}

impl File {
    /// Reads a file; patterns are left uncompiled.
    pub(super) fn read(text: &str) -> Result<File, Error> {
        if text.len() > FILE_BYTES_MAX {
            return Err(Error::Catalog(format!(
                "larger than {FILE_BYTES_MAX} bytes"
            )));
        }
        serde_json::from_str(text).map_err(|error| Error::Catalog(error.to_string()))
    }

    /// What the first source alone says.
    pub(super) fn without_added(mut self) -> File {
        self.added = None;
        for provider in &mut self.providers {
            provider.fees = PriceSet::default();
            provider.models.retain(|model| model.source.is_none());
            for model in &mut provider.models {
                model.variants.retain(|variant| variant.source.is_none());
                for entry in &mut model.prices {
                    entry.when.days = None;
                }
            }
        }
        self.providers
            .retain(|provider| !provider.models.is_empty());
        self
    }

    /// Writes it with one model per line; the same catalogue is always the same bytes.
    pub(super) fn write(&self) -> Result<String, Error> {
        let failed = |error: serde_json::Error| Error::Catalog(error.to_string());
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut out = String::with_capacity(1 << 20);
        let head = format!(
            "{{\n\"source\": {},\n\"version\": {},\n\"date\": \"{}\",\n",
            json(&self.source),
            json(&self.version),
            self.date
        );
        out.push_str(&head);
        if let Some(added) = &self.added {
            let added = serde_json::to_string(added).map_err(failed)?;
            let _infallible = writeln!(out, "\"added\": {added},");
        }
        out.push_str("\"providers\": [");
        for (at, provider) in self.providers.iter().enumerate() {
            let bare = Provider {
                models: Vec::new(),
                ..provider.clone()
            };
            let bare = serde_json::to_string(&bare).map_err(failed)?;
            // The models are the last field, and empty: its closing `]}` is taken off and put back.
            let open = bare.strip_suffix("]}").unwrap_or(&bare);
            let _infallible = write!(out, "{}\n{open}", if at == 0 { "" } else { "," });
            for (at, model) in provider.models.iter().enumerate() {
                out.push_str(if at == 0 { "\n" } else { ",\n" });
                out.push_str(&serde_json::to_string(model).map_err(failed)?);
            }
            out.push_str("\n]}");
        }
        out.push_str("\n]\n}\n");
        Ok(out)
    }
}
