use crate::providers::Selectors;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::ledger::samples::{NOON, call, hold};
use crate::ledger::{Call, CallHead, Labels, Outcome, classes, new_id, rows};
use crate::providers::ErrorType;
use crate::units::PicoUsd;
use crate::usage::{Usage, UsageSource};

/// A reader of a ledger that holds these calls.
fn reader_of(calls: &[Call]) -> (tempfile::TempDir, Reader) {
    let dir = tempfile::tempdir().unwrap();
    let mut db = schema::open_to_write(dir.path()).unwrap();
    let work = db.transaction().unwrap();
    let mut insert = work.prepare(rows::INSERT_CALL).unwrap();
    for call in calls {
        rows::insert_call(&mut insert, call).unwrap();
    }
    drop(insert);
    work.commit().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    (dir, reader)
}

fn at(instant: &str) -> i64 {
    instant.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn made(started_at: i64, change: impl FnOnce(&mut Call)) -> Call {
    let mut made = call(&hold(started_at));
    change(&mut made);
    made
}

fn groups(names: &[&str]) -> Vec<Group> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn texts(row: &ReportRow) -> Vec<&str> {
    row.groups
        .iter()
        .map(|value| value.as_deref().unwrap_or("-"))
        .collect()
}

#[test]
fn sums_money_beyond_one_integer() {
    let dear = PicoUsd::new(i64::MAX.into());
    let calls: Vec<Call> = (0..5)
        .map(|ms| made(NOON + ms, |call| call.cost = Some(dear)))
        .collect();
    let (_dir, reader) = reader_of(&calls);
    let rows = reader
        .report(&Filter::default(), &[], &TimeZone::UTC)
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].cost.get(), 5 * i128::from(i64::MAX));
    let mut spent = PicoUsd::ZERO;
    reader
        .spend_since(NOON, |at| at, |row| spent += row.cost)
        .unwrap();
    assert_eq!(spent.get(), 5 * i128::from(i64::MAX));
}

#[test]
fn a_token_count_that_nobody_means_breaks_no_report() {
    let junk = |call: &mut Call| call.usage.as_mut().unwrap().input = Some(u64::MAX);
    let (_dir, reader) = reader_of(&[made(NOON, junk), made(NOON + 1, junk), made(NOON + 2, junk)]);
    let rows = reader
        .report(&Filter::default(), &[], &TimeZone::UTC)
        .unwrap();
    assert_eq!(rows[0].tokens.input, Some(u64::MAX));
    assert_eq!(rows[0].tokens.output, Some(900));
}

#[test]
fn groups_by_the_days_of_the_zone_across_a_change_of_clocks() {
    // Berlin leaves winter time on 29 March 2026: that day begins at 23:00 UTC and lasts 23 hours.
    let calls: Vec<Call> = [
        "2026-03-28T22:59:59.999Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T21:59:59.999Z",
        "2026-03-29T22:00:00Z",
        "2026-10-24T22:00:00Z",
        "2026-10-25T22:59:59.999Z",
    ]
    .map(|instant| call(&hold(at(instant))))
    .into();
    let (_dir, reader) = reader_of(&calls);
    let days = |zone: &str, filter: &Filter| {
        let zone = TimeZone::get(zone).unwrap();
        let rows = reader.report(filter, &groups(&["day"]), &zone).unwrap();
        rows.iter()
            .map(|row| (texts(row)[0].to_owned(), row.calls))
            .collect::<Vec<_>>()
    };
    let named = |days: &[(&str, u64)]| {
        days.iter()
            .map(|(day, calls)| ((*day).to_owned(), *calls))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        days("Europe/Berlin", &Filter::default()),
        named(&[
            ("2026-03-28", 1),
            ("2026-03-29", 2),
            ("2026-03-30", 1),
            ("2026-10-25", 2)
        ])
    );
    assert_eq!(
        days("UTC", &Filter::default()),
        named(&[
            ("2026-03-28", 2),
            ("2026-03-29", 2),
            ("2026-10-24", 1),
            ("2026-10-25", 1)
        ])
    );
    let part = Filter {
        since: Some(at("2026-03-29T00:00:00Z")),
        until: Some(at("2026-03-29T22:00:00Z")),
        ..Filter::default()
    };
    assert_eq!(days("Europe/Berlin", &part), named(&[("2026-03-29", 1)]));
}

