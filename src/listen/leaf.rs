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

use super::ca::{Authority, Error, limit_life, since_1970};
use crate::clock::Clock;

/// How long a leaf is valid from its making on; with what it is backdated by it lives seven days.
const LIFE: Duration = Duration::from_secs(6 * 24 * 3600);
/// A leaf older than this is made anew, well before it ends.
const REUSE: Duration = Duration::from_secs(4 * 24 * 3600);

/// Most leaves that are kept: a pattern is claimed for any number of hosts.
const LEAVES_MAX: usize = 256;

/// Ends TLS for the hosts that providers claim.
#[derive(Debug)]
pub struct Interceptor {
    authority: Authority,
    clock: Arc<dyn Clock>,
    /// By host; of more than [`LEAVES_MAX`] the oldest goes.
    leaves: Mutex<HashMap<String, Leaf>>,
}

#[derive(Clone)]
struct Leaf {
    acceptor: Arc<Acceptor>,
    /// By the wall clock, as validity is: the monotonic one stands still while a laptop sleeps.
    made_at: Duration,
    end: Duration,
}

impl Leaf {
    fn is_fresh(&self, now: Duration) -> bool {
        let age = now.checked_sub(self.made_at);
        age.is_some_and(|age| age < REUSE) && now < self.end
    }
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
    ///
    /// # Errors
    ///
    /// Where clients would refuse the leaf: the authority may not sign for the host, or has ended.
    pub fn acceptor(&self, host: &str) -> Result<Arc<Acceptor>, Error> {
        let now = since_1970(self.clock.as_ref());
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(host)
            && leaf.is_fresh(now)
        {
            return Ok(Arc::clone(&leaf.acceptor));
        }
        if !self.authority.covers(host) {
            return Err(Error::NotCovered {
                host: host.to_owned(),
            });
        }
        self.authority.check_life(now)?;
        let end = self.authority.end().min(now + LIFE);
        let acceptor = Arc::new(acceptor(host, self.sign(host, now, end)?));
        let leaf = Leaf {
            acceptor: Arc::clone(&acceptor),
            made_at: now,
            end,
        };
        leaves.insert(host.to_owned(), leaf);
        if leaves.len() > LEAVES_MAX {
            drop_oldest(&mut leaves, host);
        }
        Ok(acceptor)
    }

    fn sign(&self, host: &str, now: Duration, end: Duration) -> Result<CertifiedKey, Error> {
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        // A common name holds 64 characters at most; the names that count are the alternative ones.
        params
            .distinguished_name
            .push(DnType::CommonName, "weir leaf");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        limit_life(&mut params, now, end);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, self.authority.issuer())?;
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let signing = ring::sign::any_ecdsa_type(&der).expect("rcgen makes ECDSA P-256 keys");
        Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
    }
}

/// Drops the oldest leaf but that of `kept`.
fn drop_oldest(leaves: &mut HashMap<String, Leaf>, kept: &str) {
    let others = leaves.iter().filter(|(host, _)| *host != kept);
    let oldest = others
        .min_by_key(|(_, leaf)| leaf.made_at)
        .map(|(host, _)| host.clone());
    if let Some(oldest) = oldest {
        leaves.remove(&oldest);
    }
}

