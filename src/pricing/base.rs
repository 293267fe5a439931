//! Finds a model's place in the catalogue by any name that means it.
//!
//! A client's name for a model is tried as it is, with its date dashed, and without its
//! fine-tuning; at the provider that was asked, then at those whose models it sells. What was found
//! is remembered, so a call costs two lookups in a map.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::Lookup;
use super::explain::Matched;
use super::file::{File, Model};
use super::names::{dashed_date, version_off, without_date};
use super::price::{PriceSet, Sources};
use super::select::{Selected, dearest, free_by_name, in_force};
use super::selectors::Open;

/// Most names whose place in the catalogue is remembered. Names are the clients' text: past this
/// the memory is emptied and fills anew.
const SEEN_MAX: usize = 4096;

/// Longest model name that is looked up, in bytes; the longest in the catalogue has 61.
const MODEL_BYTES_MAX: usize = 256;

/// What does not change with `proxy.yaml`.
#[derive(Debug)]
pub(super) struct Base {
    pub file: File,
    /// The place of each provider in the file.
    providers: HashMap<Box<str>, usize>,
    /// Every model name that the file writes out, in lower case.
    names: HashSet<Box<str>>,
    /// Providers of which every model has a price above nothing.
    pub always_cost: HashSet<Box<str>>,
    /// Providers of which some model has one.
    pub charges: HashSet<Box<str>>,
    pub versions: Versions,
    seen: RwLock<Seen>,
}

/// What a call's price is said to be from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    base: Arc<str>,
    added: Arc<str>,
    both: Arc<str>,
}

impl Versions {
    /// Those of a catalogue, each with this at its end.
    pub(super) fn of(file: &File, end: &str) -> Versions {
        let base = format!("{}-{}", file.source, file.version);
        let added = file.added.as_ref();
        let added = added.map(|added| format!("{}-{}", added.source, added.version));
        let both = match &added {
            Some(added) => format!("{base},{added}{end}").into(),
            None => format!("{base}{end}").into(),
        };
        let base: Arc<str> = format!("{base}{end}").into();
        let added = added.map_or_else(|| base.clone(), |added| format!("{added}{end}").into());
        Versions { base, added, both }
    }

    #[cfg(test)]
    pub(super) fn test() -> Versions {
        let name: Arc<str> = "test".into();
        Versions {
            base: name.clone(),
            added: name.clone(),
            both: name,
        }
    }

    /// That of prices from these sources; one from neither is laid over the first.
    pub(super) fn name(&self, sources: Sources) -> &Arc<str> {
        match (sources.has(Sources::BASE), sources.has(Sources::ADDED)) {
            (true, true) => &self.both,
            (false, true) => &self.added,
            _ => &self.base,
        }
    }

    /// That of the whole catalogue.
    pub(super) fn whole(&self) -> &Arc<str> {
        &self.both
    }
}

/// Places already found, by provider and model as asked.
#[derive(Debug, Default)]
struct Seen {
    places: HashMap<Box<str>, HashMap<Box<str>, Option<Place>>>,
    count: usize,
}

/// Where a model stands in the file, and which form of its name led there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub provider: usize,
    pub model: usize,
    /// Whether it stands at the provider that was asked, not at one whose models that one sells.
    pub own: bool,
    pub matched: Matched,
}

impl Base {
    pub(super) fn new(file: File) -> Base {
        let ids = file.providers.iter().enumerate();
        let providers = ids
            .map(|(at, provider)| (provider.id.clone(), at))
            .collect();
        let mut names = HashSet::with_capacity(8192);
        let (mut always_cost, mut charges) = (HashSet::new(), HashSet::new());
        for provider in &file.providers {
            for model in &provider.models {
                names.insert(model.id.to_lowercase().into_boxed_str());
                model.clause.names(&mut |name| {
                    names.insert(name.into());
                });
            }
            if provider.models.iter().any(is_charged) {
                charges.insert(provider.id.clone());
            }
            if !provider.models.is_empty() && !provider.models.iter().any(may_be_free) {
                always_cost.insert(provider.id.clone());
            }
        }
        let versions = Versions::of(&file, "");
        Base {
            file,
            providers,
            names,
            always_cost,
            charges,
            versions,
            seen: RwLock::default(),
        }
    }

    pub(super) fn model(&self, place: Place) -> &Model {
        &self.file.providers[place.provider].models[place.model]
    }

