//! One attempt: a POST, and what came of it.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};

use super::{Webhook, backoff, body, signature};
use crate::ledger::alerts::Alert;

/// How long a webhook may take over one attempt, dial and TLS included.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 2xx.
    Taken(u16),
    /// Any other status, and the wait that it asks for.
    Refused(u16, Option<Duration>),
    /// None came: why, without the address.
    None(&'static str),
}

/// Sends an alert to a webhook at `now`. The answer's body is not read.
pub(super) async fn post(
    client: &reqwest::Client,
    webhook: &Webhook,
    alert: &Alert,
    now: i64,
) -> Answer {
    let body = body::of(alert, webhook.format);
    let mut request = client
        .post(webhook.url.expose())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("weir/", env!("CARGO_PKG_VERSION")));
    if let Some(secret) = &webhook.secret {
        let signature = signature::sign(secret, now.div_euclid(1_000), &body);
        request = request.header(signature::HEADER, signature);
    }
    match request.body(body).send().await {
        Ok(response) if response.status().is_success() => Answer::Taken(response.status().as_u16()),
        Ok(response) => {
            let header = response.headers().get(RETRY_AFTER);
            let asked = header
                .and_then(|value| value.to_str().ok())
                .and_then(|value| backoff::asked(value, now));
            Answer::Refused(response.status().as_u16(), asked)
        }
        // The error's own text has the address.
        Err(error) if error.is_timeout() => Answer::None("it took longer than 10 s"),
        Err(error) if error.is_connect() => Answer::None("it cannot be reached"),
        Err(_) => Answer::None("it broke off"),
    }
}

impl Answer {
    /// The answer for a person.
    pub(super) fn said(&self) -> String {
        match self {
            Answer::Taken(status) => format!("status {status}"),
            Answer::Refused(status, _) => format!("status {status}"),
            Answer::None(why) => (*why).to_owned(),
        }
    }
}
