//! A Pingora that only forwards: weir's listener and weir's peer options, and none of its steps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::Result;
use pingora::apps::HttpServerOptions;
use pingora::listeners::ALPN;
use pingora::modules::http::HttpModules;
use pingora::proxy::{ProxyHttp, Session, http_proxy};
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use weir::listen::server;

use crate::process;

/// As `weir serve` has it.
const POOLED_CONNECTIONS: usize = 512;

struct Bare {
    to: SocketAddr,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> Result<Box<HttpPeer>> {
        let mut peer = HttpPeer::new(self.to, false, self.to.ip().to_string());
        let options = &mut peer.options;
        options.alpn = ALPN::H1;
        options.max_h2_streams = 100;
        options.total_connection_timeout = Some(Duration::from_secs(10));
        options.read_timeout = Some(Duration::from_secs(900));
        options.write_timeout = Some(Duration::from_secs(60));
        options.idle_timeout = Some(Duration::from_secs(10));
        Ok(Box::new(peer))
    }
}

/// Serves on one thread until its parent is gone.
pub fn run(to: SocketAddr) -> anyhow::Result<()> {
    let bound = server::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = bound.address();
    let conf = ServerConf {
        upstream_keepalive_pool_size: POOLED_CONNECTIONS,
        ..ServerConf::default()
    };
    let mut app = http_proxy(&Arc::new(conf), Bare { to });
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(Duration::from_secs(120));
    app.server_options = Some(options);
    let serving = bound.serve(app, 1)?;
    process::announce(address)?;
    process::until_orphaned();
    serving.end(Duration::from_secs(1));
    Ok(())
}
