//! The files of the room `budget` that neither lock nor wait.

#[path = "../../../src/budget/account.rs"]
mod account;
#[path = "../../../src/budget/amount.rs"]
mod amount;
#[path = "../../../src/budget/core.rs"]
mod core;
#[path = "../../../src/budget/crossing.rs"]
mod crossing;
#[path = "../../../src/budget/facts.rs"]
mod facts;
#[path = "../../../src/budget/index.rs"]
mod index;
#[path = "../../../src/budget/limits.rs"]
mod limits;
#[path = "../../../src/budget/matching.rs"]
mod matching;
#[path = "../../../src/budget/refusal.rs"]
mod refusal;
#[path = "../../../src/budget/renewal.rs"]
mod renewal;
#[path = "../../../src/budget/samples.rs"]
mod samples;
#[path = "../../../src/budget/simulation/mod.rs"]
pub mod simulation;
mod sync;
pub mod turns;
#[path = "../../../src/budget/waiting.rs"]
mod waiting;
#[path = "../../../src/budget/window.rs"]
mod window;
#[path = "../../../src/budget/carry.rs"]
mod carry;
#[path = "../../../src/budget/instances.rs"]
mod instances;
#[path = "../../../src/budget/pace.rs"]
mod pace;
#[path = "../../../src/budget/room.rs"]
mod room;
#[path = "../../../src/budget/slots.rs"]
mod slots;
#[path = "../../../src/budget/standing.rs"]
mod standing;
#[path = "../../../src/budget/reset.rs"]
mod reset;
