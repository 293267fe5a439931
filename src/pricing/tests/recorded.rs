//! Recorded exchanges from their bytes to their cost, against the project that published the prices.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::{Catalog, Charge};
use super::NOON;
use super::corpus::pico;
use crate::providers::hosts::claiming;
use crate::providers::paths::endpoint;
use crate::providers::{Backend, Dialect, RequestFacts};
use crate::units::PicoUsd;
use crate::usage::corpus_tests::{Case, cases};
use crate::usage::{Extraction, UsageSource};

/// Why weir's cost is not the reference's, and is right.
fn reason(case: &Case, found: &Extraction, cost: Option<PicoUsd>) -> Option<&'static str> {
    let expected = &case.expected;
    let usage = found.usage.as_ref()?;
    let other = |name: &str| usage.other_units.get(name).copied().unwrap_or(0) > 0;
    let read = |name: &str| expected[name].as_u64().unwrap_or(0);
    if found.provider_cost.is_some() {
        return Some("the provider states the cost");
    }
    if cost.is_none() {
        return Some("what was used has no published price");
    }
    if !usage.sub_usages.is_empty() || !usage.rounds.is_empty() {
        return Some("rounds and other models are billed, and the reference leaves them out");
    }
    if case.dialect == Dialect::Cohere {
        return Some("Cohere bills its billed units");
    }
    if read("cached_input_tokens") > read("input_tokens") {
        return Some("more cached than there is input lies beside it");
    }
    if [
        "web_searches",
        "grounded_prompts",
        "x_searches",
        "file_searches",
    ]
    .into_iter()
    .any(other)
        || other("code_exec_sessions")
        || other("maps_searches")
        || usage
            .other_units
            .keys()
            .any(|unit| unit.contains("guardrail"))
    {
        return Some("the provider's tools and guardrails have fees");
    }
    let tier = found.selectors.service_tier.as_deref();
    if tier.is_some_and(|tier| !["default", "standard", "auto"].contains(&tier)) {
        return Some("the tier that served has a price of its own");
    }
    None
}

/// What a call of this case is charged.
fn charged(case: &Case, asked: &RequestFacts, found: &Extraction) -> Option<Option<PicoUsd>> {
    let (method, url) = case.target.as_ref()?;
    let (_, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let known = claiming(host.split(':').next()?, 443)?;
    let at = endpoint(known.api, method, &format!("/{path}"));
    let asked_model = asked.model.as_deref().or(at.model.as_deref());
    let mut selectors = found.selectors.clone();
    selectors.geo = selectors.geo.or(at.geo);
    let route = Backend::route(known.catalog_id, &format!("/{path}"));
    selectors.route = selectors.route.or(route.map(str::to_owned));
    let usage = found.usage.as_ref()?;
    let charge = Charge {
        provider: known.name,
        catalog_id: known.catalog_id,
        dialect: Some(case.dialect),
        model: found.model.as_deref().or(asked_model),
        request_model: asked_model,
        at: NOON,
        selectors: &selectors,
        usage,
    };
    Some(charge.cost(&Catalog::builtin()).amount)
}

/// The reference's cost of a case: with the tools' fees, where it knows them.
fn wanted(expected: &Value) -> Option<[PicoUsd; 2]> {
    let base = &expected["cost_usd_genai_prices"];
    if base.is_null() {
        return None;
    }
    let with_tools = &expected["cost_usd_genai_prices_with_tools"];
    let with_tools = if with_tools.is_null() {
        base
    } else {
        with_tools
    };
    Some([pico(base), pico(with_tools)])
}

#[test]
fn recorded_exchanges_cost_what_the_reference_says() {
    let Some(cases) = cases() else { return };
    let (mut equal, mut reasons, mut wrong) = (0, BTreeMap::<_, usize>::new(), Vec::new());
    for case in &cases {
        let Some(wanted) = wanted(&case.expected) else {
            continue;
        };
        let (asked, found) = case.read_whole();
        assert_ne!(found.source, UsageSource::Repeated);
        let Some(cost) = charged(case, &asked, &found) else {
            continue;
        };
        if cost.is_some_and(|cost| wanted.contains(&cost)) {
            equal += 1;
        } else if let Some(why) = reason(case, &found, cost) {
            println!("{}: {cost:?} against {wanted:?}: {why}", case.name);
            *reasons.entry(why).or_default() += 1;
        } else {
            wrong.push(format!("{}: {cost:?} against {wanted:?}", case.name));
        }
    }
    println!("{equal} recorded exchanges cost the same to the pico-dollar");
    for (why, count) in &reasons {
        println!("{count:>5} differ: {why}");
    }
    assert!(equal > 300, "{equal} were priced");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
