//! What is sent: an alert as JSON, or as one line of text for Slack.

use serde_json::{Value, json};

use super::notice::time;
use super::{Format, Kind};
use crate::ledger::alerts::Alert;

/// An alert as webhooks get it and the API shows it: its own fields, then what it says in detail.
pub fn json(alert: &Alert) -> Value {
    let mut body = json!({
        "id": alert.id,
        "kind": alert.kind,
        "at": time(alert.at),
        "budget": alert.budget,
        "each_value": alert.each_value,
    });
    if let (Value::Object(body), Value::Object(detail)) = (&mut body, &alert.detail) {
        for (key, value) in detail {
            body.entry(key).or_insert_with(|| value.clone());
        }
    }
    body
}

/// As [`json`], with what became of it.
pub fn full(alert: &Alert) -> Value {
    let mut body = json(alert);
    body["resolved_at"] = alert.resolved_at.map(time).into();
    body["deliveries"] = json!({
        "delivered": alert.delivered,
        "failed": alert.failed,
        "waiting": alert.waiting,
    });
    body
}

/// The bytes for a webhook of that format.
pub(super) fn of(alert: &Alert, format: Format) -> String {
    match format {
        Format::Json => json(alert).to_string(),
        Format::Slack => json!({ "text": slack(alert) }).to_string(),
    }
}

fn slack(alert: &Alert) -> String {
    let text = alert.detail["text"].as_str().unwrap_or_default();
    let sign = match alert.kind == Kind::Exceeded.name() {
        true => ":rotating_light:",
        false => ":warning:",
    };
    format!("{sign} weir: {}", escaped(text))
}

/// Slack reads `<…>` as a link or a mention, so names that clients choose must not bring any.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What an operator's try says.
pub(super) fn trial(id: String, now: i64) -> Alert {
    Alert {
        id,
        at: now,
        kind: Kind::Test.name().to_owned(),
        budget: None,
        each_value: None,
        detail: json!({ "text": "this is a test: alerts come through" }),
        resolved_at: None,
        delivered: 0,
        failed: 0,
        waiting: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_gets_no_markup_from_a_name() {
        let mut alert = trial("1".to_owned(), 0);
        alert.detail = json!({ "text": "budget a (user <!channel> & co) is spent" });
        let sent: Value = serde_json::from_str(&of(&alert, Format::Slack)).unwrap();
        assert_eq!(
            sent["text"],
            ":warning: weir: budget a (user &lt;!channel&gt; &amp; co) is spent"
        );
    }

    #[test]
    fn detail_never_replaces_what_an_alert_is() {
        let mut alert = trial("1".to_owned(), 1_000);
        alert.detail = json!({ "id": "2", "spent": "0.5" });
        let body = json(&alert);
        assert_eq!(
            (&body["id"], &body["spent"], &body["at"]),
            (&"1".into(), &"0.5".into(), &"1970-01-01T00:00:01Z".into())
        );
    }
}
