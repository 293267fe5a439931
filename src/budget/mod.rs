//! Hold, then settle or release, over calendar windows.

pub mod limits;
