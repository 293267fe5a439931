//! The authority's certificate: what stands in it, and what an existing one says.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, GeneralSubtree,
    IsCa, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, Pem, X509Certificate};

/// How long a certificate authority is valid.
const LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// How far back validity begins, for clients whose clock is behind.
const BACKDATE: Duration = Duration::from_secs(24 * 3600);

/// A certificate that may sign leaves for `hosts`, from `now` (since 1970) on.
pub(super) fn parameters(hosts: &BTreeSet<String>, now: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, text) in [
        (DnType::CommonName, "weir local CA"),
        (DnType::OrganizationName, "weir"),
    ] {
        params.distinguished_name.push(kind, text);
    }
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    limit_life(&mut params, now, now + LIFE);
    params.name_constraints = Some(constraints(hosts));
    params
}

/// Makes `params` valid from a day before `now` to `end`; both since 1970.
pub(in crate::listen) fn limit_life(params: &mut CertificateParams, now: Duration, end: Duration) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(BACKDATE);
    params.not_after = epoch + end;
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

/// What an authority's certificate says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The hosts that it may sign for.
    pub hosts: BTreeSet<String>,
    /// Until when it is valid, since 1970.
    pub end: Duration,
    /// Its public key, as DER.
    pub public_key: Vec<u8>,
}

/// Reads an authority's certificate; the text says why it is none.
pub(super) fn read(pem: &str) -> Result<Said, String> {
    let block = Pem::iter_from_buffer(pem.as_bytes())
        .next()
        .ok_or("no PEM block")?
        .map_err(|e| e.to_string())?;
    let (_, certificate) = X509Certificate::from_der(&block.contents).map_err(|e| e.to_string())?;
    if !certificate.is_ca() {
        return Err("it may not sign".to_owned());
    }
    let hosts = permitted(&certificate);
    if hosts.is_empty() {
        return Err("no name constraints".to_owned());
    }
    let end = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    Ok(Said {
        hosts,
        end: Duration::from_secs(end),
        public_key: certificate.public_key().raw.to_vec(),
    })
}

fn permitted(certificate: &X509Certificate<'_>) -> BTreeSet<String> {
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
    hosts
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
