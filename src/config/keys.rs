//! What a key of weir's may do, as operators write it: by the same rules as `proxy.yaml`.

use super::check::key_amount;
use super::read::{Fault, Scalar};
use super::values::{Amount, Label, Name, Pattern, PerName};
use crate::budget::limits::{Action, Dimension, Limit, Match, Models, NO_LIMIT, Per, Unit};
use crate::ledger::keys::{Draft, Key};
use crate::units::{Currencies, Currency};

/// Most budgets of one key.
const BUDGETS_MAX: usize = 8;
/// Most entries of its list of models, and most of its tags.
const ENTRIES_MAX: usize = 64;

/// What is wrong with a key to be made: the first fault, and what is expected.
pub fn check(draft: &Draft, currencies: &Currencies) -> Result<(), String> {
    fits::<Name>("name", &draft.name)?;
    let labels = &draft.labels;
    for (key, label) in [
        ("user", &labels.user),
        ("team", &labels.team),
        ("project", &labels.project),
        ("task", &labels.task),
    ] {
        if let Some(label) = label {
            fits::<Label>(key, label)?;
        }
    }
    at_most("tags", labels.tags.len(), ENTRIES_MAX)?;
    for (name, value) in &labels.tags {
        fits::<Label>("tags", name)?;
        fits::<Label>("tags", value)?;
    }
    at_most("models", draft.models.len(), ENTRIES_MAX)?;
    for model in &draft.models {
        fits::<Pattern>("models", model)?;
    }
    at_most("budgets", draft.budgets.len(), BUDGETS_MAX)?;
    for budget in &draft.budgets {
        limited(budget, currencies)?;
    }
    Ok(())
}

/// The budgets that a key brings along: the first rules its models too. Their names begin with `key:`, which
/// no budget of a file may.
///
/// # Errors
///
/// Where one is written in a currency that `proxy.yaml` has no more.
pub fn limits(key: &Key, currencies: &Currencies) -> Result<Vec<Limit>, String> {
    let models = Models {
        allow: (!key.models.is_empty()).then(|| key.models.clone()),
        deny: Vec::new(),
    };
    let mut counts = Vec::new();
    for budget in &key.budgets {
        counts.push(limited(budget, currencies)?);
    }
    if counts.is_empty() && !models.is_empty() {
        let rule = (Unit::Requests, NO_LIMIT, Currency::USD, Per::Total);
        counts.push(rule);
    }
    let mut models = Some(models);
    let limit = |(at, (unit, amount, currency, per)): (usize, (Unit, i128, Currency, Per))| Limit {
        name: match at {
            0 => format!("key:{}", key.name),
            at => format!("key:{}:{}", key.name, at + 1),
        },
        unit,
        amount,
        currency,
        per,
        matches: Match {
            dimensions: [(Dimension::Key, vec![key.id.clone()])].into(),
            ..Match::default()
        },
        each: None,
        hold: Default::default(),
        unpriced: Default::default(),
        unmetered: Default::default(),
        on_spent: Default::default(),
        wait: Default::default(),
        warn_at: Vec::new(),
        action: Action::Block,
        models: models.take().unwrap_or_default(),
        rollover: None,
    };
    Ok(counts.into_iter().enumerate().map(limit).collect())
}

/// Reads `50 USD per month`, `60 requests per minute`, `20 concurrent`.
fn limited(budget: &str, currencies: &Currencies) -> Result<(Unit, i128, Currency, Per), String> {
    let (amount, per) = match budget.split_once(" per ") {
        Some((amount, per)) => (amount, Some(per.trim())),
        None => (budget, None),
    };
    let amount = fits::<Amount>("budget", amount)?;
    let per = match (amount.unit, per) {
        (Unit::Concurrent, None) => Per::Total,
        (Unit::Concurrent, Some(_)) => {
            return Err("budget: calls in flight have no window; remove `per`".to_owned());
        }
        (_, Some(per)) => fits::<PerName>("budget", per)?.0,
        (_, None) => return Err("budget: add a window, as in `50 USD per month`".to_owned()),
    };
    let unit = amount.unit;
    let (amount, currency) =
        key_amount(amount, currencies).map_err(|why| format!("budget: {why}"))?;
    Ok((unit, amount, currency, per))
}

