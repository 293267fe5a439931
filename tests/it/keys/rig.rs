//! A weir with providers' own keys, and its command line.

use serde_json::Value;

use crate::support::canned;
use crate::support::client::{Request, Response, Way};
use crate::support::settings::Settings;
use crate::support::upstream::{Received, Transport, Upstream};
use crate::support::weir::{Weir, command};

/// The provider's own key in `openai`'s settings.
pub const OWN: &str = "sk-own-canary-77f1";

/// Settings over a scripted upstream; `own`: what is added to the settings of `openai`.
pub fn settings(upstream: &Upstream, own: &str, more: &str) -> String {
    let yaml = Settings::to(upstream).and(more).yaml();
    yaml.replacen("  openai:\n", &format!("  openai:\n{own}"), 1)
}

/// What gives `openai` its own key.
pub fn own_key() -> String {
    format!("    api_key: {OWN}\n")
}

/// A weir whose `openai` has a key of its own.
pub async fn rig(more: &str) -> (Upstream, Weir) {
    let upstream = Upstream::answering(Transport::Plain, |_| canned::openai_chat().reply()).await;
    let weir = Weir::start_with_yaml(&settings(&upstream, &own_key(), more)).await;
    (upstream, weir)
}

/// Runs `weir keys …` over the weir's folder; panics where it fails.
pub fn keys(weir: &Weir, arguments: &[&str]) -> String {
    let (done, told) = try_keys(weir, arguments);
    assert!(done, "weir keys {arguments:?}: {told}");
    told
}

/// The same; whether it was done, and stdout or else stderr.
pub fn try_keys(weir: &Weir, arguments: &[&str]) -> (bool, String) {
    let mut command = command(weir.folder());
    let output = command.arg("keys").args(arguments).output();
    let output = output.expect("the binary can be run");
    let told = match output.status.success() {
        true => output.stdout,
        false => output.stderr,
    };
    let told = String::from_utf8(told).expect("text");
    (output.status.success(), told.trim().to_owned())
}

/// Makes a key, and gives its text.
pub fn create(weir: &Weir, arguments: &[&str]) -> String {
    let secret = keys(weir, &[&["create"], arguments].concat());
    assert!(
        secret.starts_with("weir_") && secret.len() == 45,
        "{secret}"
    );
    secret
}

/// The keys as they are listed.
pub fn listed(weir: &Weir) -> Vec<Value> {
    let told = keys(weir, &["list", "--format", "json"]);
    serde_json::from_str(&told).expect("a list of keys")
}

/// A chat that shows `key` as its API key.
pub fn chat(key: &str) -> Request {
    let request = canned::openai_chat().request();
    request.header("Authorization", &format!("Bearer {key}"))
}

/// Sends a chat by base URL.
pub async fn send(weir: &Weir, key: &str) -> Response {
    weir.send(Way::BaseUrl, "openai", &chat(key)).await
}

/// The message of an OpenAI error.
pub fn message(response: &Response) -> String {
    let said = response.json();
    let message = said["error"]["message"].as_str();
    message
        .unwrap_or_else(|| panic!("an error: {said}"))
        .to_owned()
}

/// What came upstream, as one text.
pub fn text(received: &Received) -> String {
    format!("{:?} {:?}", received.head, received.body)
}
