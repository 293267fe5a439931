//! An operator's try: one test alert to every webhook, at once, and what each said.

use super::{Settings, body, client, post};
use crate::ledger::new_id;

/// What one webhook said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub webhook: String,
    pub taken: bool,
    /// `status 200`, or why there is none.
    pub answer: String,
}

/// Sends a test alert to every webhook of the settings, whatever it wants to hear; nothing is tried twice or
/// put on record. In the settings' order.
///
/// # Errors
///
/// Where no client can be made.
pub async fn try_all(settings: &Settings, now: i64) -> reqwest::Result<Vec<Tried>> {
    let client = client::http().timeout(post::TIMEOUT).build()?;
    let alert = body::trial(new_id(now).to_string(), now);
    let mut tries = tokio::task::JoinSet::new();
    for (place, webhook) in settings.webhooks.iter().enumerate() {
        let (client, webhook, alert) = (client.clone(), webhook.clone(), alert.clone());
        tries.spawn(async move {
            let answer = post::post(&client, &webhook, &alert, now).await;
            let tried = Tried {
                webhook: webhook.name,
                taken: matches!(answer, post::Answer::Taken(_)),
                answer: answer.said(),
            };
            (place, tried)
        });
    }
    let mut tried = tries.join_all().await;
    tried.sort_by_key(|(place, _)| *place);
    Ok(tried.into_iter().map(|(_, tried)| tried).collect())
}