    /// The prices of the model at a place, with the fees of the provider that was asked.
    pub(super) fn in_force(&self, place: Place, lookup: &Lookup<'_>) -> Option<Selected<'_>> {
        let asked = lookup.catalog_id.and_then(|id| self.providers.get(id));
        let fees = &self.file.providers[*asked.unwrap_or(&place.provider)].fees;
        in_force(self.model(place), fees, lookup, place.own)
    }

    /// The dearest prices that a call of the model at a place may turn out to have.
    pub(super) fn dearest(
        &self,
        place: Place,
        lookup: &Lookup<'_>,
        open: &Open<'_>,
    ) -> Option<PriceSet> {
        let asked = lookup.catalog_id.and_then(|id| self.providers.get(id));
        let fees = &self.file.providers[*asked.unwrap_or(&place.provider)].fees;
        dearest(self.model(place), fees, lookup, place.own, open)
    }

    /// Where the model of a call stands.
    pub(super) fn place(&self, lookup: &Lookup<'_>) -> Option<Place> {
        let (id, name) = (lookup.catalog_id?, lookup.model);
        if name.len() > MODEL_BYTES_MAX {
            return None;
        }
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = seen.places.get(id).and_then(|models| models.get(name)) {
            return *place;
        }
        drop(seen);
        let place = self
            .providers
            .get(id)
            .and_then(|provider| self.search(*provider, name));
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.count >= SEEN_MAX {
            *seen = Seen::default();
        }
        seen.count += 1;
        seen.places
            .entry(id.into())
            .or_default()
            .insert(name.into(), place);
        place
    }

    /// The first form of the name that a rule fits: as said, with its date dashed, without the version
    /// that Vertex writes behind an `@`, without the fine-tuning.
    fn search(&self, provider: usize, name: &str) -> Option<Place> {
        let lower = name.to_lowercase();
        let lower = lower.strip_prefix("models/").unwrap_or(&lower);
        let dashed = dashed_date(lower);
        let tuned = lower
            .strip_prefix("ft:")
            .and_then(|rest| rest.split(':').next());
        let forms = [
            (Some(lower), Matched::AsSaid),
            (dashed.as_deref(), Matched::DashedDate),
            (version_off(lower), Matched::AsSaid),
            (tuned, Matched::FineTunedBase),
        ];
        forms
            .into_iter()
            .find_map(|(form, matched)| self.fitting(provider, form?, matched))
    }

    fn fitting(&self, asked: usize, name: &str, matched: Matched) -> Option<Place> {
        let fallback = self.file.providers[asked]
            .fallback
            .iter()
            .filter_map(|id| self.providers.get(id));
        std::iter::once(&asked)
            .chain(fallback)
            .find_map(|provider| {
                let models = &self.file.providers[*provider].models;
                let model = models.iter().position(|model| model.clause.fits(name))?;
                Some(Place {
                    provider: *provider,
                    model,
                    own: *provider == asked,
                    matched,
                })
            })
    }

    pub(super) fn knows(&self, model: &str) -> bool {
        if model.len() > MODEL_BYTES_MAX {
            return false;
        }
        let lower;
        let name = if model.bytes().any(|byte| byte.is_ascii_uppercase()) {
            lower = model.to_ascii_lowercase();
            &*lower
        } else {
            model
        };
        let name = name.strip_prefix("models/").unwrap_or(name);
        self.names.contains(name)
            || without_date(name).is_some_and(|name| self.names.contains(name))
    }
}

/// Whether a model is known to be free, at some time or in some variant. One without any price is not known
/// to be: its price is unknown.
fn may_be_free(model: &Model) -> bool {
    free_by_name(&model.id).is_some()
        || model.prices.iter().any(|entry| entry.prices.is_free())
        || model
            .variants
            .iter()
            .any(|variant| variant.prices.is_free())
}

/// Whether something that a model does has a price above nothing.
fn is_charged(model: &Model) -> bool {
    let mut prices = model.prices.iter().flat_map(|entry| entry.prices.iter());
    prices.any(|(_, price)| !price.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Selectors;

    #[test]
    fn strange_names_do_not_fill_the_memory() {
        let model = r#"{"id":"m","match":{"equals":"m"},"prices":[]}"#;
        let text = format!(
            r#"{{"source":"s","version":"1","date":"2026-01-01","providers":[
            {{"id":"p","name":"P","url":"x","models":[{model}]}}]}}"#
        );
        let base = Base::new(File::read(&text).expect("a catalogue"));
        let at = |model: &str| {
            base.place(&Lookup {
                provider: "p",
                catalog_id: Some("p"),
                model,
                at: 0,
                selectors: Selectors::NONE,
            })
        };
        for strange in 0..SEEN_MAX * 2 + 10 {
            assert!(at(&strange.to_string()).is_none());
            assert!(at("m").is_some());
        }
        let seen = base.seen.read().expect("no panic held it");
        let kept: usize = seen.places.values().map(HashMap::len).sum();
        assert!(
            kept <= SEEN_MAX && kept == seen.count,
            "{kept} of {}",
            seen.count
        );
    }
}
