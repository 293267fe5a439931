//! How long a test waits for what must come: one figure for the whole suite.
//!
//! A condition that lives outside the test's own process (a file, a row, an exit) cannot be awaited, only looked
//! at again. [`eventually`] is the one place that does so; everything else waits on the event itself, within the
//! same patience, so that a hang is a failed test and not a stuck run.

use std::future::Future;
use std::time::Duration;

/// A point in time of the tests: no clock of weir's is asked, for the binary has its own.
type Instant = tokio::time::Instant;

#[expect(
    clippy::disallowed_methods,
    reason = "patience is measured on the machine's clock"
)]
fn now() -> Instant {
    Instant::now()
}

/// Between two looks at a condition: short against the patience, long against the cost of a look.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The patience: `WEIR_PATIENCE_S` in seconds, 20 where it is unset.
pub fn patience() -> Duration {
    let seconds = std::env::var("WEIR_PATIENCE_S")
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(20))
}

/// Looks at a condition until it gives something; panics, naming it, when the patience is over.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = now() + patience();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            now() < deadline,
            "waited {:?} in vain until {what}",
            patience()
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Awaits an event; panics, naming it, when the patience is over.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(patience(), event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {:?} in vain for {what}", patience()),
    }
}

/// The distance of a real provider, for a script whose answer must not come faster than any provider's could.
pub async fn round_trip() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Measures how long something took.
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Self {
        Stopwatch(now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
