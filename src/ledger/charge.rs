//! What a row says a call is priced by, and what pricing it anew makes of its cost.

use std::sync::LazyLock;

use super::{Call, Outcome};
use crate::pricing::{Catalog, Charge, Cost, STATED_BY_PROVIDER};
use crate::providers::Dialect;
use crate::units::PicoUsd;
use crate::usage::{Usage, UsageSource};

/// Why the cost of a call is not the catalogue's to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unpriceable {
    /// The provider stated it.
    Stated,
    /// A budget refused the call.
    Refused,
    /// What was called is free, or failed before the provider charged for it.
    Free,
    /// Another call was charged for the same usage.
    Repeated,
    /// Nothing is known of what was used.
    NoUsage,
}

impl Unpriceable {
    /// Every reason.
    pub const ALL: [Unpriceable; 5] = [
        Unpriceable::Stated,
        Unpriceable::Refused,
        Unpriceable::Free,
        Unpriceable::Repeated,
        Unpriceable::NoUsage,
    ];

    /// Its name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Unpriceable::Stated => "provider_stated",
            Unpriceable::Refused => "refused",
            Unpriceable::Free => "free",
            Unpriceable::Repeated => "repeated",
            Unpriceable::NoUsage => "no_usage",
        }
    }
}

/// What becomes of a call's cost at given prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Left(Unpriceable),
    /// It costs what it had cost.
    Same,
    /// No price was known, and none is.
    StillUnknown,
    /// It has a cost, and no price is known for it any more.
    Gone(Cost),
    /// No price was known, and one is.
    Priced(Cost),
    /// It costs something else.
    Changed(Cost),
}

impl Call {
    /// What the call is priced by at the provider of that id in the catalogue.
    ///
    /// An orphan is priced by what its hold said of its tokens, mostly its input alone.
    ///
    /// # Errors
    ///
    /// Where its cost is not a matter of prices.
    pub fn charge<'a>(&'a self, catalog_id: Option<&'a str>) -> Result<Charge<'a>, Unpriceable> {
        /// A usage of which nothing was counted: what is charged by the request has one.
        static NOTHING: LazyLock<Usage> = LazyLock::new(Usage::default);
        if self.outcome == Outcome::Refused {
            return Err(Unpriceable::Refused);
        }
        if self.price_version.as_deref() == Some(STATED_BY_PROVIDER) {
            return Err(Unpriceable::Stated);
        }
        match self.usage_source {
            UsageSource::Repeated => return Err(Unpriceable::Repeated),
            _ if self.price_version.is_none() && self.cost == Some(PicoUsd::ZERO) => {
                return Err(Unpriceable::Free);
            }
            UsageSource::None => return Err(Unpriceable::NoUsage),
            UsageSource::Reported | UsageSource::Estimated | UsageSource::Partial => {}
        }
        Ok(Charge {
            provider: &self.head.provider,
            catalog_id,
            dialect: Dialect::parse(&self.head.dialect),
            model: self.model.as_deref(),
            request_model: self.head.asked_model(),
            at: self.head.started_at,
            selectors: &self.selectors,
            usage: self.usage.as_ref().unwrap_or(&NOTHING),
        })
    }

    /// What becomes of the cost at these prices.
    pub fn verdict(&self, catalog_id: Option<&str>, catalog: &Catalog) -> Verdict {
        let charge = match self.charge(catalog_id) {
            Ok(charge) => charge,
            Err(why) => return Verdict::Left(why),
        };
        let cost = charge.cost(catalog);
        // As the table stores it, so that what was stored does not differ from itself.
        let stored = |amount: PicoUsd| PicoUsd::new(amount.to_i64().into());
        match (self.cost, cost.amount.map(stored)) {
            (None, None) => Verdict::StillUnknown,
            (None, Some(_)) => Verdict::Priced(cost),
            (Some(_), None) => Verdict::Gone(cost),
            (Some(before), Some(after)) if before == after => Verdict::Same,
            (Some(_), Some(_)) => Verdict::Changed(cost),
        }
    }
}
