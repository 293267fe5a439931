use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;
use crate::ledger::samples::{NOON, call, hold};
use crate::ledger::{Call, CallHead, Ledger, Quiet};

const HOUR_MS: i64 = 3_600_000;

/// A ledger with calls: when they began, of which team, at how many milli-dollars.
fn ledger(calls: &[(i64, &str, i128)]) -> (TempDir, Reader) {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(NOON);
    let (ledger, guard) = Ledger::open(dir.path(), clock, Arc::new(Quiet)).unwrap();
    for (at, team, milli) in calls {
        let made = call(&hold(*at));
        let mut head = CallHead::clone(&made.head);
        head.labels.team = Some((*team).to_owned());
        ledger.settle(Call {
            head: Arc::new(head),
            cost: Some(PicoUsd::new(milli * PICO_PER_USD / 1_000)),
            ..made
        });
    }
    guard.close();
    let reader = Reader::open(dir.path()).unwrap();
    (dir, reader)
}

/// 2 USD at noon of each of so many days before today, and more today.
fn days(before: i64, today: &[(&'static str, i128)]) -> Vec<(i64, &'static str, i128)> {
    let past = (1..=before).map(|back| (NOON - back * DAY_MS, "search", 2_000));
    let today = today.iter().map(|(team, milli)| (NOON, *team, *milli));
    past.chain(today).collect()
}

fn found(calls: &[(i64, &str, i128)], per: Per, by: &[Dimension]) -> Vec<Value> {
    let (_dir, reader) = ledger(calls);
    let settings = Anomaly {
        by: by.to_vec(),
        ..Anomaly::default()
    };
    let now = NOON + DAY_MS;
    let of = window(per, &TimeZone::UTC, NOON);
    let found = look(&reader, &settings, &TimeZone::UTC, (per, of), now).unwrap();
    found
        .into_iter()
        .map(|new| {
            let mut told = new.detail;
            told["each_value"] = new.each_value.into();
            told["open_until"] = new.open_until.into();
            told
        })
        .collect()
}

#[test]
fn an_hour_out_of_the_ordinary_is_told_with_what_is_usual() {
    let all = found(
        &days(10, &[("search", 30_000)]),
        Per::Hour,
        &[Dimension::Team],
    );
    assert_eq!(all.len(), 2, "in total and of the team: {all:?}");
    for one in &all {
        assert_eq!((&one["spent"], &one["usual"]), (&"30".into(), &"2".into()));
        assert_eq!(one["window"]["start"], "2026-03-28T12:00:00Z");
        assert_eq!(one["open_until"], NOON + 2 * HOUR_MS);
    }
    assert_eq!(all[0]["each_value"], "search");
    assert_eq!(all[1]["each_value"], Value::Null);
    assert!(
        all[1]["text"]
            .as_str()
            .unwrap()
            .starts_with("all calls spent 30 USD in the hour")
    );
    let day = found(&days(10, &[("search", 30_000)]), Per::Day, &[]);
    assert_eq!(day.len(), 1);
    assert_eq!(day[0]["open_until"], NOON - 12 * HOUR_MS + 2 * DAY_MS);
}

#[test]
fn what_is_small_usual_young_or_new_is_no_anomaly() {
    let none = |calls: &[(i64, &str, i128)], why: &str| {
        assert_eq!(
            found(calls, Per::Hour, &[Dimension::Team]),
            [Value::Null; 0],
            "{why}"
        );
    };
    none(&days(10, &[("search", 4_999)]), "below the least amount");
    none(&days(6, &[("search", 30_000)]), "six days are known");
    none(&days(0, &[("search", 30_000)]), "nothing is known");
    let dear: Vec<_> = days(10, &[("search", 39_000)])
        .into_iter()
        .map(|(at, team, milli)| (at, team, if at == NOON { milli } else { 20_000 }))
        .collect();
    none(&dear, "less than twice the usual");
    let new = found(&days(10, &[("new", 30_000)]), Per::Hour, &[Dimension::Team]);
    assert_eq!(
        new.len(),
        1,
        "a team that is new is told by the total alone"
    );
    assert_eq!(new[0]["each_value"], Value::Null);
}

#[test]
fn a_span_is_looked_at_when_its_calls_have_ended() {
    let utc = TimeZone::UTC;
    let hour = |now| last(Per::Hour, &utc, now).start_ms;
    assert_eq!(hour(NOON + SETTLED_AFTER_MS - 1), NOON - 2 * HOUR_MS);
    assert_eq!(hour(NOON + SETTLED_AFTER_MS), NOON - HOUR_MS);
    let day = last(Per::Day, &utc, NOON);
    assert_eq!(day.end_ms, Some(NOON - 12 * HOUR_MS));
}

#[test]
fn the_past_of_a_span_is_whole_and_before_it() {
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"] {
        let tz = TimeZone::get(zone).unwrap();
        for per in [Per::Hour, Per::Day] {
            let of = window(per, &tz, NOON);
            let past = past(per, &tz, &of);
            assert_eq!(past.len(), PAST);
            let mut end = of.start_ms;
            for span in &past {
                assert!(
                    span.end_ms.is_some_and(|over| over <= end),
                    "{zone} {per:?}"
                );
                end = span.start_ms;
            }
        }
    }
}
