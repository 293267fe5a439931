//! What recorded calls took, against what they would have held.

use super::*;
use crate::pricing::{Catalog, Charge, Lookup};
use crate::providers::hosts::claiming;
use crate::providers::paths::endpoint;
use crate::providers::request::RequestReader;
use crate::providers::{Backend, Endpoint, Metering, Selectors};
use crate::usage::corpus_tests::{Case, cases};
use crate::usage::{Extraction, UsageSource};

/// 2026-11-20T12:00:00Z, which the recordings are priced at.
const NOON: i64 = 1_795_176_000_000;

/// A recorded call: what it held, what it took.
struct Judged {
    sizes: Sizes,
    took: Size,
}

/// Where a recorded call went.
struct Sent {
    name: &'static str,
    catalog_id: Option<&'static str>,
    path: String,
    endpoint: Endpoint,
}

fn sent(case: &Case) -> Option<Sent> {
    let (method, url) = case.target.as_ref()?;
    let (_, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let path = format!("/{path}");
    let known = claiming(host.split(':').next()?, 443)?;
    Some(Sent {
        name: known.name,
        catalog_id: known.catalog_id,
        endpoint: endpoint(known.api, method, &path).at(known.catalog_id),
        path,
    })
}

/// As the proxy asks for sizes, and as it charges; what the answer tells is learnt afterwards.
fn judge(estimator: &Estimator, case: &Case) -> Option<Judged> {
    let sent = sent(case)?;
    if sent.endpoint.metering != Metering::Metered {
        return None;
    }
    let catalog = Catalog::builtin();
    let kind = case.request_headers.get("content-type").map(String::as_str);
    let mut reader = RequestReader::of(sent.endpoint.dialect, kind);
    reader.feed(&case.request, &mut |_| ());
    let mut asked = reader.facts();
    asked.model = sent.endpoint.model.clone().or(asked.model);
    let guardrail = "x-amzn-bedrock-guardrailidentifier";
    asked.is_guarded |= case.request_headers.contains_key(guardrail);
    let (_, found) = case.read_whole();
    let usage = found.usage.as_ref()?;
    let route = Backend::route(sent.catalog_id, &sent.path).map(str::to_owned);
    let asked_model = asked.model.as_deref();
    let backend = Backend::of(sent.catalog_id, asked_model, route.as_deref());
    let mut selectors = asked.selectors.clone();
    selectors.geo = selectors.geo.or(sent.endpoint.geo.clone());
    let body_model = reader.model().filter(|_| sent.endpoint.model.is_some());
    let named = [asked_model, body_model].into_iter().flatten();
    let lookup = Lookup {
        provider: sent.name,
        catalog_id: backend.catalog_id,
        model: "",
        at: NOON,
        selectors: &selectors,
    };
    let priced = catalog.first_priced(&lookup, named.map(|name| backend.model(name)));
    let lookup = Lookup {
        model: priced.unwrap_or_else(|| backend.model(asked_model.unwrap_or_default())),
        ..lookup
    };
    let known = Known::of(&catalog, &lookup, sent.endpoint.dialect);
    let sizes = estimator.sizes(&Ask {
        provider: sent.name,
        key: None,
        request: &asked,
        answers: !matches!(sent.endpoint.operation, "embeddings" | "videos"),
        body_bytes: case.request.len() as u64,
        input_tokens: None,
        text_only: false,
        known: &known,
    });
    let overall = usage.overall();
    if let (UsageSource::Reported, Some(output), Some(model)) =
        (found.source, overall.output, asked_model)
    {
        let caller = Caller {
            provider: sent.name,
            model,
            key: None,
        };
        estimator.learn(&caller, Some(output), None);
    }
    Some(Judged {
        sizes,
        took: Size {
            cost: cost(&sent, &asked, &found, route),
            input_tokens: overall.input.unwrap_or(0),
            output_tokens: overall.output.unwrap_or(0),
        },
    })
}

fn cost(
    sent: &Sent,
    asked: &RequestFacts,
    found: &Extraction,
    route: Option<String>,
) -> Option<PicoUsd> {
    if found.provider_cost.is_some() {
        return found.provider_cost;
    }
    let plain = Selectors {
        service_tier: None,
        speed: None,
        geo: None,
        ..asked.selectors.clone()
    };
    let mut selectors = found.selectors.clone().or(plain);
    selectors.geo = selectors.geo.or(sent.endpoint.geo.clone());
    selectors.route = selectors.route.or(route);
    let charge = Charge {
        provider: sent.name,
        catalog_id: sent.catalog_id,
        dialect: sent.endpoint.dialect,
        model: found.model.as_deref().or(asked.model.as_deref()),
        request_model: asked.model.as_deref(),
        at: NOON,
        selectors: &selectors,
        usage: found.usage.as_ref()?,
    };
    charge.cost(&Catalog::builtin()).amount
}

/// What a recorded call took beyond its worst case.
fn faults(worst: &Size, took: &Size) -> Vec<String> {
    let mut faults = Vec::new();
    for (side, took, worst) in [
        ("input", took.input_tokens, worst.input_tokens),
        ("output", took.output_tokens, worst.output_tokens),
    ] {
        if took > worst {
            faults.push(format!("{side} {took} > {worst}"));
        }
    }
    if let (Some(took), Some(worst)) = (took.cost, worst.cost)
        && took > worst
    {
        faults.push(format!("cost {took} > {worst}"));
    }
    faults
}

/// The median of these hundredths, as a factor.
fn median(mut ratios: Vec<i128>) -> String {
    ratios.sort_unstable();
    let middle = ratios.get(ratios.len() / 2).copied().unwrap_or(0);
    format!("{}.{:02}", middle / 100, middle % 100)
}

#[test]
fn no_recorded_call_took_more_than_its_worst_case() {
    let Some(cases) = cases() else { return };
    let estimator = Estimator::new();
    let (mut judged, mut worsts, mut expecteds) = (0, Vec::new(), Vec::new());
    let (mut nameless, mut wrong) = (Vec::new(), Vec::new());
    for case in &cases {
        let Some(Judged { sizes, took }) = judge(&estimator, case) else {
            continue;
        };
        judged += 1;
        let faults = faults(&sizes.worst_case, &took);
        if !faults.is_empty() {
            wrong.push(format!("{}: {}", case.name, faults.join("; ")));
        }
        let Some(cost) = took.cost.map(PicoUsd::get).filter(|cost| *cost > 0) else {
            continue;
        };
        match (sizes.worst_case.cost, sizes.expected.cost) {
            (Some(worst), Some(expected)) => {
                worsts.push(worst.get() * 100 / cost);
                expecteds.push(expected.get() * 100 / cost);
            }
            _ => nameless.push(&case.name),
        }
    }
    let priced = worsts.len();
    println!("{judged} calls held to their tokens, {priced} of them to their cost");
    println!("median of worst case to cost {}", median(worsts));
    println!("median of expected to cost {}", median(expecteds));
    println!("the name that was asked for has no price, what answered has one or states its cost:");
    println!("{} calls {nameless:?}", nameless.len());
    assert!(
        judged > 600 && priced > 500,
        "{judged} judged, {priced} priced"
    );
    assert!(nameless.len() * 20 < priced, "few names are unknown");
    assert!(
        wrong.is_empty(),
        "{} exceed\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
