//! weir's own admission core and the simulation that drives it, compiled by themselves: a test profile can have a
//! package optimised but no module, and millions of steps want that.

#![expect(
    dead_code,
    reason = "the simulation needs only a part of what weir does"
)]

mod budget;
mod ledger;
mod providers;
#[path = "../../../src/units/mod.rs"]
pub mod units;

pub use budget::simulation::{Tally, run};
pub use budget::turns::try_orders;
