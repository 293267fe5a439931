//! A gate that a test opens when a script may go on: the pauses of an upstream, without a clock.

use std::sync::Arc;

use tokio::sync::watch;

/// Shut until opened, then open for ever; clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub fn shut() -> Self {
        Gate(Arc::new(watch::Sender::new(false)))
    }

    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Returns once the gate is open.
    pub async fn passed(&self) {
        let mut receiver = self.0.subscribe();
        receiver
            .wait_for(|open| *open)
            .await
            .expect("the gate outlives those that wait at it");
    }
}