#[test]
fn counts_what_is_not_known_beside_what_is() {
    let refused = |call: &mut Call| {
        call.outcome = Outcome::Refused;
        call.usage_source = UsageSource::None;
        call.usage = None;
        call.cost = Some(PicoUsd::ZERO);
        call.refused_by = Some("team-month".to_owned());
    };
    let (_dir, reader) = reader_of(&[
        made(NOON, |_| ()),
        made(NOON + 1, refused),
        made(NOON + 2, |call| call.cost = None),
        made(NOON + 3, |call| call.usage_source = UsageSource::Estimated),
        made(NOON + 4, |call| call.usage_source = UsageSource::Partial),
        made(NOON + 5, |call| {
            call.usage_source = UsageSource::None;
            call.usage = None;
            call.cost = None;
        }),
        made(NOON + 6, |call| {
            Arc::make_mut(&mut call.head).labels.team = None
        }),
    ]);
    let rows = reader
        .report(&Filter::default(), &groups(&["team"]), &TimeZone::UTC)
        .unwrap();
    let [search, nobody] = &rows[..] else {
        panic!("{rows:?}")
    };
    assert_eq!((texts(search), texts(nobody)), (vec!["search"], vec!["-"]));
    assert_eq!((search.calls, search.refused, search.unpriced), (6, 1, 2));
    assert_eq!((search.estimated, search.partial, search.none), (1, 1, 1));
    assert_eq!(search.tokens.input, Some(4 * 1_006));
    assert_eq!(search.tokens.cache_write, None, "nobody reported any");
    assert_eq!(search.cost.get(), 3 * 4_875_000_000);

    let mut requests = 0;
    reader
        .spend_since(NOON, |at| at, |row| requests += row.requests)
        .unwrap();
    assert_eq!(requests, 6, "a refused call is no request");
}

#[test]
fn selects_by_values_that_are_never_sql() {
    let hostile = "x' OR 1=1 --\"";
    let (_dir, reader) = reader_of(&[
        made(NOON, |call| {
            Arc::make_mut(&mut call.head).labels.user = Some(hostile.to_owned())
        }),
        made(NOON + 1, |call| {
            Arc::make_mut(&mut call.head).labels.tags =
                BTreeMap::from([(hostile.to_owned(), "1".to_owned())]);
        }),
        made(NOON + 2, |call| call.http_status = Some(429)),
        made(NOON + 3, |call| {
            Arc::make_mut(&mut call.head).labels.user = None
        }),
    ]);
    for (column, value, found) in [
        ("user", Some(hostile), 1),
        ("user", None, 1),
        ("user", Some("ann"), 2),
        (&*format!("tag.{hostile}"), Some("1"), 1),
        ("tag.run", Some("17"), 3),
        ("tag.run", None, 1),
        ("http_status", Some("429"), 1),
        ("team", Some("x"), 0),
    ] {
        let wheres = vec![Where {
            column: column.parse().unwrap(),
            value: value.map(str::to_owned),
        }];
        let filter = Filter {
            wheres,
            ..Filter::default()
        };
        assert_eq!(
            reader.calls(&filter, 10).unwrap().len(),
            found,
            "{column} = {value:?}"
        );
    }
    let unknown = "colour".parse::<Column>().unwrap_err().to_string();
    assert!(
        unknown.contains("\"colour\"") && unknown.contains("request_model"),
        "{unknown}"
    );
}

#[test]
fn the_newest_calls_come_first() {
    let calls: Vec<Call> = (0..10).map(|ms| call(&hold(NOON + ms))).collect();
    let (_dir, reader) = reader_of(&calls);
    let newest = reader.calls(&Filter::since(NOON + 1), 3).unwrap();
    assert_eq!(
        newest,
        [calls[9].clone(), calls[8].clone(), calls[7].clone()]
    );
    assert_eq!(
        reader.call(calls[4].head.id).unwrap().as_ref(),
        Some(&calls[4])
    );
    assert_eq!(reader.call(new_id(NOON)).unwrap(), None);
    let lengths = reader.recent_calls(4).unwrap();
    assert_eq!(lengths.len(), 4);
    assert_eq!(
        (lengths[0].model.as_deref(), lengths[0].output_tokens),
        (Some("gpt-4o"), Some(300))
    );
}

#[test]
fn a_directory_without_a_ledger_is_said_to_be_one() {
    let dir = tempfile::tempdir().unwrap();
    let text = Reader::open(dir.path()).unwrap_err().to_string();
    assert!(text.starts_with("there is no ledger at "), "{text}");
}

#[test]
fn a_span_of_time_is_found_by_the_index() {
    let (_dir, reader) = reader_of(&[]);
    for (sql, bound) in [
        (
            "SELECT count(*) FROM calls WHERE true AND started_at >= ?1 AND started_at < ?2",
            2,
        ),
        (
            "SELECT min(started_at) FROM calls WHERE started_at >= ?1",
            1,
        ),
        (
            "SELECT * FROM calls WHERE true ORDER BY started_at DESC, id DESC LIMIT ?1",
            1,
        ),
    ] {
        let mut plan = reader
            .db
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let parameters = rusqlite::params_from_iter(vec![1; bound]);
        let plan: String = plan.query_row(parameters, |row| row.get(3)).unwrap();
        assert!(plan.contains("calls_started_at"), "{sql}: {plan}");
    }
}

