//! The processes that are measured: started, asked for their memory and time, ended with the value.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// How long a process may take to say where it serves.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Between two looks at the file in which weir says so.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Ticks per second in /proc, the same on every Linux that runs weir.
const TICKS: f64 = 100.0;

/// Tells the parent where this process serves.
pub fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{address}")?;
    out.flush()
}

/// Waits until the parent is gone: its end of the pipe is closed then.
pub fn until_orphaned() {
    // Whatever comes of it, there is nothing left to wait for.
    let _ = std::io::stdin().read(&mut [0]);
}

/// A running child; it is killed with the value.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    /// Where weir keeps its ledger.
    folder: Option<TempDir>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// This program in another role.
    pub fn role(role: &str, to: Option<SocketAddr>) -> anyhow::Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", role]);
        if let Some(to) = to {
            command.args(["--to", &to.to_string()]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().context("a piped output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        Ok(Process {
            child,
            address: line.trim().parse().context("the child's address")?,
            folder: None,
        })
    }

    /// `weir serve` on one thread, with the budgets' part of its settings.
    pub async fn weir(binary: &Path, to: SocketAddr, budgets: &str) -> anyhow::Result<Process> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("proxy.yaml"), settings(to, budgets))?;
        let log = fs::File::create(folder.path().join("weir.log"))?;
        let child = Command::new(binary)
            .args(["serve", "--threads", "1", "--config", "proxy.yaml"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let mut weir = Process {
            child,
            address: to,
            folder: Some(folder),
        };
        let looking = async {
            let mut looks = tokio::time::interval(LOOK_EVERY);
            loop {
                looks.tick().await;
                if let Some(address) = weir.published() {
                    return Ok(address);
                }
                if let Some(status) = weir.child.try_wait()? {
                    bail!("weir ended at its start: {status}\n{}", weir.log());
                }
            }
        };
        let found = tokio::time::timeout(START_LIMIT, looking).await;
        weir.address = found.context("weir does not say where it serves")??;
        Ok(weir)
    }

    fn data_dir(&self) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.path().join("weir-data"))
    }

    fn published(&self) -> Option<SocketAddr> {
        let text = fs::read(self.data_dir()?.join("addresses.json")).ok()?;
        let addresses: serde_json::Value = serde_json::from_slice(&text).ok()?;
        addresses["proxy"].as_str()?.parse().ok()
    }

    fn log(&self) -> String {
        let file = self
            .folder
            .as_ref()
            .map(|folder| folder.path().join("weir.log"));
        file.and_then(|file| fs::read_to_string(file).ok())
            .unwrap_or_default()
    }

    /// Ends weir as a service manager would, and leaves its ledger to be read.
    pub fn finish(mut self) -> anyhow::Result<Finished> {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("weir ended with {status}\n{}", self.log());
        }
        let folder = self.folder.take().context("a folder of weir's")?;
        Ok(Finished { folder })
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> anyhow::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("a line for VmRSS")?.parse()?)
    }

    /// Seconds on a processor so far, all threads together.
    pub fn busy(&self) -> anyhow::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in the second field may hold spaces; the fields after it do not.
        let after = text.rsplit_once(')').context("a process's line")?.1;
        let ticks: Vec<f64> = after
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse().ok())
            .collect();
        Ok(ticks.iter().sum::<f64>() / TICKS)
    }

    /// For a person with a profiler.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

/// What a weir that was ended has left.
pub struct Finished {
    folder: TempDir,
}

impl Finished {
    /// Where its ledger is.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("weir-data")
    }
}

fn settings(to: SocketAddr, budgets: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\n\
         admin:\n  listen: 127.0.0.1:0\n\
         data_dir: ./weir-data\n\
         labels: {{ team: platform, tags: {{ env: bench }} }}\n\
         providers:\n  openai:\n    upstream: http://{to}\n  anthropic: {{}}\n  gemini: {{}}\n\
         {budgets}"
    )
}
