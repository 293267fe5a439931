//! Certificates and TLS ends of the scripted upstreams and of the client.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::wire::Io;

/// Names that a scripted upstream answers to; providers are pointed at the address.
const UPSTREAM_NAMES: [&str; 5] = [
    "127.0.0.1",
    "localhost",
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
];

/// The protocol that a TLS end offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    H1,
    H2,
    /// Both, HTTP/2 first, as real providers do.
    Either,
}

impl Alpn {
    fn offered(self) -> Vec<Vec<u8>> {
        match self {
            Alpn::H1 => vec![b"http/1.1".to_vec()],
            Alpn::H2 => vec![b"h2".to_vec()],
            Alpn::Either => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }
}

struct Upstreams {
    root_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

static UPSTREAMS: LazyLock<Upstreams> = LazyLock::new(|| {
    let mut root = CertificateParams::new(Vec::new()).expect("no names are valid names");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().expect("a key can be made");
    let root = CertifiedIssuer::self_signed(root, root_key).expect("a root can sign itself");
    let names: Vec<String> = UPSTREAM_NAMES.map(str::to_owned).to_vec();
    let key = KeyPair::generate().expect("a key can be made");
    let leaf = CertificateParams::new(names)
        .and_then(|params| params.signed_by(&key, &root))
        .expect("the root can sign a leaf");
    Upstreams {
        root_pem: root.pem(),
        chain: vec![leaf.der().clone()],
        key: key.serialize_der(),
    }
});

/// The root that signed the upstreams, for a provider's `ca`.
pub fn upstream_root_pem() -> &'static str {
    &UPSTREAMS.root_pem
}

/// The server end of a scripted upstream.
pub fn acceptor(alpn: Alpn) -> TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(UPSTREAMS.key.clone()));
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_no_client_auth()
        .with_single_cert(UPSTREAMS.chain.clone(), key)
        .expect("the leaf fits its key");
    config.alpn_protocols = alpn.offered();
    TlsAcceptor::from(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The roots of a PEM file.
pub fn roots_of_file(path: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).expect("a PEM file");
    for certificate in certificates {
        roots
            .add(certificate.expect("a certificate"))
            .expect("a usable root");
    }
    assert!(!roots.is_empty(), "{} holds no certificate", path.display());
    roots
}

/// The roots of the scripted upstreams.
pub fn upstream_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(upstream_root_pem().as_bytes()).expect("a PEM");
    roots.add(root).expect("a usable root");
    roots
}

/// The client end: a handshake that trusts `roots` alone, offers `alpn` alone and must get it.
pub async fn handshake(
    io: Box<dyn Io>,
    name: &str,
    roots: RootCertStore,
    alpn: Alpn,
) -> std::io::Result<tokio_rustls::client::TlsStream<Box<dyn Io>>> {
    let name = ServerName::try_from(name.to_owned()).expect("a server name");
    let stream = connector(roots, alpn).connect(name, io).await?;
    let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    assert_eq!(
        agreed,
        alpn.offered().first().cloned(),
        "the protocol is agreed"
    );
    Ok(stream)
}

/// A connector that trusts `roots` alone and offers `alpn` alone.
pub fn connector(roots: RootCertStore, alpn: Alpn) -> TlsConnector {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.offered();
    TlsConnector::from(Arc::new(config))
}
