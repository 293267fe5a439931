//! Where alerts go: an address that is a secret, what it wants to hear, and how.

use super::Kind;
use crate::budget::limits::fits;
use crate::units::Secret;

/// The body that a webhook understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    #[default]
    Json,
    /// One text, as Slack's incoming webhooks and their imitators take it.
    Slack,
}

impl Format {
    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Slack => "slack",
        }
    }
}

/// One webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// What it is called in the ledger, in logs and answers; tells nothing of the address but its host.
    pub name: String,
    /// An http or https URL. Whoever knows it can write there: it is never shown.
    pub url: Secret,
    pub format: Format,
    /// Signs what is sent.
    pub secret: Option<Secret>,
    /// Only alerts of these kinds; empty = all.
    pub kinds: Vec<Kind>,
    /// Of alerts that have a budget only those of these: names, or prefixes that end in `*`; empty = all.
    pub budgets: Vec<String>,
}

impl Webhook {
    /// Whether it is told of an alert.
    pub fn wants(&self, kind: Kind, budget: Option<&str>) -> bool {
        let of_kind = self.kinds.is_empty() || self.kinds.contains(&kind);
        let of_budget = budget.is_none_or(|name| {
            self.budgets.is_empty() || self.budgets.iter().any(|pattern| fits(pattern, name))
        });
        of_kind && of_budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(kinds: &[Kind], budgets: &[&str]) -> Webhook {
        Webhook {
            name: "w".to_owned(),
            url: Secret::new("http://canary".to_owned()),
            format: Format::Json,
            secret: None,
            kinds: kinds.to_vec(),
            budgets: budgets.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn hears_what_it_asks_for() {
        let all = webhook(&[], &[]);
        assert!(all.wants(Kind::Threshold, Some("a")) && all.wants(Kind::Anomaly, None));
        let some = webhook(&[Kind::Exceeded, Kind::Anomaly], &["team-*", "ops"]);
        for (kind, budget, wanted) in [
            (Kind::Exceeded, Some("team-a"), true),
            (Kind::Exceeded, Some("ops"), true),
            (Kind::Exceeded, Some("ops-2"), false),
            (Kind::Threshold, Some("ops"), false),
            (Kind::Anomaly, None, true),
        ] {
            assert_eq!(some.wants(kind, budget), wanted, "{kind:?} {budget:?}");
        }
    }

    #[test]
    fn shows_nothing_of_its_address() {
        assert!(!format!("{:?}", webhook(&[], &[])).contains("canary"));
    }
}
