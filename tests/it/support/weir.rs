//! The real binary in a folder of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use super::client::{H1, H2, Request, Response, Way, secure, tunnel};
use super::ledger::{self, Row};
use super::metrics::Metrics;
use super::patience::eventually;
use super::settings::{Settings, connect_host, plain_host};
use super::tls::{self, Alpn};
use super::wire::Wire;

/// A running `weir serve`; it is killed with the value, and its log is printed where the test failed.
pub struct Weir {
    child: Child,
    folder: TempDir,
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
}

/// The binary under test.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_weir"))
}

/// The binary with nothing of the caller's environment but what finds programs.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("RUST_BACKTRACE", "1");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

impl Weir {
    /// Starts weir and waits until it is ready.
    pub async fn start(settings: &Settings) -> Weir {
        Weir::start_with_yaml(&settings.yaml()).await
    }

    /// As [`start`](Weir::start), from a file's text.
    pub async fn start_with_yaml(yaml: &str) -> Weir {
        Weir::start_with(yaml, &[]).await
    }

    /// As [`start_with_yaml`](Weir::start_with_yaml), with variables in the environment of this run.
    pub async fn start_with(yaml: &str, variables: &[(&str, &str)]) -> Weir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("proxy.yaml"), yaml).expect("the folder is writable");
        fs::write(
            folder.path().join("upstream-root.pem"),
            tls::upstream_root_pem(),
        )
        .expect("the folder is writable");
        let child = spawn(folder.path(), variables);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut weir = Weir {
            child,
            folder,
            proxy: nowhere,
            admin: nowhere,
        };
        weir.ready().await;
        weir
    }

    async fn ready(&mut self) {
        let file = self.data_dir().join("addresses.json");
        let child = &mut self.child;
        let addresses = eventually("weir has written its addresses", async || {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                panic!("weir ended at its start: {status}");
            }
            serde_json::from_slice::<serde_json::Value>(&fs::read(&file).ok()?).ok()
        })
        .await;
        let address = |name: &str| {
            let text = addresses[name].as_str().expect("an address as text");
            text.parse().expect("an address with its port")
        };
        self.proxy = address("proxy");
        self.admin = address("admin");
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("weir-data")
    }

    pub fn config_path(&self) -> PathBuf {
        self.folder().join("proxy.yaml")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that weir has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("weir.log")).unwrap_or_default()
    }

    /// Writes the file anew, in place.
    pub fn edit(&self, yaml: &str) {
        fs::write(self.config_path(), yaml).expect("the folder is writable");
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }

    /// Sends a signal by name (`TERM`, `HUP`).
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status()
            .expect("kill can be run");
        assert!(status.success(), "SIG{name} reaches weir");
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("weir has ended", async || {
            child.try_wait().expect("a child of ours")
        })
        .await
    }

    /// Starts it again over the same folder, after an end.
    pub async fn start_again(&mut self) {
        // An address of the last run must not be taken for one of this run.
        let _ = fs::remove_file(self.data_dir().join("addresses.json"));
        self.child = spawn(self.folder.path(), &[]);
        self.ready().await;
    }

    /// SIGTERM, the end, a new start.
    pub async fn restart(&mut self) {
        self.signal("TERM");
        assert!(
            self.ended().await.success(),
            "a terminated weir exits with 0"
        );
        self.start_again().await;
    }

    /// The rows of `calls`, oldest first.
    pub fn calls(&self) -> Vec<Row> {
        ledger::calls(&self.data_dir())
    }

    /// Waits until exactly `count` rows are there.
    pub async fn calls_eventually(&self, count: usize) -> Vec<Row> {
        let look = async || {
            let calls = self.calls();
            assert!(calls.len() <= count, "more than {count} rows: {calls:#?}");
            (calls.len() == count).then_some(calls)
        };
        eventually(&format!("the ledger has {count} rows"), look).await
    }

    /// The only row, once it is there.
    pub async fn only_call(&self) -> Row {
        self.calls_eventually(1).await.remove(0)
    }

    /// A request to the admin port.
    pub async fn admin(&self, request: &Request) -> Response {
        let wire = Wire::dial(self.admin).await;
        let host = self.admin.to_string();
        H1 {
            wire,
            prefix: String::new(),
            host,
        }
        .send(request)
        .await
    }

    pub async fn metrics(&self) -> Metrics {
        let response = self.admin(&Request::get("/metrics")).await;
        assert_eq!(response.status(), 200);
        Metrics::parse(&String::from_utf8(response.body.data).expect("metrics are text"))
    }

    /// Waits until the metrics fit.
    pub async fn metrics_eventually(&self, what: &str, fits: impl Fn(&Metrics) -> bool) -> Metrics {
        eventually(what, async || {
            let metrics = self.metrics().await;
            fits(&metrics).then_some(metrics)
        })
        .await
    }

    /// The roots that a client of weir's CA trusts.
    pub fn roots(&self) -> rustls::RootCertStore {
        tls::roots_of_file(&self.data_dir().join("ca.pem"))
    }

    /// An HTTP/1.1 connection to a provider, by any way but HTTP/2.
    pub async fn h1(&self, way: Way, provider: &str) -> H1 {
        match way {
            Way::BaseUrl => H1 {
                wire: Wire::dial(self.proxy).await,
                prefix: format!("/{provider}"),
                host: self.proxy.to_string(),
            },
            Way::Absolute => {
                let host = plain_host(provider);
                H1 {
                    wire: Wire::dial(self.proxy).await,
                    prefix: format!("http://{host}"),
                    host,
                }
            }
            Way::ConnectH1 => {
                let host = connect_host(provider);
                let wire = tunnel(self.proxy, host, "").await;
                let wire = secure(wire, host, self.roots(), Alpn::H1).await;
                H1 {
                    wire,
                    prefix: String::new(),
                    host: host.to_owned(),
                }
            }
            Way::ConnectH2 => panic!("use h2()"),
        }
    }

    /// An HTTP/2 connection to a provider, inside CONNECT.
    pub async fn h2(&self, provider: &str) -> H2 {
        let host = connect_host(provider);
        let wire = tunnel(self.proxy, host, "").await;
        let (io, _) = secure(wire, host, self.roots(), Alpn::H2).await.into_io();
        H2::over(io, host).await
    }

    /// One exchange on a connection of its own.
    pub async fn send(&self, way: Way, provider: &str, request: &Request) -> Response {
        match way {
            Way::ConnectH2 => self.h2(provider).await.send(request).await,
            way => self.h1(way, provider).await.send(request).await,
        }
    }
}

fn spawn(folder: &Path, variables: &[(&str, &str)]) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("weir.log"))
        .expect("the folder is writable");
    command(folder)
        .envs(variables.iter().copied())
        .args(["serve", "--config", "proxy.yaml"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary can be run")
}

impl Drop for Weir {
    fn drop(&mut self) {
        // Already ended is as good as killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "--- weir's log ---\n{}--- end of weir's log ---",
                self.log()
            );
        }
    }
}
