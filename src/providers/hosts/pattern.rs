//! Host names with `*`: what they fit, and for which names a certificate must be good.
//!
//! A `*` stands for one or more characters of one label, so that a pattern never reaches below what
//! it names: `*.example.com` fits `a.example.com`, but neither `example.com` nor `a.b.example.com`.

use super::places;

/// Whether a host, in lower case, is the pattern's; a pattern without `*` fits itself alone.
pub fn fits(pattern: &str, host: &str) -> bool {
    last_star(pattern, host).is_some()
}

/// Whether a name is a pattern.
pub fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

/// Characters of a pattern that are no `*`: of two that fit, the one that says more is the narrower.
pub fn said(pattern: &str) -> usize {
    pattern.bytes().filter(|byte| *byte != b'*').count()
}

/// What the last `*` stands for, empty where the pattern has none; `None` where the host does not fit.
pub(super) fn last_star<'h>(pattern: &str, host: &'h str) -> Option<&'h str> {
    let (mut patterns, mut labels) = (pattern.split('.'), host.split('.'));
    let mut last = "";
    loop {
        match (patterns.next(), labels.next()) {
            (None, None) => return Some(last),
            (Some(pattern), Some(label)) => {
                if let Some(part) = star(pattern, label)? {
                    last = part;
                }
            }
            _ => return None,
        }
    }
}

/// What the `*` of one label stands for; the inner `None` where it has none.
fn star<'h>(pattern: &str, label: &'h str) -> Option<Option<&'h str>> {
    let Some((start, end)) = pattern.split_once('*') else {
        return (pattern == label).then_some(None);
    };
    let part = label.strip_prefix(start)?.strip_suffix(end)?;
    (!part.is_empty()).then_some(Some(part))
}

/// The names under which a certificate authority must be permitted, so that it can sign for whatever fits:
/// each stands for the names below it too.
///
/// A pattern of a cloud's regions gives one name for each region that is known, for what follows the region
/// is the whole cloud's. Any other gives the labels after its last `*`.
pub fn permitted_names(pattern: &str) -> Vec<String> {
    if !is_pattern(pattern) {
        return vec![pattern.to_owned()];
    }
    let Some(places) = places::of_cloud(pattern) else {
        return vec![after_stars(pattern).to_owned()];
    };
    let labels: Vec<&str> = pattern.split('.').collect();
    let place = labels.iter().rposition(|label| label.contains('*'));
    let place = place.expect("a pattern has a star");
    let before = labels[..place]
        .iter()
        .rposition(|label| label.contains('*'));
    let from = before.map_or(0, |at| at + 1);
    let tail = labels[from..].join(".");
    places
        .iter()
        .map(|name| tail.replacen('*', name, 1))
        .collect()
}

/// The labels after the last one with a `*`.
pub fn after_stars(pattern: &str) -> &str {
    match pattern.rsplit_once('*') {
        Some((_, rest)) => rest.split_once('.').map_or("", |(_, tail)| tail),
        None => pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_a_part_of_one_label() {
        for (pattern, host, expected) in [
            ("api.x.ai", "api.x.ai", true),
            ("api.x.ai", "b.api.x.ai", false),
            ("*.x.ai", "api.x.ai", true),
            ("*.x.ai", "x.ai", false),
            ("*.x.ai", ".x.ai", false),
            ("*.x.ai", "a.b.x.ai", false),
            ("*.*.x.ai", "a.b.x.ai", true),
            ("*-a.x.ai", "eu-a.x.ai", true),
            ("*-a.x.ai", "-a.x.ai", false),
            ("a.*.x.ai", "a.eu.x.ai", true),
            ("a.*.x.ai", "a.eu.x.ai.evil.com", false),
            ("a*a.x.ai", "aa.x.ai", false),
        ] {
            assert_eq!(fits(pattern, host), expected, "{pattern} {host}");
        }
        assert_eq!(last_star("*.a.*.b", "x.a.eu.b"), Some("eu"));
        assert!(said("a.*.b") > said("*.b"));
    }

    #[test]
    fn an_authority_is_permitted_no_more_than_the_pattern_needs() {
        assert_eq!(permitted_names("api.x.ai"), ["api.x.ai"]);
        assert_eq!(permitted_names("*.openai.azure.com"), ["openai.azure.com"]);
        assert_eq!(permitted_names("*.*.x.ai"), ["x.ai"]);
        assert_eq!(permitted_names("api.*.x.ai"), ["x.ai"]);
        assert_eq!(after_stars("api.*"), "");
        for pattern in [
            "bedrock-runtime.*.amazonaws.com",
            "*.bedrock-runtime.*.vpce.amazonaws.com",
            "*-aiplatform.googleapis.com",
        ] {
            let names = permitted_names(pattern);
            assert!(names.len() > 20, "{pattern}");
            for name in names {
                assert!(!is_pattern(&name) && name.contains('-'), "{name}");
                let host = if pattern.starts_with("*.") {
                    format!("vpce-1.{name}")
                } else {
                    name
                };
                assert!(fits(pattern, &host), "{host}");
            }
        }
    }
}
