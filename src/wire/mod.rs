//! Bytes to messages, at any chunking, in bounded memory. Knows no provider.

pub mod encoding;
pub mod json;
pub mod sse;
pub mod websocket;
