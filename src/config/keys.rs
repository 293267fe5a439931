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
