//! A running weir, asked through its admin API.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

use super::settings::Addresses;
use crate::config::{Config, Secret};
use crate::ledger::{self, DirLock, Error};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The weir that serves one data directory.
pub(super) struct Remote {
    url: String,
    token: Option<Secret>,
}

impl Remote {
    /// The weir that runs over the settings' data directory; `None` where none does.
    pub(super) fn running(config: &Config) -> anyhow::Result<Option<Self>> {
        if !ledger::is_in_use(&config.data_dir)? {
            return Ok(None);
        }
        Ok(Some(Remote {
            url: Addresses::published(&config.data_dir)?.admin_url(),
            token: config.admin.token.clone(),
        }))
    }

    /// Asks `path` under `/api/v1`; an error is what the weir said.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        self.ask_for(PATIENCE, method, path, body)
    }

    /// The same, where the answer takes longer.
    pub(super) fn ask_for(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.exchange(patience, method, path, body))
    }

    async fn exchange(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let url = format!("{}/api/v1/{path}", self.url);
        let client = crate::alert::http()
            .connect_timeout(PATIENCE)
            .timeout(patience)
            .build()?;
        let mut request = client.request(method, &url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let unanswered =
            || format!("the running weir does not answer at {url}; try again, or stop it first");
        let answer = request.send().await.with_context(unanswered)?;
        let status = answer.status();
        let text = answer.text().await.with_context(unanswered)?;
        if status.is_success() {
            return serde_json::from_str(&text).with_context(|| format!("{url} answered no JSON"));
        }
        let said: Option<Value> = serde_json::from_str(&text).ok();
        let why = said.as_ref().and_then(|said| said["error"].as_str());
        anyhow::bail!("{}", why.unwrap_or(text.trim()))
    }
}

/// Who changes the ledger of a data directory: the weir that runs there, else the command itself.
pub(super) enum Door {
    Running(Remote),
    /// No weir runs, and none can start while the lock is held.
    Own(DirLock),
}

impl Door {
    /// Takes the directory's lock, or finds who has it.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        if !config.data_dir.exists() {
            anyhow::bail!(
                "there is no ledger in {}; weir makes one when it first serves there",
                config.data_dir.display()
            );
        }
        match ledger::lock(&config.data_dir) {
            Ok(lock) => Ok(Door::Own(lock)),
            Err(locked @ Error::Locked { .. }) => {
                // A command holds the lock as well, and a weir before it serves.
                let Ok(addresses) = Addresses::published(&config.data_dir) else {
                    return Err(locked.into());
                };
                Ok(Door::Running(Remote {
                    url: addresses.admin_url(),
                    token: config.admin.token.clone(),
                }))
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// A name as one segment of a path, whatever somebody typed.
pub(super) fn segment(name: &str) -> String {
    let unsafe_bytes = percent_encoding::NON_ALPHANUMERIC;
    percent_encoding::utf8_percent_encode(name, unsafe_bytes).to_string()
}
