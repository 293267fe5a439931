//! One port for every way in: CONNECT, absolute-form and origin-form; local CA, TLS and blind tunnels.

pub mod ca;
pub mod connect;
pub mod dial;
pub mod front;
pub mod leaf;
pub mod private;
pub mod server;
pub mod tunnel;
