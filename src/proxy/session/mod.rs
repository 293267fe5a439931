//! Sessions over a WebSocket: carried by weir itself, read from a copy, settled response by response.
//!
//! Pingora's own loop takes a 101 that overtakes the end of its GET for the end of both sides, and lets
//! nobody put a frame between others; so it is not used after a handshake.

mod close;
mod handshake;
mod part;
mod relay;
mod tap;

pub use handshake::opens_web_socket;
pub use relay::relay;
pub use tap::{Passage, Side, Tap};

/// What a call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A request and its answer.
    #[default]
    Whole,
    /// A session; what it makes is charged apart.
    Session,
    /// One thing that a session made.
    Part,
}
