//! Webhooks, thresholds, and what is out of the ordinary.

use super::*;
use crate::alert::anomaly::Anomaly;
use crate::alert::{Format, Kind};

#[test]
fn a_webhook_is_named_by_its_host_and_never_shown() {
    let config = read(
        "
budgets: [{ name: team-day, limit: 1 USD, per: day }]
alerts:
  - { webhook: 'https://hooks.example.com/${SECRET}', format: slack }
  - webhook: http://user:${SECRET}@10.0.0.1:81/x
    name: ops
    secret: ${SECRET}
    kinds: [exceeded, anomaly]
    budgets: team-*
  - { webhook: '${EMPTY}' }
",
    );
    let [slack, ops] = config.alerts.as_slice() else {
        panic!("two webhooks, for one is left blank: {:?}", config.alerts)
    };
    assert!(slack.name.starts_with("hooks.example.com-"), "{slack:?}");
    assert_eq!((slack.format, &slack.secret), (Format::Slack, &None));
    assert_eq!((ops.name.as_str(), ops.format), ("ops", Format::Json));
    assert_eq!(ops.secret.as_ref().map(Secret::expose), Some(CANARY));
    assert_eq!(ops.kinds, [Kind::Exceeded, Kind::Anomaly]);
    assert_eq!(ops.budgets, ["team-*"]);
    assert!(!format!("{config:?}").contains(CANARY));
    let changes = changes(&defaults(), &config).join("\n");
    assert!(changes.contains("alerts.ops: added") && !changes.contains(CANARY));
}

#[test]
fn thresholds_have_defaults_where_somebody_can_act_on_them() {
    for (budget, warn_at) in [
        ("limit: 1 USD, per: hour", &[80, 95][..]),
        ("limit: 1 USD, per: total", &[80, 95]),
        ("limit: 9 tokens, per: month", &[80, 95]),
        ("limit: 1 USD, per: minute", &[]),
        ("limit: 9 requests, per: day", &[]),
        ("limit: 9 concurrent", &[]),
        ("limit: 1 USD, per: day, warn_at: []", &[]),
        ("limit: 1 USD, per: day, warn_at: '${EMPTY}'", &[80, 95]),
        ("limit: 9 requests, per: minute, warn_at: 50", &[50]),
        ("models: { deny: a }", &[]),
    ] {
        let config = read(&format!("budgets: [{{ name: a, {budget} }}]"));
        assert_eq!(config.budgets[0].warn_at, warn_at, "{budget}");
    }
}

#[test]
fn what_is_out_of_the_ordinary_has_defaults_and_an_end() {
    let usual = Anomaly::default();
    assert_eq!(defaults().anomaly.as_ref(), Some(&usual));
    assert_eq!(read("anomaly: off").anomaly, None);
    let config =
        read("currencies: { CNY: 0.14 }\nanomaly: { day: 100 CNY, by: [team, user, team] }");
    let own = Anomaly {
        day: crate::units::PicoUsd::new(14 * PICO_PER_USD),
        by: vec![Dimension::User, Dimension::Team],
        ..usual.clone()
    };
    assert_eq!(config.anomaly, Some(own));
    let total = read("anomaly: { by: [], factor: 3 }").anomaly;
    assert_eq!(
        total.map(|own| (own.by, own.factor, own.hour)),
        Some((Vec::new(), 3, usual.hour))
    );
}
