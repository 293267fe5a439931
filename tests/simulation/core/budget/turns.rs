//! Calls that wait for their turn, in every order that chance thinks of.

use std::sync::Arc;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::sync::Mutex;
use shuttle::thread;

use super::sync::Ordering;
use super::waiting::Lobby;

/// Calls at once that there is room for.
const PLACES: usize = 2;
/// Calls that want a place, each twice.
const CALLS: usize = 5;

/// The places, as the budgets' lock guards them.
#[derive(Debug, Default)]
struct House {
    taken: Mutex<usize>,
    lobby: Lobby,
}

impl House {
    fn take(&self) -> Result<(), ()> {
        let mut taken = self.taken.lock().expect("no panic under the lock");
        if *taken == PLACES {
            return Err(());
        }
        *taken += 1;
        Ok(())
    }

    /// As a permit ends: first the place, then the word.
    fn give_back(&self) {
        *self.taken.lock().expect("no panic under the lock") -= 1;
        self.lobby.came_about();
    }
}

/// Lets calls wait for places and give them back; where a wake-up is lost, one waits for ever and the model says so.
pub fn wait_in_turns() {
    let house = Arc::new(House::default());
    let call = |_| {
        let house = Arc::clone(&house);
        thread::spawn(move || {
            for _ in 0..2 {
                let patience = |(): &(), _| Some(Duration::MAX);
                let turn = house.lobby.ask(|| house.take(), patience, || Duration::ZERO);
                block_on(turn).expect("everybody's turn comes");
                house.give_back();
            }
        })
    };
    let calls: Vec<_> = (0..CALLS).map(call).collect();
    for call in calls {
        call.join().expect("no call panics");
    }
    assert_eq!(*house.taken.lock().expect("no panic"), 0);
    assert_eq!(
        house.lobby.waiting.load(Ordering::SeqCst),
        0,
        "every seat is free"
    );
}

/// Tries so many orders, all following from the seed.
pub fn try_orders(orders: usize) {
    shuttle::check_random(wait_in_turns, orders);
    shuttle::check_pct(wait_in_turns, orders, 3);
}
