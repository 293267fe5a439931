//! The local certificate authority that signs the leaves which end a client's TLS.
//!
//! It is made on first start and kept in `data_dir`: `ca.key` (0600) and `ca.pem`, in a folder that only its
//! owner can enter. The certificate can sign leaves alone (path length 0), and only for the hosts that
//! providers claim: a critical name constraint, so that a stolen key cannot speak for anyone else. When the
//! set of hosts grows the operator says `weir ca rotate`; nothing a client trusts changes by itself.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, Pem, X509Certificate};

use crate::clock::Clock;

/// How long a certificate authority is valid.
const CA_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// How far back validity begins, for clients whose clock is behind.
const BACKDATE: Duration = Duration::from_secs(24 * 3600);

/// Why there is no certificate authority.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} can be read by others (mode {mode:03o}); run `chmod {wanted} {path}`", path = .path.display())]
    Exposed {
        path: PathBuf,
        mode: u32,
        wanted: &'static str,
    },
    #[error("{path}: not a certificate authority that weir made ({why}); move it away or run `weir ca rotate`", path = .path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("cannot make a certificate: {0}")]
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
}

/// A certificate authority, ready to sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    hosts: BTreeSet<String>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Reads the authority of `files`, or makes one for `hosts` where there is none.
    pub fn open(files: &Files, hosts: &BTreeSet<String>, clock: &dyn Clock) -> Result<Self, Error> {
        if files.key.exists() && files.certificate.exists() {
            let authority = Self::read(files)?;
            authority.write_bundle(files)?;
            return Ok(authority);
        }
        Self::make(files, hosts, clock)
    }

    /// Makes a new authority for `hosts` in the place of the old one; clients must trust it anew.
    pub fn make(files: &Files, hosts: &BTreeSet<String>, clock: &dyn Clock) -> Result<Self, Error> {
        private_folder(&files.folder)?;
        let key = KeyPair::generate()?;
        let certificate = parameters(hosts, clock).self_signed(&key)?;
        write_file(&files.key, key.serialize_pem().as_bytes(), 0o600)?;
        write_file(&files.certificate, certificate.pem().as_bytes(), 0o644)?;
        let authority = Self::read(files)?;
        authority.write_bundle(files)?;
        Ok(authority)
    }

    fn read(files: &Files) -> Result<Self, Error> {
        refuse_exposed(&files.key, 0o077, "600")?;
        let key_pem = read_text(&files.key)?;
        let pem = read_text(&files.certificate)?;
        let unreadable = |why: String| Error::Unreadable {
            path: files.certificate.clone(),
            why,
        };
        let key = KeyPair::from_pem(&key_pem).map_err(|e| Error::Unreadable {
            path: files.key.clone(),
            why: e.to_string(),
        })?;
        let hosts = constrained_hosts(&pem).map_err(unreadable)?;
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|e| unreadable(e.to_string()))?;
        Ok(Authority { issuer, pem, hosts })
    }

    /// The certificate as PEM: public, for clients to trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The hosts that it may sign for.
    pub fn hosts(&self) -> &BTreeSet<String> {
        &self.hosts
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    fn write_bundle(&self, files: &Files) -> Result<(), Error> {
        let mut bundle = String::new();
        for root in rustls_native_certs::load_native_certs().certs {
            bundle.push_str(&pem::encode(&pem::Pem::new("CERTIFICATE", root.to_vec())));
        }
        bundle.push_str(&self.pem);
        write_file(&files.bundle, bundle.as_bytes(), 0o644)
    }
}

fn parameters(hosts: &BTreeSet<String>, clock: &dyn Clock) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "weir local CA");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "weir");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    limit_life(&mut params, clock, CA_LIFE);
    params.name_constraints = Some(constraints(hosts));
    params
}

/// Makes `params` valid from a day ago to `life` from this moment.
pub(super) fn limit_life(params: &mut CertificateParams, clock: &dyn Clock, life: Duration) {
    let unix = Duration::from_millis(u64::try_from(clock.unix_ms()).unwrap_or(0));
    let moment = date_time_ymd(1970, 1, 1) + unix;
    params.not_before = moment - BACKDATE;
    params.not_after = moment + life;
}

fn constraints(hosts: &BTreeSet<String>) -> NameConstraints {
    let mut permitted = Vec::new();
    let mut any_address = false;
    for host in hosts {
        permitted.push(match host.parse() {
            Ok(IpAddr::V4(v4)) => {
                any_address = true;
                GeneralSubtree::IpAddress(CidrSubnet::V4(v4.octets(), [255; 4]))
            }
            Ok(IpAddr::V6(v6)) => {
                any_address = true;
                GeneralSubtree::IpAddress(CidrSubnet::V6(v6.octets(), [255; 16]))
            }
            Err(_) => GeneralSubtree::DnsName(host.clone()),
        });
    }
    // A constraint on names alone leaves addresses free.
    let excluded = if any_address {
        Vec::new()
    } else {
        vec![
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
        ]
    };
    NameConstraints {
        permitted_subtrees: permitted,
        excluded_subtrees: excluded,
    }
}

/// Reads the permitted hosts back from the certificate itself.
fn constrained_hosts(pem: &str) -> Result<BTreeSet<String>, String> {
    let block = Pem::iter_from_buffer(pem.as_bytes())
        .next()
        .ok_or("no PEM block")?
        .map_err(|e| e.to_string())?;
    let (_, certificate) = X509Certificate::from_der(&block.contents).map_err(|e| e.to_string())?;
    let mut hosts = BTreeSet::new();
    for extension in certificate.extensions() {
        let ParsedExtension::NameConstraints(constraints) = extension.parsed_extension() else {
            continue;
        };
        for subtree in constraints.permitted_subtrees.iter().flatten() {
            match &subtree.base {
                GeneralName::DNSName(name) => {
                    hosts.insert((*name).to_owned());
                }
                GeneralName::IPAddress(bytes) => {
                    hosts.extend(address_of(bytes));
                }
                _ => {}
            }
        }
    }
    if hosts.is_empty() {
        Err("no name constraints".to_owned())
    } else {
        Ok(hosts)
    }
}

/// The address in a constraint's address and mask.
fn address_of(bytes: &[u8]) -> Option<String> {
    let (address, _mask) = bytes.split_at(bytes.len() / 2);
    let ip: IpAddr = match address.len() {
        4 => <[u8; 4]>::try_from(address).ok()?.into(),
        16 => <[u8; 16]>::try_from(address).ok()?.into(),
        _ => return None,
    };
    Some(ip.to_string())
}

fn read_text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

/// Makes `folder` if it is missing, and takes others' access away.
pub fn private_folder(folder: &Path) -> Result<(), Error> {
    let file_error = |source| Error::File {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(file_error)?;
    set_mode(folder, 0o700).map_err(file_error)
}

/// Writes `path` whole or not at all, with `mode` from its first byte on.
pub fn write_file(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let file_error = |source| Error::File {
        path: path.to_owned(),
        source,
    };
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(&fresh).map_err(file_error)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(file_error)?;
    fs::rename(&fresh, path).map_err(file_error)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
fn refuse_exposed(path: &Path, forbidden: u32, wanted: &'static str) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & forbidden != 0 {
        return Err(Error::Exposed {
            path: path.to_owned(),
            mode,
            wanted,
        });
    }
    Ok(())
}
