//! A running weir, asked through its admin API.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

use super::settings::Addresses;
use crate::config::{Config, Secret};

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
        if !is_running(&config.data_dir)? {
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
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.exchange(method, path, body))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let url = format!("{}/api/v1/{path}", self.url);
        let client = crate::alert::http(PATIENCE)?;
        let mut request = client.request(method, &url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let unanswered = || format!("the running weir does not answer at {url}");
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

/// Whether some weir holds the directory's lock.
fn is_running(data_dir: &Path) -> anyhow::Result<bool> {
    Ok(crate::ledger::is_in_use(data_dir)?)
}
