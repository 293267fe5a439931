use std::collections::HashSet;

use super::*;

#[test]
fn names_and_hosts_are_unique_and_claimable() {
    let mut names = HashSet::new();
    let mut hosts = HashSet::new();
    for known in KNOWN {
        assert!(names.insert(known.name), "{} twice", known.name);
        assert!(
            known
                .name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-'),
            "{} is no path segment",
            known.name
        );
        for host in known.hosts {
            assert!(hosts.insert(*host), "{host} twice");
            assert_eq!(*host, host.to_ascii_lowercase());
        }
        let (scheme, host) = known.upstream.split_once("://").expect("an absolute URL");
        assert!(
            !host.contains('/'),
            "{}: clients send the whole path",
            known.name
        );
        assert!(
            known.hosts.contains(&host),
            "{} does not claim {host}",
            known.name
        );
        let local = |port| [11434, 1234].contains(&port);
        assert!(known.claims().all(|(name, port)| !name.contains(':')
            && if scheme == "https" {
                port == 443
            } else {
                local(port)
            }));
    }
    assert!(names.len() > 20);
}

#[test]
fn the_catalogue_is_asked_by_its_own_ids() {
    for (name, id) in [
        ("gemini", "google"),
        ("xai", "x-ai"),
        ("moonshot", "moonshotai"),
    ] {
        assert_eq!(known(name).and_then(|known| known.catalog_id), Some(id));
    }
}
