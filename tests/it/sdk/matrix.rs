//! Every SDK against every kind of spent budget: which exception it raises, what it tells, and how often it asks.
//!
//! Each situation is one budget that covers one task, spent by a call of the test's own; the SDK's calls carry the
//! task as their label. How often an SDK asked is what weir has on record of the task.

use weir::providers::Api;

use super::driver::{Mode, Sdk};
use super::questions::{comes_in_when_there_is_room, gives_up_at_once, is_denied, waits_as_told};
use crate::support::canned;
use crate::support::client::Way;
use crate::support::settings::Settings;
use crate::support::upstream::Upstream;
use crate::support::weir::Weir;

/// How an SDK takes a refusal.
pub(super) struct Row {
    pub(super) sdk: Sdk,
    /// The API of its provider.
    pub(super) api: Api,
    pub(super) ways: &'static [Mode],
    /// What it raises where no retry helps, and the status that it got.
    pub(super) stopped: (&'static str, u16),
    /// What it raises where one does, and its attempts with the retries that it has by default.
    pub(super) rated: (&'static str, usize),
    /// What it raises at 401 and at 403.
    pub(super) denied: (&'static str, &'static str),
}

const BOTH: &[Mode] = &[Mode::BaseUrl, Mode::Proxy];

#[rustfmt::skip]
static ROWS: [Row; 11] = [
    Row { sdk: Sdk::Python("openai"), api: Api::Openai, ways: BOTH, stopped: ("openai.RateLimitError", 429), rated: ("openai.RateLimitError", 3), denied: ("openai.AuthenticationError", "openai.PermissionDeniedError") },
    Row { sdk: Sdk::Python("anthropic"), api: Api::Anthropic, ways: BOTH, stopped: ("anthropic.RateLimitError", 429), rated: ("anthropic.RateLimitError", 3), denied: ("anthropic.AuthenticationError", "anthropic.PermissionDeniedError") },
    Row { sdk: Sdk::Python("gemini"), api: Api::Gemini, ways: BOTH, stopped: ("google.ClientError", 429), rated: ("google.ClientError", 1), denied: ("google.ClientError", "google.ClientError") },
    Row { sdk: Sdk::Python("mistral"), api: Api::Openai, ways: BOTH, stopped: ("mistralai.SDKError", 429), rated: ("mistralai.SDKError", 1), denied: ("mistralai.SDKError", "mistralai.SDKError") },
    Row { sdk: Sdk::Python("cohere"), api: Api::Cohere, ways: BOTH, stopped: ("cohere.ApiError", 402), rated: ("cohere.TooManyRequestsError", 3), denied: ("cohere.UnauthorizedError", "cohere.ForbiddenError") },
    Row { sdk: Sdk::Python("groq"), api: Api::Openai, ways: BOTH, stopped: ("groq.RateLimitError", 429), rated: ("groq.RateLimitError", 3), denied: ("groq.AuthenticationError", "groq.PermissionDeniedError") },
    Row { sdk: Sdk::Python("ollama"), api: Api::Ollama, ways: BOTH, stopped: ("ollama.ResponseError", 429), rated: ("ollama.ResponseError", 1), denied: ("ollama.ResponseError", "ollama.ResponseError") },
    Row { sdk: Sdk::Python("bedrock"), api: Api::Bedrock, ways: &[Mode::Proxy], stopped: ("botocore.ServiceQuotaExceededException", 400), rated: ("botocore.ThrottlingException", 3), denied: ("botocore.AccessDeniedException", "botocore.AccessDeniedException") },
    Row { sdk: Sdk::Node("openai"), api: Api::Openai, ways: BOTH, stopped: ("RateLimitError", 429), rated: ("RateLimitError", 3), denied: ("AuthenticationError", "PermissionDeniedError") },
    Row { sdk: Sdk::Node("anthropic"), api: Api::Anthropic, ways: BOTH, stopped: ("RateLimitError", 429), rated: ("RateLimitError", 3), denied: ("AuthenticationError", "PermissionDeniedError") },
    Row { sdk: Sdk::Node("gemini"), api: Api::Gemini, ways: BOTH, stopped: ("ApiError", 429), rated: ("ApiError", 1), denied: ("ApiError", "ApiError") },
];

/// A budget, the task that it covers, and what the refusal says of it.
pub(super) struct Situation {
    pub(super) task: &'static str,
    limit: &'static str,
    pub(super) says: &'static [&'static str],
}

/// One canned call costs 0.00045 USD and takes 150 tokens. None of these is a rate: waiting does not help.
pub(super) const STOPS: [Situation; 6] = [
    Situation {
        task: "month",
        limit: "0.0004 USD, per: month",
        says: &[
            "is spent",
            "0.0004 USD per month",
            "spent 0.00045 USD",
            "it resets at",
        ],
    },
    Situation {
        task: "hour",
        limit: "0.0004 USD, per: hour",
        says: &["is spent", "0.0004 USD per hour", "it resets at"],
    },
    Situation {
        task: "tokens",
        limit: "100 tokens, per: day",
        says: &["100 tokens per day", "spent 150 tokens", "it resets at"],
    },
    Situation {
        task: "calls",
        limit: "1 requests, per: day",
        says: &["1 requests per day", "it resets at"],
    },
    Situation {
        task: "total",
        limit: "0.0004 USD, per: total",
        says: &["0.0004 USD in total", "it never resets"],
    },
    Situation {
        task: "large",
        limit: "0.000001 USD, per: month, hold: worst_case",
        says: &["is smaller than this call", "this call may take"],
    },
];

/// What comes back as soon as a call ends.
pub(super) const AT_ONCE: Situation = Situation {
    task: "at-once",
    limit: "1 concurrent",
    says: &["is held by calls in flight", "1 calls at once"],
};

/// What comes back within a minute.
pub(super) const RATES: [Situation; 2] = [
    Situation {
        task: "rpm",
        limit: "1 requests, per: minute",
        says: &["is spent", "1 requests per minute", "it resets at"],
    },
    Situation {
        task: "tpm",
        limit: "100 tokens, per: minute",
        says: &["100 tokens per minute", "spent 150 tokens"],
    },
];

/// The model of all calls, and what it costs under any provider.
pub(super) const MODEL: &str = "test-sdk";
const PRICES: &str = "  - { model: test-sdk, input: 1.00, output: 1.00 }\n";

/// Few enough that no call is larger than a budget that is to be spent.
pub(super) const MAX_TOKENS: u32 = 10;

/// The providers that [`Settings`] does not have.
const VENDORS: [&str; 5] = ["mistral", "cohere", "groq", "ollama", "bedrock"];

/// A weir to the providers of all SDKs, with budgets that each cover their own task.
pub(super) async fn weir_with(upstream: &Upstream, situations: &[Situation]) -> Weir {
    let mut providers = String::from("providers:\n");
    for vendor in VENDORS {
        providers += &format!("  {vendor}: {{ upstream: '{}' }}\n", upstream.url());
    }
    let mut budgets = String::from("budgets:");
    if situations.is_empty() {
        budgets += " []";
    }
    for Situation { task, limit, .. } in situations {
        budgets +=
            &format!("\n  - {{ name: {task}-budget, limit: {limit}, match: {{ task: {task} }} }}");
    }
    let yaml = Settings::to(upstream).and(&budgets).yaml();
    let yaml = yaml.replacen("providers:\n", &providers, 1);
    let yaml = yaml.replacen("prices:\n", &format!("prices:\n{PRICES}"), 1);
    Weir::start_with_yaml(&yaml).await
}

/// As [`weir_with`], each budget spent by one call.
pub(super) async fn spent(upstream: &Upstream, situations: &[Situation]) -> Weir {
    let weir = weir_with(upstream, situations).await;
    for Situation { task, .. } in situations {
        let request = canned::openai_chat().request().header("X-Weir-Task", task);
        weir.send(Way::BaseUrl, "openai", &request).await;
    }
    weir.calls_eventually(situations.len()).await;
    weir
}

/// What is asked of every SDK.
macro_rules! asked {
    ($($name:ident: $sdk:expr;)*) => {
        $(mod $name {
            use super::*;

            #[tokio::test]
            async fn asks_once_of_a_budget_that_is_spent_for_long() {
                gives_up_at_once(row($sdk)).await;
            }

            #[tokio::test]
            async fn tells_an_unknown_key_from_a_forbidden_call_and_asks_once() {
                is_denied(row($sdk)).await;
            }

            #[tokio::test]
            async fn comes_in_when_a_call_in_flight_has_left() {
                comes_in_when_there_is_room(row($sdk)).await;
            }
        })*

        #[test]
        fn every_sdk_of_the_table_is_asked() {
            let asked = [$($sdk),*];
            assert!(ROWS.iter().all(|row| asked.contains(&row.sdk)) && asked.len() == ROWS.len());
        }
    };
}

/// And of those whose sleep can be watched.
macro_rules! watched {
    ($($name:ident: $sdk:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            waits_as_told(row($sdk)).await;
        })*
    };
}

