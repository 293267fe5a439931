use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::ledger::Via;
use crate::ledger::query::Reader;

fn ledger() -> (TempDir, Alerts) {
    let dir = tempfile::tempdir().unwrap();
    drop(schema::open_to_write(dir.path()).unwrap());
    let alerts = Alerts::open(dir.path()).unwrap();
    (dir, alerts)
}

fn new(name: &str, at: i64) -> NewAlert {
    NewAlert {
        id: format!("id-{at:06}-{name}"),
        at,
        kind: "threshold",
        once_key: name.to_owned(),
        budget: Some("team".to_owned()),
        each_value: None,
        detail: json!({ "percent": 80 }),
        open_until: Some(1_000_000),
    }
}

fn listed(dir: &TempDir, open: bool, now: i64) -> Vec<Alert> {
    let reader = Reader::open(dir.path()).unwrap();
    reader.alerts(open, now, 100_000).unwrap()
}

#[test]
fn what_was_raised_is_raised_once_with_a_delivery_for_each_target() {
    let (dir, mut alerts) = ledger();
    let raised = alerts.raise(&new("a", 5), &["x", "y"]).unwrap();
    assert_eq!(raised, Raised::New { dropped: 0 });
    let again = NewAlert {
        id: "another".to_owned(),
        ..new("a", 9)
    };
    assert_eq!(alerts.raise(&again, &["x"]).unwrap(), Raised::Known);
    assert_eq!(alerts.queue().unwrap(), (Some(5), 2));
    let all = listed(&dir, false, 10);
    assert_eq!(
        (all.len(), all[0].waiting, &all[0].detail),
        (1, 2, &json!({ "percent": 80 }))
    );
}

#[test]
fn one_delivery_is_due_for_each_target_the_oldest_first() {
    let (dir, mut alerts) = ledger();
    for (at, name) in ["a", "b"].into_iter().enumerate() {
        let at = i64::try_from(at).unwrap();
        alerts.raise(&new(name, at), &["x", "y"]).unwrap();
    }
    assert_eq!(alerts.due(-1).unwrap(), []);
    let due = alerts.due(1).unwrap();
    let told = |due: &[Delivery]| -> Vec<String> {
        due.iter()
            .map(|d| format!("{} {}", d.target, d.alert.id))
            .collect()
    };
    assert_eq!(told(&due), ["x id-000000-a", "y id-000000-a"]);

    alerts
        .attempted(&due[0], Attempt::Again { next_at: 50 })
        .unwrap();
    alerts.attempted(&due[1], Attempt::GivenUp).unwrap();
    assert_eq!(
        told(&alerts.due(1).unwrap()),
        ["x id-000001-b", "y id-000001-b"]
    );
    let b = alerts.due(1).unwrap().remove(0);
    // Who takes one takes what failed before as well.
    alerts.attempted(&b, Attempt::Delivered { now: 2 }).unwrap();
    let due = alerts.due(2).unwrap();
    assert_eq!(
        (told(&due)[0].as_str(), due[0].attempts),
        ("x id-000000-a", 1)
    );

    // A delivery that is gone is not counted again.
    alerts.attempted(&b, Attempt::Delivered { now: 2 }).unwrap();
    let all = listed(&dir, false, 2);
    let counts: Vec<_> = all
        .iter()
        .map(|a| (a.delivered, a.failed, a.waiting))
        .collect();
    assert_eq!(counts, [(1, 0, 1), (0, 1, 1)]);
}

