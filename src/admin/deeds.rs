//! What weir itself puts into the audit: its starts and stops, and what became of edits of its settings.
//!
//! The deed is done by then; where its row cannot be written, the log says so.

use std::path::Path;

use serde_json::{Value, json};

use crate::config::{Cause, Reload};
use crate::ledger::{Deed, Operator, Via};

/// Most problems of a refused file that its row tells; the log has them all.
const PROBLEMS_TOLD: usize = 10;

/// Notes a deed in the ledger of a data directory.
pub fn note(dir: &Path, deed: &Deed) {
    let noted = Operator::open(dir).and_then(|mut operator| operator.note(deed));
    if let Err(error) = noted {
        let action = deed.action;
        tracing::error!(%error, action, "a deed is not in the audit");
    }
}

/// What became of a reload; an edit that changed no setting is none.
pub fn of_reload(at: i64, cause: Cause, file: &Path, done: &Reload) -> Option<Deed> {
    let (action, detail) = match done {
        Reload::Unchanged if cause == Cause::Edit => return None,
        Reload::Unchanged => ("config.reload", json!({ "changes": [] })),
        Reload::Applied {
            changes,
            needs_restart,
        } => (
            "config.reload",
            json!({ "changes": changes, "needs_restart": needs_restart }),
        ),
        Reload::Refused(problems) => {
            let told = problems.list.iter().take(PROBLEMS_TOLD);
            let told: Vec<String> = told.map(ToString::to_string).collect();
            let more = problems.list.len() - told.len() + problems.left_out;
            ("config.refused", json!({ "problems": told, "more": more }))
        }
    };
    let via = match cause {
        Cause::Edit => Via::File,
        Cause::Signal => Via::Signal,
        Cause::Request => Via::Api,
    };
    Some(Deed {
        at,
        action,
        subject: file.display().to_string(),
        via,
        detail,
    })
}

/// `weir.start`, `weir.stop`.
pub fn of_weir(at: i64, action: &'static str, via: Via, mut detail: Value) -> Deed {
    detail["version"] = json!(env!("CARGO_PKG_VERSION"));
    Deed {
        at,
        action,
        subject: "weir".to_owned(),
        via,
        detail,
    }
}
