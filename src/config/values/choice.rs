//! Settings that are one word of a few.

use serde_json::{Value, json};

use crate::budget::limits::{Action, Dimension, HoldMode, OnSpent, Unknown};
use crate::providers::Api;

use super::super::read::{Fault, Scalar};
use super::super::resilience::Failure;
use super::super::{Orphans, Policy};

/// A newtype over a domain enum, its words, and the words that weir will know one day.
macro_rules! choice {
    (
        $(#[$about:meta])* $name:ident($of:ty) expects $expected:literal, like $like:literal:
        { $($word:literal => $value:expr),+ $(,)? }
        later { $($later:literal),* $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(in crate::config) struct $name(pub(in crate::config) $of);

        impl Scalar for $name {
            const EXPECTED: &'static str = $expected;
            const LIKE: &'static [&'static str] = &[$like];

            fn parse(text: &str) -> Result<Self, Fault> {
                const LATER: &[&str] = &[$($later),*];
                match text {
                    $($word => Ok($name($value)),)+
                    _ if LATER.iter().any(|later| text.split(' ').next() == Some(*later)) => {
                        Err(Fault::Later(format!("`{text}`")))
                    }
                    _ => Err(Fault::OneOf(vec![$($word),+])),
                }
            }

            fn schema() -> Value {
                json!({ "enum": [$($word),+] })
            }
        }
    };
}

choice! {
    /// `tunnel`: hosts that no provider claims.
    TunnelPolicy(Policy) expects "allow or deny", like "deny":
    { "allow" => Policy::Allow, "deny" => Policy::Block }
    later {}
}

choice! {
    /// `on_ledger_fault`.
    OnFault(Policy) expects "allow or block", like "allow":
    { "allow" => Policy::Allow, "block" => Policy::Block }
    later {}
}

choice! {
    /// `orphans`.
    OrphanCharge(Orphans) expects "input, expected or worst_case", like "input":
    { "input" => Orphans::Input, "expected" => Orphans::Expected, "worst_case" => Orphans::WorstCase }
    later {}
}

choice! {
    /// `unpriced`, `unmetered`.
    OnUnknown(Unknown) expects "allow or block", like "block":
    { "allow" => Unknown::Allow, "block" => Unknown::Block }
    later {}
}

choice! {
    /// `on_spent`.
    WhenSpent(OnSpent) expects "close or leave", like "close":
    { "close" => OnSpent::Close, "leave" => OnSpent::Leave }
    later {}
}

choice! {
    /// `action`, where it is one word.
    ActionWord(Action) expects "block, warn or a mapping with downgrade", like "warn":
    { "block" => Action::Block, "warn" => Action::Warn }
    later {}
}

choice! {
    /// `hold`.
    Hold(HoldMode) expects "expected or worst_case", like "worst_case":
    { "expected" => HoldMode::Expected, "worst_case" => HoldMode::WorstCase }
    later {}
}

choice! {
    /// `each`.
    Each(Dimension) expects "what to separate by", like "user":
    {
        "provider" => Dimension::Provider,
        "model" => Dimension::Model,
        "key" => Dimension::Key,
        "user" => Dimension::User,
        "team" => Dimension::Team,
        "project" => Dimension::Project,
        "task" => Dimension::Task,
    }
    later { "tags" }
}

choice! {
    /// `api`.
    ApiName(Api) expects "a dialect", like "openai":
    {
        "auto" => Api::Auto,
        "openai" => Api::Openai,
        "anthropic" => Api::Anthropic,
        "gemini" => Api::Gemini,
        "vertex" => Api::Vertex,
        "bedrock" => Api::Bedrock,
        "cohere" => Api::Cohere,
        "ollama" => Api::Ollama,
        "dashscope" => Api::Dashscope,
        "qianfan" => Api::Qianfan,
        "hunyuan" => Api::Hunyuan,
        "spark" => Api::Spark,
    }
    later { }
}

choice! {
    /// `retry.on`.
    FailureWord(Failure) expects "a kind of failure", like "5xx":
    {
        "connect" => Failure::Connect,
        "reset" => Failure::Reset,
        "timeout" => Failure::Timeout,
        "429" => Failure::RateLimit,
        "5xx" => Failure::Server,
    }
    later {}
}

/// `true` or `false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Flag(pub(in crate::config) bool);

impl Scalar for Flag {
    const EXPECTED: &'static str = "true or false";
    const LIKE: &'static [&'static str] = &["true", "false"];

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map(Flag).map_err(|_| Fault::Unfit)
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}
