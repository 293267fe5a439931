use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::*;
use crate::alert::{Format, Webhook};
use crate::budget::limits::{Action, Limit};
use crate::budget::{Facts, Size, Sizes, samples};
use crate::clock::ManualClock;
use crate::ledger::samples::NOON;
use crate::ledger::{Ledger, Quiet};
use crate::units::{PICO_PER_USD, PicoUsd, Secret};

#[derive(Default)]
struct Counted(Mutex<BTreeMap<&'static str, usize>>);

impl Counted {
    fn add(&self, what: &'static str, times: usize) {
        *self.0.lock().unwrap().entry(what).or_default() += times;
    }

    fn of(&self, what: &str) -> usize {
        self.0.lock().unwrap().get(what).copied().unwrap_or(0)
    }
}

impl Count for Counted {
    fn raised(&self, kind: Kind) {
        self.add(kind.name(), 1);
    }
    fn delivery(&self, outcome: &'static str, times: usize) {
        self.add(outcome, times);
    }
    fn waiting(&self, _deliveries: u64) {}
    fn overflowed(&self) {
        self.add("overflowed", 1);
    }
}

fn limit() -> Limit {
    Limit {
        warn_at: vec![80, 95],
        action: Action::Warn,
        ..samples::limit("day")
    }
}

struct Desk {
    dir: TempDir,
    clock: Arc<ManualClock>,
    budgets: Arc<Budgets>,
    count: Arc<Counted>,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOON);
        let (_, guard) = Ledger::open(dir.path(), clock.clone(), Arc::new(Quiet)).unwrap();
        guard.close();
        let budgets = Budgets::new(vec![limit()], TimeZone::UTC, NOON);
        budgets.replayed();
        Desk {
            dir,
            clock,
            budgets,
            count: Arc::default(),
        }
    }

    /// A clerk as one begins after a start.
    fn clerk(&self) -> Clerk {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let count = Arc::clone(&self.count) as Arc<dyn Count>;
        let mut clerk = Clerk::new(self.dir.path(), &self.budgets, clock, count).unwrap();
        clerk.heed(Arc::new(settings("w")));
        clerk
    }

    fn spend(&self, milli: i128) {
        let facts = Facts::default();
        let permit = self
            .budgets
            .admit(&facts, &Sizes::FREE, self.clock.unix_ms());
        permit.unwrap().settle(&Size {
            cost: Some(PicoUsd::new(milli * PICO_PER_USD / 1_000)),
            ..Size::FREE
        });
    }

    fn percents(&self) -> Vec<i64> {
        let reader = Reader::open(self.dir.path()).unwrap();
        let alerts = reader.alerts(false, self.clock.unix_ms(), 100).unwrap();
        let percent = |alert: &crate::ledger::alerts::Alert| alert.detail["percent"].as_i64();
        alerts.iter().rev().filter_map(percent).collect()
    }
}

fn settings(webhook: &str) -> Settings {
    Settings {
        webhooks: vec![Webhook {
            name: webhook.to_owned(),
            url: Secret::new("http://127.0.0.1:9/".to_owned()),
            format: Format::Json,
            secret: None,
            kinds: Vec::new(),
            budgets: Vec::new(),
        }],
        anomaly: None,
        timezone: TimeZone::UTC,
    }
}

#[test]
fn what_was_reached_is_said_once_per_window_however_often_it_is_looked_at() {
    let desk = Desk::new();
    let mut clerk = desk.clerk();
    desk.spend(850);
    clerk.look_at_budgets();
    clerk.look_at_budgets();
    desk.clerk();
    assert_eq!(desk.percents(), [80]);
    // Ids tell their order by the millisecond.
    desk.clock.advance(Duration::from_millis(1));
    desk.spend(200);
    desk.clerk();
    assert_eq!(desk.percents(), [80, 100], "95 is in what was said of 100");
    desk.clock.set(NOON + 24 * 60 * 60_000);
    desk.spend(800);
    clerk.look_at_budgets();
    assert_eq!(desk.percents(), [80, 100, 80], "a new window is another");
    assert_eq!(
        (desk.count.of("threshold"), desk.count.of("exceeded")),
        (2, 1)
    );
}

#[test]
fn a_webhook_that_is_gone_is_waited_for_no_longer() {
    let desk = Desk::new();
    desk.spend(850);
    let mut clerk = desk.clerk();
    assert_eq!(clerk.book.queue().unwrap().1, 1);
    clerk.heed(Arc::new(settings("another")));
    assert_eq!(clerk.book.queue().unwrap().1, 0);
    assert_eq!(desk.count.of("dropped"), 1);
}

#[test]
fn a_delivery_is_given_up_after_its_last_attempt() {
    let desk = Desk::new();
    desk.spend(850);
    let mut clerk = desk.clerk();
    for attempt in 1..=ATTEMPTS_MAX {
        let due = clerk.book.due(desk.clock.unix_ms()).unwrap();
        let [delivery] = due.as_slice() else {
            panic!("one is due before attempt {attempt}: {due:?}")
        };
        assert_eq!(delivery.attempts, attempt - 1);
        clerk.ended(Ok((delivery.clone(), Answer::Refused(503, None))));
        desk.clock.advance(backoff::LONGEST);
    }
    assert_eq!(clerk.book.queue().unwrap(), (None, 0));
    assert_eq!((desk.count.of("retried"), desk.count.of("failed")), (14, 1));
    let reader = Reader::open(desk.dir.path()).unwrap();
    let alerts = reader.alerts(false, 0, 10).unwrap();
    assert_eq!(
        (alerts.len(), alerts[0].failed),
        (1, 1),
        "it is still listed"
    );
}

#[test]
fn an_answer_that_cannot_be_written_is_not_asked_for_at_once_again() {
    let desk = Desk::new();
    desk.spend(850);
    let mut clerk = desk.clerk();
    let delivery = clerk.book.due(NOON).unwrap().remove(0);
    clerk.busy.insert("w".to_owned());
    clerk.stuck.push("w".to_owned());
    clerk.send(delivery.clone(), NOON);
    assert!(clerk.sending.is_empty(), "it waits for the next look");
    clerk.look();
    assert!(clerk.busy.is_empty() && clerk.stuck.is_empty());
}
