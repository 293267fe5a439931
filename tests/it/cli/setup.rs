//! Commands that prepare a machine: check, env, ca, schema, completions, demo.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::run;
use crate::support::settings::Settings;
use crate::support::tls::upstream_root_pem;
use crate::support::upstream::{Reply, Transport, Upstream};
use crate::support::weir::Weir;

#[test]
fn check_names_every_fault_with_its_place_and_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "listen: 127.0.0.1:0\nbugdets: []\nbudgets:\n  - name: x\n    limit: -5 USD\n    per: fortnight\n";
    fs::write(folder.path().join("bad.yaml"), text).expect("the folder is writable");
    let ran = run(folder.path(), &["check", "bad.yaml"]);
    assert_eq!(ran.code, Some(1));
    let told = format!("{}{}", ran.out, ran.err);
    for fault in [
        "bad.yaml:2:1",
        "budgets",
        "bad.yaml:5:",
        "-5",
        "bad.yaml:6:",
        "fortnight",
    ] {
        assert!(told.contains(fault), "{fault} is not told:\n{told}");
    }
    fs::write(folder.path().join("good.yaml"), "listen: 127.0.0.1:0\n")
        .expect("the folder is writable");
    run(folder.path(), &["check", "good.yaml"]).done();
    assert!(
        !folder.path().join("weir-data").exists(),
        "a check leaves nothing behind"
    );
}

#[test]
fn wrong_usage_exits_with_2() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["no-such-command"][..],
        &["serve", "--no-such-flag"],
        &["serve", "--threads", "0"],
        &["serve", "--threads", "1025"],
        &["report", "--by", "weather"],
        &["report", "--since", "zz"],
        &["calls", "--until", "2026-13-01"],
    ] {
        let ran = run(folder.path(), arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.err);
        assert!(
            ran.out.is_empty(),
            "{arguments:?}: diagnostics go to stderr"
        );
    }
}

#[test]
fn a_config_that_is_not_there_fails_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["check", "nowhere.yaml"][..],
        &["serve", "--config", "nowhere.yaml"],
    ] {
        let ran = run(folder.path(), arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}");
        assert!(
            ran.err.contains("nowhere.yaml"),
            "{arguments:?}: {}",
            ran.err
        );
    }
}

#[tokio::test]
async fn env_prints_what_a_shell_can_read() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let yaml = Settings::to(&upstream)
        .yaml()
        .replacen("listen: 127.0.0.1:0", "listen: 127.0.0.1:8942", 1)
        .replacen("  listen: 127.0.0.1:0", "  listen: 127.0.0.1:8943", 1);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("proxy.yaml"), yaml).expect("the folder is writable");
    fs::write(folder.path().join("upstream-root.pem"), upstream_root_pem())
        .expect("the folder is writable");
    let variables = [
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "NODE_EXTRA_CA_CERTS",
    ];
    for shell in ["bash", "fish", "powershell", "dotenv"] {
        let out = run(folder.path(), &["env", "--shell", shell]).done();
        for variable in variables {
            assert!(
                out.contains(variable),
                "{shell}: {variable} is missing:\n{out}"
            );
        }
        assert!(out.contains("127.0.0.1:8942"), "{shell}: {out}");
    }
    let script = format!(
        "{}\nprintf '%s|%s|%s' \"$HTTPS_PROXY\" \"$https_proxy\" \"$NO_PROXY\"",
        run(folder.path(), &["env", "--shell", "bash"]).done()
    );
    let output = Command::new("sh")
        .args(["-eu", "-c", &script])
        .output()
        .expect("a shell");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    let values: Vec<&str> = seen.split('|').collect();
    assert_eq!(values[..2], ["http://127.0.0.1:8942"; 2]);
    assert!(
        values[2].contains("127.0.0.1") && values[2].contains("localhost"),
        "{seen}"
    );
}

#[tokio::test]
async fn ca_shows_the_certificate_that_signs() {
    let upstream = Upstream::answering(Transport::Plain, |_| Reply::ok("{}")).await;
    let weir = Weir::start(&Settings::to(&upstream)).await;
    let paths = run(weir.folder(), &["ca", "path"]).done();
    let files: Vec<String> = paths
        .lines()
        .map(|path| fs::read_to_string(path).expect("the files are where they are said to be"))
        .collect();
    assert_eq!(
        files.len(),
        2,
        "the certificate, and the bundle with the system's roots: {paths}"
    );
    assert!(files.iter().all(|file| file.contains("BEGIN CERTIFICATE")));
    assert!(
        files[1].contains(files[0].trim()),
        "the bundle holds the certificate"
    );
    let shown = run(weir.folder(), &["ca", "show"]).done();
    assert!(
        shown.contains("BEGIN CERTIFICATE") || shown.contains("weir"),
        "{shown}"
    );
    assert!(!shown.contains("PRIVATE KEY"));
}

#[test]
fn schema_is_a_json_schema_of_the_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema: Value =
        serde_json::from_str(&run(folder.path(), &["schema"]).done()).expect("JSON");
    assert!(schema["$schema"].is_string());
    for key in [
        "listen",
        "admin",
        "providers",
        "budgets",
        "prices",
        "shutdown",
    ] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = run(folder.path(), &["completions", shell]).done();
        assert!(
            script.contains("weir") && script.contains("serve"),
            "{shell}"
        );
    }
}

#[test]
fn every_command_has_help() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = run(folder.path(), &["--help"]).done();
    for name in [
        "serve",
        "check",
        "env",
        "ca",
        "prices",
        "schema",
        "calls",
        "report",
        "demo",
        "completions",
    ] {
        assert!(help.contains(name), "{name} is not in the help");
        let own = run(folder.path(), &[name, "--help"]).done();
        assert!(own.len() > 40, "{name}: {own}");
    }
    let version = run(folder.path(), &["--version"]).done();
    assert!(version.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_demo_shows_the_whole_job_without_a_key_or_a_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(folder.path(), &["demo"]);
    let told = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, Some(0), "{told}");
    for name in [
        "openai",
        "anthropic",
        "gemini",
        "refused",
        "is spent",
        "http://127.0.0.1:",
    ] {
        assert!(told.contains(name), "{name} is not told:\n{told}");
    }
}
