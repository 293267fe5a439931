//! Keys of weir's as the SDKs' own API keys.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{python, scripted};
use crate::support::settings::Settings;
use crate::support::upstream::{Transport, Upstream};
use crate::support::weir::{Weir, command};

fn keys(weir: &Weir, arguments: &[&str]) -> String {
    let mut command = command(weir.folder());
    let output = command.arg("keys").args(arguments).output();
    let output = output.expect("the binary can be run");
    assert!(output.status.success(), "weir keys {arguments:?}");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

async fn drive(python: &Path, weir: &Weir, sdk: &str, model: &str, key: &str) -> Value {
    let mut command = Command::new(python);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/drive.py"))
        .args([sdk, "--base", &format!("http://{}", weir.proxy)])
        .args(["--api-key", key, "--model", model, "--case", "plain"]);
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("no panic").expect("the driver can be run");
    serde_json::from_slice(&output.stdout).expect("a line of JSON")
}

#[tokio::test]
async fn the_sdks_come_in_by_a_key_of_weirs_and_give_up_at_once_when_it_is_revoked() {
    let Some(python) = python() else { return };
    for (sdk, model, header, own, raised) in [
        (
            "openai",
            "test-gpt",
            "authorization",
            "Bearer sk-own",
            "AuthenticationError",
        ),
        (
            "anthropic",
            "test-claude",
            "x-api-key",
            "sk-own",
            "AuthenticationError",
        ),
        (
            "gemini",
            "test-gemini",
            "x-goog-api-key",
            "sk-own",
            "ClientError",
        ),
    ] {
        let upstream = Upstream::answering(Transport::Plain, scripted).await;
        let name = format!("  {sdk}:\n");
        let yaml = Settings::to(&upstream).and("require_key: true").yaml();
        let yaml = yaml.replacen(&name, &format!("{name}    api_key: sk-own\n"), 1);
        let weir = Weir::start_with_yaml(&yaml).await;
        let secret = keys(&weir, &["create", "--name", "ci"]);
        let seen = drive(&python, &weir, sdk, model, &secret).await;
        assert_eq!(seen["exception"], Value::Null, "{sdk}: {seen}");
        assert_eq!(upstream.only().head.get(header), Some(own), "{sdk}");
        keys(&weir, &["revoke", "ci"]);
        let seen = drive(&python, &weir, sdk, model, &secret).await;
        let exception = seen["exception"].as_str().unwrap_or_default();
        assert!(exception.ends_with(raised), "{sdk}: {seen}");
        assert_eq!(seen["attempts"], 1, "{sdk}: {seen}");
        let told = seen["message"].as_str().unwrap_or_default();
        assert!(told.contains("this key was revoked"), "{sdk}: {seen}");
    }
}
