//! What every test stands on: the binary, a scripted upstream, a client that sees bytes, one patience.

pub mod canned;
pub mod client;
pub mod coding;
pub mod event_stream;
pub mod gate;
pub mod ledger;
pub mod message;
pub mod metrics;
pub mod patience;
pub mod settings;
pub mod tls;
pub mod upstream;
pub mod websocket;
pub mod weir;
pub mod wire;

mod tests;
