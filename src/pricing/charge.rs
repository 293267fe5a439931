//! What a call is charged: one reading of names and usage for its settlement, for pricing it anew
//! and for explaining it.

use super::Lookup;
use super::catalog::{Catalog, Cost};
use super::explain::Explanation;
use super::rates::Line;
use crate::providers::{Api, Backend, Dialect, Selectors};
use crate::usage::Usage;

/// The price version of a call whose provider stated the cost itself.
pub const STATED_BY_PROVIDER: &str = "provider-stated";

/// What a call is priced by, as its settlement knows it and as the ledger keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'a> {
    /// The provider's name in `proxy.yaml`.
    pub provider: &'a str,
    /// The provider's id in the catalogue, where it has one.
    pub catalog_id: Option<&'a str>,
    /// In which words the names are said.
    pub dialect: Option<Dialect>,
    /// What answered, else what was asked.
    pub model: Option<&'a str>,
    /// What was asked.
    pub request_model: Option<&'a str>,
    /// Unix milliseconds at which the call began.
    pub at: i64,
    /// What else the price depends on.
    pub selectors: &'a Selectors,
    /// With what was used of other models.
    pub usage: &'a Usage,
}

/// The charge for one model's usage: the call's own, or one within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name that it is priced by.
    pub model: String,
    /// Which price applies; `None` where the model is not known at all.
    pub explanation: Option<Explanation>,
    /// What was counted, at which rate; empty where there is no rate at all.
    pub lines: Vec<Line>,
}