fn counts() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        Just(None),
        (0_u64..100_000).prop_map(Some),
        Just(Some(i64::MAX.unsigned_abs()))
    ]
}

prop_compose! {
    fn plain_usage()(
        totals in [counts(), counts()],
        caches in [counts(), counts(), counts()],
        parts in [counts(), counts(), counts(), counts(), counts()],
        other in proptest::option::of(1_u64..1_000),
        searches in proptest::option::of(0_u64..1_000),
    ) -> Usage {
        Usage {
            input: totals[0],
            output: totals[1],
            cache_read: caches[0],
            // The column holds both kinds; what is larger than it cannot be told apart again.
            cache_write_5m: caches[1].filter(|&count| count > 0 && count < 1_000_000),
            cache_write_1h: caches[2],
            cache_write_other: other,
            reasoning: parts[0],
            audio_input: parts[1],
            audio_output: parts[2],
            image_input: parts[3],
            image_output: parts[4],
            other_units: searches.map(|count| ("web_searches", count)).into_iter().collect(),
            sub_usages: Vec::new(),
            rounds: Vec::new(),
        }
    }
}

prop_compose! {
    fn any_call()(
        usage in plain_usage(),
        subs in proptest::collection::vec(("[a-z]{1,9}", plain_usage()), 0..3),
        rounds in proptest::collection::vec((0..1_000_000_u64, plain_usage()), 0..3),
        texts in proptest::array::uniform10(proptest::option::of(".{0,12}")),
        tags in proptest::collection::btree_map(".{0,6}", ".{0,6}", 0..3),
        numbers in (any::<i64>(), any::<i64>(), any::<i64>(), any::<u16>()),
        outcome in proptest::sample::select(&Outcome::ALL[..]),
        source in proptest::sample::select(&UsageSource::ALL[..]),
        streamed in any::<bool>(),
        failed in any::<bool>(),
        ms in 0..2_000_000_i64,
    ) -> Call {
        let [key, user, team, project, task, request_model, model, version, request, budget] = texts;
        let usage = Usage { sub_usages: subs, rounds, ..usage };
        Call {
            head: Arc::new(CallHead {
                id: new_id(NOON + ms),
                started_at: NOON + ms,
                provider: "openai".to_owned(),
                operation: "chat".to_owned(),
                dialect: String::new(),
                request_model,
                labels: Labels { key, user, team, project, task, tags },
                streamed,
                sent_model: budget.clone(),
                attempt_of: failed.then(|| new_id(NOON)),
                counted_at: failed.then_some(NOON + 7),
            }),
            ended_at: numbers.0,
            model,
            usage: Some(usage).filter(|usage| *usage != Usage::default()),
            usage_source: source,
            cost: (numbers.1 % 3 != 0).then(|| PicoUsd::new(numbers.1.into())),
            price_version: version,
            http_status: (numbers.3 > 99).then_some(numbers.3),
            outcome,
            error_type: failed.then_some(ErrorType::ModelNotFound),
            first_byte_ms: failed.then_some(numbers.2),
            duration_ms: (!failed).then_some(numbers.2),
            request_bytes: numbers.2.unsigned_abs() / 2,
            response_bytes: 0,
            upstream_request_id: request.clone(),
            refused_by: budget,
            forwarded: !failed,
            selectors: Selectors { size: request.clone(), ..Selectors::default() },
            response_id: request,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_call_reads_back_as_it_was_written(call in any_call()) {
        let (_dir, reader) = reader_of(std::slice::from_ref(&call));
        prop_assert_eq!(reader.calls(&Filter::default(), 9).unwrap(), vec![call]);
    }

    #[test]
    fn the_seed_is_the_sum_of_the_calls(calls in proptest::collection::vec(any_call(), 1..12)) {
        let (_dir, reader) = reader_of(&calls);
        let mut seeded = [0_u64; classes::COUNT];
        let (mut count, mut cost) = (0, PicoUsd::ZERO);
        reader
            .counter_seed(|row| {
                count += row.calls;
                cost += row.cost;
                for (total, tokens) in seeded.iter_mut().zip(row.tokens) {
                    *total = total.saturating_add(tokens);
                }
            })
            .unwrap();
        let mut counted = [0_u64; classes::COUNT];
        for usage in calls.iter().filter_map(|call| call.usage.as_ref()) {
            for (total, tokens) in counted.iter_mut().zip(classes::of(usage)) {
                *total = total.saturating_add(tokens);
            }
        }
        prop_assert_eq!(count, calls.len() as u64);
        prop_assert_eq!(cost, calls.iter().filter_map(|call| call.cost).sum());
        prop_assert_eq!(seeded, counted);
    }
}
