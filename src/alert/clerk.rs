//! What the desk's thread does: raise, deliver, and look for what nobody told it of.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::desk::{CROSSINGS_MAX, Count, LOOK_EVERY};
use super::post::{Answer, TIMEOUT, post};
use super::{ATTEMPTS_MAX, Kind, Settings, anomaly, backoff, client, notice};
use crate::budget::limits::Per;
use crate::budget::{Budgets, Crossing};
use crate::clock::Clock;
use crate::ledger::Error;
use crate::ledger::alerts::{Alerts, Attempt, Delivery, NewAlert, Raised};
use crate::ledger::query::Reader;

/// An attempt that came to its end.
type Ended = (Delivery, Answer);

/// The thread's own.
pub(super) struct Clerk {
    dir: PathBuf,
    book: Alerts,
    budgets: Arc<Budgets>,
    clock: Arc<dyn Clock>,
    count: Arc<dyn Count>,
    settings: Arc<Settings>,
    /// Made when something is first sent.
    client: Option<reqwest::Client>,
    sending: JoinSet<Ended>,
    /// Webhooks that are being asked: one at a time, so that a slow one delays nobody but itself.
    busy: HashSet<String>,
    /// Webhooks whose answer could not be written: asked again after the next look, or a full disk
    /// would make one alert a thousand.
    stuck: Vec<String>,
    /// What the ledger would not take; tried again at the next look.
    unsaid: VecDeque<Crossing>,
    looking: JoinSet<Result<Vec<NewAlert>, Error>>,
    /// The start of the span that was last looked at, by its kind.
    looked: HashMap<Per, i64>,
}

impl Clerk {
    pub(super) fn new(
        dir: &Path,
        budgets: &Arc<Budgets>,
        clock: Arc<dyn Clock>,
        count: Arc<dyn Count>,
    ) -> Result<Self, Error> {
        Ok(Clerk {
            dir: dir.to_owned(),
            book: Alerts::open(dir)?,
            budgets: Arc::clone(budgets),
            clock,
            count,
            settings: Arc::new(Settings::nobody()),
            client: None,
            sending: JoinSet::new(),
            busy: HashSet::new(),
            stuck: Vec::new(),
            unsaid: VecDeque::new(),
            looking: JoinSet::new(),
            looked: HashMap::new(),
        })
    }

