//! Finds the rates in force for a call: the overrides of `proxy.yaml` first, then the catalogue.
//!
//! The catalogue is asked only for a provider that it knows. A self-hosted `llama` is not charged
//! at the price that somebody else asks for a model of that name: its price is unknown until an
//! override states it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::base::{Base, Place, Versions};
use super::explain::{Explanation, Origin};
use super::file::File;
use super::overrides::{self, Entry};
use super::rates::{Exact, Rates};
use super::selectors::Open;
use super::{Error, Lookup, Override};
use crate::units::PicoUsd;
use crate::usage::Usage;

/// What the importer makes of genai-prices and litellm (see `data/README.md`).
const BUILTIN: &str = include_str!("data/prices.json");

/// Prices by provider and model, with overrides on top.
#[derive(Debug)]
pub struct Catalog {
    base: Arc<Base>,
    overrides: Vec<Entry>,
    /// The catalogue's models behind names of the operator's own, by provider.
    names: BTreeMap<String, BTreeMap<String, String>>,
    versions: Versions,
}

/// What a whole call costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// `None` = no price known.
    pub amount: Option<PicoUsd>,
    /// Where the prices that were charged are from: `genai-prices-0.2.3`, `litellm-1.109.1`, both with a
    /// comma; with `+` and a digest where there are overrides. Without an amount, what was asked.
    pub version: String,
}

/// The catalogue that weir carries, as it stands.
pub(super) fn builtin_file() -> File {
    File::read(BUILTIN).expect("the built-in catalogue is one that the importer made")
}

impl Catalog {
    /// The catalogue that weir carries, read on first use.
    pub fn builtin() -> Arc<Catalog> {
        static CATALOG: LazyLock<Arc<Catalog>> =
            LazyLock::new(|| Arc::new(Catalog::new(builtin_file())));
        CATALOG.clone()
    }

    /// What genai-prices alone says, to hold against its own arithmetic.
    #[cfg(test)]
    pub(super) fn builtin_without_added() -> Catalog {
        Catalog::new(builtin_file().without_added())
    }

    /// Reads a catalogue that [`import`](super::import) made.
    pub fn parse(text: &str) -> Result<Catalog, Error> {
        let file = File::read(text)?;
        let models = file.providers.iter().flat_map(|provider| &provider.models);
        for model in models {
            if let Some(pattern) = model.clause.broken_pattern() {
                return Err(Error::Catalog(format!(
                    "{}: pattern \"{pattern}\" is not one",
                    model.id
                )));
            }
        }
        Ok(Catalog::new(file))
    }

    fn new(file: File) -> Catalog {
        let base = Arc::new(Base::new(file));
        Catalog {
            versions: base.versions.clone(),
            overrides: Vec::new(),
            names: BTreeMap::new(),
            base,
        }
    }

    /// The same catalogue under these overrides instead of its own; what it read is shared.
    pub fn with_overrides(self: &Arc<Self>, written: &[Override]) -> Arc<Catalog> {
        let versions = match written {
            [] => self.base.versions.clone(),
            _ => Versions::of(&self.base.file, &format!("+{}", overrides::digest(written))),
        };
        Arc::new(Catalog {
            base: self.base.clone(),
            overrides: overrides::entries(written),
            names: self.names.clone(),
            versions,
        })
    }

    /// The same with names of the operator's own, by provider: a deployment, an ARN, an endpoint's id, each
    /// with the model behind it.
    pub fn with_names(&self, names: BTreeMap<String, BTreeMap<String, String>>) -> Arc<Catalog> {
        Arc::new(Catalog {
            base: self.base.clone(),
            overrides: self.overrides.clone(),
            names,
            versions: self.versions.clone(),
        })
    }

    /// The model that the operator says is behind a name.
    pub fn behind(&self, provider: &str, name: &str) -> Option<&str> {
        self.names.get(provider)?.get(name).map(String::as_str)
    }

