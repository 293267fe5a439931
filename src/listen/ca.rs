//! The local certificate authority that signs the leaves which end a client's TLS.
//!
//! It is made on first start and kept in `data_dir`: `ca.key` (0600) and `ca.pem`, in a folder that only its
//! owner can enter. The certificate can sign leaves alone (path length 0), and only for the hosts that
//! providers claim: a critical name constraint, so that a stolen key cannot speak for anyone else. When the
//! set of hosts grows, or the certificate ends, the operator says `weir ca rotate`; nothing a client trusts
//! changes by itself.

mod certificate;

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{Issuer, KeyPair, PublicKeyData as _};
use tracing::warn;

use super::private::{self, PUBLIC, SECRET};
use crate::clock::Clock;

pub(super) use certificate::limit_life;

/// From this long before its end on, the authority's end is warned of.
const END_WARNING: Duration = Duration::from_secs(30 * 24 * 3600);

/// Why there is no certificate authority, or no certificate from it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] private::Error),
    #[error("{path}: not a certificate authority that weir made ({why}); move it away or run `weir ca rotate`", path = .path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("{missing} is missing beside {present}; restore it from a backup, or run `weir ca rotate` and let clients trust the new CA", missing = .missing.display(), present = .present.display())]
    Incomplete { missing: PathBuf, present: PathBuf },
    #[error("{key} is not the key of {certificate}; restore both from one backup, or run `weir ca rotate` and let clients trust the new CA", key = .key.display(), certificate = .certificate.display())]
    Mismatched { key: PathBuf, certificate: PathBuf },
    #[error(
        "weir's CA (ca.pem) has ended on {day}; run `weir ca rotate`, restart weir and let clients trust the new CA"
    )]
    Ended { day: String },
    #[error(
        "weir's CA may not sign for {host}; run `weir ca rotate` (a host of a new region: write it under a provider's `hosts` first), restart weir and let clients trust the new CA"
    )]
    NotCovered { host: String },
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
}

/// The files of the certificate authority in a `data_dir`.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate, for variables that add to the system's roots (`NODE_EXTRA_CA_CERTS`).
    pub certificate: PathBuf,
    /// The system's roots and the certificate, for variables that replace them (`SSL_CERT_FILE`).
    pub bundle: PathBuf,
    key: PathBuf,
    folder: PathBuf,
}

impl Files {
    /// The files under `data_dir`, whether they exist or not.
    pub fn under(data_dir: &Path) -> Self {
        Files {
            certificate: data_dir.join("ca.pem"),
            bundle: data_dir.join("bundle.pem"),
            key: data_dir.join("ca.key"),
            folder: data_dir.to_owned(),
        }
    }

    /// Whether key and certificate are there; one without the other is an error, never a reason to make both
    /// anew: clients trust what was there.
    fn are_there(&self) -> Result<bool, Error> {
        match (exists(&self.key)?, exists(&self.certificate)?) {
            (true, true) => Ok(true),
            (false, false) => Ok(false),
            (true, false) => Err(incomplete(&self.certificate, &self.key)),
            (false, true) => Err(incomplete(&self.key, &self.certificate)),
        }
    }
}

