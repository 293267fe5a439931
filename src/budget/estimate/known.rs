//! What the catalogue knows of a call before it is answered.

use crate::pricing::{Catalog, Lookup, Rates};
use crate::providers::{Dialect, Selectors};

/// Prices and bounds of the model that was asked for.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The rates of what was asked for; `None` = no price is known.
    pub rates: Option<Rates>,
    /// The dearest rates that the call may turn out to have.
    pub dearest: Option<Rates>,
    /// The most input tokens that the model takes.
    pub context_window: Option<u64>,
}

impl Known {
    /// What is known of a call of this dialect. Its selectors are those of its request and its host.
    pub fn of(catalog: &Catalog, lookup: &Lookup<'_>, dialect: Option<Dialect>) -> Known {
        // A provider may know nothing of the tier that was asked for, and charge as if none had been.
        let plain = Selectors {
            service_tier: None,
            ..lookup.selectors.clone()
        };
        let plain = Lookup {
            selectors: &plain,
            ..*lookup
        };
        let rates = catalog.find(lookup).or_else(|| catalog.find(&plain));
        // Of the answers only Anthropic's name the place, which is the workspace's where none was asked for.
        let names_place = dialect == Some(Dialect::AnthropicMessages);
        let dearest = catalog.dearest(lookup, names_place);
        Known {
            rates,
            dearest: dearest.or_else(|| catalog.dearest(&plain, names_place)),
            context_window: catalog.context_window(lookup),
        }
    }
}
