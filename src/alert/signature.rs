//! Proof for a webhook that weir sent a body, and when.

use ring::hmac;

use crate::units::Secret;

/// The header that carries it.
pub const HEADER: &str = "x-weir-signature";

/// `t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 over the seconds, a full stop and the body. Who checks the
/// time as well is safe from a body that is sent again.
pub fn sign(secret: &Secret, unix_seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, format!("{unix_seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    format!("t={unix_seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_any_other_implementation_computes() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec
        assert_eq!(
            sign(&Secret::new("whsec".to_owned()), 1_700_000_000, "{}"),
            "t=1700000000,v1=7d44587dddbaf4c7f70fef20f48cd594834ffea1641e3ac227b84408298738af"
        );
    }
}
