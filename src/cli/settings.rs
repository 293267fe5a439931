//! The settings' file as commands find it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::config::{self, Config};
use crate::listen::private;

/// Looked for in the working directory where no file is named.
pub const DEFAULT_FILE: &str = "proxy.yaml";

/// Which file settings are read from.
#[derive(Clone, Debug)]
pub struct File {
    path: PathBuf,
    is_named: bool,
}

impl File {
    /// The named file, or the default one.
    pub fn new(named: Option<PathBuf>) -> Self {
        File {
            is_named: named.is_some(),
            path: named.unwrap_or_else(|| DEFAULT_FILE.into()),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings in it; the defaults where the default file is missing.
    pub fn load(&self) -> anyhow::Result<Arc<Config>> {
        let config = if self.is_named {
            config::load(&self.path, &config::process_env)
        } else {
            config::load_or_default(&self.path, &config::process_env)
        };
        Ok(Arc::new(config?))
    }
}

/// The addresses that a running weir serves, for commands that must find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
}

impl Addresses {
    fn file(data_dir: &Path) -> PathBuf {
        data_dir.join("addresses.json")
    }

    /// Leaves them where [`Addresses::of`] finds them.
    pub fn publish(&self, data_dir: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string(self)?;
        private::write(&Self::file(data_dir), text.as_bytes(), private::PUBLIC)?;
        Ok(())
    }

    /// Takes them away again.
    pub fn withdraw(data_dir: &Path) {
        // Gone already is as good.
        let _ = std::fs::remove_file(Self::file(data_dir));
    }

    /// The addresses of the weir that `config` describes: as written, or as bound where a port is 0.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        if config.listen.port() != 0 && config.admin.listen.port() != 0 {
            return Ok(Addresses {
                proxy: config.listen,
                admin: config.admin.listen,
            });
        }
        Self::published(&config.data_dir)
    }

    /// The addresses that the weir over `data_dir` serves.
    pub fn published(data_dir: &Path) -> anyhow::Result<Self> {
        let path = Self::file(data_dir);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "{}: no weir is running with these settings; start it with `weir serve`",
                path.display()
            )
        })?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The proxy's address as a client on this machine dials it.
    pub fn proxy_url(&self) -> String {
        format!("http://{}", reachable(self.proxy))
    }

    /// The admin side's address as a client on this machine dials it.
    pub fn admin_url(&self) -> String {
        format!("http://{}", reachable(self.admin))
    }
}

/// A wildcard address is dialled as loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}
