//! Tests of the room as a whole.

mod corpus;
mod currencies;
mod finding;
mod importing;
mod numbered;
mod recorded;
mod reference;
mod rounds;
mod sections;
mod selecting;
mod vectors;

use super::Lookup;
use crate::providers::Selectors;

/// 20 November 2026, noon UTC: off-peak where peak hours cost more.
const NOON: i64 = 1_795_176_000_000;

/// What a served tier and speed make of the price.
fn served(service_tier: Option<&str>, speed: Option<&str>) -> Selectors {
    Selectors {
        service_tier: service_tier.map(str::to_owned),
        speed: speed.map(str::to_owned),
        ..Selectors::default()
    }
}

fn lookup<'a>(provider: &'a str, model: &'a str) -> Lookup<'a> {
    Lookup {
        provider,
        catalog_id: Some(provider),
        model,
        at: NOON,
        selectors: Selectors::NONE,
    }
}
