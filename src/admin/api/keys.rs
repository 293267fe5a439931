//! `keys`: made, listed, revoked, rotated. A key's text is in the one answer that makes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Fault, instant, off_the_loop, time};
use crate::admin::Shared;
use crate::config;
use crate::ledger::keys::{By, Draft, Key, KeyError, Token};
use crate::ledger::{Labels, Operator, Via};
use crate::units::Currencies;

/// How long the text before a rotation still opens the key, where nothing is said: a day.
const GRACE_S: u64 = 24 * 60 * 60;

/// What is said to make a key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToCreate {
    name: String,
    user: Option<String>,
    team: Option<String>,
    project: Option<String>,
    task: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    budgets: Vec<String>,
    expires_at: Option<String>,
}

/// What is said to rotate one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToRotate {
    grace_seconds: Option<u64>,
    expires_at: Option<String>,
}

type Answer = Result<Json<Value>, Fault>;

/// `GET keys`: every key, the newest first.
pub(in crate::admin) async fn list(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let engine = &shared.subject.engine;
    Json(listed(&engine.keys.list(), engine.clock.unix_ms()))
}

/// `POST keys`.
pub(in crate::admin) async fn create(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    changing(shared, move |operator, currencies, by| {
        created(operator, &read(&body)?, currencies, by)
    })
    .await
}

/// `POST keys/{which}/revoke`: by id or name.
pub(in crate::admin) async fn revoke(
    State(shared): State<Arc<Shared>>,
    Path(which): Path<String>,
) -> Answer {
    changing(shared, move |operator, _, by| revoked(operator, &which, by)).await
}

/// `POST keys/{which}/rotate`.
pub(in crate::admin) async fn rotate(
    State(shared): State<Arc<Shared>>,
    Path(which): Path<String>,
    body: Bytes,
) -> Answer {
    changing(shared, move |operator, _, by| {
        let said = match body.is_empty() {
            true => json!({}),
            false => read(&body)?,
        };
        rotated(operator, &which, &said, by)
    })
    .await
}

/// Does what an operator asks for, off the event loop, and puts it in force.
async fn changing(
    shared: Arc<Shared>,
    deed: impl FnOnce(&mut Operator, &Currencies, By) -> Result<Value, Fault> + Send + 'static,
) -> Answer {
    off_the_loop(move || {
        let engine = &shared.subject.engine;
        let mut operator = Operator::open(engine.ledger.dir())?;
        let by = By {
            at: engine.clock.unix_ms(),
            via: Via::Api,
        };
        let live = engine.live.load_full();
        let said = deed(&mut operator, &live.config.currencies, by);
        // After a deed that failed as well: it may be the second try of one that was not put in force.
        let in_force = engine.keys_changed();
        let mut said = said?;
        if let Err(error) = in_force {
            tracing::error!(%error, "the keys on record are not those in force");
            if !said["secret"].is_string() {
                return Err(error.into());
            }
            // It is told once, so it is told now.
            said["warning"] = Value::from(error.to_string());
        }
        Ok(said)
    })
    .await
}

/// Makes the key that `said` describes.
pub fn created(
    operator: &mut Operator,
    said: &Value,
    currencies: &Currencies,
    by: By,
) -> Result<Value, Fault> {
    let asked: ToCreate = parse(said)?;
    let draft = Draft {
        name: asked.name,
        labels: Labels {
            key: None,
            user: asked.user,
            team: asked.team,
            project: asked.project,
            task: asked.task,
            tags: asked.tags,
        },
        models: asked.models,
        budgets: asked.budgets,
        expires_at: end(asked.expires_at, by)?,
    };
    config::keys::check(&draft, currencies).map_err(bad)?;
    let (key, token) = operator.create_key(draft, by)?;
    Ok(with_text(&key, &token, by))
}

/// Revokes the key of that id or name.
pub fn revoked(operator: &mut Operator, which: &str, by: By) -> Result<Value, Fault> {
    Ok(shown(&operator.revoke_key(which, by)?, by.at))
}

/// Rotates the key of that id or name.
pub fn rotated(operator: &mut Operator, which: &str, said: &Value, by: By) -> Result<Value, Fault> {
    let asked: ToRotate = parse(said)?;
    let grace_ms = asked.grace_seconds.unwrap_or(GRACE_S).saturating_mul(1_000);
    let grace_ms = i64::try_from(grace_ms).unwrap_or(i64::MAX);
    let expires_at = end(asked.expires_at, by)?;
    let (key, token) = operator.rotate_key(which, grace_ms, expires_at, by)?;
    Ok(with_text(&key, &token, by))
}

/// Keys as the API lists them.
pub fn listed(keys: &[Key], now: i64) -> Value {
    json!({ "keys": keys.iter().map(|key| shown(key, now)).collect::<Vec<_>>() })
}

fn with_text(key: &Key, token: &Token, by: By) -> Value {
    let mut said = shown(key, by.at);
    said["secret"] = Value::from(token.expose());
    said
}

fn shown(key: &Key, now: i64) -> Value {
    let labels = &key.labels;
    let opens = |until: Option<i64>| until.is_none_or(|until| until > now);
    let secrets = key.secrets.iter().filter(|one| opens(one.valid_until));
    let secrets = secrets.map(|secret| {
        json!({
            "hint": secret.hint,
            "created_at": time(Some(secret.created_at)),
            "valid_until": time(secret.valid_until),
        })
    });
    json!({
        "id": key.id,
        "name": key.name,
        "state": key.state(now),
        "hint": key.secrets.first().map(|secret| &secret.hint),
        "user": labels.user,
        "team": labels.team,
        "project": labels.project,
        "task": labels.task,
        "tags": labels.tags,
        "models": key.models,
        "budgets": key.budgets,
        "created_at": time(Some(key.created_at)),
        "expires_at": time(key.expires_at),
        "revoked_at": time(key.revoked_at),
        "last_used_at": time(key.last_used_at),
        "secrets": secrets.collect::<Vec<_>>(),
    })
}

fn end(at: Option<String>, by: By) -> Result<Option<i64>, Fault> {
    let Some(at) = at else { return Ok(None) };
    let at = instant(&at)?;
    match at <= by.at {
        true => Err(bad("expires_at: expected a time to come")),
        false => Ok(Some(at)),
    }
}

fn read(body: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(body).map_err(|error| bad(format!("expected JSON: {error}")))
}

fn parse<T: DeserializeOwned>(said: &Value) -> Result<T, Fault> {
    T::deserialize(said).map_err(|error| bad(error.to_string()))
}

fn bad(why: impl Into<String>) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, why)
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        let why = error.to_string();
        match error {
            KeyError::Taken(_) | KeyError::TooMany | KeyError::Expired(_) => {
                Fault::new(StatusCode::CONFLICT, why)
            }
            KeyError::Unknown(_) => Fault::new(StatusCode::NOT_FOUND, why),
            KeyError::Ledger(fault) => fault.into(),
        }
    }
}
