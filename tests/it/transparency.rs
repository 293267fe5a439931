//! Bytes received are bytes sent, both ways; what differs is on the list that the README states.

mod bodies;
mod generated;
mod headers;
mod heads;
mod recorded;

/// Headers that belong to a hop: they may differ on the way and are left out of comparisons.
const OF_THE_HOP: [&str; 10] = [
    "connection",
    "content-length",
    "date",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
];

/// What of a head has to arrive: names (in lower case where a side speaks HTTP/2) and values, sorted by name, the
/// order within a name kept.
fn end_to_end(headers: &[(String, String)], lower: bool) -> Vec<(String, String)> {
    let of_the_hop = |name: &str| OF_THE_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop));
    let mut kept: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| !of_the_hop(name))
        .map(|(name, value)| {
            (
                if lower {
                    name.to_ascii_lowercase()
                } else {
                    name.clone()
                },
                value.clone(),
            )
        })
        .collect();
    kept.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    kept
}

/// Fails with the first difference instead of two megabytes of them.
#[track_caller]
fn assert_same_bytes(what: &str, got: &[u8], expected: &[u8]) {
    let common = got.iter().zip(expected).take_while(|(a, b)| a == b).count();
    assert!(
        got == expected,
        "{what}: {} bytes instead of {}, the first difference at {common}",
        got.len(),
        expected.len()
    );
}

/// Bytes without a pattern that a decoder, a scanner or a compressor could hold on to.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}
