//! Tests of the room as a whole.

mod corpus;
mod finding;
mod importing;
mod reference;
mod vectors;

use super::Lookup;

/// 20 November 2026, noon UTC: off-peak where peak hours cost more.
const NOON: i64 = 1_795_176_000_000;

fn lookup<'a>(provider: &'a str, model: &'a str) -> Lookup<'a> {
    Lookup {
        provider,
        catalog_id: Some(provider),
        model,
        at: NOON,
        service_tier: None,
        speed: None,
        geo: None,
    }
}
