//! The command line: one file per subcommand.
//!
//! Data goes to stdout, diagnostics to stderr. Exit 0 = done, 1 = failed, 2 = wrong usage.

pub mod alerts;
mod assemble;
pub mod audit;
pub mod budgets;
pub mod ca;
pub mod calls;
pub mod check;
pub mod completions;
mod currency;
pub mod demo;
pub mod env;
mod explain;
pub mod keys;
pub mod logging;
pub mod out;
pub mod prices;
mod remote;
pub mod report;
mod reprice;
pub mod schema;
pub mod serve;
pub mod settings;
pub mod since;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A transparent sidecar that meters LLM traffic and keeps budgets at the edge.
#[derive(Debug, Parser)]
#[command(name = "weir", version, about, arg_required_else_help = false)]
pub struct Cli {
    /// The settings' file [default: proxy.yaml, and its absence means the defaults].
    #[arg(long, short, global = true, env = "WEIR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve traffic (what `weir` alone does).
    Serve(serve::Args),
    /// Check a settings file and say all that is wrong with it.
    Check(check::Args),
    /// Print the variables that send a shell's programs through weir.
    Env(env::Args),
    /// The local certificate authority: show, path, rotate.
    Ca(ca::Args),
    /// What a model costs and why; import a price list.
    Prices(Box<prices::Args>),
    /// Print the JSON Schema of proxy.yaml.
    Schema,
    /// List recorded calls, the newest last.
    Calls(calls::Args),
    /// Sums of recorded calls.
    Report(report::Args),
    /// How budgets stand: what is spent, what calls in flight hold, when they reset; reset one.
    Budgets(budgets::Args),
    /// Keys that weir gives out: create, list, revoke, rotate.
    Keys(Box<keys::Args>),
    /// What budgets and spending were said to have reached, and what is open; resolve one, try the webhooks.
    Alerts(alerts::Args),
    /// What operators did: reloads, keys, resets, repricings, starts.
    Audit(audit::Args),
    /// Show how a call's cost comes about: rates × tokens, line by line.
    Explain(explain::Args),
    /// Work out the cost of recorded calls anew, at the prices in force; what they had cost is kept.
    Reprice(reprice::Args),
    /// Show the whole job on this machine alone: scripted provider, traffic, a budget that refuses, the report.
    Demo(demo::Args),
    /// Print a shell's completions.
    Completions(completions::Args),
}

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Clients that speak to a weir in plain text ask for one all the same; a second is no fault.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            out::complain(&format!("weir: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = settings::File::new(cli.config);
    let command = cli
        .command
        .unwrap_or_else(|| Command::Serve(serve::Args::default()));
    let done = match command {
        Command::Serve(args) => serve::run(&args, &config),
        Command::Check(args) => return check::run(&args, &config),
        Command::Env(args) => env::run(&args, &config),
        Command::Ca(args) => ca::run(&args, &config),
        Command::Prices(args) => prices::run(&args, &config),
        Command::Schema => schema::run(),
        Command::Calls(args) => calls::run(&args, &config),
        Command::Report(args) => report::run(&args, &config),
        Command::Budgets(args) => budgets::run(&args, &config),
        Command::Keys(args) => keys::run(&args, &config),
        Command::Alerts(args) => alerts::run(&args, &config),
        Command::Audit(args) => audit::run(&args, &config),
        Command::Explain(args) => explain::run(&args, &config),
        Command::Reprice(args) => reprice::run(&args, &config),
        Command::Demo(args) => demo::run(&args),
        Command::Completions(args) => completions::run(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}
