//! `weir keys`: gives out keys, lists, revokes and rotates them; through a running weir where there is one.

use clap::Subcommand;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::out::{self, Format};
use super::remote::{Remote, segment};
use super::settings::File;
use super::since::{When, span};
use crate::admin::api::{Fault, keys};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ledger::keys::By;
use crate::ledger::query::Reader;
use crate::ledger::{Operator, Via};

/// Arguments of `weir keys`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Give out a key; it is shown once.
    Create(Create),
    /// List keys, the newest first.
    List {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// End a key at once.
    Revoke {
        /// Its id or its name.
        key: String,
    },
    /// Give a key another text, shown once; budgets and history stay with the key.
    Rotate(Rotate),
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What it is called.
    #[arg(long)]
    name: String,
    /// The user of its calls; clients cannot say otherwise, nor of what follows.
    #[arg(long)]
    user: Option<String>,
    #[arg(long)]
    team: Option<String>,
    #[arg(long)]
    project: Option<String>,
    #[arg(long)]
    task: Option<String>,
    /// A free tag; may be given again.
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    /// When it ends: in 90d or 12h, on 2027-01-01, at 2027-01-01T09:00:00Z [default: never].
    #[arg(long, value_name = "WHEN")]
    expires: Option<When>,
    /// The models it may ask for: names, or prefixes that end in `*` [default: any].
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',')]
    models: Vec<String>,
    /// What it may spend: `50 USD per month`, `60 requests per minute`, `20 concurrent`; may be given again.
    #[arg(long = "budget", value_name = "LIMIT")]
    budgets: Vec<String>,
    /// The key alone, or all that is known of it.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    /// Its id or its name.
    key: String,
    /// How long what was shown before still opens it: 24h, 30m, 0s.
    #[arg(long, default_value = "24h", value_parser = grace)]
    grace: i64,
    /// When the key ends from here on [default: as before].
    #[arg(long, value_name = "WHEN")]
    expires: Option<When>,
    /// The key alone, or all that is known of it.
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
}

/// How a key that was made is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// The key on stdout, what it is on stderr.
    #[default]
    Text,
    Json,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like env=prod")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn grace(text: &str) -> Result<i64, String> {
    span(text).ok_or_else(|| "no span; write 24h, 30m or 0s".to_owned())
}

/// Does what is asked for.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let now = SystemClock::shared().unix_ms();
    match &args.action {
        Action::Create(create) => {
            let said = to_create(create, &config, now)?;
            let key = ask(&config, now, "keys", Some(&said), |operator, by| {
                keys::created(operator, &said, &config.currencies, by)
            })?;
            tell(&key, create.format)
        }
        Action::List { format } => {
            let said = match Remote::running(&config)? {
                Some(weir) => weir.ask(Method::GET, "keys", None)?,
                None => keys::listed(&Reader::open(&config.data_dir)?.keys()?, now),
            };
            list(&said, *format)
        }
        Action::Revoke { key } => {
            let path = format!("keys/{}/revoke", segment(key));
            let gone = ask(&config, now, &path, None, |operator, by| {
                keys::revoked(operator, key, by)
            })?;
            out::complain(&format!("{} is revoked", named(&gone)));
            Ok(())
        }
        Action::Rotate(rotate) => {
            let path = format!("keys/{}/rotate", segment(&rotate.key));
            let said = json!({
                "grace_seconds": rotate.grace / 1_000,
                "expires_at": end(rotate.expires, &config, now)?,
            });
            let key = ask(&config, now, &path, Some(&said), |operator, by| {
                keys::rotated(operator, &rotate.key, &said, by)
            })?;
            tell(&key, rotate.format)
        }
    }
}

/// Asks the running weir; where none runs, does it in its ledger.
fn ask(
    config: &Config,
    now: i64,
    path: &str,
    body: Option<&Value>,
    alone: impl FnOnce(&mut Operator, By) -> Result<Value, Fault>,
) -> anyhow::Result<Value> {
    if let Some(weir) = Remote::running(config)? {
        return weir.ask(Method::POST, path, body);
    }
    let (mut operator, _lock) = Operator::alone(&config.data_dir)?;
    let by = By {
        at: now,
        via: Via::Cli,
    };
    Ok(alone(&mut operator, by)?)
}

fn to_create(create: &Create, config: &Config, now: i64) -> anyhow::Result<Value> {
    let tags: Map<String, Value> = create
        .tags
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let models: Vec<&str> = create.models.iter().map(|model| model.trim()).collect();
    Ok(json!({
        "name": create.name,
        "user": create.user,
        "team": create.team,
        "project": create.project,
        "task": create.task,
        "tags": tags,
        "models": models,
        "budgets": create.budgets,
        "expires_at": end(create.expires, config, now)?,
    }))
}

fn end(when: Option<When>, config: &Config, now: i64) -> anyhow::Result<Option<String>> {
    let Some(when) = when else { return Ok(None) };
    let at = Timestamp::from_millisecond(when.ahead(now, &config.timezone)?)?;
    Ok(Some(at.to_string()))
}

fn named(key: &Value) -> String {
    let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
    format!("key {} ({})", text("name"), text("id"))
}

fn tell(key: &Value, shape: Shape) -> anyhow::Result<()> {
    if shape == Shape::Json {
        return out::write(&format!("{}\n", serde_json::to_string_pretty(key)?));
    }
    let expires = key["expires_at"].as_str().unwrap_or("never");
    out::complain(&format!(
        "{}, expires {expires}; this is the only time that it is shown:",
        named(key)
    ));
    out::line(key["secret"].as_str().unwrap_or_default())
}

fn list(said: &Value, format: Format) -> anyhow::Result<()> {
    let keys = said["keys"].as_array().into_iter().flatten();
    let cell = |value: &Value| match (value, format) {
        (_, Format::Json) => value.clone(),
        (Value::Array(list), _) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            texts.join(", ").into()
        }
        (Value::Object(tags), _) => {
            let pairs = tags.iter();
            let pairs =
                pairs.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("")));
            pairs.collect::<Vec<_>>().join(", ").into()
        }
        _ => value.clone(),
    };
    let rows: Vec<Vec<Value>> = keys
        .map(|key| COLUMNS.map(|name| cell(&key[name])).to_vec())
        .collect();
    out::rows(format, &COLUMNS.map(out::text), &rows)
}

/// What is listed of a key.
const COLUMNS: [&str; 15] = [
    "id",
    "name",
    "state",
    "hint",
    "user",
    "team",
    "project",
    "task",
    "tags",
    "models",
    "budgets",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
];
