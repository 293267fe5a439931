//! The HTTP client: rustls with ring and the system's roots, and never through a proxy.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// A client that follows no redirect and asks no proxy: weir itself may be the one in the environment.
///
/// # Errors
///
/// Where no client can be made of these parts, which a test would have shown.
pub fn http(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let mut roots = RootCertStore::empty();
    // Without roots an https address fails when it is dialled, and plain http works.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks the protocol versions that rustls has")
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
}
