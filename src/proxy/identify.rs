//! Identify: who a call is for, from its head; what the body says of it comes later.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use super::key_hash::KeyHasher;
use super::keys::shown::{basic, holds_key, is_key};
use crate::ledger::Labels;
use crate::providers::Api;
use crate::providers::credential::PROTOCOL_PREFIXES;

/// Most characters of a label; the rest is cut.
const LABEL_MAX: usize = 64;
/// Most free tags of one call.
const TAGS_MAX: usize = 16;

/// What the head says of the caller.
#[derive(Debug, Default)]
pub struct Caller {
    pub labels: Labels,
    /// Whether the client itself named a user, so that the body's field does not count.
    pub user_is_named: bool,
}

/// Reads the caller from headers, the `@` segment and the proxy's user name, label by label.
pub fn identify(
    api: Api,
    headers: &HeaderMap,
    query: Option<&str>,
    segment: Option<&str>,
    proxy_authorization: Option<&str>,
    trust_client: bool,
    hasher: &KeyHasher,
) -> Caller {
    let mut labels = Labels::default();
    if trust_client {
        from_headers(headers, &mut labels);
        if let Some(text) = segment {
            from_pairs(&percent_decode_str(text).decode_utf8_lossy(), &mut labels);
        }
        let authorization = proxy_authorization.or_else(|| {
            headers
                .get("proxy-authorization")
                .and_then(|value| value.to_str().ok())
        });
        if let Some(user) = authorization.and_then(proxy_user) {
            from_pairs(&user, &mut labels);
        }
    }
    labels.key =
        credential(api, headers, query).map(|credential| hasher.name(credential.as_bytes()));
    let user_is_named = labels.user.is_some();
    Caller {
        labels,
        user_is_named,
    }
}

/// A label as it is kept: without control characters, bounded, `None` where nothing is left. A key that somebody
/// put there is none: labels are kept.
pub fn clean(text: &str) -> Option<String> {
    if holds_key(text) {
        return None;
    }
    let kept: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(LABEL_MAX)
        .collect();
    (!kept.is_empty()).then_some(kept)
}

fn from_headers(headers: &HeaderMap, labels: &mut Labels) {
    let header = |name: &str| {
        headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
    };
    for (name, label) in [
        ("x-weir-user", "user"),
        ("x-weir-team", "team"),
        ("x-weir-project", "project"),
        ("x-weir-task", "task"),
    ] {
        if let Some(text) = header(name) {
            set(labels, label, &text);
        }
    }
    if let Some(text) = header("x-weir-tags") {
        for pair in text.split(',') {
            if let Some((name, value)) = pair.split_once('=') {
                tag(labels, name, value);
            }
        }
    }
}

/// Reads `team=search,task=42`; a text without `=` is the user.
fn from_pairs(text: &str, labels: &mut Labels) {
    for pair in text.split(',') {
        match pair.split_once('=') {
            Some((name, value)) => set(labels, name.trim(), value),
            None => set(labels, "user", pair),
        }
    }
}

/// Sets a label that nothing said yet; a name that is no label is a tag.
fn set(labels: &mut Labels, name: &str, value: &str) {
    let label = match name {
        "user" => &mut labels.user,
        "team" => &mut labels.team,
        "project" => &mut labels.project,
        "task" => &mut labels.task,
        other => return tag(labels, other, value),
    };
    if label.is_none() {
        *label = clean(value);
    }
}

fn tag(labels: &mut Labels, name: &str, value: &str) {
    if let (Some(name), Some(value)) = (clean(name), clean(value))
        && labels.tags.len() < TAGS_MAX
    {
        labels.tags.entry(name).or_insert(value);
    }
}

/// The user name of `Basic` proxy credentials.
fn proxy_user(authorization: &str) -> Option<String> {
    let (user, _) = basic(authorization)?;
    (!user.is_empty()).then_some(user)
}

