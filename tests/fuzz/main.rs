//! Feeds every parser what nobody would send: its seeds, recorded traffic, and both torn, spliced and swapped about.
//!
//! It runs on the stable compiler as tests do. Instead of the compiler's counters, what a parser says of an
//! input (see [`engine::run`]) tells whether the input was worth keeping. `FUZZ_SECONDS` is the time for each
//! target, 1 where it is unset; `FUZZ_SEED` another course of chance. To add a target: a function beside its
//! kin in `targets`, a line in the list there, and a seed or two in `seeds/NAME`.

#![expect(clippy::print_stdout, reason = "a target says what it tried")]

mod engine;
mod mutate;
mod recorded;
mod targets;
