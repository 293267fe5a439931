//! A running weir, as its operator sees it: what the admin side asks of the rest.

use std::sync::Arc;

use crate::config::{Cause, Policy, Reload, Reloader};
use crate::proxy::engine::Engine;

/// A running weir.
pub struct Operated {
    pub engine: Arc<Engine>,
    pub reloader: Arc<Reloader>,
    /// The certificate that clients trust.
    pub ca_pem: String,
}

impl Operated {
    /// The metrics in Prometheus' text format.
    pub fn metrics(&self) -> String {
        let status = self.reloader.status();
        self.engine
            .metrics
            .reloaded(status.last_ok, status.last_success_ms);
        self.engine.render_metrics()
    }

    /// Why weir is not ready; `None` where it is. Stopping is not asked here.
    pub fn unready(&self) -> Option<String> {
        let blocked = self.engine.live.load().config.on_ledger_fault == Policy::Block;
        (blocked && !self.engine.ledger.is_healthy())
            .then(|| "the ledger cannot be written and `on_ledger_fault: block` is set".to_owned())
    }

    /// Reads `proxy.yaml` again; the text says what came of it.
    pub fn reload(&self) -> Result<String, String> {
        match self.reloader.reload(Cause::Request) {
            Reload::Unchanged => Ok("unchanged".to_owned()),
            Reload::Refused(problems) => Err(problems.to_string()),
            Reload::Applied {
                changes,
                needs_restart,
            } => {
                let mut said = changes;
                if !needs_restart.is_empty() {
                    said.push(format!("needs a restart: {}", needs_restart.join(", ")));
                }
                Ok(said.join("\n"))
            }
        }
    }
}