fn acceptor(host: &str, certified: CertifiedKey) -> Acceptor {
    let resolver = Arc::new(OneHost {
        host: host.to_owned(),
        certified: Arc::new(certified),
    });
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Acceptor::from_server_config(Arc::new(config))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rustls::pki_types::CertificateDer;
    use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

    use super::*;
    use crate::clock::ManualClock;
    use crate::listen::ca::Files;

    const HOST: &str = "api.openai.com";
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn interceptor() -> (Interceptor, Arc<ManualClock>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(1_795_000_000_000);
        let hosts = BTreeSet::from([HOST.to_owned()]);
        let authority =
            Authority::make(&Files::under(folder.path()), &hosts, clock.as_ref()).unwrap();
        let interceptor = Interceptor::new(authority, clock.clone());
        (interceptor, clock, folder)
    }

    /// The leaf that a client would be shown.
    fn shown(interceptor: &Interceptor) -> CertificateDer<'static> {
        interceptor.acceptor(HOST).unwrap();
        let end = interceptor.leaves.lock().unwrap()[HOST].end;
        let now = since_1970(interceptor.clock.as_ref());
        interceptor.sign(HOST, now, end).unwrap().cert[0].clone()
    }

    /// Seconds since 1970 between which a leaf is valid.
    fn validity(leaf: &CertificateDer<'_>) -> (i64, i64) {
        let (_, leaf) = X509Certificate::from_der(leaf).unwrap();
        let validity = leaf.validity();
        (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        )
    }

    #[test]
    fn a_leaf_is_for_one_host_cannot_sign_and_lives_seven_days_at_most() {
        let (interceptor, _, _folder) = interceptor();
        let der = shown(&interceptor);
        let (_, leaf) = X509Certificate::from_der(&der).unwrap();
        assert!(!leaf.is_ca());
        let names = leaf.subject_alternative_name().unwrap().unwrap();
        assert_eq!(names.value.general_names, [GeneralName::DNSName(HOST)]);
        let usage = leaf.extended_key_usage().unwrap().unwrap();
        assert!(usage.value.server_auth && !usage.value.client_auth);
        let (from, until) = validity(&der);
        assert_eq!(until - from, 7 * 24 * 3600);
    }

    #[test]
    fn no_leaf_outlives_the_authority_and_none_follows_it() {
        let (interceptor, clock, _folder) = interceptor();
        clock.advance(362 * DAY);
        let end = i64::try_from(interceptor.authority().end().as_secs()).unwrap();
        assert_eq!(validity(&shown(&interceptor)).1, end);
        clock.advance(3 * DAY);
        let error = interceptor.acceptor(HOST).map(drop).unwrap_err();
        assert!(matches!(error, Error::Ended { .. }), "{error}");
    }

    #[test]
    fn a_leaf_is_kept_for_days_and_made_anew_before_it_ends() {
        let (interceptor, clock, _folder) = interceptor();
        let first = interceptor.acceptor(HOST).unwrap();
        clock.advance(3 * DAY);
        assert!(Arc::ptr_eq(&first, &interceptor.acceptor(HOST).unwrap()));
        // Asleep: the wall clock alone goes on.
        clock.set(clock.unix_ms() + 2 * 24 * 3_600_000);
        let second = interceptor.acceptor(HOST).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        // Set back, to before the leaf's making.
        clock.set(clock.unix_ms() - 3 * 24 * 3_600_000);
        assert!(!Arc::ptr_eq(&second, &interceptor.acceptor(HOST).unwrap()));
    }

    #[test]
    fn the_leaves_of_a_pattern_are_bounded() {
        let (interceptor, clock, _folder) = interceptor();
        for at in 0..LEAVES_MAX + 2 {
            clock.advance(Duration::from_secs(1));
            interceptor.acceptor(&format!("h{at}.{HOST}")).unwrap();
        }
        let leaves = interceptor.leaves.lock().unwrap();
        assert_eq!(leaves.len(), LEAVES_MAX);
        assert!(!leaves.contains_key(&format!("h1.{HOST}")));
        assert!(leaves.contains_key(&format!("h2.{HOST}")));
    }

    #[test]
    fn a_host_that_the_authority_may_not_sign_for_gets_no_leaf() {
        let (interceptor, _, _folder) = interceptor();
        let error = interceptor
            .acceptor("api.anthropic.com")
            .map(drop)
            .unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("api.anthropic.com") && said.contains("weir ca rotate"),
            "{said}"
        );
        assert!(interceptor.leaves.lock().unwrap().is_empty());
    }
}
