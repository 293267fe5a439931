//! What the admin side asks of a running weir.

use std::sync::Arc;

use crate::admin::Subject;
use crate::config::{Policy, Reload, Reloader};
use crate::proxy::engine::Engine;

/// A running weir, as its operator sees it.
pub(super) struct Operated {
    pub(super) engine: Arc<Engine>,
    pub(super) reloader: Arc<Reloader>,
    pub(super) ca_pem: String,
}

impl Subject for Operated {
    fn metrics(&self) -> String {
        let status = self.reloader.status();
        self.engine
            .metrics
            .reloaded(status.last_ok, status.last_success_ms);
        self.engine.render_metrics()
    }

    fn ca_pem(&self) -> String {
        self.ca_pem.clone()
    }

    fn unready(&self) -> Option<String> {
        let blocked = self.engine.live.load().config.on_ledger_fault == Policy::Block;
        (blocked && !self.engine.ledger.is_healthy())
            .then(|| "the ledger cannot be written and `on_ledger_fault: block` is set".to_owned())
    }

    fn reload(&self) -> Result<String, String> {
        match self.reloader.reload() {
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