impl<'a> Charge<'a> {
    /// The key of the price; `None` where no model is named.
    ///
    /// Where the catalogue does not know what answered (an alias, a deployment), what the operator says
    /// is behind the name is priced, else what was asked. Bedrock's answers leave out the profile that
    /// sets the price (`global.`), so there it is the other way round. An answer that repeats the name
    /// that was asked for tells nothing more, and the operator's word comes first.
    pub fn lookup(&self, catalog: &'a Catalog) -> Option<Lookup<'a>> {
        let route = self.selectors.route.as_deref();
        let said = self.request_model.or(self.model);
        let backend = Backend::of(self.catalog_id, said, route);
        let mut lookup = Lookup {
            provider: self.provider,
            catalog_id: backend.catalog_id,
            model: backend.model(self.model?),
            at: self.at,
            selectors: self.selectors,
        };
        let behind = |name: Option<&str>| catalog.behind(self.provider, name?);
        let named = |name: Option<&'a str>| name.map(|name| backend.model(name));
        let asked = [behind(self.request_model), named(self.request_model)];
        let answered = match behind(self.model) {
            Some(model) if self.model == self.request_model => [Some(model), named(self.model)],
            other => [named(self.model), other],
        };
        let names = match self.dialect.and_then(Dialect::api) {
            Some(Api::Bedrock) => [asked, answered],
            _ => [answered, asked],
        };
        let names = names.into_iter().flatten().flatten();
        if let Some(priced) = catalog.first_priced(&lookup, names) {
            lookup.model = priced;
        }
        Some(lookup)
    }

    /// The cost, and which prices were asked for it.
    pub fn cost(&self, catalog: &'a Catalog) -> Cost {
        match self.lookup(catalog) {
            Some(lookup) => catalog.cost(&lookup, self.usage),
            None => Cost {
                amount: None,
                version: catalog.version().to_owned(),
            },
        }
    }

    /// The cost taken apart: the call's own part first, then what it used of other models.
    pub fn parts(&self, catalog: &'a Catalog) -> Vec<Part> {
        let mut parts = Vec::new();
        if let Some(lookup) = self.lookup(catalog) {
            add_parts(catalog, &lookup, self.usage, &mut parts);
        }
        parts
    }
}

fn add_parts(catalog: &Catalog, lookup: &Lookup<'_>, usage: &Usage, parts: &mut Vec<Part>) {
    let explanation = catalog.explain(lookup);
    let rates = explanation
        .as_ref()
        .and_then(|explanation| explanation.rates.as_ref());
    parts.push(Part {
        model: lookup.model.to_owned(),
        lines: rates.map(|rates| rates.lines(usage)).unwrap_or_default(),
        explanation,
    });
    for (model, usage) in &usage.sub_usages {
        add_parts(catalog, &Lookup { model, ..*lookup }, usage, parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge<'a>(model: Option<&'a str>, asked: Option<&'a str>, usage: &'a Usage) -> Charge<'a> {
        Charge {
            provider: "openai",
            catalog_id: Some("openai"),
            dialect: None,
            model,
            request_model: asked,
            at: 1_795_176_000_000,
            selectors: Selectors::NONE,
            usage,
        }
    }

    #[test]
    fn what_was_asked_is_priced_where_what_answered_is_not_known() {
        let usage = Usage {
            input: Some(1_000_000),
            ..Usage::default()
        };
        let catalog = Catalog::builtin();
        let model = |charge: Charge<'_>| charge.lookup(&catalog).map(|at| at.model.to_owned());
        let cost = |charge: Charge<'_>| charge.cost(&catalog).amount;
        let known = charge(Some("gpt-4o-2024-08-06"), Some("gpt-4o-mini"), &usage);
        assert_eq!(model(known).as_deref(), Some("gpt-4o-2024-08-06"));
        let alias = charge(Some("deployment-7"), Some("gpt-4o"), &usage);
        assert_eq!(model(alias).as_deref(), Some("gpt-4o"));
        assert_eq!(cost(alias), "2.5".parse().ok());
        let bedrock = Charge {
            dialect: Some(Dialect::BedrockConverse),
            ..known
        };
        assert_eq!(model(bedrock).as_deref(), Some("gpt-4o-mini"));
        let neither = charge(Some("deployment-7"), Some("deployment-8"), &usage);
        assert_eq!(model(neither).as_deref(), Some("deployment-7"));
        assert_eq!(cost(neither), None);
        let nameless = charge(None, None, &usage).cost(&catalog);
        assert_eq!(
            (nameless.amount, &*nameless.version),
            (None, catalog.version())
        );
    }

    #[test]
    fn a_router_is_priced_by_the_backend_that_the_call_names() {
        let usage = Usage {
            input: Some(1_000_000),
            output: Some(0),
            ..Usage::default()
        };
        let catalog = Catalog::builtin();
        let (section, model) = catalog
            .models()
            .find(|(section, _)| *section == "huggingface_together")
            .expect("the router's section");
        let direct = Charge {
            catalog_id: Some(section),
            ..charge(Some(model), None, &usage)
        };
        let asked = format!("{model}:together");
        let routed = Charge {
            catalog_id: Some("huggingface"),
            ..charge(Some(model), Some(&asked), &usage)
        };
        assert!(direct.cost(&catalog).amount.is_some());
        assert_eq!(routed.cost(&catalog).amount, direct.cost(&catalog).amount);
        let unnamed = Charge {
            request_model: Some(model),
            ..routed
        };
        assert_eq!(unnamed.cost(&catalog).amount, None);
        let by_path = Selectors {
            route: Some("together".to_owned()),
            ..Selectors::default()
        };
        let by_path = Charge {
            selectors: &by_path,
            ..unnamed
        };
        assert_eq!(by_path.cost(&catalog).amount, direct.cost(&catalog).amount);
    }

    #[test]
    fn the_operator_says_what_is_behind_a_name_that_is_not_known() {
        let usage = Usage {
            input: Some(1_000_000),
            ..Usage::default()
        };
        let pair = |name: &str, model: &str| (name.to_owned(), model.to_owned());
        let names = [
            pair("mine", "gpt-4o"),
            pair("gpt-4.1", "gpt-4o-mini"),
            pair("arn:x", "gpt-4o"),
        ];
        let names = [("openai".to_owned(), names.into_iter().collect())];
        let catalog = Catalog::builtin().with_names(names.into_iter().collect());
        for (answered, asked, priced) in [
            ("mine", "mine", "gpt-4o"),
            ("gpt-4.1", "mine", "gpt-4.1"),
            ("unheard-of", "mine", "gpt-4o"),
            ("arn:x", "unheard-of", "gpt-4o"),
            ("gpt-4.1", "gpt-4.1", "gpt-4o-mini"),
            ("unheard-of", "gpt-4o", "gpt-4o"),
        ] {
            let charge = charge(Some(answered), Some(asked), &usage);
            let lookup = charge.lookup(&catalog).expect("a name");
            assert_eq!(lookup.model, priced, "{answered} for {asked}");
            let elsewhere = Charge {
                provider: "another",
                ..charge
            };
            assert_ne!(
                elsewhere.lookup(&catalog).expect("a name").model,
                "gpt-4o-mini"
            );
        }
    }

    #[test]
    fn the_parts_add_up_to_the_cost() {
        let advice = Usage {
            input: Some(1_000),
            output: Some(10),
            ..Usage::default()
        };
        let usage = Usage {
            input: Some(2_000),
            cache_read: Some(500),
            output: Some(100),
            sub_usages: vec![("gpt-4o-mini".to_owned(), advice)],
            ..Usage::default()
        };
        let catalog = Catalog::builtin();
        let charge = charge(Some("gpt-4o"), None, &usage);
        let parts = charge.parts(&catalog);
        let models: Vec<&str> = parts.iter().map(|part| &*part.model).collect();
        assert_eq!(models, ["gpt-4o", "gpt-4o-mini"]);
        let amounts = parts
            .iter()
            .flat_map(|part| &part.lines)
            .map(|line| line.amount);
        assert_eq!(amounts.sum::<Option<_>>(), charge.cost(&catalog).amount);
    }
}
