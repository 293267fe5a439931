use super::*;
use crate::ledger::schema;

fn operator(dir: &std::path::Path) -> Operator {
    drop(schema::open_to_write(dir).unwrap());
    Operator::open(dir).unwrap()
}

fn by(at: i64) -> By {
    By { at, via: Via::Cli }
}

fn draft(name: &str) -> Draft {
    Draft {
        name: name.to_owned(),
        ..Draft::default()
    }
}

fn audited(operator: &Operator) -> Vec<(String, String)> {
    let read = |db: &Connection| {
        let mut rows = db.prepare("SELECT action, subject FROM audit ORDER BY id")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    operator.ask(read).unwrap()
}

#[test]
fn a_key_is_read_back_as_it_was_made_and_its_text_is_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let mut operator = operator(dir.path());
    let draft = Draft {
        labels: Labels {
            team: Some("search".into()),
            tags: [("a".to_owned(), "1".to_owned())].into(),
            ..Labels::default()
        },
        models: vec!["gpt-*".into()],
        budgets: vec!["50 USD per month".into()],
        expires_at: Some(9),
        ..draft("ci")
    };
    let (key, token) = operator.create_key(draft, by(7)).unwrap();
    assert_eq!(key.labels.key.as_ref(), Some(&key.id));
    assert_eq!(operator.keys().unwrap(), std::slice::from_ref(&key));
    assert_eq!(
        (key.state(8), key.state(9)),
        ("active", "expired"),
        "the moment itself is too late"
    );
    drop(operator);
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = token.expose().as_bytes();
        assert!(memchr::memmem::find(&bytes, text).is_none());
        assert!(memchr::memmem::find(&bytes, &text[5..20]).is_none());
    }
}

#[test]
fn a_rotation_ends_the_texts_before_it_and_none_lives_longer_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut operator = operator(dir.path());
    let (key, first) = operator.create_key(draft("ci"), by(0)).unwrap();
    let (_, second) = operator.rotate_key("ci", 100, None, by(10)).unwrap();
    let (now, third) = operator
        .rotate_key(&key.id, 1_000, Some(5_000), by(20))
        .unwrap();
    assert_eq!(now.id, key.id);
    let found = operator.keys().unwrap().remove(0);
    assert_eq!(found, now);
    assert_eq!(found.expires_at, Some(5_000));
    let until = |token: &Token| {
        let mut secrets = found.secrets.iter();
        secrets
            .find(|one| one.digest == token.digest())
            .unwrap()
            .valid_until
    };
    assert_eq!(until(&first), Some(110), "its own deadline stays");
    assert_eq!(until(&second), Some(1_020));
    assert_eq!(until(&third), None);
}

#[test]
fn an_expired_key_is_rotated_only_into_a_time_to_come() {
    let dir = tempfile::tempdir().unwrap();
    let mut operator = operator(dir.path());
    let draft = Draft {
        expires_at: Some(10),
        ..draft("ci")
    };
    operator.create_key(draft, by(1)).unwrap();
    let over = operator.rotate_key("ci", 0, None, by(10)).unwrap_err();
    assert!(matches!(over, KeyError::Expired(_)));
    let (key, _) = operator.rotate_key("ci", 0, Some(20), by(10)).unwrap();
    assert_eq!(key.state(19), "active");
    assert_eq!(audited(&operator).len(), 2);
}

#[test]
fn a_name_is_free_again_once_its_key_is_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let mut operator = operator(dir.path());
    let (first, _) = operator.create_key(draft("ci"), by(1)).unwrap();
    let taken = operator.create_key(draft("ci"), by(2)).unwrap_err();
    assert!(matches!(taken, KeyError::Taken(_)));
    let revoked = operator.revoke_key("ci", by(3)).unwrap();
    assert_eq!(
        (revoked.id.as_str(), revoked.state(3)),
        (&*first.id, "revoked")
    );
    let gone = operator.revoke_key(&first.id, by(4)).unwrap_err();
    assert!(matches!(gone, KeyError::Unknown(_)));
    let (second, _) = operator.create_key(draft("ci"), by(5)).unwrap();
    assert_eq!(operator.keys().unwrap().len(), 2);
    let deeds = [
        ("key.create", &first.id),
        ("key.revoke", &first.id),
        ("key.create", &second.id),
    ];
    let deeds = deeds.map(|(action, id)| (action.to_owned(), id.clone()));
    assert_eq!(
        audited(&operator),
        deeds,
        "one row for each deed, none for a no"
    );
}

#[test]
fn an_id_goes_before_a_name_that_looks_like_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut operator = operator(dir.path());
    let (one, _) = operator.create_key(draft("one"), by(1)).unwrap();
    let (named, _) = operator.create_key(draft(&one.id), by(2)).unwrap();
    assert_eq!(operator.revoke_key(&one.id, by(3)).unwrap().id, one.id);
    assert_eq!(operator.revoke_key(&one.id, by(4)).unwrap().id, named.id);
}

#[test]
fn the_last_use_is_the_latest_that_was_noted() {
    let dir = tempfile::tempdir().unwrap();
    let mut operator = operator(dir.path());
    let (key, _) = operator.create_key(draft("ci"), by(1)).unwrap();
    for at in [50, 40] {
        operator.note_uses(&[(key.id.clone(), at)]).unwrap();
    }
    assert_eq!(operator.keys().unwrap()[0].last_used_at, Some(50));
    assert_eq!(audited(&operator).len(), 1, "a use is no operator's deed");
}