#[test]
fn a_full_queue_drops_the_oldest_and_counts_it() {
    let (dir, mut alerts) = ledger();
    let max = i64::try_from(DELIVERIES_MAX).unwrap();
    for at in 0..max {
        let raised = alerts.raise(&new(&at.to_string(), at), &["x"]).unwrap();
        assert_eq!(raised, Raised::New { dropped: 0 });
    }
    let raised = alerts.raise(&new("last", max), &["x", "y"]).unwrap();
    assert_eq!(raised, Raised::New { dropped: 2 });
    assert_eq!(alerts.queue().unwrap().1, 1_000);
    let failed: Vec<String> = listed(&dir, false, 0)
        .into_iter()
        .filter(|alert| alert.failed == 1)
        .map(|alert| alert.id)
        .collect();
    assert_eq!(failed, ["id-000001-1", "id-000000-0"]);

    assert_eq!(
        alerts.keep_targets(&["y", "z"]).unwrap(),
        DELIVERIES_MAX - 1
    );
    assert_eq!(alerts.queue().unwrap().1, 1);
}

#[test]
fn a_window_that_is_over_resolves_what_it_raised() {
    let (dir, mut alerts) = ledger();
    alerts.raise(&new("day", 1), &["x"]).unwrap();
    let total = NewAlert {
        open_until: None,
        ..new("total", 2)
    };
    alerts.raise(&total, &[]).unwrap();
    let open = |now| listed(&dir, true, now).len();
    assert_eq!((open(999_999), open(1_000_000)), (2, 1));
    // As it is read, so it is written.
    assert_eq!(
        listed(&dir, false, 1_000_000)[1].resolved_at,
        Some(1_000_000)
    );
    alerts.tidy(1_000_000, 10).unwrap();
    assert_eq!(listed(&dir, false, 0)[1].resolved_at, Some(1_000_000));
    assert_eq!((open(0), open(i64::MAX)), (1, 1));
}

#[test]
fn tidying_keeps_the_newest_and_what_still_waits() {
    let (dir, mut alerts) = ledger();
    let more = 3;
    let all = i64::try_from(RESOLVED_KEPT_MAX).unwrap() + more;
    alerts.raise(&new("waits", 0), &["x"]).unwrap();
    alerts
        .write(|db| {
            for at in 1..=all {
                db.execute(
                    "INSERT INTO alerts (id, raised_at, kind, once_key, detail, open_until)
                     VALUES (?1, ?2, 'threshold', ?1, '{}', 5)",
                    (format!("id-{at:06}"), at),
                )?;
            }
            Ok(())
        })
        .unwrap();
    let waits = alerts.due(0).unwrap().remove(0);
    alerts
        .attempted(&waits, Attempt::Again { next_at: 9_999_999 })
        .unwrap();
    alerts.tidy(2_000_000, 100).unwrap();
    let left = listed(&dir, false, 0);
    assert_eq!(left.len(), RESOLVED_KEPT_MAX + 1);
    assert_eq!(left.last().unwrap().id, "id-000000-waits");
    // A clock that stepped back does not put a delivery off for ever.
    assert_eq!(alerts.queue().unwrap().0, Some(2_000_100));
}

#[test]
fn an_operator_resolves_with_a_row_of_the_audit() {
    let (dir, mut alerts) = ledger();
    alerts.raise(&new("a", 1), &[]).unwrap();
    alerts.raise(&new("b", 2), &[]).unwrap();
    let mut operator = Operator::open(dir.path()).unwrap();
    let deed = |at| Deed {
        at,
        action: "alert.resolve",
        subject: String::new(),
        via: Via::Cli,
        detail: json!({}),
    };
    let mut resolve = |id: &str, at| operator.resolve_alert(id, &deed(at)).unwrap();
    for unclear in ["id-", "", "nothing", "%", "id_000001"] {
        assert_eq!(resolve(unclear, 7), Resolution::Unknown, "{unclear:?}");
    }
    let id = "id-000001-a".to_owned();
    assert_eq!(resolve("id-000001", 7), Resolution::Done(id.clone()));
    assert_eq!(resolve(&id, 8), Resolution::Before(id.clone(), 7));
    assert_eq!(listed(&dir, true, 9).len(), 1);
    let audit = operator.ask(|db| {
        db.query_row("SELECT count(*), max(subject) FROM audit", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
    });
    assert_eq!(audit.unwrap(), (1, id));
}