    /// Works until there are no settings.
    pub(super) async fn work(
        mut self,
        mut crossings: mpsc::Receiver<Crossing>,
        mut settings: watch::Receiver<Option<Arc<Settings>>>,
        missed: &AtomicBool,
    ) {
        if let Some(settings) = settings.borrow_and_update().clone() {
            self.heed(settings);
        }
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let next = self.deliver();
            tokio::select! {
                _ = settings.changed() => match settings.borrow_and_update().clone() {
                    Some(settings) => self.heed(settings),
                    None => break,
                },
                Some(crossing) = crossings.recv() => self.say(crossing),
                Some(ended) = self.sending.join_next() => self.ended(ended),
                Some(found) = self.looking.join_next() => self.found(found),
                _ = looks.tick() => self.look(),
                () = tokio::time::sleep(next) => {}
            }
            if missed.swap(false, Ordering::Relaxed) {
                self.look_at_budgets();
            }
        }
        while let Ok(crossing) = crossings.try_recv() {
            self.say(crossing);
        }
    }

    /// Takes settings over; what waits for webhooks that are gone is dropped.
    pub(super) fn heed(&mut self, settings: Arc<Settings>) {
        self.settings = settings;
        let names: Vec<&str> = self.settings.webhooks.iter().map(|w| &*w.name).collect();
        match self.book.keep_targets(&names) {
            Ok(0) => {}
            Ok(dropped) => {
                tracing::warn!(dropped, "alerts waited for webhooks that are gone");
                self.count.delivery("dropped", dropped);
            }
            Err(fault) => tracing::error!(%fault, "alerts cannot be read"),
        }
        self.look_at_budgets();
    }

    /// What is done every so often.
    pub(super) fn look(&mut self) {
        let longest = i64::try_from(backoff::LONGEST.as_millis()).unwrap_or(i64::MAX);
        if let Err(fault) = self.book.tidy(self.clock.unix_ms(), longest) {
            tracing::error!(%fault, "alerts that are over cannot be resolved");
        }
        for webhook in self.stuck.drain(..) {
            self.busy.remove(&webhook);
        }
        for crossing in std::mem::take(&mut self.unsaid) {
            self.say(crossing);
        }
        self.look_at_budgets();
        self.look_at_spending();
    }

    /// Says what budgets have reached and was never said: before a crash, or for want of room.
    pub(super) fn look_at_budgets(&mut self) {
        for crossing in self.budgets.crossings(self.clock.unix_ms()) {
            self.say(crossing);
        }
    }

    /// Raises the alert of a crossing, unless it was raised before.
    pub(super) fn say(&mut self, crossing: Crossing) {
        let new = notice::of(&crossing, self.clock.unix_ms());
        let raised = self.raise(notice::kind(&crossing), &new);
        if raised.is_err() && self.unsaid.len() < CROSSINGS_MAX {
            self.unsaid.push_back(crossing);
        }
    }

    fn raise(&mut self, kind: Kind, new: &NewAlert) -> Result<(), ()> {
        let wants = |webhook: &&super::Webhook| webhook.wants(kind, new.budget.as_deref());
        let webhooks = self.settings.webhooks.iter().filter(wants);
        let targets: Vec<&str> = webhooks.map(|webhook| &*webhook.name).collect();
        match self.book.raise(new, &targets) {
            Ok(Raised::Known) => Ok(()),
            Ok(Raised::New { dropped }) => {
                self.count.raised(kind);
                if dropped > 0 {
                    tracing::warn!(dropped, "too many alerts wait for webhooks");
                    self.count.delivery("dropped", dropped);
                }
                Ok(())
            }
            Err(fault) => {
                tracing::error!(%fault, "an alert cannot be put on record");
                Err(())
            }
        }
    }

    /// Begins what is due, and tells how long until more is.
    pub(super) fn deliver(&mut self) -> Duration {
        let now = self.clock.unix_ms();
        let due = match self.book.due(now) {
            Ok(due) => due,
            Err(fault) => {
                tracing::error!(%fault, "alerts that wait cannot be read");
                return LOOK_EVERY;
            }
        };
        for delivery in due {
            self.send(delivery, now);
        }
        let Ok((next, waiting)) = self.book.queue() else {
            return LOOK_EVERY;
        };
        self.count.waiting(waiting);
        let until = next.map_or(i64::MAX, |next| next.saturating_sub(now));
        match u64::try_from(until) {
            Ok(ms) if ms > 0 => Duration::from_millis(ms).min(LOOK_EVERY),
            // What is due waits for a webhook that is being asked, and its answer wakes the desk.
            _ => LOOK_EVERY,
        }
    }

    fn send(&mut self, delivery: Delivery, now: i64) {
        let mut webhooks = self.settings.webhooks.iter();
        let Some(webhook) = webhooks.find(|webhook| webhook.name == delivery.target) else {
            return;
        };
        if !self.busy.insert(delivery.target.clone()) {
            return;
        }
        let webhook = webhook.clone();
        let client = match &self.client {
            Some(client) => client.clone(),
            None => match client::http().timeout(TIMEOUT).build() {
                Ok(client) => self.client.insert(client).clone(),
                Err(error) => return tracing::error!(%error, "no alert can be sent"),
            },
        };
        self.sending.spawn(async move {
            let answer = post(&client, &webhook, &delivery.alert, now).await;
            (delivery, answer)
        });
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ok((delivery, answer)) = ended else {
            // A panic there has been printed; the webhook is asked again when weir starts anew.
            return;
        };
        let attempts = delivery.attempts + 1;
        let now = self.clock.unix_ms();
        let (attempt, outcome) = match &answer {
            Answer::Taken(_) => (Attempt::Delivered { now }, "delivered"),
            _ if attempts >= ATTEMPTS_MAX => (Attempt::GivenUp, "failed"),
            Answer::Refused(_, asked) => (again(now, attempts, *asked), "retried"),
            Answer::None(_) => (again(now, attempts, None), "retried"),
        };
        let (webhook, alert) = (&delivery.target, &delivery.alert.id);
        if attempt == Attempt::GivenUp {
            tracing::error!(
                webhook,
                alert,
                answer = answer.said(),
                "an alert is given up"
            );
        } else if outcome == "retried" && attempts == 1 {
            tracing::warn!(
                webhook,
                alert,
                answer = answer.said(),
                "an alert is tried again later"
            );
        }
        self.count.delivery(outcome, 1);
        match self.book.attempted(&delivery, attempt) {
            Ok(()) => drop(self.busy.remove(&delivery.target)),
            Err(fault) => {
                tracing::error!(%fault, "what became of an alert cannot be written; it is sent again");
                self.stuck.push(delivery.target);
            }
        }
    }

    /// Begins to look at the hour and the day that are over, each once.
    fn look_at_spending(&mut self) {
        let Some(settings) = self.settings.anomaly.clone() else {
            return;
        };
        let now = self.clock.unix_ms();
        for per in [Per::Hour, Per::Day] {
            let span = anomaly::last(per, &self.settings.timezone, now);
            let before = self.looked.insert(per, span.start_ms);
            if before.is_some_and(|before| before >= span.start_ms) {
                continue;
            }
            let (dir, settings) = (self.dir.clone(), settings.clone());
            let tz = self.settings.timezone.clone();
            self.looking.spawn_blocking(move || {
                let reader = Reader::open(&dir)?;
                anomaly::look(&reader, &settings, &tz, (per, span), now)
            });
        }
    }

    fn found(&mut self, found: Result<Result<Vec<NewAlert>, Error>, tokio::task::JoinError>) {
        match found {
            Ok(Ok(found)) => {
                for new in found {
                    // One that cannot be put on record is told in the log.
                    let _ = self.raise(Kind::Anomaly, &new);
                }
            }
            Ok(Err(fault)) => tracing::error!(%fault, "spending cannot be looked at"),
            // A panic there has been printed.
            Err(_) => {}
        }
    }
}

fn again(now: i64, attempts: u32, asked: Option<Duration>) -> Attempt {
    let wait = backoff::wait(attempts, asked);
    let ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    Attempt::Again {
        next_at: now.saturating_add(ms),
    }
}

#[cfg(test)]
mod tests;