/// A certificate authority, ready to sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    hosts: BTreeSet<String>,
    /// Since 1970.
    end: Duration,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("hosts", &self.hosts)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Reads the authority of `files`, or makes one for `hosts` where there is none.
    ///
    /// # Errors
    ///
    /// Where the files cannot be used as they are, also where the certificate has ended.
    pub fn open(files: &Files, hosts: &BTreeSet<String>, clock: &dyn Clock) -> Result<Self, Error> {
        if !files.are_there()? {
            return Self::make(files, hosts, clock);
        }
        let authority = Self::read(files)?;
        authority.check_life(since_1970(clock))?;
        authority.write_bundle(files)?;
        Ok(authority)
    }

    /// Makes a new authority for `hosts` in the place of the old one; clients must trust it anew.
    pub fn make(files: &Files, hosts: &BTreeSet<String>, clock: &dyn Clock) -> Result<Self, Error> {
        private::folder(&files.folder)?;
        let key = KeyPair::generate()?;
        let params = certificate::parameters(hosts, since_1970(clock));
        let certificate = params.self_signed(&key)?;
        private::write(&files.key, key.serialize_pem().as_bytes(), SECRET)?;
        private::write(&files.certificate, certificate.pem().as_bytes(), PUBLIC)?;
        let authority = Self::read(files)?;
        authority.write_bundle(files)?;
        Ok(authority)
    }

    fn read(files: &Files) -> Result<Self, Error> {
        let unreadable = |path: &Path, why: String| Error::Unreadable {
            path: path.to_owned(),
            why,
        };
        let key = String::from_utf8(private::read(&files.key)?)
            .map_err(|_| unreadable(&files.key, "not PEM".to_owned()))?;
        let key = KeyPair::from_pem(&key).map_err(|e| unreadable(&files.key, e.to_string()))?;
        let pem = fs::read_to_string(&files.certificate)
            .map_err(private::Error::at(&files.certificate, "read"))?;
        let said = certificate::read(&pem).map_err(|why| unreadable(&files.certificate, why))?;
        if said.public_key != key.subject_public_key_info() {
            return Err(Error::Mismatched {
                key: files.key.clone(),
                certificate: files.certificate.clone(),
            });
        }
        let issuer = Issuer::from_ca_cert_pem(&pem, key)
            .map_err(|e| unreadable(&files.certificate, e.to_string()))?;
        Ok(Authority {
            issuer,
            pem,
            hosts: said.hosts,
            end: said.end,
        })
    }

    /// The certificate as PEM: public, for clients to trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Those of `hosts` that it may not sign for: clients would refuse what it signed.
    pub fn uncovered<'h>(&self, hosts: &'h BTreeSet<String>) -> Vec<&'h str> {
        let hosts = hosts.iter().map(String::as_str);
        hosts.filter(|host| !self.covers(host)).collect()
    }

    /// Whether it may sign for `host`; a name that is permitted stands for those below it too.
    pub fn covers(&self, host: &str) -> bool {
        if host.parse::<IpAddr>().is_ok() {
            return self.hosts.contains(host);
        }
        let dots = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
        std::iter::once(host)
            .chain(dots)
            .any(|name| self.hosts.contains(name))
    }

    /// Until when it is valid, since 1970.
    pub(super) fn end(&self) -> Duration {
        self.end
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// An error where it has ended at `now`, a warning where it is about to.
    pub(super) fn check_life(&self, now: Duration) -> Result<(), Error> {
        if now >= self.end {
            return Err(Error::Ended {
                day: self.last_day(),
            });
        }
        if self.ends_soon(now) {
            let end = self.last_day();
            warn!(
                end,
                "the CA ends soon; run `weir ca rotate`, restart weir and let clients trust the new CA"
            );
        }
        Ok(())
    }

    fn ends_soon(&self, now: Duration) -> bool {
        self.end.saturating_sub(now) < END_WARNING
    }

    fn last_day(&self) -> String {
        let seconds = i64::try_from(self.end.as_secs()).unwrap_or(i64::MAX);
        let end = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        end.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
    }

    fn write_bundle(&self, files: &Files) -> Result<(), Error> {
        let mut bundle = String::new();
        for root in rustls_native_certs::load_native_certs().certs {
            bundle.push_str(&pem::encode(&pem::Pem::new("CERTIFICATE", root.to_vec())));
        }
        bundle.push_str(&self.pem);
        Ok(private::write(&files.bundle, bundle.as_bytes(), PUBLIC)?)
    }
}

/// The wall time, since 1970.
pub(super) fn since_1970(clock: &dyn Clock) -> Duration {
    Duration::from_millis(u64::try_from(clock.unix_ms()).unwrap_or(0))
}

fn incomplete(missing: &Path, present: &Path) -> Error {
    Error::Incomplete {
        missing: missing.to_owned(),
        present: present.to_owned(),
    }
}

/// A file that cannot be asked for is not one that is missing.
fn exists(path: &Path) -> Result<bool, Error> {
    Ok(fs::exists(path).map_err(private::Error::at(path, "read"))?)
}

#[cfg(test)]
mod tests;
