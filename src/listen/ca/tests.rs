use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use tempfile::TempDir;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, Pem, X509Certificate};

use super::*;
use crate::clock::ManualClock;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn hosts(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

struct Place {
    folder: TempDir,
    files: Files,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::under(&folder.path().join("data"));
        let clock = ManualClock::at(1_795_000_000_000);
        Place {
            folder,
            files,
            clock,
        }
    }

    fn open(&self, names: &[&str]) -> Result<Authority, Error> {
        Authority::open(&self.files, &hosts(names), self.clock.as_ref())
    }

    fn make(&self, names: &[&str]) -> Authority {
        Authority::make(&self.files, &hosts(names), self.clock.as_ref()).unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn key_and_folder_are_closed_to_others() {
    let place = Place::new();
    place.open(&["a.example"]).unwrap();
    assert_eq!(mode(&place.files.folder), 0o700);
    assert_eq!(mode(&place.files.key), 0o600);
    let pem = fs::read_to_string(&place.files.bundle).unwrap();
    for public in [&place.files.certificate, &place.files.bundle] {
        assert!(!fs::read_to_string(public).unwrap().contains("PRIVATE"));
    }
    assert!(pem.contains("BEGIN CERTIFICATE"));

    fs::set_permissions(&place.files.key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = place.open(&["a.example"]).unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn the_certificate_signs_leaves_alone_and_for_its_hosts_alone() {
    let place = Place::new();
    let authority = place.make(&["a.example", "b.example"]);
    let block = Pem::iter_from_buffer(authority.pem().as_bytes())
        .next()
        .unwrap()
        .unwrap();
    let (_, certificate) = X509Certificate::from_der(&block.contents).unwrap();

    let basic = certificate.basic_constraints().unwrap().unwrap();
    assert!(basic.critical && basic.value.ca);
    assert_eq!(basic.value.path_len_constraint, Some(0));

    let usage = certificate.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.key_cert_sign());
    assert_eq!(usage.value.flags.count_ones(), 1, "keyCertSign only");

    let extension = certificate
        .extensions()
        .iter()
        .find(|e| matches!(e.parsed_extension(), ParsedExtension::NameConstraints(_)))
        .unwrap();
    assert!(extension.critical);
    let constraints = certificate.name_constraints().unwrap().unwrap().value;
    let bases =
        |subtrees: &Option<Vec<x509_parser::extensions::GeneralSubtree<'_>>>| -> Vec<String> {
            let subtrees = subtrees.as_ref().unwrap();
            subtrees.iter().map(|s| format!("{:?}", s.base)).collect()
        };
    let dns = |name| format!("{:?}", GeneralName::DNSName(name));
    let address = |bytes: &'static [u8]| format!("{:?}", GeneralName::IPAddress(bytes));
    assert_eq!(
        bases(&constraints.permitted_subtrees),
        [dns("a.example"), dns("b.example")]
    );
    assert_eq!(
        bases(&constraints.excluded_subtrees),
        [address(&[0; 8]), address(&[0; 32])],
        "no address at all"
    );

    let validity = certificate.validity();
    let days = (validity.not_after.timestamp() - validity.not_before.timestamp()) / (24 * 3600);
    assert_eq!(days, 366, "a year, and a day for clocks that are behind");
}

#[test]
fn addresses_are_constrained_one_by_one() {
    let place = Place::new();
    let authority = place.make(&["a.example", "127.0.0.1", "::1"]);
    assert!(authority.covers("127.0.0.1") && authority.covers("::1"));
    assert!(!authority.covers("127.0.0.2"));
}

#[test]
fn a_permitted_name_stands_for_those_below_it() {
    let authority = Place::new().make(&["a.example"]);
    assert!(authority.covers("a.example") && authority.covers("x.y.a.example"));
    let other = hosts(&["ba.example", "example", "a.example.com", "10.0.0.1"]);
    assert_eq!(authority.uncovered(&other).len(), other.len());
}

#[test]
fn what_is_there_is_opened_and_never_remade() {
    let place = Place::new();
    let first = place.open(&["a.example"]).unwrap();
    let second = place.open(&["a.example", "b.example"]).unwrap();
    assert_eq!(first.pem(), second.pem());
    assert_eq!(second.uncovered(&hosts(&["b.example"])), ["b.example"]);
    let rotated = place.make(&["a.example", "b.example"]);
    assert_ne!(first.pem(), rotated.pem());
    assert!(rotated.covers("b.example"));
}

#[test]
fn one_file_without_the_other_is_an_error_and_stays_as_it_is() {
    for lose_key in [true, false] {
        let place = Place::new();
        place.open(&["a.example"]).unwrap();
        let (lost, kept) = if lose_key {
            (&place.files.key, &place.files.certificate)
        } else {
            (&place.files.certificate, &place.files.key)
        };
        let before = fs::read(kept).unwrap();
        fs::remove_file(lost).unwrap();
        let error = place.open(&["a.example"]).unwrap_err();
        assert!(matches!(&error, Error::Incomplete { missing, .. } if missing == lost));
        assert!(error.to_string().contains("weir ca rotate"), "{error}");
        assert!(!lost.exists());
        assert_eq!(fs::read(kept).unwrap(), before);
        place.make(&["a.example"]);
        place.open(&["a.example"]).unwrap();
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    place.open(&["a.example"]).unwrap();
    other.open(&["a.example"]).unwrap();
    fs::copy(&other.files.certificate, &place.files.certificate).unwrap();
    let error = place.open(&["a.example"]).unwrap_err();
    assert!(matches!(error, Error::Mismatched { .. }), "{error}");
    assert!(error.to_string().contains("weir ca rotate"), "{error}");
}

#[test]
fn an_authority_that_has_ended_is_refused_with_its_day() {
    let place = Place::new();
    place.open(&["a.example"]).unwrap();
    place.clock.advance(365 * DAY - Duration::from_secs(1));
    place.open(&["a.example"]).unwrap();
    place.clock.advance(Duration::from_secs(1));
    let error = place.open(&["a.example"]).unwrap_err();
    // 2026-11-18 and 365 days.
    let said = error.to_string();
    assert!(
        said.contains("2027-11-18") && said.contains("weir ca rotate"),
        "{said}"
    );
    place.make(&["a.example"]);
    place.open(&["a.example"]).unwrap();
}

#[test]
fn the_end_is_warned_of_thirty_days_ahead() {
    let place = Place::new();
    let authority = place.make(&["a.example"]);
    let made = since_1970(place.clock.as_ref());
    assert!(!authority.ends_soon(made + 335 * DAY));
    assert!(authority.ends_soon(made + 335 * DAY + Duration::from_secs(1)));
    assert!(authority.check_life(made + 364 * DAY).is_ok());
}

#[test]
fn what_is_no_authority_is_told_from_one() {
    let place = Place::new();
    place.open(&["a.example"]).unwrap();
    let leaf = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    for text in ["not PEM at all", &leaf.cert.pem()] {
        fs::write(&place.files.certificate, text).unwrap();
        let error = place.open(&["a.example"]).unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains("ca.pem"), "{error}");
    }
    fs::write(&place.files.key, [0xff, 0xfe]).unwrap();
    let error = place.open(&["a.example"]).unwrap_err();
    assert!(error.to_string().contains("ca.key"), "{error}");
    drop(place.folder);
}
