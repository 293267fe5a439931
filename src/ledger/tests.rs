use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::query::{Filter, Reader};
use super::samples::{NOON, call, hold};
use super::shared::Shared;
use super::writer::{Turn, Writer};
use super::*;
use crate::clock::ManualClock;

/// A ledger whose writer takes its turns when it is told.
struct Stepped {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    shared: Arc<Shared>,
    writer: Writer,
    ledger: Ledger,
}

impl Stepped {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOON);
        let shared = Arc::new(Shared::new(clock.clone(), Arc::new(Quiet)));
        let db = schema::open_to_write(dir.path()).unwrap();
        db.busy_timeout(Duration::ZERO).unwrap();
        let ledger = Ledger::over(Arc::clone(&shared), dir.path(), Duration::from_millis(5));
        Stepped {
            writer: Writer::new(db, Arc::clone(&shared)),
            shared,
            dir,
            clock,
            ledger,
        }
    }

    fn turn(&mut self) -> Turn {
        assert!(self.writer.take());
        self.writer.turn()
    }

    fn calls(&self) -> Vec<Call> {
        calls(self.dir.path())
    }
}

fn calls(dir: &Path) -> Vec<Call> {
    Reader::open(dir)
        .unwrap()
        .calls(&Filter::default(), usize::MAX)
        .unwrap()
}

fn holds_on_record(dir: &Path) -> i64 {
    let db = schema::open_to_read(dir).unwrap();
    db.query_row("SELECT count(*) FROM holds", [], |row| row.get(0))
        .unwrap()
}

fn open(dir: &Path) -> (Ledger, LedgerGuard) {
    Ledger::open(dir, ManualClock::at(NOON + 60_000), Arc::new(Quiet)).unwrap()
}

/// The files as a process that is killed at this moment leaves them.
fn as_killed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["weir.db", "weir.db-wal"] {
        std::fs::copy(dir.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

#[tokio::test]
async fn a_killed_process_leaves_every_call_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, guard) = open(dir.path());
    let [ended, in_flight, amended] = [hold(NOON), hold(NOON + 1), hold(NOON + 2)];
    for hold in [&ended, &in_flight, &amended] {
        ledger.hold(hold.clone()).await.unwrap();
    }
    ledger.settle(call(&ended));
    let mut known = amended.clone();
    Arc::make_mut(&mut known.head).request_model = Some("o3".to_owned());
    known.input_tokens = None;
    known.cost = None;
    ledger.amend(known);
    ledger.flush().await.unwrap();
    assert_eq!(calls(dir.path()), [call(&ended)]);

    let copy = as_killed(dir.path());
    guard.close();
    for restarts in 0..3 {
        let (_, guard) = open(copy.path());
        assert_eq!(guard.orphans(), if restarts == 0 { 2 } else { 0 });
        guard.close();
        let found = calls(copy.path());
        assert_eq!(found.len(), 3, "after {restarts} restarts");
        let [late, orphan, whole] = &found[..] else {
            unreachable!()
        };
        assert_eq!(*whole, call(&ended));
        assert_eq!(orphan.head, in_flight.head);
        assert_eq!(orphan.outcome, Outcome::Orphaned);
        assert_eq!(orphan.cost, in_flight.cost);
        assert_eq!(orphan.usage.as_ref().unwrap().input, Some(1_000));
        assert_eq!(orphan.usage_source, UsageSource::Estimated);
        assert_eq!(orphan.ended_at, NOON + 60_000);
        assert_eq!(late.head.request_model.as_deref(), Some("o3"));
        assert_eq!(
            (late.cost, &late.usage, late.usage_source),
            (None, &None, UsageSource::None)
        );
    }
}

#[test]
fn a_ledger_of_the_first_schema_keeps_its_rows_and_settles_its_holds() {
    let dir = tempfile::tempdir().unwrap();
    let [ended, in_flight] = [hold(NOON), hold(NOON + 1)];
    schema::first(
        dir.path(),
        &format!(
            "INSERT INTO calls (id, started_at, ended_at, provider, operation, dialect, request_model,
                model, tags, streamed, input_tokens, output_tokens, other_units, usage_source,
                cost_picousd, price_version, http_status, outcome)
            VALUES ('{}', {NOON}, {NOON}, 'openai', 'chat', 'openai.chat', 'gpt-4o', 'gpt-4o', '{{}}', 0,
                7, 3, '{{\"web_searches\":2}}', 'reported', 41, '2026-03', 200, 'ok');
            INSERT INTO holds (id, started_at, provider, operation, dialect, request_model, tags,
                streamed, input_tokens, input_cost_picousd, price_version)
            VALUES ('{}', {NOON} + 1, 'openai', 'chat', 'openai.chat', 'gpt-4o', '{{}}', 1, 5, 12, '2026-03');",
            ended.head.id, in_flight.head.id
        ),
    );
    let (_, guard) = open(dir.path());
    assert_eq!(guard.orphans(), 1);
    guard.close();
    let found = calls(dir.path());
    let [orphan, whole] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (whole.head.id, orphan.head.id),
        (ended.head.id, in_flight.head.id)
    );
    assert_eq!(whole.cost, Some(crate::units::PicoUsd::new(41)));
    assert_eq!(whole.usage.as_ref().unwrap().other_units["web_searches"], 2);
    assert_eq!(orphan.outcome, Outcome::Orphaned);
    assert_eq!(orphan.cost, Some(crate::units::PicoUsd::new(12)));
    for call in &found {
        assert_eq!(
            (&call.selectors, &call.response_id),
            (&Default::default(), &None)
        );
    }
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.recently_made(10).unwrap(), []);
}

