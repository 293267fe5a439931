//! Turns litellm's table into a catalogue.
//!
//! A row there is a model at a provider, its prices for one unit each as floating-point numbers.
//! They are read as the decimals that are written, never as floats. A price of 0 is left out
//! whatever it is for: most are fillers for what is not known, and nothing tells those from the few
//! that are free.

mod draft;
mod gather;
mod keys;
mod names;
mod off_peak;

use std::collections::BTreeMap;

use draft::Draft;
use names::{Left, NEW, Named, named};

use super::Error;
use super::clause::{Clause, Pattern};
use super::condition::Day;
use super::fields::text;
use super::file::{File, Model, Provider};
use super::item::Item;
use super::literal::{Node, Object};
use super::price::PriceSet;

/// The name of the source.
const SOURCE: &str = "litellm";

/// The models of one provider by name.
type Models = BTreeMap<String, Vec<(Named, Draft)>>;

/// The catalogue that the table makes, and remarks on what was left out.
pub(super) fn file(table: &Object, version: &str, date: Day) -> Result<(File, Vec<String>), Error> {
    let mut providers: BTreeMap<&'static str, Models> = BTreeMap::new();
    let mut left: BTreeMap<Left, usize> = BTreeMap::new();
    for (key, value) in &table.fields {
        let Node::Object(row) = &value.node else {
            continue;
        };
        let seller = match row.get("litellm_provider") {
            Some(seller) => text(seller)?,
            None => continue,
        };
        let read = match named(key, &seller) {
            Ok(named) => match Draft::read(row, &named)? {
                draft if draft.is_empty() => Err(Left::NoPrice),
                draft => Ok((named, draft)),
            },
            Err(reason) => Err(reason),
        };
        match read {
            Err(reason) => *left.entry(reason).or_default() += 1,
            Ok((named, draft)) => {
                let models = providers.entry(named.provider).or_default();
                let rows = models.entry(named.model.clone()).or_default();
                rows.push((named, draft));
            }
        }
    }
    let providers = providers.into_iter();
    let providers = providers.map(|(id, models)| provider(id, models, &mut left));
    let file = File {
        source: SOURCE.to_owned(),
        version: version.to_owned(),
        date,
        added: None,
        providers: providers.collect(),
    };
    Ok((file, remarks(&left)))
}

fn remarks(left: &BTreeMap<Left, usize>) -> Vec<String> {
    let why = |reason: &Left| match reason {
        Left::Seller => "rows of providers that weir does not name",
        Left::Name => "rows for no model that a call names, or by a measure that no call tells",
        Left::NoPrice => "rows without a price above nothing",
        Left::Twice => "rows for a model that has one",
    };
    let remark = |(reason, count): (&Left, &usize)| format!("litellm: {count} {}", why(reason));
    left.iter().map(remark).collect()
}

fn provider(id: &str, models: Models, left: &mut BTreeMap<Left, usize>) -> Provider {
    let new = NEW.iter().find(|(new, ..)| *new == id);
    let (_, name, url) = new.copied().unwrap_or((id, id, "^$"));
    let mut fees = PriceSet::default();
    let mut sold = Vec::with_capacity(models.len());
    for (model, mut rows) in models {
        rows.sort_by_key(|(named, _)| (named.geo.is_some(), named.rank));
        let mut whole = Draft::default();
        for (named, draft) in rows {
            if !whole.take(&named, draft) {
                *left.entry(Left::Twice).or_default() += 1;
            }
        }
        if model == "container" || model == "guardrails" {
            // Not a model: what a provider's code tool or filter costs with any of its models.
            fees = whole.only(Item::is_fee);
        } else if let Some(model) = whole.model(&model) {
            sold.push(model);
        }
    }
    Provider {
        id: id.into(),
        name: name.into(),
        url: Pattern::from(Box::from(url)),
        fallback: Vec::new(),
        fees,
        models: sold,
    }
}

/// The rule that a name is meant exactly; a fine-tuned model's names go on behind it.
fn exactly(model: &str) -> Clause {
    let lower = model.to_lowercase();
    match lower.starts_with("ft:") {
        false => Clause::Equals(lower.into()),
        true => Clause::Or(vec![
            Clause::StartsWith(format!("{lower}:").into()),
            Clause::Equals(lower.into()),
        ]),
    }
}

impl Draft {
    /// The catalogue's row.
    fn model(self, id: &str) -> Option<Model> {
        let context = self.context;
        let (prices, variants) = self.finish();
        if prices.is_empty() && variants.is_empty() {
            return None;
        }
        Some(Model {
            id: id.into(),
            name: None,
            source: None,
            clause: exactly(id),
            context,
            deprecated: false,
            prices,
            variants,
        })
    }
}

#[cfg(test)]
mod tests;
