use proptest::prelude::*;

use super::*;
use crate::ledger::query::{Filter, Reader, Repricing};
use crate::ledger::samples::{NOON, call, hold};
use crate::ledger::{Outcome, Unpriceable, Verdict, rows};
use crate::pricing::{Catalog, STATED_BY_PROVIDER};
use crate::usage::{Usage, UsageSource};

fn ledger_of(calls: &[Call]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut db = schema::open_to_write(dir.path()).unwrap();
    let work = db.transaction().unwrap();
    let mut insert = work.prepare(rows::INSERT_CALL).unwrap();
    for call in calls {
        rows::insert_call(&mut insert, call).unwrap();
    }
    drop(insert);
    work.commit().unwrap();
    dir
}

fn made(started_at: i64, change: impl FnOnce(&mut Call)) -> Call {
    let mut made = call(&hold(started_at));
    change(&mut made);
    made
}

/// A change of the cost to so many pico-dollars.
fn to(call: &Call, pico: i128) -> Change {
    Change {
        call: call.clone(),
        cost: Some(PicoUsd::new(pico)),
        price_version: Some("other".to_owned()),
    }
}

fn all(dir: &tempfile::TempDir) -> Vec<Call> {
    let reader = Reader::open(dir.path()).unwrap();
    reader.page(&Filter::default(), None, 1_000).unwrap()
}

fn history(dir: &tempfile::TempDir, call: &Call) -> Vec<Repricing> {
    let reader = Reader::open(dir.path()).unwrap();
    reader.repricings(call.head.id).unwrap()
}

#[test]
fn changes_cost_and_version_alone_and_keeps_what_was_there() {
    let one = made(NOON, |_| {});
    let unpriced = made(NOON + 1, |call| call.cost = None);
    let dir = ledger_of(&[one.clone(), unpriced.clone()]);
    let mut repricer = Repricer::open(dir.path()).unwrap();
    repricer
        .apply(&[to(&one, 7), to(&unpriced, 9)], 50, None)
        .unwrap();
    let expected = |call: &Call, pico| Call {
        cost: Some(PicoUsd::new(pico)),
        price_version: Some("other".to_owned()),
        ..call.clone()
    };
    assert_eq!(all(&dir), [expected(&one, 7), expected(&unpriced, 9)]);
    for call in [&one, &unpriced] {
        let before = Repricing {
            repriced_at: 50,
            cost: call.cost,
            price_version: call.price_version.clone(),
        };
        assert_eq!(history(&dir, call), [before]);
    }
}

#[test]
fn two_changes_within_a_millisecond_keep_their_order() {
    let one = made(NOON, |_| {});
    let dir = ledger_of(std::slice::from_ref(&one));
    let mut repricer = Repricer::open(dir.path()).unwrap();
    repricer.apply(&[to(&one, 7)], 50, None).unwrap();
    repricer.apply(&[to(&all(&dir)[0], 8)], 50, None).unwrap();
    let costs = history(&dir, &one).into_iter().map(|was| was.cost);
    assert_eq!(costs.collect::<Vec<_>>(), [one.cost, Some(PicoUsd::new(7))]);
}

#[test]
fn a_call_that_is_not_as_it_was_read_undoes_its_group() {
    let calls = [made(NOON, |_| {}), made(NOON + 1, |_| {})];
    let dir = ledger_of(&calls);
    let stale = made(NOON + 1, |call| {
        call.head = calls[1].head.clone();
        call.cost = Some(PicoUsd::new(1));
    });
    let mut repricer = Repricer::open(dir.path()).unwrap();
    let fault = repricer
        .apply(&[to(&calls[0], 7), to(&stale, 8)], 50, None)
        .unwrap_err();
    assert!(
        fault.to_string().contains("run `weir reprice` again"),
        "{fault}"
    );
    assert_eq!(all(&dir), calls);
    assert_eq!(history(&dir, &calls[0]), []);
}