#[tokio::test]
async fn a_second_row_of_the_same_id_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, guard) = open(dir.path());
    let hold = hold(NOON);
    ledger.hold(hold.clone()).await.unwrap();
    ledger.settle(call(&hold));
    ledger.settle(Call {
        cost: None,
        outcome: Outcome::ClientClosed,
        ..call(&hold)
    });
    // Late facts about a call that ended bring it back neither here nor at the next start.
    ledger.amend(hold.clone());
    guard.close();
    assert_eq!(calls(dir.path()), [call(&hold)]);
    let (_, guard) = open(dir.path());
    assert_eq!(guard.orphans(), 0);
    assert_eq!(calls(dir.path()), [call(&hold)]);
    assert_eq!(holds_on_record(dir.path()), 0);
}

#[tokio::test]
async fn a_full_disk_keeps_the_backlog_and_writes_it_after() {
    let mut stepped = Stepped::new();
    let pages: i64 = stepped
        .writer
        .db
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    stepped
        .writer
        .db
        .pragma_update(None, "max_page_count", pages)
        .unwrap();
    let holds: Vec<Hold> = (0..200).map(|ms| hold(NOON + ms)).collect();
    let mut waiting: Vec<Committed> = holds
        .iter()
        .map(|hold| stepped.ledger.hold(hold.clone()))
        .collect();
    for hold in &holds {
        stepped.ledger.settle(call(hold));
    }
    let Turn::Failed(first) = stepped.turn() else {
        panic!("the disk is full")
    };
    let Turn::Failed(second) = stepped.turn() else {
        panic!("the disk is full")
    };
    assert!(second > first, "it backs off");
    assert!(!stepped.ledger.is_healthy());
    assert_eq!(stepped.ledger.faults(), 2);
    assert_eq!(stepped.ledger.queue_depth(), 400);
    assert_eq!(waiting.swap_remove(0).await, Err(Fault::Unavailable));
    assert_eq!(stepped.calls(), []);

    stepped.clock.advance(HOLD_WAIT);
    let late = hold(NOON + 500);
    assert_eq!(
        stepped.ledger.hold(late.clone()).await,
        Err(Fault::Unavailable)
    );

    stepped
        .writer
        .db
        .pragma_update(None, "max_page_count", 1_000_000)
        .unwrap();
    assert_eq!(stepped.turn(), Turn::Committed);
    assert_eq!(waiting.swap_remove(0).await, Ok(()));
    assert_eq!(stepped.turn(), Turn::Committed);
    assert!(stepped.ledger.is_healthy());
    assert_eq!(
        (stepped.ledger.queue_depth(), stepped.ledger.lost()),
        (0, 0)
    );
    assert_eq!(stepped.calls().len(), 200);
    assert_eq!(
        holds_on_record(stepped.dir.path()),
        1,
        "the one that was not waited for"
    );
}

#[tokio::test]
async fn a_disk_that_hangs_slows_no_more_than_the_first_calls() {
    let mut stepped = Stepped::new();
    stepped.shared.attempted(Duration::ZERO);
    let first = stepped.ledger.hold(hold(NOON));
    stepped.clock.advance(HOLD_WAIT);
    assert!(!stepped.ledger.is_healthy());
    let second = stepped.ledger.hold(hold(NOON + 1)).await;
    assert_eq!(second, Err(Fault::Unavailable));
    assert_eq!(stepped.turn(), Turn::Committed);
    assert_eq!(first.await, Ok(()));
    assert!(stepped.ledger.is_healthy());
    assert_eq!(holds_on_record(stepped.dir.path()), 2);
}

#[tokio::test]
async fn another_process_that_writes_only_delays() {
    let mut stepped = Stepped::new();
    let shell = rusqlite::Connection::open(stepped.dir.path().join("weir.db")).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let committed = stepped.ledger.hold(hold(NOON));
    assert!(matches!(stepped.turn(), Turn::Failed(_)));
    shell.execute_batch("ROLLBACK").unwrap();
    assert_eq!(stepped.turn(), Turn::Committed);
    assert_eq!(committed.await, Ok(()));
}

