//! What budgets are told of their past: new ones owe it, and the ledger has it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use tracing::warn;

use super::engine::Engine;
use crate::budget::{Budgets, Facts, Spent};
use crate::ledger::query::Reader;
use crate::ledger::{Error, Ledger};

/// Tells new budgets what the ledger has for their windows; it is not opened where none is new.
pub fn replay(budgets: &Budgets, ledger: &Ledger) -> Result<(), Error> {
    let read = if budgets.owed().is_empty() {
        Ok(())
    } else {
        ledger.reader().and_then(|reader| record(budgets, &reader))
    };
    // In any case: what could not be read counts from here on.
    budgets.replayed();
    read
}

/// Tells budgets what the ledger has since the windows of those that still owe it.
pub fn record(budgets: &Budgets, reader: &Reader) -> Result<(), Error> {
    budgets.owed().iter().try_for_each(|past| {
        reader.spend_since(past.since_ms, past.slots(), |row| {
            let spent = Spent {
                cost: row.cost,
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
                requests: row.requests,
                latest_ms: row.latest,
            };
            let facts = Facts {
                provider: row.provider,
                model: row.model,
                labels: row.labels,
                metered: true,
            };
            budgets.record(past, row.slot, &facts, &spent);
        })
    })
}

/// Where the clock stepped back to a time of which budgets know nothing, has them told, by a thread of its own.
/// Until then calls count later than they came, which grants nothing.
pub fn look_back(engine: &Engine) {
    /// One looks at a time, however many calls come meanwhile.
    static LOOKING: AtomicBool = AtomicBool::new(false);
    if !engine.budgets.take_lag() || LOOKING.swap(true, Ordering::Relaxed) {
        return;
    }
    warn!("the clock stepped back: budgets are told anew what the ledger has");
    let (budgets, ledger) = (Arc::clone(&engine.budgets), engine.ledger.clone());
    let (clock, recounting) = (Arc::clone(&engine.clock), Arc::clone(&engine.recounting));
    let tell = move || {
        let _alone = recounting.lock().unwrap_or_else(PoisonError::into_inner);
        // A call that comes from here on with a time that is not known asks anew.
        LOOKING.store(false, Ordering::Relaxed);
        if budgets.reopen(clock.unix_ms())
            && let Err(error) = replay(&budgets, &ledger)
        {
            warn!(%error, "budgets count from here on: the ledger could not be read");
        }
    };
    let thread = std::thread::Builder::new().name("weir-look-back".to_owned());
    if let Err(error) = thread.spawn(tell) {
        LOOKING.store(false, Ordering::Relaxed);
        warn!(%error, "budgets could not be told");
    }
}
