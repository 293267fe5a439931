//! Whether a request's path and body are signed, so that they cannot be changed on the way.

/// Headers that hold a digest of the body.
pub const DIGESTS: [&str; 3] = ["content-md5", "digest", "content-digest"];

/// Whether the credential is a signature: AWS's, Tencent's and Volcengine's name their HMAC, Baidu's has a
/// name of its own, and a signed URL carries it in the query.
pub fn is_signed(authorization: &str, query: &str) -> bool {
    let scheme = authorization
        .trim_start()
        .split([' ', '/'])
        .next()
        .unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    let named = |pair: &str| {
        let name = pair
            .split('=')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        matches!(
            name.as_str(),
            "x-amz-signature" | "x-goog-signature" | "signature"
        )
    };
    scheme.contains("hmac") || scheme.starts_with("bce-auth") || query.split('&').any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_told_from_a_key() {
        for (authorization, query, expected) in [
            ("AWS4-HMAC-SHA256 Credential=a/b, Signature=c", "", true),
            ("TC3-HMAC-SHA256 Credential=a", "", true),
            ("bce-auth-v1/key/2026-11-21T00:00:00Z/1800//abc", "", true),
            ("", "a=1&X-Amz-Signature=abc", true),
            ("Bearer hmac", "signatures=1", false),
            ("", "", false),
        ] {
            assert_eq!(
                is_signed(authorization, query),
                expected,
                "{authorization} {query}"
            );
        }
    }
}