    /// The rates in force for a call; `None` where none are known.
    pub fn find(&self, lookup: &Lookup<'_>) -> Option<Rates> {
        if let Some(entry) = self.overriding(lookup) {
            return Some(Rates::new(entry.prices.clone(), &self.versions));
        }
        let place = self.place(lookup)?;
        let selected = self.base.in_force(place, lookup)?;
        Some(Rates::new(selected.prices, &self.versions))
    }

    /// The dearest rates that the call may turn out to have, whatever tier, size or (where `geo_is_open`) place
    /// its answer names: what it does not say is open. `None` where [`Catalog::find`] finds nothing.
    pub fn dearest(&self, lookup: &Lookup<'_>, geo_is_open: bool) -> Option<Rates> {
        if let Some(entry) = self.overriding(lookup) {
            return Some(Rates::new(entry.prices.clone(), &self.versions));
        }
        let open = Open::of(lookup, geo_is_open);
        let prices = self.base.dearest(self.place(lookup)?, lookup, &open)?;
        Some(Rates::new(prices, &self.versions))
    }

    /// Where the model of a call stands.
    ///
    /// Bedrock's global profile of a model has a price of its own, and the answer names the model
    /// without it: where the call was served globally, that profile is what was asked.
    fn place(&self, lookup: &Lookup<'_>) -> Option<Place> {
        let geo = lookup.selectors.geo.as_deref();
        let global = geo.is_some_and(|geo| geo.eq_ignore_ascii_case("global"));
        if lookup.catalog_id == Some("aws") && global && !lookup.model.contains("global.") {
            let vendors = ["global.", "global.anthropic."];
            let found = vendors.into_iter().find_map(|prefix| {
                let model = &format!("{prefix}{}", lookup.model);
                self.base.place(&Lookup { model, ..*lookup })
            });
            if found.is_some() {
                return found;
            }
        }
        self.base.place(lookup)
    }