#[tokio::test]
async fn an_entry_that_sqlite_refuses_holds_up_no_other() {
    let mut stepped = Stepped::new();
    let trigger = "CREATE TRIGGER no BEFORE INSERT ON calls WHEN NEW.team = 'bad'
        BEGIN SELECT raise(ABORT, 'refused'); END";
    stepped.writer.db.execute_batch(trigger).unwrap();
    let [good, mut bad] = [hold(NOON), hold(NOON + 1)];
    Arc::make_mut(&mut bad.head).labels.team = Some("bad".to_owned());
    stepped.ledger.settle(call(&bad));
    stepped.ledger.settle(call(&good));
    assert_eq!(stepped.turn(), Turn::Committed);
    assert_eq!(stepped.calls(), [call(&good)]);
    assert_eq!((stepped.ledger.lost(), stepped.ledger.faults()), (1, 0));
}

#[tokio::test]
async fn a_full_queue_refuses_holds_before_rows_and_counts_what_is_lost() {
    let stepped = Stepped::new();
    let one = hold(NOON);
    for _ in 0..HOLD_QUEUE_MAX {
        stepped.ledger.amend(one.clone());
    }
    assert_eq!(stepped.ledger.lost(), 0);
    assert_eq!(
        stepped.ledger.hold(one.clone()).await,
        Err(Fault::QueueFull)
    );
    for _ in HOLD_QUEUE_MAX..QUEUE_MAX {
        stepped.ledger.settle(call(&one));
    }
    assert_eq!(stepped.ledger.lost(), 1);
    stepped.ledger.settle(call(&one));
    assert_eq!(stepped.ledger.lost(), 2);
    assert_eq!(stepped.ledger.queue_depth(), QUEUE_MAX);
}

#[test]
fn a_directory_takes_one_weir_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (_, guard) = open(dir.path());
    let second = Ledger::open(dir.path(), ManualClock::at(NOON), Arc::new(Quiet));
    let text = second.unwrap_err().to_string();
    let pid = std::process::id();
    assert!(
        text.starts_with(&format!("another weir (pid {pid}) already uses ")),
        "{text}"
    );
    assert!(text.contains("data_dir"), "{text}");
    guard.close();
    open(dir.path()).1.close();
}

/// Notes what it is told.
#[derive(Default)]
struct Noting {
    committed: AtomicUsize,
    groups: AtomicUsize,
    last_depth: Mutex<Option<usize>>,
}

impl Watch for Noting {
    fn queue_depth(&self, depth: usize) {
        *self.last_depth.lock().unwrap() = Some(depth);
    }
    fn committed(&self, _took: Duration, entries: usize) {
        self.committed.fetch_add(entries, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
    }
    fn fault(&self) {}
    fn lost(&self) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_side_by_side_are_all_on_record_when_it_closes() {
    const TASKS: usize = 32;
    const EACH: usize = 25;
    let dir = tempfile::tempdir().unwrap();
    let noting = Arc::new(Noting::default());
    let (ledger, guard) = Ledger::open(dir.path(), ManualClock::at(NOON), noting.clone()).unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                for ms in 0..EACH {
                    let hold = hold(NOON + i64::try_from(ms).unwrap());
                    ledger.hold(hold.clone()).await.unwrap();
                    ledger.settle(call(&hold));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    guard.close();
    assert_eq!(calls(dir.path()).len(), TASKS * EACH);
    assert_eq!(holds_on_record(dir.path()), 0);
    assert_eq!(noting.committed.load(Ordering::Relaxed), 2 * TASKS * EACH);
    assert!(
        noting.groups.load(Ordering::Relaxed) < 2 * TASKS * EACH,
        "commits are shared"
    );
    assert_eq!(*noting.last_depth.lock().unwrap(), Some(0));

    ledger.settle(call(&hold(NOON)));
    assert_eq!(
        ledger.lost(),
        1,
        "a row that comes after the close is counted"
    );
    assert_eq!(ledger.hold(hold(NOON)).await, Err(Fault::Closed));
}

#[test]
fn ids_stand_in_the_order_of_their_calls() {
    let ids: Vec<String> = (0..1_000)
        .map(|n| new_id(NOON + n / 500).to_string())
        .collect();
    assert!(ids.is_sorted());
    assert_eq!(new_id(NOON).get_version_num(), 7);
    let (seconds, nanos) = new_id(NOON + 17).get_timestamp().unwrap().to_unix();
    assert_eq!(
        seconds.cast_signed() * 1_000 + i64::from(nanos) / 1_000_000,
        NOON + 17
    );
}
