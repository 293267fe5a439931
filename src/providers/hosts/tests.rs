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
        let Some(upstream) = known.upstream else {
            assert!(known.hosts.iter().all(|host| pattern::is_pattern(host)));
            assert!(known.claims().all(|(_, port)| port == 443));
            continue;
        };
        let (scheme, host) = upstream.split_once("://").expect("an absolute URL");
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
        let ports: &[u16] = if scheme == "https" {
            &[443]
        } else {
            &[11434, 1234]
        };
        assert!(
            known
                .claims()
                .all(|(name, port)| ports.contains(&port) && !name.contains(':'))
        );
    }
    assert!(names.len() > 20);
}

#[test]
fn the_clouds_hosts_are_claimed_and_their_other_services_are_not() {
    for (host, name) in [
        ("example.openai.azure.com", Some("azure")),
        ("example.services.ai.azure.com", Some("azure")),
        ("openai.azure.com", None),
        ("example.blob.core.windows.net", None),
        ("models.inference.ai.azure.com", Some("github-models")),
        ("bedrock-runtime.us-east-1.amazonaws.com", Some("bedrock")),
        (
            "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
            Some("bedrock"),
        ),
        (
            "vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com",
            Some("bedrock"),
        ),
        ("bedrock-mantle.us-east-2.api.aws", Some("bedrock")),
        (
            "aws-external-anthropic.us-east-2.api.aws",
            Some("anthropic"),
        ),
        ("s3.us-east-1.amazonaws.com", None),
        ("bedrock-runtime.amazonaws.com", None),
        ("us-central1-aiplatform.googleapis.com", Some("vertex")),
        ("aiplatform.us.rep.googleapis.com", Some("vertex")),
        ("storage.googleapis.com", None),
        ("eu.api.openai.com", Some("openai")),
    ] {
        assert_eq!(claiming(host, 443).map(|known| known.name), name, "{host}");
        assert!(claiming(host, 80).is_none());
    }
}

#[test]
fn no_authority_may_speak_for_a_whole_cloud() {
    for (pattern, _) in KNOWN.iter().flat_map(Known::claims) {
        for name in pattern::permitted_names(pattern) {
            let whole = [
                "amazonaws.com",
                "googleapis.com",
                "azure.com",
                "api.aws",
                "aliyuncs.com",
            ];
            assert!(!whole.contains(&name.as_str()), "{pattern}");
        }
    }
}

#[test]
fn the_catalogue_is_asked_by_its_own_ids() {
    for (name, id) in [
        ("gemini", "google"),
        ("xai", "x-ai"),
        ("moonshot", "moonshotai"),
        ("bedrock", "aws"),
        ("vertex", "google"),
    ] {
        assert_eq!(known(name).and_then(|known| known.catalog_id), Some(id));
    }
}