fn at_most(key: &str, count: usize, most: usize) -> Result<(), String> {
    match count > most {
        true => Err(format!("{key}: expected at most {most}, got {count}")),
        false => Ok(()),
    }
}

fn fits<T: Scalar>(key: &str, text: &str) -> Result<T, String> {
    T::parse(text).map_err(|fault| {
        let (expected, like) = (T::EXPECTED, T::LIKE.join("` or `"));
        let got = super::problem::quoted(text);
        let why = match fault {
            Fault::Because(why) | Fault::Later(why) => format!(": {why}"),
            Fault::OneOf(known) => format!(": one of {}", known.join(", ")),
            Fault::Unfit => String::new(),
        };
        format!("{key}: expected {expected}, got {got}{why} (write it like `{like}`)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Labels;

    fn currencies() -> Currencies {
        let settings = "currencies: { CNY: 0.14 }";
        let config = super::super::parse(settings, "f", &|_| None).unwrap();
        config.currencies
    }

    fn draft() -> Draft {
        Draft {
            name: "ci".to_owned(),
            ..Draft::default()
        }
    }

    fn key(budgets: &[&str], models: &[&str]) -> Key {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Key {
            id: "0123456789ab".to_owned(),
            name: "ci".to_owned(),
            labels: Labels::default(),
            models: texts(models),
            budgets: texts(budgets),
            created_at: 0,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            secrets: Vec::new(),
        }
    }

    #[test]
    fn budgets_are_read_as_the_file_writes_them_and_cover_the_key_alone() {
        let key = key(
            &[
                "50 USD per month",
                "100 CNY per day",
                "60 requests per minute",
                "1_000_000 tokens per year",
                "20 concurrent",
            ],
            &[],
        );
        let limits = limits(&key, &currencies()).unwrap();
        let read: Vec<_> = limits
            .iter()
            .map(|limit| (limit.name.as_str(), limit.unit, limit.per))
            .collect();
        let expected = [
            ("key:ci", Unit::Cost, Per::Month),
            ("key:ci:2", Unit::Cost, Per::Day),
            ("key:ci:3", Unit::Requests, Per::Minute),
            ("key:ci:4", Unit::Tokens, Per::Year),
            ("key:ci:5", Unit::Concurrent, Per::Total),
        ];
        assert_eq!(read, expected);
        assert_eq!(limits[1].amount, 14_000_000_000_000);
        for limit in &limits {
            let covered = &limit.matches.dimensions[&Dimension::Key];
            assert_eq!(covered, std::slice::from_ref(&key.id));
        }
    }

    #[test]
    fn models_alone_are_a_rule_and_nothing_at_all_is_no_budget() {
        let rule = limits(&key(&[], &["gpt-*"]), &currencies()).unwrap();
        assert!(rule.len() == 1 && rule[0].is_rule());
        assert_eq!(rule[0].models.allow, Some(vec!["gpt-*".to_owned()]));
        assert_eq!(limits(&key(&[], &[]), &currencies()), Ok(Vec::new()));
    }

    #[test]
    fn what_does_not_fit_is_said_with_the_remedy() {
        let name = |name: &str| Draft {
            name: name.to_owned(),
            ..Draft::default()
        };
        let budget = |budget: &str| Draft {
            budgets: vec![budget.to_owned()],
            ..draft()
        };
        let model = Draft {
            models: vec!["a*b".to_owned()],
            ..draft()
        };
        let tags = Draft {
            labels: Labels {
                tags: [("a".to_owned(), String::new())].into(),
                ..Labels::default()
            },
            ..draft()
        };
        for (draft, part) in [
            (name("a b"), "name: expected a name"),
            (name(""), "name: expected a name"),
            (budget("50 USD"), "add a window, as in `50 USD per month`"),
            (budget("50 USD per fortnight"), "budget: expected"),
            (
                budget("5 EUR per day"),
                "no rate is known for the currency EUR",
            ),
            (budget("0 USD per day"), "more than nothing"),
            (budget("5 concurrent per day"), "remove `per`"),
            (budget(""), "budget: expected a positive amount"),
            (model, "models: expected"),
            (tags, "tags: expected"),
        ] {
            let why = check(&draft, &currencies()).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
        assert_eq!(check(&draft(), &currencies()), Ok(()));
    }
}
