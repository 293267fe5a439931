//! Hold, then settle or release, over windows of the calendar and rolling ones.
//!
//! A call takes a hold on every budget that covers it before it goes upstream, on all or on none:
//! `spent + held + this hold ≤ limit`. At its end the hold becomes what the call took. Nothing here
//! is stored: at start the budgets are rebuilt from the ledger.
//!
//! A call counts in all its budgets under one instant, which its row keeps, so what is rebuilt is what was.
//! That is its start; where it waited, or some budget knows nothing of that time, it is later. A clock that
//! steps back finds each window as it was left; one that was ahead leaves in the windows there what was
//! spent in them, and they count when they come. Where budgets were opened while it was ahead, they are
//! opened anew from the ledger. Only a reset that was made ahead stays ahead.

mod account;
mod amount;
mod carry;
mod core;
mod correction;
mod crossing;
pub mod estimate;
mod facts;
mod index;
mod instances;
pub mod limits;
mod matching;
mod pace;
mod permit;
mod recorded;
mod refusal;
mod renewal;
pub mod replay;
mod reset;
mod resetting;
mod room;
mod session;
mod slots;
mod standing;
mod sync;
mod waiting;
pub mod window;

#[cfg(test)]
mod races;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::tz::TimeZone;

pub use self::carry::CARRIED_WINDOWS;
pub use self::core::{BudgetState, Preview};
pub use self::crossing::{Crossing, EXCEEDED, Heed};
pub use self::facts::{Facts, Pending, Size, Sizes, Spent};
pub use self::instances::{EACH_MAX, EACH_VALUE_BYTES_MAX, OTHER};
pub use self::pace::ROLLING_PARTS;
pub use self::permit::Permit;
pub use self::refusal::{Downgrade, Reason, Refusal};
pub use self::renewal::Past;
pub use self::session::Full;
pub use self::waiting::WAITING_MAX;

use self::core::{Core, HoldId};
use self::limits::{Action, Dimension, Limit};
use self::waiting::Lobby;
use crate::clock::Clock;

/// The budgets in force, shared by all calls.
///
/// One lock guards all of them, because a call is admitted by all its budgets or by none. It is a
/// plain mutex: what is done under it is a few map lookups, without I/O, logging or await, so a
/// waiter is served sooner than a task could be parked.
#[derive(Debug)]
pub struct Budgets {
    core: Mutex<Core>,
    lobby: Lobby,
    dropped_permits: AtomicU64,
    /// See [`take_lag`](Budgets::take_lag).
    lagged: AtomicBool,
    /// Held for the whole of a reset, its record included; never by a call.
    resetting: Mutex<()>,
    /// Who is told of crossings besides the log.
    heed: OnceLock<Arc<dyn Heed>>,
}

impl Budgets {
    /// The budgets of a config, with nothing spent: what the ledger knows of their windows is still
    /// to be recorded, see [`owed`](Budgets::owed).
    pub fn new(limits: Vec<Limit>, tz: TimeZone, now_ms: i64) -> Arc<Budgets> {
        Arc::new(Budgets {
            core: Mutex::new(Core::new(limits, tz, now_ms)),
            lobby: Lobby::default(),
            dropped_permits: AtomicU64::new(0),
            lagged: AtomicBool::new(false),
            resetting: Mutex::new(()),
            heed: OnceLock::new(),
        })
    }

    /// Tells `heed` of every crossing from here on; what was crossed before, [`crossings`] has. Once.
    ///
    /// [`crossings`]: Budgets::crossings
    pub fn heeded_by(&self, heed: Arc<dyn Heed>) {
        let is_first = self.heed.set(heed).is_ok();
        debug_assert!(is_first, "one is told");
    }

    /// The highest threshold that each instance of each budget has reached in its present window,
    /// whether or not anybody was told.
    pub fn crossings(&self, now_ms: i64) -> Vec<Crossing> {
        self.lock().crossings(now_ms)
    }

    /// Puts other limits in force. A budget with the same name, unit, window, `each` and `match`
    /// keeps what is spent and held, whatever its amount becomes. Any other begins at the holds of
    /// the calls in flight, and its past is still to be recorded: [`owed`](Budgets::owed).
    ///
    /// Such a new budget is right to within the calls that end while it is opened: one that was settled
    /// before this and whose row the ledger commits after it is read is missing in it, one that is
    /// settled after this and whose row is committed before counts twice, until its window is over or
    /// weir starts anew.
    pub fn replace(&self, limits: Vec<Limit>, tz: TimeZone, now_ms: i64) {
        self.lock().replace(limits, tz, now_ms);
        self.lobby.came_about();
    }

    /// Whether a call came, since this was last asked, with a time of which some budget knows nothing: the
    /// clock stepped back. Then [`reopen`](Budgets::reopen) is due.
    pub fn take_lag(&self) -> bool {
        self.lagged.load(Ordering::Relaxed) && self.lagged.swap(false, Ordering::Relaxed)
    }

    /// Opens the budgets anew that know nothing of the time that the clock shows; their past is still to be
    /// recorded: [`owed`](Budgets::owed).
    pub fn reopen(&self, now_ms: i64) -> bool {
        let reopened = self.lock().reopen(now_ms);
        self.lobby.came_about();
        reopened
    }

    /// What is still to be recorded. For each, what the ledger has since then is to be given to
    /// [`record`](Budgets::record), grouped by everything that [`Facts`] holds and by [`Past::slots`] of the
    /// instant under which calls count; then [`replayed`](Budgets::replayed) ends it.
    pub fn owed(&self) -> Vec<Past> {
        self.lock().owed()
    }

