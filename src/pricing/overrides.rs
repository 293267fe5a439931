//! The prices of `proxy.yaml`, ready for lookup.
//!
//! An override replaces the catalogue's prices for its model as a whole: a price that it leaves out
//! falls back as for any model (cached input to input), and never to the catalogue. A price in another
//! currency is one in USD to 18 places, the resolution of all prices.

use super::item::Item;
use super::price::{Atto, Price, PriceSet};
use super::{Lookup, Override};
use crate::units::Currency;

/// A price from `proxy.yaml` as it is looked up.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// As written: a name, or a prefix of one that ends in `*`.
    pub model: Box<str>,
    pub provider: Option<Box<str>>,
    pub prices: PriceSet,
    /// What it was written in.
    pub currency: Currency,
}

impl Entry {
    fn new(written: &Override) -> Entry {
        Entry {
            model: written.model.as_str().into(),
            provider: written.provider.as_deref().map(Into::into),
            prices: prices(written),
            currency: written.currency,
        }
    }

    /// Whether it is for a call of this provider and model; names are compared without regard to
    /// case.
    pub(super) fn fits(&self, lookup: &Lookup<'_>) -> bool {
        let provider = self.provider.as_deref();
        provider.is_none_or(|name| name.eq_ignore_ascii_case(lookup.provider))
            && self.names(lookup.model)
    }

    fn names(&self, model: &str) -> bool {
        let model = model.strip_prefix("models/").unwrap_or(model);
        match self.model.strip_suffix('*') {
            None => self.model.eq_ignore_ascii_case(model),
            Some(prefix) => {
                let start = model.get(..prefix.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            }
        }
    }

    /// Better entries first: whole names, then those for one provider, then longer prefixes.
    fn rank(&self) -> impl Ord + use<> {
        (
            self.model.ends_with('*'),
            self.provider.is_none(),
            usize::MAX - self.model.len(),
        )
    }
}

/// The entries in the order in which they are tried; of equal ones the first that was written.
pub(super) fn entries(written: &[Override]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = written.iter().map(Entry::new).collect();
    entries.sort_by_key(Entry::rank);
    entries
}

/// Eight hex digits that tell one list of overrides from another; they go into the price version.
pub(super) fn digest(written: &[Override]) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for entry in written {
        // The fields in a fixed order, each with its length: no two lists read the same.
        let texts = [entry.provider.as_deref(), Some(entry.model.as_str())];
        for text in texts {
            let text = text.unwrap_or("\0");
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        if entry.currency != Currency::USD {
            context.update(entry.currency.code().to_string().as_bytes());
            context.update(&entry.currency.usd().get().to_be_bytes());
        }
        for (item, amount) in amounts(entry) {
            context.update(item.key().as_bytes());
            context.update(&amount.unwrap_or(-1).to_be_bytes());
        }
    }
    let hash = context.finish();
    hash.as_ref()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn amounts(written: &Override) -> [(Item, Option<i128>); 8] {
    [
        (Item::Input, written.input),
        (Item::CacheRead, written.cached_input),
        (Item::CacheWrite5m, written.cache_write_5m),
        (Item::CacheWrite1h, written.cache_write_1h),
        (Item::Output, written.output),
        (Item::InputAudio, written.input_audio),
        (Item::OutputAudio, written.output_audio),
        (Item::Requests, written.request),
    ]
}

fn prices(written: &Override) -> PriceSet {
    let price = |(item, amount): (Item, Option<i128>)| {
        // `request` is the price of one request, the item's the price of a thousand.
        let of = if item == Item::Requests {
            i128::from(item.per())
        } else {
            1
        };
        let atto = written
            .currency
            .to_atto_usd(amount?.max(0))
            .saturating_mul(of);
        Some((item, Price::flat(Atto(atto))))
    };
    PriceSet::new(amounts(written).into_iter().filter_map(price).collect())
}
