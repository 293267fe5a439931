//! The one frame that is ever written: a Close.

use super::{FIN, MASKED, unmask};

/// Longest reason of a Close frame, in bytes.
pub const REASON_BYTES_MAX: usize = 123;

/// A Close frame with a status and a reason, which is cut where it is too long. A client's frame is masked,
/// with a key that nobody can foresee; a server's is not.
pub fn close_frame(status: u16, reason: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
    let mut payload = status.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    let length =
        u8::try_from(payload.len()).expect("a control frame's payload is at most 125 bytes");
    let mut frame = vec![FIN | 8];
    match mask {
        Some(mask) => {
            frame.push(MASKED | length);
            frame.extend_from_slice(&mask);
            unmask(&mut payload, mask, 0);
        }
        None => frame.push(length),
    }
    frame.extend_from_slice(&payload);
    frame
}