    /// Counts past calls of one kind, summed over all that count in the slot that begins at `slot_ms`, in
    /// the budgets that still owe this past.
    pub fn record(&self, past: &Past, slot_ms: i64, facts: &Facts, spent: &Spent) {
        self.lock().record(past, slot_ms, facts, spent);
    }

    /// Ends the recording of the past. It is to be called in any case: where the ledger could not
    /// be read, the new budgets count from here on, which is worth an error in the log.
    pub fn replayed(&self) {
        self.lock().replayed();
    }

    /// What the head of a call decides, while the body may still say its model or user.
    ///
    /// Money refuses here only if `costs_for_sure`: a call that costs nothing passes a spent
    /// budget. Tokens refuse any metered call, so an endpoint that takes none is not to be asked
    /// about here but admitted with [`Sizes::FREE`].
    pub fn preview(
        &self,
        facts: &Facts,
        pending: Pending,
        costs_for_sure: bool,
        now_ms: i64,
    ) -> Preview {
        let (preview, crossed) = {
            let mut core = self.lock();
            let preview = core.preview(facts, pending, costs_for_sure, now_ms);
            (preview, std::mem::take(&mut core.crossed))
        };
        self.tell(crossed);
        preview
    }

    /// Holds on all budgets that cover the call, or on none. `now_ms` is best the call's
    /// `started_at`: the ledger files it under that.
    pub fn admit(
        self: &Arc<Self>,
        facts: &Facts,
        sizes: &Sizes,
        now_ms: i64,
    ) -> Result<Permit, Box<Refusal>> {
        self.admit_shared(&Arc::new(facts.clone()), sizes, now_ms)
    }

    /// As [`admit`](Budgets::admit), and shares the facts.
    pub(crate) fn admit_shared(
        self: &Arc<Self>,
        facts: &Arc<Facts>,
        sizes: &Sizes,
        now_ms: i64,
    ) -> Result<Permit, Box<Refusal>> {
        let (admitted, crossed) = {
            let mut core = self.lock();
            let admitted = core.admit(facts, sizes, now_ms);
            if std::mem::take(&mut core.lagged) {
                self.lagged.store(true, Ordering::Relaxed);
            }
            let admitted = admitted.map(|id| (id, core.counted_at(id)));
            (admitted, std::mem::take(&mut core.crossed))
        };
        self.tell(crossed);
        let (id, counted_at) = admitted?;
        Ok(Permit::new(Arc::clone(self), id, *sizes, counted_at))
    }

    /// Admits a call, or lets it wait as long as the refusing budget's `wait` says and tries again. It counts
    /// under `started_at` where no window has turned since, else under the instant at which it is let in.
    pub async fn admit_waiting(
        self: &Arc<Self>,
        clock: &dyn Clock,
        facts: &Arc<Facts>,
        sizes: &Sizes,
        started_at: i64,
    ) -> Result<Permit, Box<Refusal>> {
        let mut has_waited = false;
        let ask = || {
            let now_ms = clock.unix_ms();
            let is_fresh = !has_waited && is_same_minute(started_at, now_ms);
            has_waited = true;
            let at_ms = if is_fresh { started_at } else { now_ms };
            self.admit_shared(facts, sizes, at_ms)
                .map_err(|refusal| Box::new(Refusal { now_ms, ..*refusal }))
        };
        let elapsed = || clock.monotonic();
        self.lobby
            .ask(ask, |refusal, waited| refusal.patience(waited), elapsed)
            .await
    }

    /// How every budget stands, in the order of `proxy.yaml`. A budget with `each` is listed once
    /// per value that has spent or holds something, at most [`EACH_MAX`] and `other`.
    pub fn snapshot(&self, now_ms: i64) -> Vec<BudgetState> {
        self.lock().states(now_ms)
    }

    /// Whether a budget may send the call to another model, as far as its head tells.
    pub fn may_downgrade(&self, facts: &Facts, pending: Pending) -> bool {
        let downgrades = |limit: &Limit| matches!(limit.action, Action::Downgrade(_));
        self.lock().find(facts, pending, downgrades).is_some()
    }

    /// Whether a budget says which models the call may ask for, or covers calls by their model, as far as its
    /// head tells.
    pub fn rules_models(&self, facts: &Facts, pending: Pending) -> bool {
        let rules = |limit: &Limit| {
            !limit.models.is_empty()
                || limit.each == Some(Dimension::Model)
                || limit.matches.dimensions.contains_key(&Dimension::Model)
        };
        self.lock().find(facts, pending, rules).is_some()
    }

    /// Calls that passed though a budget had no room for them, by its name, since this was last asked.
    pub fn take_overruns(&self) -> BTreeMap<String, u64> {
        self.lock().take_overruns()
    }

    /// Calls that were admitted and have not ended.
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight()
    }

    /// Permits that nobody ended: each is a defect.
    pub fn dropped_permits(&self) -> u64 {
        self.dropped_permits.load(Ordering::Relaxed)
    }

    fn count_dropped(&self) {
        self.dropped_permits.fetch_add(1, Ordering::Relaxed);
    }

    fn end(&self, id: HoldId, actual: Option<&Size>) {
        let crossings = self.lock().end(id, actual);
        self.lobby.came_about();
        self.tell(crossings);
    }

    fn tell(&self, crossings: Vec<Crossing>) {
        for crossing in crossings {
            crossing.log();
            if let Some(heed) = self.heed.get() {
                heed.crossed(crossing);
            }
        }
    }

    /// A panic under the lock is one call's; the counts of all others still stand.
    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether no window of the calendar begins between two instants, the later one included: all of them begin
/// at full minutes.
fn is_same_minute(one_ms: i64, other_ms: i64) -> bool {
    one_ms.div_euclid(60_000) == other_ms.div_euclid(60_000)
}