/// The credential that this provider reads, from where it reads it: elsewhere a client could put anything and be
/// somebody new with every call. A key of weir's is none of them.
fn credential(api: Api, headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let header = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        let last = value.rsplit(' ').next().unwrap_or_default();
        (!is_key(last)).then(|| value.to_owned())
    };
    let bearer = || {
        let value = header("authorization")?;
        match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Some(token.trim().to_owned())
            }
            Some((scheme, parts)) if signs_requests(scheme) => access_key(parts),
            _ => Some(value),
        }
    };
    let in_query = |name: &str| {
        let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
        let (_, key) = pairs.find(|(key, _)| *key == name)?;
        let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
        (!is_key(&key)).then_some(key)
    };
    // Browsers set no headers on a WebSocket.
    let in_protocol = || {
        let mut offered = headers.get_all("sec-websocket-protocol").iter();
        offered.find_map(|list| {
            let mut words = list.to_str().ok()?.split(',').map(str::trim);
            let key = words.find_map(|word| {
                let prefixes = PROTOCOL_PREFIXES.iter();
                prefixes
                    .filter_map(|prefix| word.strip_prefix(prefix))
                    .next()
            });
            key.filter(|key| !is_key(key)).map(str::to_owned)
        })
    };
    let found = match api {
        Api::Hunyuan => bearer(),
        // The keys are those of express mode.
        Api::Vertex => bearer()
            .or_else(|| header("x-goog-api-key"))
            .or_else(|| in_query("key")),
        // A presigned URL carries what the header would.
        Api::Bedrock => bearer().or_else(|| presigned(query?)),
        Api::Openai => bearer()
            .or_else(|| header("api-key"))
            .or_else(in_protocol)
            .or_else(|| in_query("api-key")),
        Api::Anthropic => header("x-api-key").or_else(bearer),
        Api::Gemini => header("x-goog-api-key")
            .or_else(|| in_query("key"))
            .or_else(bearer),
        _ => bearer()
            .or_else(|| header("x-api-key"))
            .or_else(|| header("api-key"))
            .or_else(|| header("x-goog-api-key"))
            .or_else(in_protocol)
            .or_else(|| in_query("key")),
    };
    found.filter(|credential| !credential.is_empty())
}

/// Whether a scheme signs each request anew, so that only its key id tells who calls: AWS's versions,
/// and Tencent's.
fn signs_requests(scheme: &str) -> bool {
    let starts = |start: &str| {
        scheme
            .get(..start.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(start))
    };
    starts("AWS4-") || starts("TC3-")
}

/// `AKID` of `Credential=AKID/20261120/us-east-1/bedrock/aws4_request, SignedHeaders=…, Signature=…`.
fn access_key(parts: &str) -> Option<String> {
    let credential = parts
        .split(',')
        .find_map(|part| part.trim().strip_prefix("Credential="))?;
    let key = credential.split('/').next()?;
    (!key.is_empty()).then(|| key.to_owned())
}

