//! What there is to say about a call's cost, before it is put into words.

use crate::ledger::query::Repricing;
use crate::ledger::{Call, Unpriceable};
use crate::pricing::{Catalog, Cost, Line, Part};
use crate::units::PicoUsd;

/// A call, what the prices in force make of it, and what it had cost before.
#[derive(Debug)]
pub(super) struct Account<'a> {
    pub call: &'a Call,
    /// Why prices have no say in the cost.
    pub unpriceable: Option<Unpriceable>,
    /// The prices in force, and what they come to.
    pub present: Option<Present>,
    /// Earlier costs, the latest last.
    pub earlier: Vec<Repricing>,
}

/// A cost at the prices in force, taken apart.
#[derive(Debug)]
pub(super) struct Present {
    pub cost: Cost,
    pub parts: Vec<Part>,
}

impl<'a> Account<'a> {
    pub(super) fn of(
        call: &'a Call,
        catalog_id: Option<&str>,
        catalog: &Catalog,
        earlier: Vec<Repricing>,
    ) -> Self {
        let charge = call.charge(catalog_id);
        let present = charge.as_ref().ok().map(|charge| Present {
            cost: charge.cost(catalog),
            parts: charge.parts(catalog),
        });
        Account {
            call,
            unpriceable: charge.err(),
            present,
            earlier,
        }
    }

    /// Whether the prices that the stored cost is from are the ones in force, so that the lines tell
    /// how it came about.
    pub(super) fn is_of_present_prices(&self) -> bool {
        let version = self.present.as_ref().map(|present| &*present.cost.version);
        version.is_some() && version == self.call.price_version.as_deref()
    }

    /// By how much the prices in force give another cost; `None` where either is not known.
    pub(super) fn difference(&self) -> Option<PicoUsd> {
        let present = self.present.as_ref()?.cost.amount?;
        Some(present - self.call.cost?)
    }
}

impl Present {
    /// Every line with the model that it is for.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&Part, &Line)> {
        let of = |part| move |line| (part, line);
        self.parts
            .iter()
            .flat_map(move |part: &Part| part.lines.iter().map(of(part)))
    }

    /// What the one rounding of the sum makes different from the sum of the rounded lines.
    pub(super) fn rounding(&self) -> Option<PicoUsd> {
        let lines: PicoUsd = self.lines().filter_map(|(_, line)| line.amount).sum();
        Some(self.cost.amount? - lines)
    }
}

/// The input above which the line's tier begins; `None` where the base price applies.
pub(super) fn tier(part: &Part, line: &Line) -> Option<u64> {
    let rates = part.explanation.as_ref()?.rates.as_ref()?;
    let rate = line.rate?;
    let of_item = rates
        .all()
        .filter(|(item, _, price)| Some(*item) == line.charged_as && *price == rate);
    let above: Vec<Option<u64>> = of_item.map(|(_, above, _)| above).collect();
    // A base price that is the same as a tier's says nothing of the tier.
    if above.contains(&None) {
        return None;
    }
    above.into_iter().flatten().max()
}
