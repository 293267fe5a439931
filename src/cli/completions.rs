//! `weir completions`: what a shell needs to complete weir's words.

use clap::CommandFactory as _;

use super::{Cli, out};

/// Arguments of `weir completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell.
    shell: clap_complete::Shell,
}

/// Prints the completions.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "weir", &mut text);
    out::write(&String::from_utf8(text)?)
}
