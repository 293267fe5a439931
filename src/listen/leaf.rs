//! Leaves: short-lived certificates, one per intercepted host, in memory only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pingora::listeners::tls::Acceptor;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::ca::{Authority, Error, limit_life};
use crate::clock::Clock;

/// How long a leaf is valid.
const LEAF_LIFE: Duration = Duration::from_secs(6 * 24 * 3600);
/// A leaf older than this is made anew, well before it ends.
const LEAF_REUSE: Duration = Duration::from_secs(4 * 24 * 3600);

/// Ends TLS for the hosts that providers claim.
#[derive(Debug)]
pub struct Interceptor {
    authority: Authority,
    clock: Arc<dyn Clock>,
    /// By host; only claimed hosts get here, so the configuration bounds it.
    leaves: Mutex<HashMap<String, Leaf>>,
}

#[derive(Clone)]
struct Leaf {
    acceptor: Arc<Acceptor>,
    made_at: Duration,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf")
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}

impl Interceptor {
    /// An interceptor whose leaves `authority` signs.
    pub fn new(authority: Authority, clock: Arc<dyn Clock>) -> Self {
        Interceptor {
            authority,
            clock,
            leaves: Mutex::default(),
        }
    }

    /// The authority that signs.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The TLS acceptor for `host`; a leaf takes some 0.2 ms to make and is kept for days.
    pub fn acceptor(&self, host: &str) -> Result<Arc<Acceptor>, Error> {
        let instant = self.clock.monotonic();
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(host)
            && instant.saturating_sub(leaf.made_at) < LEAF_REUSE
        {
            return Ok(Arc::clone(&leaf.acceptor));
        }
        let acceptor = Arc::new(self.make(host)?);
        let leaf = Leaf {
            acceptor: Arc::clone(&acceptor),
            made_at: instant,
        };
        leaves.insert(host.to_owned(), leaf);
        Ok(acceptor)
    }

    fn make(&self, host: &str) -> Result<Acceptor, Error> {
        let certified = Arc::new(self.sign(host)?);
        let resolver = Arc::new(OneHost {
            host: host.to_owned(),
            certified,
        });
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Acceptor::from_server_config(Arc::new(config)))
    }

    fn sign(&self, host: &str) -> Result<CertifiedKey, Error> {
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        // A common name holds 64 characters at most; the names that count are the alternative ones.
        params
            .distinguished_name
            .push(DnType::CommonName, "weir leaf");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        limit_life(&mut params, self.clock.as_ref(), LEAF_LIFE);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, self.authority.issuer())?;
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let signing = ring::sign::any_ecdsa_type(&der).expect("rcgen makes ECDSA P-256 keys");
        Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
    }
}

/// Answers for the host of the CONNECT alone: another name in the handshake would be domain fronting.
#[derive(Debug)]
struct OneHost {
    host: String,
    certified: Arc<CertifiedKey>,
}

impl ResolvesServerCert for OneHost {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A client that dials an address sends no name.
        let fits = hello
            .server_name()
            .is_none_or(|name| name.eq_ignore_ascii_case(&self.host));
        fits.then(|| Arc::clone(&self.certified))
    }
}
