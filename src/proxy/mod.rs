//! The Pingora phases, one short method each; what they do stands in the steps' own files.

pub mod admit;
pub mod answer;
pub mod background;
pub mod call;
pub mod counting;
mod downgrade;
pub mod engine;
pub mod forward;
pub mod gate;
pub mod identify;
pub mod key_hash;
pub mod keys;
mod named_models;
pub mod once;
mod origin;
pub mod phases;
pub mod replay;
pub mod request;
pub mod resilience;
pub mod route;
pub mod session;
pub mod settle;
pub mod tee;
