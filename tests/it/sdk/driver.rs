//! Runs an official SDK in a process of its own and reads what it saw.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::weir::Weir;

/// Fails where an SDK is missing; loads none of them, for that takes seconds.
const HAS_SDKS: &str = "
from importlib.util import find_spec
import sys
sdks = ('openai', 'anthropic', 'google.genai', 'websockets', 'boto3', 'mistralai', 'cohere', 'groq', 'ollama')
sys.exit(not all(map(find_spec, sdks)))
";

/// An SDK, by the name that its driver has for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sdk {
    Python(&'static str),
    Node(&'static str),
}

/// The way that an SDK comes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    BaseUrl,
    Proxy,
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The interpreter that has the pinned SDKs; `None` where nobody installed them.
pub fn python() -> Option<PathBuf> {
    let beside = package().join(".venv/bin/python");
    let python = std::env::var_os("WEIR_PYTHON").map_or(beside, PathBuf::from);
    let has_sdks = Command::new(&python)
        .args(["-c", HAS_SDKS])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_sdks {
        eprintln!(
            "left out: {} has no SDKs; `make test` installs them",
            python.display()
        );
    }
    has_sdks.then_some(python)
}

/// The pinned Node, beside the interpreter; `None` where it or its SDKs were not installed.
fn node() -> Option<PathBuf> {
    let node = python()?.with_file_name("node");
    let has_sdks = node.exists() && package().join("tests/sdk/node_modules/openai").exists();
    if !has_sdks {
        eprintln!(
            "left out: {} has no SDKs; `make test` installs them",
            node.display()
        );
    }
    has_sdks.then_some(node)
}

/// What an SDK is to do: each case under each label.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    pub sdk: Sdk,
    pub mode: Mode,
    pub model: &'a str,
    /// Labels of the calls; none = no label.
    pub tasks: &'a [&'a str],
    pub cases: &'a [&'a str],
    /// Most tokens of an answer; `None` leaves it to the driver.
    pub max_tokens: Option<u32>,
    /// Counts what the SDK would sleep between its attempts, and sleeps nothing. Python alone can.
    pub never_sleeps: bool,
}

impl Run<'_> {
    /// One line for each case of each task; `None` where the SDKs are not installed.
    pub async fn of(self, weir: &Weir) -> Option<Vec<Value>> {
        match self.sdk {
            Sdk::Python(name) => {
                let mut command = Command::new(python()?);
                command.arg(package().join("tests/sdk/drive.py")).arg(name);
                self.reach(&mut command, weir);
                Some(self.run(command).await)
            }
            Sdk::Node(name) => {
                let node = node()?;
                let mut lines = Vec::new();
                // Node reads the proxy's variables once, at its start.
                let at_once = match self.mode {
                    Mode::Proxy => 1,
                    Mode::BaseUrl => self.tasks.len(),
                };
                let unlabelled = self.tasks.is_empty().then_some(self.tasks);
                for tasks in self.tasks.chunks(at_once.max(1)).chain(unlabelled) {
                    let mut command = Command::new(&node);
                    command.arg(package().join("tests/sdk/drive.mjs")).arg(name);
                    let part = Run { tasks, ..self };
                    part.reach_from_node(&mut command, weir);
                    lines.extend(part.run(command).await);
                }
                Some(lines)
            }
        }
    }

    fn reach(&self, command: &mut Command, weir: &Weir) {
        let url = format!("http://{}", weir.proxy);
        match self.mode {
            Mode::BaseUrl => command.args(["--mode", "base-url", "--base", &url]),
            Mode::Proxy => command
                .args(["--mode", "proxy", "--proxy", &url, "--ca-bundle"])
                .arg(weir.data_dir().join("ca.pem")),
        };
        if let Some(max_tokens) = self.max_tokens {
            command.args(["--max-tokens", &max_tokens.to_string()]);
        }
        if self.never_sleeps {
            command.arg("--never-sleep");
        }
    }

    fn reach_from_node(&self, command: &mut Command, weir: &Weir) {
        for name in ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"] {
            command.env_remove(name);
        }
        match self.mode {
            Mode::BaseUrl => {
                command.args(["--base", &format!("http://{}", weir.proxy)]);
            }
            Mode::Proxy => {
                // Node sends no user name without a password.
                let user = self.tasks.first().map(|task| format!("task={task}:-@"));
                let proxy = format!("http://{}{}", user.unwrap_or_default(), weir.proxy);
                command
                    .env("NODE_USE_ENV_PROXY", "1")
                    .env("HTTPS_PROXY", proxy)
                    .env("NODE_EXTRA_CA_CERTS", weir.data_dir().join("ca.pem"));
            }
        }
    }

    async fn run(&self, mut command: Command) -> Vec<Value> {
        command.args(["--model", self.model]);
        for task in self.tasks {
            command.args(["--task", task]);
        }
        for case in self.cases {
            command.args(["--case", case]);
        }
        let what = format!("{:?} {:?}", self.sdk, self.mode);
        let run = tokio::task::spawn_blocking(move || command.output());
        let output = run.await.expect("no panic").expect("the driver can be run");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {errors}");
        let text = String::from_utf8(output.stdout).expect("text");
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect();
        let expected = self.tasks.len().max(1) * self.cases.len();
        assert_eq!(lines.len(), expected, "{what}: {text}");
        lines
    }
}

/// Runs one of Python's SDKs without a label.
pub async fn drive(
    weir: &Weir,
    sdk: &'static str,
    mode: Mode,
    model: &str,
    cases: &[&str],
) -> Vec<Value> {
    let run = Run {
        sdk: Sdk::Python(sdk),
        mode,
        model,
        tasks: &[],
        cases,
        max_tokens: None,
        never_sleeps: false,
    };
    run.of(weir).await.expect("the SDKs were found before")
}