#[test]
fn pages_hold_every_call_once_also_within_a_millisecond() {
    let calls: Vec<Call> = (0..25).map(|at| made(NOON + at / 10, |_| {})).collect();
    let dir = ledger_of(&calls);
    let reader = Reader::open(dir.path()).unwrap();
    let filter = Filter {
        since: Some(NOON),
        until: Some(NOON + 2),
        ..Filter::default()
    };
    let mut seen: Vec<Call> = Vec::new();
    loop {
        let page = reader.page(&filter, seen.last(), 3).unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    let mut expected = calls[..20].to_vec();
    expected.sort_by_key(|call| (call.head.started_at, call.head.id));
    assert_eq!(seen, expected);
}

#[test]
fn an_id_is_found_by_its_beginning() {
    let calls = [made(NOON, |_| {}), made(NOON, |_| {}), made(0, |_| {})];
    let dir = ledger_of(&calls);
    let reader = Reader::open(dir.path()).unwrap();
    let text = calls[0].head.id.to_string();
    assert_eq!(reader.ids_from(&text, 9).unwrap(), [calls[0].head.id]);
    assert_eq!(reader.ids_from(&text[..8], 9).unwrap().len(), 2);
    assert_eq!(reader.ids_from(&text[..8], 1).unwrap().len(), 1);
    assert!(reader.ids_from("f", 9).unwrap().is_empty());
}

#[test]
fn what_is_not_a_matter_of_prices_is_left() {
    let catalog = Catalog::builtin();
    let verdict = |change: fn(&mut Call)| made(NOON, change).verdict(Some("openai"), &catalog);
    type Edit = fn(&mut Call);
    let cases: [(Edit, Unpriceable); 5] = [
        (
            |call| call.price_version = Some(STATED_BY_PROVIDER.to_owned()),
            Unpriceable::Stated,
        ),
        (|call| call.outcome = Outcome::Refused, Unpriceable::Refused),
        (
            |call| (call.cost, call.price_version) = (Some(PicoUsd::ZERO), None),
            Unpriceable::Free,
        ),
        (
            |call| call.usage_source = UsageSource::Repeated,
            Unpriceable::Repeated,
        ),
        (
            |call| {
                (call.usage, call.usage_source) = (None, UsageSource::None);
                (call.cost, call.price_version) = (None, None);
            },
            Unpriceable::NoUsage,
        ),
    ];
    for (change, why) in cases {
        assert_eq!(verdict(change), Verdict::Left(why));
    }
    // 494 + 512 cached of gpt-4o, 300 out: (494 × 2.5 + 512 × 1.25 + 300 × 10) / 10⁶ USD.
    let cost = PicoUsd::new(4_875_000_000);
    assert_eq!(verdict(|_| {}), Verdict::Same);
    assert!(
        matches!(verdict(|call| call.cost = None), Verdict::Priced(priced) if priced.amount == Some(cost))
    );
    let dearer = verdict(|call| call.cost = Some(PicoUsd::new(1)));
    assert!(matches!(dearer, Verdict::Changed(priced) if priced.amount == Some(cost)));
    let strange: fn(&mut Call) = |call| call.model = Some("nobody-prices-this".to_owned());
    let asked = verdict(strange);
    assert_eq!(asked, Verdict::Same, "what was asked is priced then");
    let gone = made(NOON, |_| {}).verdict(None, &catalog);
    assert!(matches!(gone, Verdict::Gone(_)));
}

#[test]
fn an_orphan_costs_its_input() {
    let orphan = made(NOON, |call| {
        call.outcome = Outcome::Orphaned;
        call.usage_source = UsageSource::Estimated;
        call.usage = Some(Usage {
            input: Some(1_000),
            ..Usage::default()
        });
        call.cost = None;
    });
    let verdict = orphan.verdict(Some("openai"), &Catalog::builtin());
    assert!(
        matches!(&verdict, Verdict::Priced(cost) if cost.amount == "0.0025".parse().ok()),
        "{verdict:?}"
    );
}

proptest! {
    #[test]
    fn pricing_anew_twice_is_pricing_anew_once(
        input in proptest::option::of(0..10_u64.pow(12)),
        output in proptest::option::of(0..10_u64.pow(12)),
        cached in proptest::option::of(0..10_u64.pow(6)),
        searches in 0..4_u64,
        advised in proptest::option::of(0..10_u64.pow(6)),
        cost in proptest::option::of(0..10_i128.pow(15)),
        model in proptest::sample::select(vec!["gpt-4o", "gpt-5", "claude-sonnet-4-5", "nobody"]),
    ) {
        let catalog = Catalog::builtin();
        let mut before = made(NOON, |call| call.model = Some(model.to_owned()));
        std::sync::Arc::make_mut(&mut before.head).request_model = None;
        before.cost = cost.map(PicoUsd::new);
        let advice = advised.map(|input| {
            let usage = Usage { input: Some(input), ..Usage::default() };
            ("gpt-4o-mini".to_owned(), usage)
        });
        before.usage = Some(Usage {
            input,
            output,
            cache_read: cached,
            other_units: (searches > 0).then_some(("web_searches", searches)).into_iter().collect(),
            sub_usages: advice.into_iter().collect(),
            ..Usage::default()
        });
        let dir = ledger_of(&[before]);
        let mut repricer = Repricer::open(dir.path()).unwrap();
        // From the table, not from memory: what it does not hold cannot be priced.
        let read = all(&dir).remove(0);
        let (Verdict::Priced(cost) | Verdict::Changed(cost) | Verdict::Gone(cost)) =
            read.verdict(Some("openai"), &catalog)
        else {
            return Ok(());
        };
        let change = Change { call: read, cost: cost.amount, price_version: Some(cost.version) };
        repricer.apply(&[change], 1, None).unwrap();
        let again = all(&dir).remove(0).verdict(Some("openai"), &catalog);
        prop_assert!(matches!(again, Verdict::Same | Verdict::StillUnknown), "{again:?}");
    }
}
