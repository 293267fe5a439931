//! Bytes to messages, at any chunking, in bounded memory. Knows no provider.

pub mod aws_eventstream;
pub mod base64_member;
pub mod encoding;
pub mod json;
pub mod multipart;
pub mod sse;
pub mod websocket;
