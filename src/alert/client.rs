//! The HTTP client: rustls with ring and the system's roots, and never through a proxy.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// A client in the making that follows no redirect and asks no proxy: weir itself may be the one in the
/// environment. Its timeouts are the caller's to set.
pub fn http() -> reqwest::ClientBuilder {
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
}