fn row(sdk: Sdk) -> &'static Row {
    ROWS.iter()
        .find(|row| row.sdk == sdk)
        .expect("an SDK of the table")
}

asked! {
    openai: Sdk::Python("openai");
    anthropic: Sdk::Python("anthropic");
    gemini: Sdk::Python("gemini");
    mistral: Sdk::Python("mistral");
    cohere: Sdk::Python("cohere");
    groq: Sdk::Python("groq");
    ollama: Sdk::Python("ollama");
    boto3: Sdk::Python("bedrock");
    node_openai: Sdk::Node("openai");
    node_anthropic: Sdk::Node("anthropic");
    node_gemini: Sdk::Node("gemini");
}

watched! {
    the_openai_sdk_waits_as_told_for_a_rate: Sdk::Python("openai");
    the_anthropic_sdk_waits_as_told_for_a_rate: Sdk::Python("anthropic");
    the_gemini_sdk_hears_when_a_rate_comes_back: Sdk::Python("gemini");
    the_mistral_sdk_hears_when_a_rate_comes_back: Sdk::Python("mistral");
    the_cohere_sdk_waits_as_told_for_a_rate: Sdk::Python("cohere");
    the_groq_sdk_waits_as_told_for_a_rate: Sdk::Python("groq");
    the_ollama_sdk_hears_when_a_rate_comes_back: Sdk::Python("ollama");
    boto3_tries_again_for_a_rate: Sdk::Python("bedrock");
}
