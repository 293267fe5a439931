//! Keys that weir gives out: who may come in by them, and what goes upstream in their place.

mod canary;
mod doors;
mod life;
mod place;
mod rig;
mod sockets;
