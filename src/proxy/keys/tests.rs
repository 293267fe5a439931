use super::*;
use crate::config::parse;
use crate::ledger::keys::{Secret, Token};

fn key(id: &str, token: &Token) -> Key {
    Key {
        id: id.to_owned(),
        name: format!("name-{id}"),
        labels: Labels {
            key: Some(id.to_owned()),
            team: Some("search".into()),
            ..Labels::default()
        },
        models: Vec::new(),
        budgets: Vec::new(),
        created_at: 0,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        secrets: vec![secret(token, None)],
    }
}

fn secret(token: &Token, valid_until: Option<i64>) -> Secret {
    Secret {
        digest: token.digest(),
        hint: token.hint(),
        created_at: 0,
        valid_until,
    }
}

fn currencies(text: &str) -> Currencies {
    parse(text, "f", &|_| None).unwrap().currencies
}

fn keys(list: Vec<Key>) -> Keys {
    let keys = Keys::default();
    keys.replace(list, &currencies("{}"), 0);
    keys
}

fn open(keys: &Keys, token: &Token, now: i64) -> Result<Option<String>, Why> {
    let opened = keys.open(Look::Key(token.digest()), now);
    opened
        .map(|known| known.labels.key.clone())
        .map_err(|(why, _)| why)
}

#[test]
fn a_key_opens_the_door_until_its_end_and_not_at_it() {
    let token = Token::draw();
    let keys = keys(vec![Key {
        expires_at: Some(100),
        ..key("a", &token)
    }]);
    assert_eq!(open(&keys, &token, 99), Ok(Some("a".to_owned())));
    assert_eq!(open(&keys, &token, 100), Err(Why::Expired));
    assert_eq!(open(&keys, &Token::draw(), 99), Err(Why::Unknown));
    let misspelt = keys.open(Look::Misspelt, 0).unwrap_err();
    assert_eq!(misspelt.0, Why::Misspelt);
}

#[test]
fn a_rotated_text_opens_until_its_deadline_and_revoking_ends_all_of_them() {
    let (old, new) = (Token::draw(), Token::draw());
    let rotated = Key {
        secrets: vec![secret(&new, None), secret(&old, Some(100))],
        ..key("a", &new)
    };
    let keys = keys(vec![rotated.clone()]);
    assert_eq!(open(&keys, &old, 99), Ok(Some("a".to_owned())));
    assert_eq!(open(&keys, &old, 100), Err(Why::Rotated));
    assert_eq!(open(&keys, &new, 100), Ok(Some("a".to_owned())));
    let revoked = Key {
        revoked_at: Some(101),
        ..rotated
    };
    keys.replace(vec![revoked], &currencies("{}"), 0);
    for token in [&old, &new] {
        assert_eq!(open(&keys, token, 102), Err(Why::Revoked));
    }
}

#[test]
fn the_last_use_outlives_a_change_of_keys_and_is_written_once() {
    let token = Token::draw();
    let keys = keys(vec![key("a", &token)]);
    assert_eq!(keys.list()[0].last_used_at, None);
    open(&keys, &token, 7).unwrap();
    keys.replace(vec![key("a", &token)], &currencies("{}"), 0);
    assert_eq!(keys.list()[0].last_used_at, Some(7));
    let uses = keys.unwritten();
    assert_eq!(uses, [("a".to_owned(), 7)]);
    keys.written(&uses);
    assert_eq!(keys.unwritten(), []);
    open(&keys, &token, 8).unwrap();
    assert_eq!(keys.unwritten(), [("a".to_owned(), 8)]);
}

#[test]
fn a_budget_that_cannot_be_read_any_more_closes_the_door() {
    let token = Token::draw();
    let yuan = "currencies: { CNY: 0.14 }";
    let keys = Keys::default();
    let limited = Key {
        budgets: vec!["50 CNY per month".into()],
        ..key("a", &token)
    };
    keys.replace(vec![limited], &currencies(yuan), 0);
    assert_eq!(keys.limits().len(), 1);
    assert!(open(&keys, &token, 0).is_ok());
    keys.reread(&currencies("{}"), 0);
    assert_eq!(keys.limits().len(), 0);
    assert_eq!(open(&keys, &token, 0), Err(Why::Broken));
    keys.reread(&currencies(yuan), 0);
    assert!(open(&keys, &token, 0).is_ok());
}

#[test]
fn a_key_that_is_over_brings_no_budget_along() {
    let token = Token::draw();
    let keys = Keys::default();
    let limited = || Key {
        budgets: vec!["50 USD per month".into(), "20 concurrent".into()],
        models: vec!["gpt-*".into()],
        expires_at: Some(100),
        ..key("a", &token)
    };
    keys.replace(vec![limited()], &currencies("{}"), 99);
    let limits = keys.limits();
    let names: Vec<&str> = limits.iter().map(|limit| limit.name.as_str()).collect();
    assert_eq!(names, ["key:name-a", "key:name-a:2"]);
    let rules: Vec<bool> = limits.iter().map(|limit| limit.models.is_empty()).collect();
    assert_eq!(rules, [false, true], "the first rules the models for all");
    keys.replace(vec![limited()], &currencies("{}"), 100);
    assert_eq!(keys.limits().len(), 0);
}

#[test]
fn whoever_needs_no_key_passes_and_whoever_shows_a_bad_one_does_not() {
    let token = Token::draw();
    let keys = keys(vec![key("a", &token)]);
    let good = Some(Look::Key(token.digest()));
    let bad = Some(Look::Misspelt);
    assert_eq!(keys.admits(None, false, 0), Ok(()));
    assert_eq!(keys.admits(None, true, 0), Err(Why::Missing.message()));
    for needs_key in [false, true] {
        assert_eq!(keys.admits(good, needs_key, 0), Ok(()));
        assert_eq!(keys.admits(bad, needs_key, 0), Err(Why::Misspelt.message()));
    }
}
