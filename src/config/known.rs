//! The providers that weir knows, as far as settings need them.

use crate::providers::Api;

/// A provider that weir knows without being told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) api: Api,
    pub(super) catalog_id: Option<&'static str>,
    pub(super) upstream: &'static str,
    pub(super) hosts: &'static [&'static str],
}

/// The three whose dialects are read.
pub(super) const KNOWN: &[Known] = &[
    Known {
        name: "openai",
        api: Api::Openai,
        catalog_id: Some("openai"),
        upstream: "https://api.openai.com",
        hosts: &["api.openai.com"],
    },
    Known {
        name: "anthropic",
        api: Api::Anthropic,
        catalog_id: Some("anthropic"),
        upstream: "https://api.anthropic.com",
        hosts: &["api.anthropic.com"],
    },
    Known {
        name: "gemini",
        api: Api::Gemini,
        catalog_id: Some("google"),
        upstream: "https://generativelanguage.googleapis.com",
        hosts: &["generativelanguage.googleapis.com"],
    },
];