    /// The first of these models that has rates: the one that answered, then the one that was
    /// asked.
    pub fn first_priced<'m>(
        &self,
        lookup: &Lookup<'_>,
        models: impl IntoIterator<Item = &'m str>,
    ) -> Option<&'m str> {
        let priced = |model: &&str| self.find(&Lookup { model, ..*lookup }).is_some();
        models.into_iter().find(priced)
    }

    /// What a call costs, with what it used of other models; the provider's own statement is the
    /// caller's to prefer.
    pub fn cost(&self, lookup: &Lookup<'_>, usage: &Usage) -> Cost {
        match self.exact(lookup, usage) {
            Some(exact) => Cost {
                amount: Some(exact.rounded()),
                version: self.versions.name(exact.sources).to_string(),
            },
            None => Cost {
                amount: None,
                version: self.version().to_owned(),
            },
        }
    }

    /// The sum over the call and what it used besides, each part in the tier that its own input
    /// reaches.
    fn exact(&self, lookup: &Lookup<'_>, usage: &Usage) -> Option<Exact> {
        let parts = &usage.sub_usages;
        let own = match !parts.is_empty()
            && *usage
                == (Usage {
                    sub_usages: parts.clone(),
                    ..Usage::default()
                }) {
            // All of it was told in parts.
            true => Exact::default(),
            false => self.find(lookup)?.exact(usage)?,
        };
        parts.iter().try_fold(own, |sum, (model, usage)| {
            Some(sum.and(self.exact(&Lookup { model, ..*lookup }, usage)?))
        })
    }

    /// Which rates apply and why; `None` where the model is not known at all.
    pub fn explain(&self, lookup: &Lookup<'_>) -> Option<Explanation> {
        if let Some(entry) = self.overriding(lookup) {
            return Some(Explanation {
                origin: Origin::Override {
                    provider: entry.provider.as_deref().map(str::to_owned),
                    model: entry.model.to_string(),
                    currency: entry.currency,
                },
                condition: None,
                variants: Vec::new(),
                rates: Some(Rates::new(entry.prices.clone(), &self.versions)),
            });
        }
        let place = self.place(lookup)?;
        let model = self.base.model(place);
        let origin = Origin::Catalogue {
            provider: self.base.file.providers[place.provider].id.to_string(),
            model: model.id.to_string(),
            name: model.name.as_deref().map(str::to_owned),
            deprecated: model.deprecated,
            context_window: model.context,
            matched: place.matched,
            source: match &model.source {
                Some(source) => source.to_string(),
                None => self.base.file.source.clone(),
            },
        };
        let selected = self.base.in_force(place, lookup);
        Some(Explanation {
            origin,
            condition: selected
                .as_ref()
                .and_then(|selected| selected.condition)
                .map(ToString::to_string),
            variants: selected
                .as_ref()
                .map(|selected| selected.variants.clone())
                .unwrap_or_default(),
            rates: selected.map(|selected| Rates::new(selected.prices, &self.versions)),
        })
    }

    fn overriding(&self, lookup: &Lookup<'_>) -> Option<&Entry> {
        self.overrides.iter().find(|entry| entry.fits(lookup))
    }

    /// Which catalogue and overrides there are: `genai-prices-0.2.3,litellm-1.109.1`, with `+` and a
    /// digest of the overrides.
    pub fn version(&self) -> &str {
        self.versions.whole()
    }

    /// The day as of which the catalogue's prices are meant, as Unix milliseconds.
    pub fn timestamp_ms(&self) -> i64 {
        self.base.file.date.0
    }

    /// Whether a name stands in the catalogue or in an override, as it is or with a date at its
    /// end.
    ///
    /// This is for metric labels, so a name that merely begins like a known one is not known: there
    /// is no end of those.
    pub fn knows_model(&self, model: &str) -> bool {
        let named = self
            .overrides
            .iter()
            .any(|entry| entry.model.eq_ignore_ascii_case(model));
        named || self.base.knows(model)
    }

    /// Whether no model of this provider is known to be free, so that one which is not known yet costs
    /// something.
    pub fn always_costs(&self, lookup_provider: &str, catalog_id: Option<&str>) -> bool {
        let free = |entry: &Entry| {
            let here = entry
                .provider
                .as_deref()
                .is_none_or(|name| name.eq_ignore_ascii_case(lookup_provider));
            here && entry.prices.is_free()
        };
        let priced = catalog_id.is_some_and(|id| self.base.always_cost.contains(id));
        priced && !self.overrides.iter().any(free)
    }

    /// Whether any model of this provider has a price above nothing, so that what answers to a name of which no
    /// price is known may be charged. An override for all providers says nothing of this one.
    pub fn charges(&self, lookup_provider: &str, catalog_id: Option<&str>) -> bool {
        let charged = |entry: &Entry| {
            let own = entry.provider.as_deref();
            own.is_some_and(|name| name.eq_ignore_ascii_case(lookup_provider))
                && !entry.prices.is_free()
        };
        catalog_id.is_some_and(|id| self.base.charges.contains(id))
            || self.overrides.iter().any(charged)
    }

    /// The most input tokens that the model takes, where the catalogue says.
    pub fn context_window(&self, lookup: &Lookup<'_>) -> Option<u64> {
        self.place(lookup)
            .and_then(|place| self.base.model(place).context)
    }

    /// Every model of the catalogue: the provider's id and its own.
    pub fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        self.base.file.providers.iter().flat_map(|provider| {
            provider
                .models
                .iter()
                .map(|model| (&*provider.id, &*model.id))
        })
    }

    /// The id of the provider whose API a URL belongs to (`https://api.x.ai/v1` is `x-ai`).
    pub fn provider_of_url(&self, url: &str) -> Option<&str> {
        let found = self
            .base
            .file
            .providers
            .iter()
            .find(|provider| provider.url.opens(url));
        found.map(|provider| &*provider.id)
    }
}
