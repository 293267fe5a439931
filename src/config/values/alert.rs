//! Settings of alerts: a webhook's address, what it hears, what is out of the ordinary.

use serde_json::{Value, json};

use crate::alert::{Format, Kind};

use super::super::Secret;
use super::super::read::{Fault, Scalar};

/// A webhook's address: whoever knows it can write there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct WebhookUrl {
    pub(in crate::config) url: Secret,
    /// The host, with its port if that is written.
    pub(in crate::config) host: String,
}

impl Scalar for WebhookUrl {
    const EXPECTED: &'static str = "an http or https URL";
    const LIKE: &'static [&'static str] =
        &["${SLACK_WEBHOOK:-}", "https://alerts.example.com/weir"];
    const SHOWN: bool = false;

    fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        let url = reqwest::Url::parse(text).map_err(|_| Fault::Unfit)?;
        let host = url
            .host_str()
            .filter(|_| matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or(Fault::Unfit)?;
        let port = url.port().map(|port| format!(":{port}"));
        Ok(WebhookUrl {
            host: format!("{host}{}", port.unwrap_or_default()),
            url: Secret::new(text.to_owned()),
        })
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^https?://" })
    }
}

/// A count of distances: 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Factor(pub(in crate::config) u32);

impl Scalar for Factor {
    const EXPECTED: &'static str = "a whole number from 1 to 1000";
    const LIKE: &'static [&'static str] = &["6"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let factor = text.trim().parse().ok();
        let factor = factor.filter(|factor| (1..=1_000).contains(factor));
        factor.map(Factor).ok_or(Fault::Unfit)
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 1, "maximum": 1000 })
    }
}

/// `format` of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct FormatName(pub(in crate::config) Format);

impl Scalar for FormatName {
    const EXPECTED: &'static str = "json or slack";
    const LIKE: &'static [&'static str] = &["slack"];

    fn parse(text: &str) -> Result<Self, Fault> {
        one_of([Format::Json, Format::Slack], Format::name, text).map(FormatName)
    }

    fn schema() -> Value {
        json!({ "enum": ["json", "slack"] })
    }
}

/// One of a webhook's `kinds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct KindName(pub(in crate::config) Kind);

impl Scalar for KindName {
    const EXPECTED: &'static str = "a kind of alert";
    const LIKE: &'static [&'static str] = &["exceeded"];

    fn parse(text: &str) -> Result<Self, Fault> {
        let kinds = [Kind::Threshold, Kind::Exceeded, Kind::Anomaly];
        one_of(kinds, Kind::name, text).map(KindName)
    }

    fn schema() -> Value {
        json!({ "enum": ["threshold", "exceeded", "anomaly"] })
    }
}

/// `anomaly: off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Off;

impl Scalar for Off {
    const EXPECTED: &'static str = "off, or a mapping";
    const LIKE: &'static [&'static str] = &["off", "{ day: 50 USD }"];

    fn parse(text: &str) -> Result<Self, Fault> {
        one_of([Off], |_| "off", text)
    }

    fn schema() -> Value {
        json!({ "enum": ["off"] })
    }
}

fn one_of<T: Copy, const N: usize>(
    known: [T; N],
    name: impl Fn(T) -> &'static str,
    text: &str,
) -> Result<T, Fault> {
    let found = known.into_iter().find(|one| name(*one) == text);
    found.ok_or_else(|| Fault::OneOf(known.into_iter().map(name).collect()))
}
