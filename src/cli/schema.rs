//! `weir schema`: the JSON Schema of proxy.yaml, for editors.

use super::out;
use crate::config;

/// Prints the schema.
pub fn run() -> anyhow::Result<()> {
    out::line(config::schema().trim_end())
}