/// The same of a URL that was signed.
fn presigned(query: &str) -> Option<String> {
    let credential = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
    let decoded = percent_decode_str(credential).decode_utf8_lossy();
    access_key(&format!("Credential={decoded}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> KeyHasher {
        KeyHasher::with(&[7; 32])
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_first_source_that_says_something_wins_label_by_label() {
        let headers = headers(&[("x-weir-team", "search"), ("x-weir-tags", "a=1,b=2")]);
        // "team=ads,task=42:token"
        let proxy = "Basic dGVhbT1hZHMsdGFzaz00Mjp0b2tlbg==";
        let caller = identify(
            Api::Auto,
            &headers,
            None,
            Some("team=x,user=ann%20b"),
            Some(proxy),
            true,
            &hasher(),
        );
        assert_eq!(caller.labels.team.as_deref(), Some("search"));
        assert_eq!(caller.labels.user.as_deref(), Some("ann b"));
        assert_eq!(caller.labels.task.as_deref(), Some("42"));
        assert_eq!(caller.labels.tags.len(), 2);
        assert!(caller.user_is_named);
    }

    #[test]
    fn a_client_that_is_not_trusted_names_nobody() {
        let headers = headers(&[("x-weir-team", "search"), ("authorization", "Bearer sk-1")]);
        let caller = identify(
            Api::Auto,
            &headers,
            None,
            Some("user=ann"),
            None,
            false,
            &hasher(),
        );
        assert_eq!((caller.labels.team, caller.labels.user), (None, None));
        assert!(
            caller.labels.key.is_some(),
            "the credential still separates callers"
        );
    }

    #[test]
    fn the_same_credential_has_one_name_wherever_it_is_carried() {
        let name = |pairs: &[(&'static str, &'static str)], query| {
            identify(
                Api::Auto,
                &headers(pairs),
                query,
                None,
                None,
                true,
                &hasher(),
            )
            .labels
            .key
        };
        let bearer = name(&[("authorization", "Bearer sk-1")], None);
        assert!(bearer.is_some());
        assert_eq!(bearer, name(&[("x-api-key", "sk-1")], None));
        assert_eq!(bearer, name(&[("x-goog-api-key", "sk-1")], None));
        assert_eq!(bearer, name(&[], Some("alt=sse&key=sk-1")));
        let offered = "realtime, openai-insecure-api-key.sk-1, openai-beta.realtime-v1";
        assert_eq!(bearer, name(&[("sec-websocket-protocol", offered)], None));
        assert_eq!(name(&[("sec-websocket-protocol", "realtime")], None), None);
        assert_ne!(bearer, name(&[("authorization", "Bearer sk-2")], None));
        assert_eq!(name(&[], None), None);
    }

    #[test]
    fn labels_are_bounded_and_hold_no_control_characters() {
        assert_eq!(clean(" a\r\nb\u{0} "), Some("ab".to_owned()));
        assert_eq!(
            clean(&"x".repeat(100)).map(|label| label.len()),
            Some(LABEL_MAX)
        );
        assert_eq!(clean("\n"), None);
    }

    #[test]
    fn a_credential_where_the_provider_reads_none_makes_nobody_new() {
        let name = |api, pairs: &[(&'static str, &'static str)], query| {
            identify(api, &headers(pairs), query, None, None, true, &hasher())
                .labels
                .key
        };
        let real = name(Api::Gemini, &[], Some("key=REAL"));
        assert_eq!(
            real,
            name(Api::Gemini, &[("x-api-key", "other")], Some("key=REAL"))
        );
        assert_eq!(real, name(Api::Gemini, &[], Some("alt=sse&key=R%45AL")));
        let openai = name(Api::Openai, &[("authorization", "Bearer sk-1")], None);
        assert_eq!(
            openai,
            name(
                Api::Openai,
                &[("authorization", "Bearer sk-1"), ("x-api-key", "x")],
                Some("key=y")
            )
        );
    }

    #[test]
    fn a_signed_request_is_its_access_keys_whatever_the_signature() {
        let name = |api, authorization: &'static str, query| {
            let headers = headers(&[("authorization", authorization)]);
            let caller = identify(api, &headers, query, None, None, true, &hasher());
            caller.labels.key
        };
        const DAY: &str = "AWS4-HMAC-SHA256 Credential=AKIDONE/20261120/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=aa";
        const NEXT: &str = "AWS4-HMAC-SHA256 Credential=AKIDONE/20261121/eu-west-1/bedrock/aws4_request,SignedHeaders=host;x-amz-date,Signature=bb";
        const OTHER: &str = "AWS4-HMAC-SHA256 Credential=AKIDTWO/20261120/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=aa";
        const TENCENT: &str = "TC3-HMAC-SHA256 Credential=AKIDONE/2026-11-20/hunyuan/tc3_request, SignedHeaders=host, Signature=cc";
        let key = name(Api::Bedrock, DAY, None);
        assert!(key.is_some());
        assert_eq!(key, name(Api::Bedrock, NEXT, None));
        assert_eq!(key, name(Api::Auto, NEXT, None));
        assert_eq!(key, name(Api::Hunyuan, TENCENT, None));
        assert_ne!(key, name(Api::Bedrock, OTHER, None));
        assert_eq!(key, name(Api::Bedrock, "Bearer AKIDONE", None));
        let presigned = Some("X-Amz-Algorithm=x&X-Amz-Credential=AKIDONE%2F20261120%2Fx");
        let caller = identify(
            Api::Bedrock,
            &HeaderMap::new(),
            presigned,
            None,
            None,
            true,
            &hasher(),
        );
        assert_eq!(key, caller.labels.key);
        assert_eq!(
            name(Api::Bedrock, "AWS4-HMAC-SHA256 Signature=aa", None),
            None
        );
    }
}
