//! Which section of the price catalogue a call is priced by, where the provider alone does not tell.
//!
//! Hugging Face's router hands a call on to one of many providers, each at its own price. The caller names it
//! behind the model (`org/name:together`) or in the path; where nobody does, the router chooses and the price
//! is unknown.

/// The catalogue's id of a provider that only passes calls on.
pub(super) const HUGGINGFACE: &str = "huggingface";

/// Backends of the router, as callers name them, and their sections of the catalogue.
const HUGGINGFACE_BACKENDS: &[(&str, &str)] = &[
    ("cerebras", "huggingface_cerebras"),
    ("fireworks-ai", "huggingface_fireworks-ai"),
    ("groq", "huggingface_groq"),
    ("hyperbolic", "huggingface_hyperbolic"),
    ("nebius", "huggingface_nebius"),
    ("novita", "huggingface_novita"),
    ("nscale", "huggingface_nscale"),
    ("ovhcloud", "huggingface_ovhcloud"),
    ("publicai", "huggingface_publicai"),
    ("sambanova", "huggingface_sambanova"),
    ("together", "huggingface_together"),
];

/// Where a call is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend<'a> {
    /// The section of the catalogue.
    pub catalog_id: Option<&'a str>,
    /// Whether models are named with the backend behind a colon.
    is_named: bool,
}

impl<'a> Backend<'a> {
    /// The section for a provider's own id in the catalogue, the model that was asked for, and the route
    /// that [`Backend::route`] found in the path.
    pub fn of(catalog_id: Option<&'a str>, asked: Option<&str>, route: Option<&str>) -> Self {
        if catalog_id != Some(HUGGINGFACE) {
            return Backend {
                catalog_id,
                is_named: false,
            };
        }
        let by_model = asked.and_then(|model| model.rsplit_once(':'));
        let named = by_model.and_then(|(_, name)| known(name));
        Backend {
            catalog_id: named.or_else(|| known(route?)).map(|(_, id)| *id),
            is_named: true,
        }
    }

    /// The backend that a path names; none at a provider that has none.
    pub fn route(catalog_id: Option<&str>, path: &str) -> Option<&'static str> {
        let first = path.trim_start_matches('/').split('/').next()?;
        let (name, _) = known(first).filter(|_| catalog_id == Some(HUGGINGFACE))?;
        Some(name)
    }

    /// A model's name without the backend behind it.
    pub fn model<'m>(&self, name: &'m str) -> &'m str {
        match name.rsplit_once(':') {
            Some((model, _)) if self.is_named => model,
            _ => name,
        }
    }
}

fn known(name: &str) -> Option<&'static (&'static str, &'static str)> {
    HUGGINGFACE_BACKENDS
        .iter()
        .find(|(backend, _)| *backend == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_is_priced_by_whom_it_hands_on_to() {
        let id = |asked, path| {
            let route = Backend::route(Some(HUGGINGFACE), path);
            Backend::of(Some(HUGGINGFACE), asked, route).catalog_id
        };
        let together = Some("huggingface_together");
        let plain = "/v1/chat/completions";
        assert_eq!(id(Some("org/name:together"), plain), together);
        assert_eq!(
            id(Some("org/name"), "/together/v1/chat/completions"),
            together
        );
        assert_eq!(id(Some("org/name:fastest"), plain), None);
        assert_eq!(id(None, ""), None);
        let named = Backend::of(Some(HUGGINGFACE), None, None);
        assert_eq!(named.model("org/name:together"), "org/name");
    }

    #[test]
    fn any_other_provider_is_its_own_section() {
        assert_eq!(Backend::route(Some("openai"), "/together/v1"), None);
        let own = Backend::of(Some("openai"), Some("ft:gpt:x:y"), Some("together"));
        assert_eq!(own.catalog_id, Some("openai"));
        assert_eq!(own.model("ft:gpt:x:y"), "ft:gpt:x:y");
    }
}
